"""The sweep: what is due is destroyed, keys first, then what they opened; one sweeps at a time, and any may go on.

What can go wrong, and why things happen in this order:

- **Something goes too early.** A clock may be ahead, and a hold or a longer policy may be on its way. So what is due is
  judged by the database's own cautious time (`vault.surely()`), under locks on the keys, and a guard in the database
  refuses a key that a hold has reached meanwhile. Then the round is counted again from the start.
- **Something stays.** A sweep may be killed at any statement. Each round is one transaction, and the next sweep finds
  what is still due by itself: there is no list of work that could be lost.
- **A backup brings it back.** What is destroyed stands in the ledger, outside the database, before the transaction
  ends, and is confirmed after it. A line without confirmation is settled first by the next sweep (`restore.settle`).
- **A database that was restored is swept as if it were complete.** A tenant's sweep begins with `settle` and
  `may_serve`, which raise before anything is destroyed.

For each tenant, in this order:

1. End what a process began and died over; refuse a database that is behind its ledger.
2. Carry out the erasures that waited for a hold.
3. Destroy the keys of what is due, then the names of meetings of which all is due, and close meetings without keys.

And for all of them:

4. Drop whole days of which no key is left, and make the days to come.
5. Rewrite the tables of keys so that no file holds a destroyed one (`vacuum.vacuum`).
6. Delete the rows that those keys opened, which nobody can read any more (`leftover_rows.clear`).

Keys go before rows because a row without its key is unreadable at once, in every copy, while a deleted row may be
read out of a file or a replica for a while.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause

from ...errors import VaultError
from ..db.db_errors import refusals
from ..db.pool import Pool
from ..log.ledger import Ledger
from ..log.restored import may_serve
from . import leftover_rows, statements
from .destroy import KeyToDestroy, destroy, entry, weighed
from .erasure import Erasures
from .restore import settle
from .vacuum import vacuum

EVERY = 300.0
"""Seconds between two sweeps. Keys go an hour after they are due at the latest, so this is often enough."""
AHEAD = 7
"""Days for which there is a partition already."""
_TRIES = 5


@dataclass
class Swept:
    """What a sweep did, or would do."""

    keys: int = 0
    records: int = 0
    held: int = 0
    """Keys that are due and stay because of a hold."""
    meetings: int = 0
    """Meetings of which nothing is left."""
    erasures: int = 0
    """Erasures that had waited for a hold, or were never carried out."""
    days: list[date] = field(default_factory=list)
    """Days whose rows went as a whole."""
    vacuumed: bool | None = None
    """Whether the files are free of the keys; None where there was nothing to destroy."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of some meetings that may be due: how they are found, and by which policy."""

    which: tuple[TextClause, TextClause]
    """The statement without locks, and with."""
    given: Mapping[str, Any]
    reasons: Mapping[tuple[UUID, str], str]
    """Why a key goes, by meeting and kind."""
    days: Mapping[UUID, date]
    sinces: Mapping[tuple[UUID, str], datetime]
    """A key goes if nothing that it opens was stored after this. A name's key has no time here, and goes anyway."""

    def query(self, *, lock: bool) -> TextClause:
        return self.which[lock]

    def due(self, key: KeyToDestroy) -> bool:
        since = self.sinces.get((key.meeting, key.kind))
        return since is None or key.newest is None or key.newest <= since


