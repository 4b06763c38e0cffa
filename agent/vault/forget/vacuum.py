"""Destroyed keys leave the files too: what is overwritten in Postgres stands there until table and WAL are renewed."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from ..db.pool import Pool
from . import statements

_NOT_ALLOWED = {"42501", "55P03", "42601"}
"""No right to it; somebody holds the table for long; a server older than PostgreSQL 17."""


async def scour(pool: Pool) -> bool:
    """Renews the table of keys and the WAL; whether all of it could be done.

    Needs PostgreSQL 17, `wal_recycle = off`, and that no transaction is open that is older than what was destroyed.
    Agents that store wait meanwhile. Where it can't be done, the server's own vacuum and checkpoints do it in time.
    """
    async with pool.session() as connection:
        for step in statements.SCOUR:
            try:
                await connection.execute(step)
            except DBAPIError as error:
                if str(getattr(error.orig, "sqlstate", "")) in _NOT_ALLOWED:
                    return False
                raise
        return bool((await connection.execute(statements.RECYCLES)).scalar() == "off")
