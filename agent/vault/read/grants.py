"""Who may read what a room keeps: until when, and by whose leave. It counts from the next request on.

What can go wrong, and how it can't:

- **Somebody gives themselves the right to read.** A grant is a row that the database's roles may write, and a line of
  the log in the same transaction, under the name of who gives it. Without the line there is no grant (`audit_away`).
- **A grant for an emergency stays.** Breaking the glass needs a reason of `REASON` characters and ends after `GLASS`;
  the database refuses it otherwise, too. Each reading by it alone says so in the log.
- **Two grants add up.** A new one replaces the one of the same kind that the same person has for the room; a broken
  glass stands beside a plain grant, so that ending one leaves the other.
- **A grant is revoked while somebody reads.** The database looks at it again with every page, so the reading ends
  there (`reader`).
- **The clock of who grants is wrong.** The end of a grant is counted by the database's clock.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..log.audit import append
from . import statements

REASON = 20
"""Characters of a reason to break the glass, at least."""
GLASS = timedelta(minutes=60)
"""Breaking the glass lasts so long at most."""


async def grant(
    connection: AsyncConnection,
    tenant: UUID,
    room: str,
    principal: str,
    *,
    by: str,
    lasts: timedelta | None = None,
    break_glass: str | None = None,
) -> None:
    """Lets somebody read what the room keeps, in a transaction of `by`; a grant of theirs that was there is replaced.

    `break_glass` is the reason why somebody reads whom nobody else would let: an hour at most, and it is written down.
    Raises `VaultError` (`bad_grant`, `audit_away`).
    """
    glass = break_glass is not None
    if glass and (lasts is None or lasts > GLASS or len(break_glass or "") < REASON):
        raise VaultError("bad_grant", f"Breaking the glass needs a reason of {REASON} characters and ends in an hour.")
    if lasts is not None and lasts <= timedelta(0):
        raise VaultError("bad_grant", "A grant ends after it began.")
    where = {"tenant_id": tenant, "room": room, "principal": principal, "break_glass": glass}
    await connection.execute(statements.revoke(tenant, room, principal, break_glass=glass))
    await connection.execute(statements.grant({**where, "granted_by": by, "reason": break_glass}, lasts))
    detail = {"to": principal, "seconds": lasts and lasts.total_seconds(), "break_glass": break_glass}
    await append(connection, "grant", room, "done", detail)


async def revoke(connection: AsyncConnection, tenant: UUID, room: str, principal: str) -> int:
    """Takes back all grants that somebody has for the room. Answers how many. Raises `VaultError` (`audit_away`)."""
    gone = await connection.execute(statements.revoke(tenant, room, principal))
    await append(connection, "revoke", room, "done", {"from": principal, "grants": gone.rowcount})
    return gone.rowcount
