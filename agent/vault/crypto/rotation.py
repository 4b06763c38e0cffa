"""New keys over the old ones, while reading and writing go on. No record is touched, and no word is read.

What can go wrong, and how it can't:

- **It is cut off.** Each step may be, anywhere, and done again: a data key is under one version or under the next,
  never under none. Batches are transactions of their own, and a rotation of the last hour is gone on with.
- **A new key can't be unwrapped.** A version wraps only after its wrapped form was unwrapped again and compared
  (`surely`). A root key that is moved is tried in the same way before the old form is replaced.
- **Somebody still needs the old version.** It is kept for `LINGER` after it was replaced, for agents that come back
  with a spool, and as long as one data key is under it. Whoever hands in a data key shares a lock with whoever
  destroys a version.
- **Two rotate at once.** Who comes second finds the newer version and goes on with it; rows that the other one has
  locked are left out, and looked at again.
- **A data key can't be read.** Its own version doesn't open it, so nobody can: it is left as it is, counted and told.

The order: `renew` makes a version that wraps from now on and retires the one before; `rewrap` moves data keys batch by
batch; `destroy_retired`, days later, destroys what nothing needs. The root is apart from that: `rotate_root` wraps
every tenant's keys anew, and only after it the old root key may be forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..db.pool import Pool
from . import statements
from .keys import TenantKeys, context, fresh_tenant_key
from .wrapper import Wrapper, surely

BATCH = 1_000
LINGER = timedelta(days=30)
"""A version that was replaced stays for so long: an agent may come back with a spool whose keys it wraps."""
RECENT = timedelta(hours=1)
"""A version as young as this was made by the same rotation, which was cut off and is asked for again."""
_FIRST = UUID(int=0)
_NOBODY = UUID(int=0)
"""No tenant: stands in a transaction that is everybody's."""