class Sweep:
    """Destroys what is due, of every tenant. The pool acts as retention; `erasures` are a tenant's."""

    def __init__(self, pool: Pool, erasures: Callable[[UUID], Awaitable[Erasures]], *, chunk: int = 200) -> None:
        self._pool = pool
        self._erasures = erasures
        self._chunk = chunk

    async def once(self, *, dry_run: bool = False, only: UUID | None = None) -> Swept | None:
        """One sweep; None where another one runs. A dry run counts and changes nothing.

        May be broken off at any point: the next one goes on. Raises `restored_not_replayed` for a database that is
        behind the ledger, before it destroys anything.
        """
        async with self._pool.session() as leader:
            if not (await leader.execute(statements.LEAD)).scalar():
                return None
            tenants = [only] if only else list((await leader.execute(statements.TENANTS)).scalars())
            swept = Swept()
            left: dict[UUID, list[UUID]] = {}
            for tenant in tenants:
                await self._tenant(tenant, swept, dry_run)
                left[tenant] = await leftover_rows.left(self._pool, tenant)
            if dry_run:
                return swept
            swept.days = await self._days(tenants[0]) if tenants else []
            if any(left.values()):
                swept.vacuumed = await vacuum(self._pool)
            for tenant, keys in left.items():
                await leftover_rows.clear(self._pool, tenant, keys)
            return swept

    async def _tenant(self, tenant: UUID, swept: Swept, dry_run: bool) -> None:
        erasures = await self._erasures(tenant)
        ledger = erasures.ledger
        if not dry_run:
            await settle(self._pool, tenant, ledger)
        await may_serve(self._pool, tenant, ledger)
        for waiting in await erasures.waiting():
            swept.erasures += 1 if dry_run else (await erasures.carry_out(waiting)).state == "done"
        at = await self._one(tenant, statements.MOMENT)
        due = await self._all(tenant, statements.DUE, at=at)
        for rows in _chunked(due, self._chunk):
            sinces = {(row["id"], row["kind"]): row["since"] for row in rows}
            by = {(row["id"], row["kind"]): f"policy {row['policy']} {row['version']}" for row in rows}
            days = {row["id"]: row["day"] for row in rows}
            await self._round(
                tenant, ledger, swept, dry_run, _Keys(statements.KEYS_DUE, _due(sinces), by, days, sinces)
            )
        over = await self._all(tenant, statements.OVER, at=at)
        for rows in _chunked(over, self._chunk):
            by = {(row["id"], "name"): f"policy {row['policy']} {row['version']}" for row in rows}
            days = {row["id"]: row["day"] for row in rows}
            await self._round(
                tenant, ledger, swept, dry_run, _Keys(statements.NAMES_DUE, {"meetings": list(days)}, by, days, {})
            )
            if not dry_run:
                swept.meetings += await self._close(tenant, list(days))

    async def _round(self, tenant: UUID, ledger: Ledger, swept: Swept, dry_run: bool, keys: _Keys) -> None:
        """Destroys the keys of some meetings in one transaction. Tries again where a hold came between."""
        for turn in range(_TRIES):
            try:
                gone, held = await self._destroyed(tenant, ledger, dry_run, keys)
            except VaultError as error:
                if error.code != "held" or turn == _TRIES - 1:
                    raise
                continue
            swept.keys += len(gone)
            swept.records += sum(key.records for key in gone)
            swept.held += held
            return

    async def _destroyed(
        self, tenant: UUID, ledger: Ledger, dry_run: bool, keys: _Keys
    ) -> tuple[list[KeyToDestroy], int]:
        line = None
        async with self._pool.transaction(tenant, principal="sweep") as connection:
            rows = list(await connection.execute(keys.query(lock=not dry_run), {"tenant": tenant, **keys.given}))
            held = {row[0] for row in rows if row[4]}
            found = [KeyToDestroy(row[0], row[1], row[2], row[3], keys.reasons[row[1], row[3]]) for row in rows]
            due = [key for key in await weighed(connection, tenant, found, keys.days) if keys.due(key)]
            doomed = [key for key in due if key.id not in held]
            if doomed and not dry_run:
                with refusals():
                    await destroy(connection, tenant, doomed, keys.days)
                line = await ledger.append("destroyed", entry(doomed))
        if line:
            await ledger.confirm(line)
        return doomed, len(due) - len(doomed)

    async def _close(self, tenant: UUID, meetings: list[UUID]) -> int:
        """Marks the meetings of which no key is left. Answers how many."""
        given = {"tenant": tenant, "meetings": meetings}
        async with self._pool.transaction(tenant) as connection:
            alive = set((await connection.execute(statements.ALIVE, given)).scalars())
            bare = [meeting for meeting in meetings if meeting not in alive]
            bare = list((await connection.execute(statements.CLOSING, {"tenant": tenant, "meetings": bare})).scalars())
            alive = set((await connection.execute(statements.ALIVE, {"tenant": tenant, "meetings": bare})).scalars())
            bare = [meeting for meeting in bare if meeting not in alive]
            await connection.execute(statements.CLOSE, {"tenant": tenant, "meetings": bare})
        return len(bare)

    async def _days(self, tenant: UUID) -> list[date]:
        """Makes the days to come, and takes away the days of which no tenant has a key left."""
        async with self._pool.transaction(tenant) as connection:
            await connection.execute(statements.PREPARE_DAYS, {"ahead": AHEAD})
        dropped = []
        for day in [row["d"] for row in await self._all(tenant, statements.PAST_DAYS)]:
            if await self._one(tenant, statements.DROP_DAY, day=day):
                dropped.append(day)
        return dropped

    async def _all(self, tenant: UUID, query: Any, **given: Any) -> list[dict[str, Any]]:
        async with self._pool.transaction(tenant) as connection:
            return [dict(row._mapping) for row in await connection.execute(query, {"tenant": tenant, **given})]

    async def _one(self, tenant: UUID, query: Any, **given: Any) -> Any:
        async with self._pool.transaction(tenant) as connection:
            return (await connection.execute(query, given)).scalar()


def _due(sinces: Mapping[tuple[UUID, str], datetime]) -> dict[str, Any]:
    return {
        "meetings": [meeting for meeting, _ in sinces],
        "kinds": [kind for _, kind in sinces],
        "sinces": list(sinces.values()),
    }


def _chunked(rows: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of so many meetings at a time."""
    meetings = [list(group) for _, group in groupby(rows, key=lambda row: row["id"])]
    for at in range(0, len(meetings), size):
        yield [row for group in meetings[at : at + size] for row in group]
