"""A database that was restored from a backup is told what its ledger remembers, before it may serve.

A backup has keys in it that were destroyed since, lacks holds and releases that were made since, and knows only
policies from before it. What can go wrong:

- **It serves what was erased.** Whoever reads or sweeps asks `may_serve` first (`log/restored.py`), and it raises as
  long as one key of the ledger is here, or one policy is lacking.
- **It destroys what is held.** `replay` goes line by line in the ledger's order: a hold that was placed before a
  destruction is placed before it again, and the database's guard refuses what a hold covers.
- **It forgets by an old policy.** The ledger knows names and versions of policies, not all of their words. So an
  approved version that is lacking is approved again by people, and until then nothing serves. Afterwards the sweep
  waits, so that what is due by the older version doesn't go at once.
- **Keys come from an older backup than what they sealed, or the other way round.** What the ledger's keys opened and
  no row names is handed to the sweep (`_left_over`); keys that this database never had are refused by their
  tombstones from now on.
- **The ledger is lost or empty.** That is not the same as a ledger that says nothing: `ledger_missing` is raised, and
  nothing serves.

`settle` is the everyday half: before each sweep it ends what a process began and died over, in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..db.db_errors import refusals
from ..db.pool import Pool
from ..log.ledger import Ledger, Line, missing
from ..log.restored import carried_out, lacking, lines_of, not_replayed, versions
from ..log.statements import MISSING, SURELY_IN_FORCE
from . import statements
from .destroy import KeyToDestroy, destroy, weighed
from .leftover_rows import clear, left
from .vacuum import vacuum


@dataclass
class Behind:
    """What the ledger knows and the database does not."""

    keys: list[UUID] = field(default_factory=list)
    holds: list[UUID] = field(default_factory=list)
    releases: list[UUID] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    """Names, with the newest version that was in force. The ledger hasn't all of it, so people approve it again."""

    def __bool__(self) -> bool:
        return bool(self.keys or self.holds or self.releases or self.policies)


@dataclass
class Replayed:
    """What was done to bring it up."""

    keys: int = 0
    """Keys that were destroyed again."""
    unknown: int = 0
    """Keys that were never in this database. It will not take them."""
    holds: int = 0
    releases: int = 0
    records: int = 0
    """Records whose keys had been destroyed: text and keys were restored from backups of different age."""


async def begin(pool: Pool, tenant: UUID, ledger: Ledger) -> None:
    """Makes a first ledger before anything is kept; as retention. Raises `ledger_missing` where something was kept."""
    if await ledger.is_there():
        return
    async with pool.transaction(tenant) as connection:
        if (await connection.execute(statements.ANY_MEETING, {"tenant": tenant})).first():
            raise missing()
    await ledger.begin()


async def behind(pool: Pool, tenant: UUID, ledger: Ledger) -> Behind:
    """Compares the database with the whole ledger; as retention. Raises `ledger_broken`, `ledger_missing`."""
    lines = await lines_of(pool, tenant, ledger)
    return await _behind(pool, tenant, lines)


async def replay(pool: Pool, tenant: UUID, ledger: Ledger) -> Replayed:
    """Brings the database up to its ledger, line by line in the ledger's order; as retention. May be repeated.

    But for policies: a version that was approved after the backup is to be approved again, and until then nothing
    serves.
    """
    lines, done = await lines_of(pool, tenant, ledger), Replayed()
    lacks = await _behind(pool, tenant, lines)
    keys, ended = set(lacks.keys), {line.n for line in carried_out(lines)}
    for line in lines:
        if line.what == "hold" and UUID(line.body["id"]) in lacks.holds:
            done.holds += 1
            await _apply(pool, tenant, statements.HOLD_AGAIN, line)
        elif line.what == "release" and UUID(line.body["id"]) in lacks.releases:
            done.releases += 1
            await _apply(pool, tenant, statements.RELEASE_AGAIN, line)
        elif line.n in ended and (again := [key for key in _keys(line) if key.id in keys]):
            here, unknown = await _destroy_again(pool, tenant, again)
            done.keys += here
            done.unknown += unknown
    done.records = await _left_over(pool, tenant, [key.id for line in carried_out(lines) for key in _keys(line)])
    if gone := await left(pool, tenant):
        await vacuum(pool)
        await clear(pool, tenant, gone)
    return done


async def settle(pool: Pool, tenant: UUID, ledger: Ledger) -> None:
    """Ends what a process began and died over, before the sweep: holds count, what was to be destroyed is, unless held.

    An erasure that is still to be carried out is left to `Erasures`, which then counts what it destroys. Policies that
    have come into force since come into the ledger. Raises `restored_not_replayed` where one is lacking that had, or
    was approved again too lately for what is due by the one before it to be safe.
    """
    await begin(pool, tenant, ledger)
    lines = await ledger.lines()
    lacks = await _behind(pool, tenant, lines)
    if lacks.policies:
        raise not_replayed()
    for line in lines:
        if line.what == "hold" and UUID(line.body["id"]) in lacks.holds:
            await _apply(pool, tenant, statements.HOLD_AGAIN, line)
    for line in _open(lines):
        void = await _requested_still(pool, tenant, line)
        try:
            with refusals():
                await _destroy_again(pool, tenant, [] if void else _keys(line))
        except VaultError as error:
            if error.code != "held":
                raise
            void = True
        await ledger.confirm(line.n, void=void)
    await _note_policies(pool, tenant, ledger, lines)


