"""Holds against those who destroy, at the same time: whatever comes first counts, and nobody is told otherwise."""

from __future__ import annotations

import asyncio
import random
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agent.vault.forget.scope import Scope

from ...thorough import times
from ..moved_clock import Tenant

RACES, SWEPT = times(300, 800), times(80, 200)
AT_ONCE = 5


async def raced(tenant: Tenant, seed: int, meeting: UUID, person: UUID) -> tuple[int, str]:
    """A hold and an erasure of one key, a moment apart: what the hold says is gone, and how the erasure ended."""
    chance = random.Random(seed)  # noqa: S311
    scope = chance.choice([Scope(meeting=meeting), Scope(subject=person), Scope(room="r", meeting=meeting)])
    request = await tenant.erasures.request(Scope(subject=person), by="ana")

    async def hold() -> int:
        await asyncio.sleep(chance.random() * 0.1)
        return (await tenant.holds.place(scope, matter=f"case {seed}", by="ben")).keys_gone

    async def erase() -> str:
        await asyncio.sleep(chance.random() * 0.02)
        return (await tenant.erasures.carry_out(request)).state

    gone, state = await asyncio.gather(hold(), erase())
    return gone, state


async def test_promise_20_in_races_with_erasures_no_hold_is_lost(tenant: Tenant):
    await tenant.policy(source="9 days")
    outcomes: list[tuple[int, str, bool]] = []
    for turn in range(RACES // AT_ONCE):
        keys, races = [], []
        for n in range(AT_ONCE):
            meeting, person = await tenant.meet(), uuid4()
            keys.append((await tenant.key(meeting, uuid4(), person))[0])
            races.append(raced(tenant, turn * AT_ONCE + n, meeting, person))
        ended = await asyncio.gather(*races)
        alive = await tenant.alive()
        outcomes += [(gone, state, key in alive) for (gone, state), key in zip(ended, keys, strict=True)]

    assert set(outcomes) == {(0, "held", True), (1, "done", False)}


async def test_promise_20_in_races_with_sweeps_no_hold_is_lost(tenant: Tenant):
    await tenant.policy(source="1 days")
    outcomes: list[tuple[int, UUID]] = []
    for turn in range(SWEPT // 20):
        keys = {}
        for _ in range(20):
            meeting = await tenant.meet()
            keys[meeting] = (await tenant.key(meeting, uuid4(), uuid4()))[0]
        await tenant.advance(days=2)
        chance = random.Random(turn)  # noqa: S311

        async def hold(meeting: UUID, after: float) -> tuple[UUID, int]:
            await asyncio.sleep(after)
            return meeting, (await tenant.holds.place(Scope(meeting=meeting), matter="a case", by="ben")).keys_gone

        _, *placed = await asyncio.gather(tenant.sweep(chunk=1), *(hold(m, chance.random()) for m in keys))
        outcomes += [(gone, keys[meeting]) for meeting, gone in placed]
    await tenant.sweep()

    alive = await tenant.alive()
    assert {(gone, key in alive) for gone, key in outcomes} == {(0, True), (1, False)}


async def test_promise_20_a_hold_in_flight_is_waited_for_and_then_it_counts(tenant: Tenant):
    await tenant.policy(source="9 days")
    meeting, person = await tenant.meet(), uuid4()
    key, _, _ = await tenant.key(meeting, uuid4(), person)
    request = await tenant.erasures.request(Scope(subject=person), by="ana")

    async with tenant.web.transaction(tenant.id) as connection:
        place = "INSERT INTO vault_keys.hold (tenant_id, id, matter, placed_by) VALUES (:t, :id, 'a case', 'ben')"
        await connection.execute(text(place), {"t": tenant.id, "id": uuid4()})
        erasing = asyncio.create_task(tenant.erasures.carry_out(request))
        _, waiting = await asyncio.wait({erasing}, timeout=0.5)
    erasure = await erasing

    assert waiting
    assert erasure.state == "held"
    assert key in await tenant.alive()


async def test_promise_20_keys_are_destroyed_at_read_committed_only_as_the_guard_needs_what_comes_after_its_lock(
    tenant: Tenant,
):
    await tenant.policy(source="9 days")
    await tenant.key(await tenant.meet(), uuid4(), uuid4())
    state = ""

    try:
        async with tenant.retention.session() as connection:
            await connection.execute(text("BEGIN ISOLATION LEVEL REPEATABLE READ"))
            await connection.execute(text("SELECT set_config('app.tenant', :t, true)"), {"t": str(tenant.id)})
            await connection.execute(text("UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL"))
    except DBAPIError as error:
        state = str(getattr(error.orig, "sqlstate", ""))

    assert state == "P0K03"
