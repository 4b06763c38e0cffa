"""Holds: what must not be destroyed, by which matter, until somebody releases it and thirty days have gone.

What can go wrong, and why things happen in this order:

- **Something is destroyed while the hold is placed.** The insert waits, by a lock of the tenant's, for whoever
  destroys just now. What is destroyed after it is refused by the database's guard, which looks at the very update.
- **It comes too late and nobody knows.** `GONE` is asked after the insert, so it sees all that went before, and the
  answer and the log say how many keys and records that were.
- **It is released by mistake.** It keeps for thirty days more. A hold is never deleted, and a released one never comes
  back: another is placed.
- **A backup is restored that lacks it.** The ledger has it, and `restore` places it again before it destroys anything.

The order for a hold: the row, what it came too late for, the log, and the ledger before the commit. So the ledger may
know a hold that the database doesn't, which keeps too much, and never the other way round. For a release it is the
reverse: the row, the log, the commit, and only then the ledger. What the ledger doesn't know as released keeps longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.engine import Row

from ...errors import VaultError
from ..db.db_errors import refusals
from ..db.pool import Pool
from ..log.ledger import Ledger
from ..log.statements import LOG
from . import statements
from .scope import Scope


@dataclass(frozen=True, slots=True)
class Hold:
    id: UUID
    matter: str
    scope: Scope
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None
    grace_until: datetime | None
    """Until then it keeps what it kept."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A hold that counts from now on, and what it came too late for."""

    hold: Hold
    keys_gone: int
    records_gone: int


class Holds:
    """One tenant's. The pool acts as web or as retention."""

    def __init__(self, pool: Pool, tenant: UUID, ledger: Ledger) -> None:
        self._pool = pool
        self._tenant = tenant
        self._ledger = ledger

    async def place(self, scope: Scope, *, matter: str, by: str) -> Placed:
        """Waits for those who destroy right now; what they leave stays. `matter`: 1 to 200 characters."""
        if not 1 <= len(matter) <= 200:
            raise VaultError("bad_hold", "A hold has a matter, of at most 200 characters.")
        given = {"tenant": self._tenant, "id": uuid4(), "matter": matter, "by": by, **scope.parameters}
        async with self._pool.transaction(self._tenant, principal=by) as connection:
            held = _hold((await connection.execute(statements.PLACE, given)).one())
            keys, records = (await connection.execute(statements.GONE, scope.parameters)).one()
            detail = {**scope.said, "keys_gone": keys, "records_gone": records}
            await connection.execute(LOG, _line("hold", held.id, "placed", detail))
            await self._ledger.append("hold", _placed(held))
        return Placed(held, keys, int(records))

    async def release(self, id: UUID, *, by: str) -> Hold:
        """It keeps for thirty days more. Raises `unknown_hold`, `released`."""
        async with self._pool.transaction(self._tenant, principal=by) as connection:
            with refusals():
                row = (await connection.execute(statements.RELEASE, {"id": id, "by": by})).first()
            if row is None:
                raise VaultError("unknown_hold", "There is no such hold.")
            held = _hold(row)
            await connection.execute(LOG, _line("hold", id, "released", {"grace_until": str(held.grace_until)}))
        # After the commit: what the ledger does not know keeps longer, never shorter.
        await self._ledger.append("release", {"id": str(id), "by": by, "at": _iso(held.released_at)})
        return held

    async def list(self) -> list[Hold]:
        """All that there ever were, the newest first."""
        async with self._pool.transaction(self._tenant) as connection:
            return [_hold(row) for row in await connection.execute(statements.holds(self._tenant))]


def _line(action: str, id: UUID, outcome: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {"action": action, "object": f"hold {id}", "outcome": outcome, "detail": detail}


def _placed(held: Hold) -> dict[str, Any]:
    scope = {name: held.scope.said.get(name) for name in ("room", "meeting", "subject")}
    return {"id": str(held.id), "matter": held.matter, **scope, "by": held.placed_by, "at": _iso(held.placed_at)}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        row.id,
        row.matter,
        Scope(row.room, row.meeting_id, row.subject),
        row.placed_by,
        row.placed_at,
        row.released_by,
        row.released_at,
        row.grace_until,
    )
