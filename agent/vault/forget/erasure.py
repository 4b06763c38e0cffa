"""Erasure: one person's words in all meetings, a meeting or a room, gone at once, with a receipt; unless it is held.

What can go wrong, and why things happen in this order:

- **It is done by half.** A request destroys all that it names or nothing: one transaction takes every key, writes the
  log and the receipt, and marks the request as done.
- **Words arrive while it runs.** A lock of the tenant makes keys wait that are being handed in. They are here before it
  and go, or they come after it and are refused: the meeting or room is closed within the same transaction.
- **A hold covers a part of it.** Then nothing goes, the request is `held`, and the sweep carries it out once the hold
  is over.
- **The process dies.** Before the commit nothing has happened. After it the request is done; the ledger's line that
  stands unconfirmed is settled by the next sweep. Doing it again answers the same receipt.
- **A backup is restored later.** The ledger names every key that went, and the database serves nothing until they are
  destroyed again (`restore`).

The order: the request is written down and logged (`request`); keys go, with log and receipt (`carry_out`); the
ledger's line is confirmed; the files are rewritten so that none holds a key (`vacuum`); the rows go (`clear`). A
receipt is signed before the commit, because without one nobody could prove that anything was erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..crypto.keys import Signer
from ..db.db_errors import refusals
from ..db.pool import Pool
from ..log.ledger import Ledger
from ..log.statements import LOG
from . import statements
from .destroy import KeyToDestroy, destroy, entry, weighed
from .leftover_rows import clear
from .receipts import Receipt, Told, signed
from .scope import Scope
from .vacuum import vacuum

BACKUPS = 7
"""A backup of the keys is kept for so many days."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """How a request stands: `done` with a receipt, or `held`: nothing of it was destroyed."""

    id: UUID
    state: str
    receipt: Receipt | None = None
    keys: tuple[UUID, ...] = ()
    """The keys that this call destroyed."""


class Erasures:
    """The erasures of one tenant. The pool acts as retention."""

    def __init__(self, pool: Pool, tenant: UUID, ledger: Ledger, signer: Signer, *, backups: int = BACKUPS) -> None:
        self._pool = pool
        self._tenant = tenant
        self._signer = signer
        self._backups = backups
        self.ledger = ledger

    async def erase(self, scope: Scope, *, by: str) -> Erasure:
        """Writes the request down and carries it out: the keys at once, then the files, then the rows."""
        erasure = await self.carry_out(await self.request(scope, by=by))
        if erasure.keys:
            await vacuum(self._pool)
            await clear(self._pool, self._tenant, list(erasure.keys))
        return erasure

    async def request(self, scope: Scope, *, by: str) -> UUID:
        """Writes the request down. Raises `bad_erasure` for a scope that says nothing."""
        if not scope.said:
            raise VaultError("bad_erasure", "An erasure is of a person, a meeting or a room.")
        id = uuid4()
        async with self._pool.transaction(self._tenant, principal=by) as connection:
            given = {"tenant": self._tenant, "id": id, "by": by, **scope.parameters}
            await connection.execute(statements.REQUEST, given)
            await connection.execute(LOG, _line(id, "requested", scope.said))
        return id

    async def waiting(self) -> list[UUID]:
        """The requests that are not done."""
        async with self._pool.transaction(self._tenant) as connection:
            return list((await connection.execute(statements.WAITING, {"tenant": self._tenant})).scalars())

    async def dry_run(self, scope: Scope) -> tuple[int, int]:
        """How many keys would go, and how many of them are held. If any is held, none would go."""
        async with self._pool.transaction(self._tenant) as connection:
            rows = list(await connection.execute(statements.KEYS_ERASED, {"tenant": self._tenant, **scope.parameters}))
            await connection.rollback()
        return len(rows), sum(row.held for row in rows)

    async def carry_out(self, id: UUID) -> Erasure:
        """Destroys all that was requested, or nothing. Again it answers the same receipt. Raises `unknown_erasure`."""
        line: list[int] = []
        try:
            async with self._pool.transaction(self._tenant, principal="erasure") as connection:
                with refusals():
                    erasure = await self._carry_out(connection, id, line)
        except VaultError as error:
            if error.code != "held":
                raise
            return await self._held(id)
        if line:
            await self.ledger.confirm(line[0])
        return erasure

    async def _carry_out(self, connection: AsyncConnection, id: UUID, line: list[int]) -> Erasure:
        row = (await connection.execute(statements.TAKE_REQUEST, {"tenant": self._tenant, "id": id})).first()
        if row is None:
            raise VaultError("unknown_erasure", "There is no such request.")
        if row.state == "done":
            return Erasure(id, "done", Receipt(row.receipt))
        scope = Scope(row.room, row.meeting_id, row.subject)
        found = list(await connection.execute(statements.KEYS_ERASED, {"tenant": self._tenant, **scope.parameters}))
        if any(key.held for key in found):
            raise VaultError("held", "A hold keeps something of this.")
        keys = [KeyToDestroy(key[0], key[1], key[2], key[3], f"erasure {id}") for key in found]
        meetings = await self._meetings(connection, keys)
        days = {meeting: day for meeting, (day, _) in meetings.items()}
        keys = await weighed(connection, self._tenant, keys, days)
        audit = await self._destroyed(connection, row, scope, keys, days)
        told = Told(self._tenant, id, scope, row.requested_by, row.requested_at, row.at, self._backups)
        receipt = await signed(self._signer, told, keys, {m: policy for m, (_, policy) in meetings.items()}, audit)
        await connection.execute(
            statements.REQUEST_DONE, {"tenant": self._tenant, "id": id, "at": row.at, "receipt": receipt.jws}
        )
        if scope.subject is None:  # nothing is taken for these any more
            given = {"tenant": self._tenant, "room": scope.room, "meeting": scope.meeting}
            await connection.execute(statements.CLOSE_ERASED, given)
        if keys:
            line.append(await self.ledger.append("destroyed", entry(keys)))
        return Erasure(id, "done", receipt, tuple(key.id for key in keys))

    async def _meetings(
        self, connection: AsyncConnection, keys: list[KeyToDestroy]
    ) -> dict[UUID, tuple[date, tuple[str, int | None]]]:
        given = {"tenant": self._tenant, "meetings": sorted({key.meeting for key in keys})}
        return {
            row[0]: (row[1], (row[2], row[3])) for row in await connection.execute(statements.MEETINGS_ERASED, given)
        }

    async def _destroyed(
        self,
        connection: AsyncConnection,
        row: Row[Any],
        scope: Scope,
        keys: list[KeyToDestroy],
        days: Mapping[UUID, date],
    ) -> tuple[int, int]:
        """The last line of the log before it, and the line that says it is done."""
        first = (await destroy(connection, self._tenant, keys, days))[0] if keys else None
        detail = {**scope.said, "by": row.requested_by, "keys": len(keys), "records": sum(key.records for key in keys)}
        last = int((await connection.execute(LOG, _line(row.id, "done", detail))).scalar_one())
        return (first or last) - 1, last

    async def _held(self, id: UUID) -> Erasure:
        async with self._pool.transaction(self._tenant, principal="erasure") as connection:
            if (await connection.execute(statements.REQUEST_HELD, {"tenant": self._tenant, "id": id})).rowcount:
                await connection.execute(LOG, _line(id, "held", {}))
        return Erasure(id, "held")


def _line(id: UUID, outcome: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    return {"action": "erase", "object": f"erasure {id}", "outcome": outcome, "detail": dict(detail)}
