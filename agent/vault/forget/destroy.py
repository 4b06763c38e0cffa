"""Keys are destroyed: first they are weighed, then they go, with a tombstone and a line of the log, in one transaction.

What can go wrong, and how it can't:

- **A record is stored under a key while that goes.** Whoever destroys locks the keys first. What is being stored under
  them waits, and is refused afterwards. So no record is left under a key that is gone, and the tombstones' counts are
  exact.
- **A hold comes between looking and destroying.** The database's guard looks once more at the very update, and its
  error undoes all of the transaction.
- **A key is gone and nobody can say why.** The key, its tombstone, the rows that are left over and the log's line are
  one transaction: either all of them are there or none is.

The order within it: `weighed` counts what each key opens and when the newest of it was stored; the update takes the
wrapped key away; `tombstone` says what went and for which reason; `residue` remembers which rows are to be deleted
later; the log says it by meeting, in numbers only. Content and keys never meet in one statement, because they may
stand in two databases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from . import statements


@dataclass(frozen=True, slots=True)
class KeyToDestroy:
    """A key that is to go, and what it takes along."""

    id: UUID
    meeting: UUID
    speaker: UUID
    kind: str
    reason: str
    """`policy NAME VERSION`, or `erasure ID`."""
    records: int = 0
    newest: datetime | None = None


async def weighed(
    connection: AsyncConnection, tenant: UUID, keys: Sequence[KeyToDestroy], days: Mapping[UUID, date]
) -> list[KeyToDestroy]:
    """The same with how many records they open, and since when the newest is stored. Lock them first."""
    sealing = [key for key in keys if key.kind != "name"]  # a name is no record
    if not sealing:
        return list(keys)
    meetings = {key.meeting for key in sealing}
    given = {"days": sorted({days[m] for m in meetings}), "meetings": sorted(meetings), "keys": [k.id for k in sealing]}
    found = {row[0]: row for row in await connection.execute(statements.WEIGH, {"tenant": tenant, **given})}
    return [replace(key, records=found[key.id][1], newest=found[key.id][2]) if key.id in found else key for key in keys]


async def destroy(
    connection: AsyncConnection, tenant: UUID, keys: Sequence[KeyToDestroy], days: Mapping[UUID, date]
) -> tuple[int, int]:
    """Destroys weighed keys; answers the first and last number of what the log says of it, a line per meeting.

    Raises what the database's guard says where a hold came first (see `refusals`).
    """
    ids = [key.id for key in keys]
    meetings, records = [key.meeting for key in keys], [key.records for key in keys]
    await connection.execute(statements.DESTROY, {"tenant": tenant, "keys": ids})
    stone = {"speakers": [key.speaker for key in keys], "reasons": [key.reason for key in keys]}
    rows = {"tenant": tenant, "keys": ids, "meetings": meetings, "records": records}
    await connection.execute(statements.BURY, {**rows, **stone})
    await connection.execute(statements.LEAVE, {**rows, "days": [days[meeting] for meeting in meetings]})
    first, last = (await connection.execute(statements.LOG_DESTROYED, _lines(keys))).one()
    return int(first), int(last)


def entry(keys: Iterable[KeyToDestroy]) -> dict[str, Any]:
    """What the ledger says of it."""
    return {"keys": [[str(k.id), str(k.meeting), str(k.speaker), k.records, k.reason] for k in keys]}


def _lines(keys: Sequence[KeyToDestroy]) -> dict[str, Any]:
    """By meeting and reason: numbers only."""
    gone: Counter[tuple[UUID, str]] = Counter()
    records: Counter[tuple[UUID, str]] = Counter()
    for key in keys:
        gone[key.meeting, key.reason] += 1
        records[key.meeting, key.reason] += key.records
    details = [{"reason": r, "keys": n, "records": records[m, r]} for (m, r), n in gone.items()]
    return {"meetings": [str(m) for m, _ in gone], "details": details}