_Moved = tuple[UUID, bytes, int]


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What one rotation did."""

    version: int
    """The newest version. All keys that could be read are under it."""
    keys: int
    unreadable: Sequence[UUID]
    """Data keys that their own version does not open. Nobody can, so they stay as they are."""


async def tenants(pool: Pool) -> Sequence[UUID]:
    """All tenants that have keys."""
    async with pool.transaction(_NOBODY) as connection:
        return (await connection.execute(statements.TENANTS)).scalars().all()


async def count(pool: Pool, tenant: UUID, *, root: bool) -> int:
    """How many keys a rotation would wrap anew: with `root` those of tenants, else those that seal."""
    which = statements.LIVE_TENANT_KEYS if root else statements.LIVE_DATA_KEYS
    async with pool.transaction(tenant) as connection:
        return int((await connection.execute(which)).scalar_one())


async def rotate(pool: Pool, wrapper: Wrapper, tenant: UUID, *, batch: int = BATCH) -> Rewrapped:
    """Puts all data keys of a tenant under a new tenant key. Goes on with a rotation of the last hour that was cut off.

    The old version lingers until `destroy_retired`. Raises `VaultError`.
    """
    if not await _has_begun(pool, tenant):
        await renew(pool, wrapper, tenant)
    return await rewrap(pool, wrapper, tenant, batch=batch)


async def renew(pool: Pool, wrapper: Wrapper, tenant: UUID) -> int:
    """Makes a version, which wraps from now on. Answers it, or that of another process that was faster."""
    newest = await _newest(pool, tenant)
    row = await fresh_tenant_key(wrapper, tenant, "wrap", newest + 1)
    async with pool.transaction(tenant) as connection:
        await connection.execute(statements.add_tenant_key(row))
        await connection.execute(statements.retire(tenant, newest))
    return newest + 1


async def rewrap(pool: Pool, wrapper: Wrapper, tenant: UUID, *, batch: int = BATCH) -> Rewrapped:
    """Puts all data keys under the newest version, until only unreadable ones are left."""
    keys = TenantKeys(pool, wrapper, tenant)
    version, done, unreadable = await _newest(pool, tenant), 0, set[UUID]()
    while True:
        older = await _older(pool, tenant, version)
        after: UUID | None = _FIRST
        while after is not None:
            await keys.ready(older)  # before the transaction, in which nobody else is asked
            moved, bad, after = await _one_batch(pool, keys, tenant, version, after, batch)
            done += moved
            unreadable |= bad
        if await _left(pool, tenant, version) <= len(unreadable):
            return Rewrapped(version, done, sorted(unreadable))
        await asyncio.sleep(0.1)  # somebody else has locked the rest for now


async def destroy_retired(pool: Pool, tenant: UUID, *, linger: timedelta = LINGER) -> Sequence[int]:
    """Destroys versions that were replaced at least `linger` ago and that no data key needs. Answers which."""
    async with pool.transaction(tenant) as connection:
        await connection.execute(statements.lock(tenant))
        return sorted((await connection.execute(statements.destroy_retired(tenant, linger))).scalars())


async def rotate_root(pool: Pool, wrapper: Wrapper) -> int:
    """Wraps everybody's tenant keys anew under the newest root key. Answers how many. Raises `VaultError`.

    The wrapper must still unwrap what it or another wrapped before. Afterwards the old root key may be forgotten.
    """
    async with pool.transaction(_NOBODY) as connection:
        rows = (await connection.execute(statements.ALL_TENANT_KEYS)).all()
    return sum([await _rewrap_tenant_key(pool, wrapper, *row) for row in rows])


async def _rewrap_tenant_key(
    pool: Pool, wrapper: Wrapper, tenant: UUID, purpose: str, version: int, wrapped: bytes
) -> bool:
    what = context(tenant, purpose, version)
    again = await surely(wrapper, await wrapper.unwrap(wrapped, what), what)
    changed = statements.replace_tenant_key(tenant, purpose, version, wrapped, again=again, wrapper_ref=wrapper.ref)
    async with pool.transaction(tenant) as connection:
        return bool((await connection.execute(changed)).rowcount)


async def _one_batch(
    pool: Pool, keys: TenantKeys, tenant: UUID, version: int, after: UUID, most: int
) -> tuple[int, set[UUID], UUID | None]:
    """Answers how many were rewrapped, which could not be read, and after which id to go on (None at the end)."""
    async with pool.transaction(tenant) as connection:
        rows = (await connection.execute(statements.next_older(tenant, version, after, most))).all()
        moved, unreadable = await _moved(keys, rows)
        if moved:
            await _store(connection, tenant, moved)
    return len(moved), unreadable, rows[-1].id if rows else None


async def _moved(keys: TenantKeys, rows: Sequence[Any]) -> tuple[list[_Moved], set[UUID]]:
    moved, unreadable = list[_Moved](), set[UUID]()
    for id, meeting, speaker, wrapped, version in rows:
        try:
            key = await keys.unwrap_data_key(id, meeting, speaker, wrapped, version)
        except VaultError as error:
            if error.code not in {"does_not_open", "key_destroyed", "no_key"}:
                raise
            unreadable.add(id)
        else:
            moved.append((id, *await keys.wrap_data_key(key, meeting, speaker)))
    return moved, unreadable


async def _store(connection: AsyncConnection, tenant: UUID, moved: Sequence[_Moved]) -> None:
    ids, wrapped, versions = zip(*moved, strict=True)
    given = {"tenant": tenant, "ids": ids, "wrapped": wrapped, "versions": versions}
    await connection.execute(statements.REWRAP, given)


async def _newest(pool: Pool, tenant: UUID) -> int:
    async with pool.transaction(tenant) as connection:
        newest = (await connection.execute(statements.newest_version(tenant))).scalar()
    if newest is None:
        raise VaultError("no_key", "The tenant has no key yet.")
    return int(newest)


async def _left(pool: Pool, tenant: UUID, version: int) -> int:
    async with pool.transaction(tenant) as connection:
        return int((await connection.execute(statements.count_older(tenant, version))).scalar_one())


async def _older(pool: Pool, tenant: UUID, version: int) -> Sequence[int]:
    async with pool.transaction(tenant) as connection:
        return list((await connection.execute(statements.older_versions(tenant, version))).scalars())


async def _has_begun(pool: Pool, tenant: UUID) -> bool:
    """Whether the newest version is a second one or later, and of the last hour."""
    async with pool.transaction(tenant) as connection:
        return (await connection.execute(statements.renewed_within(tenant, RECENT))).first() is not None