async def _note_policies(pool: Pool, tenant: UUID, ledger: Ledger, lines: list[Line]) -> None:
    noted = {(line.body["name"], line.body["version"]) for line in lines if line.what == "policy"}
    async with pool.transaction(tenant) as connection:
        in_force = await versions(connection, tenant, SURELY_IN_FORCE)
    for version in in_force:
        if (version["name"], version["version"]) not in noted:
            body = {name: value for name, value in version.items() if name != "effective_from"}
            await ledger.append("policy", {**body, "from": version["effective_from"].isoformat()})


async def _requested_still(pool: Pool, tenant: UUID, line: Line) -> bool:
    word, _, id = _keys(line)[0].reason.partition(" ")
    if word != "erasure":
        return False
    async with pool.transaction(tenant) as connection:
        return bool((await connection.execute(statements.IS_REQUESTED, {"tenant": tenant, "id": UUID(id)})).scalar())


async def _behind(pool: Pool, tenant: UUID, lines: list[Line]) -> Behind:
    keys = [key.id for line in carried_out(lines) for key in _keys(line)]
    async with pool.transaction(tenant) as connection:
        known = {row[0]: row[1] for row in await connection.execute(statements.KNOWN_HOLDS, {"tenant": tenant})}
        missing = list((await connection.execute(MISSING, {"keys": keys})).scalars()) if keys else []
        policies = lacking(lines, await versions(connection, tenant, SURELY_IN_FORCE))
    placed = [UUID(line.body["id"]) for line in lines if line.what == "hold"]
    released = [UUID(line.body["id"]) for line in lines if line.what == "release"]
    holds, releases = [i for i in placed if i not in known], [i for i in released if not known.get(i)]
    return Behind(missing, holds, releases, policies)


async def _destroy_again(pool: Pool, tenant: UUID, keys: list[KeyToDestroy]) -> tuple[int, int]:
    """Answers how many keys were still there, and how many were not."""
    by_id = {key.id: key for key in keys}
    async with pool.transaction(tenant, principal="replay") as connection:
        given = {"tenant": tenant, "keys": sorted(by_id)}
        here = [by_id[id] for id in (await connection.execute(statements.KEYS_BACK, given)).scalars()]
        if here:
            days = await _days(connection, tenant, here)
            await destroy(connection, tenant, await weighed(connection, tenant, here, days), days)
        unknown = [key for key in keys if key not in here]
        for key in unknown:
            await connection.execute(statements.BURY_UNKNOWN, {"tenant": tenant, **_stone(key)})
    return len(here), len(unknown)


async def _left_over(pool: Pool, tenant: UUID, keys: list[UUID]) -> int:
    """Names for the sweep the rows that these keys opened and no residue names. Answers how many records those are."""
    async with pool.transaction(tenant, principal="replay") as connection:
        found = await connection.execute(statements.LEAVE_AGAIN, {"tenant": tenant, "keys": keys})
        return int(sum(found.scalars()))


async def _days(connection: AsyncConnection, tenant: UUID, keys: list[KeyToDestroy]) -> dict[UUID, date]:
    given = {"tenant": tenant, "meetings": sorted({key.meeting for key in keys})}
    return {row[0]: row[1] for row in await connection.execute(statements.DAYS, given)}


async def _apply(pool: Pool, tenant: UUID, statement: Any, line: Line) -> None:
    body: Mapping[str, Any] = line.body
    given: dict[str, Any] = {
        name: UUID(body[name]) if body.get(name) else None for name in ("id", "meeting", "subject")
    }
    given |= {"tenant": tenant, "by": body["by"], "at": datetime.fromisoformat(body["at"])}
    wanted = {name: value for name, value in (dict(body) | given).items() if f":{name}" in statement.text}
    async with pool.transaction(tenant, principal="replay") as connection:
        await connection.execute(statement, wanted)


def _open(lines: list[Line]) -> list[Line]:
    ended = {line.body["n"] for line in lines if line.what in {"done", "void"}}
    return [line for line in lines if line.what == "destroyed" and line.n not in ended]


def _keys(line: Line) -> list[KeyToDestroy]:
    rows = line.body["keys"]
    return [KeyToDestroy(UUID(k), UUID(m), UUID(s), "", reason, n) for k, m, s, n, reason in rows]


def _stone(key: KeyToDestroy) -> dict[str, Any]:
    return {"key": key.id, "meeting": key.meeting, "speaker": key.speaker, "reason": key.reason, "records": key.records}
