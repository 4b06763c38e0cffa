"""Destroyed keys leave the files too: what is overwritten in Postgres stands there until table and WAL are renewed.

What can go wrong, and why things happen in this order:

- **A destroyed key is read out of the table's file.** An update leaves the old row where it stood. `VACUUM (FULL)`
  writes the table anew without it. It comes first, since it writes the last that has to leave the other files.
- **It is read out of the write-ahead log.** `pg_switch_wal` ends the segment in use, and the checkpoint lets Postgres
  remove the segments before it. Where they are recycled, the old bytes stay in them: then this answers False.
- **It holds everybody up.** `VACUUM (FULL)` locks the table of keys. It waits ten seconds for the lock at most, and
  agents that store wait meanwhile.
- **An old transaction still sees the row.** Then Postgres keeps it, whoever asks. Nothing here can tell; the next time
  that keys are destroyed the table is renewed again.
- **The server doesn't allow it.** That is no error: the keys are destroyed for whoever asks the database, and its own
  vacuum and checkpoints renew the files in time. The answer says so.

Backups and replicas are files of their own: `docs/retention.md` says how long they hold a key.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from ..db.pool import Pool
from . import statements

_NOT_ALLOWED = {"42501", "55P03", "42601"}
"""We have no right to it; somebody holds the table for long; the server is older than PostgreSQL 17."""


async def vacuum(pool: Pool) -> bool:
    """Renews the table of keys and the WAL; whether all of it could be done.

    Needs PostgreSQL 17, `wal_recycle = off`, and that no transaction is open that is older than what was destroyed.
    Agents that store wait meanwhile. Where it can't be done, the server's own vacuum and checkpoints do it in time.
    """
    async with pool.session() as connection:
        for step in statements.VACUUM:
            try:
                await connection.execute(step)
            except DBAPIError as error:
                if str(getattr(error.orig, "sqlstate", "")) in _NOT_ALLOWED:
                    return False
                raise
        return bool((await connection.execute(statements.RECYCLES)).scalar() == "off")
