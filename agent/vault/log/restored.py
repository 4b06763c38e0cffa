"""Whether a database was restored from a backup and lacks what its ledger remembers.

What can go wrong, and why it is asked in this way:

- **Keys are back that were destroyed.** Then what they seal could be read again. Every key that the ledger calls
  destroyed needs a tombstone here. Where one lacks, `restored_not_replayed` is raised before anything is read or swept.
- **A policy is back that was replaced.** The sweep would forget by it. So each policy's newest version that the ledger
  knows has to be in force. Reading goes by what is in force now; the sweep by what surely is, whatever the clocks.
- **The ledger itself is missing.** It is no empty one: `ledger_missing`, except before the first policy is there.
- **A line of the ledger that was never committed is believed.** Only lines with a `done` after them count. The others
  are settled by the next sweep (`forget/restore.py`).

Comparing all of a long ledger takes time, and a backup forgets the newest first. So who asks often compares all of it
once and then its newest lines.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..db.pool import Pool
from . import statements
from .ledger import Ledger, Line, missing


async def may_serve(pool: Pool, tenant: UUID, ledger: Ledger, *, newest: int | None = None) -> None:
    """For who serves stored text, adds to it or destroys it, at the start and now and then; any role.

    A backup forgets the newest first: `newest` lines of the ledger are enough for who asks often. Raises
    `restored_not_replayed` where a key that was destroyed might be here again, or a policy is lacking, and
    `ledger_missing` where there is no ledger to tell.
    """
    lines = await lines_of(pool, tenant, ledger)
    gone = carried_out(lines)
    keys = [UUID(key[0]) for line in (gone[-newest:] if newest else gone) for key in line.body["keys"]]
    async with pool.transaction(tenant) as connection:
        if keys and (await connection.execute(statements.MISSING, {"keys": keys})).first():
            raise not_replayed()
        if lacking(lines, await versions(connection, tenant, statements.IN_FORCE_NOW)):
            raise not_replayed()


async def lines_of(pool: Pool, tenant: UUID, ledger: Ledger) -> list[Line]:
    """The ledger; at the very first start, before there is a policy that anything could be kept by, there is none."""
    if not await ledger.is_there():
        async with pool.transaction(tenant) as connection:
            if (await connection.execute(statements.ANY_POLICY, {"tenant": tenant})).first():
                raise missing()
        return []
    return await ledger.lines()


async def versions(connection: AsyncConnection, tenant: UUID, which: TextClause) -> list[dict[str, Any]]:
    """The newest version of each policy that `which` says is in force."""
    return [dict(row._mapping) for row in await connection.execute(which, {"tenant": tenant})]


def lacking(lines: list[Line], in_force: list[dict[str, Any]]) -> list[str]:
    """The policies of which the ledger knows a newer version."""
    here = {version["name"]: version["version"] for version in in_force}
    known: dict[str, int] = {}
    for line in lines:
        if line.what == "policy":
            known[line.body["name"]] = max(line.body["version"], known.get(line.body["name"], 0))
    return [f"{name} {newest}" for name, newest in known.items() if here.get(name, 0) < newest]


def carried_out(lines: list[Line]) -> list[Line]:
    """What was destroyed, to the end."""
    ended = {line.body["n"] for line in lines if line.what == "done"}
    return [line for line in lines if line.what == "destroyed" and line.n in ended]


def not_replayed() -> VaultError:
    return VaultError(
        "restored_not_replayed",
        "This database is older than what was destroyed or agreed since: run `python -m agent.vault restore-check`.",
    )
