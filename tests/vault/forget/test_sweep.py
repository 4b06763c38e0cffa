"""What is due is unreadable at once, and destroyed by a sweep that may die at any statement."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from agent.errors import VaultError
from agent.vault.db.pool import Role
from agent.vault.forget.scope import Scope

from ...thorough import times
from ..crash import Crash, Fuse
from ..moved_clock import START, Said, Tenant

TEN = 10


@pytest.mark.parametrize("term", ["3 days", "meeting end + 3 days"])
@pytest.mark.parametrize(("storing", "later"), [(a, b) for a in (-TEN, 0, TEN) for b in (-TEN, 0, TEN)])
async def test_promise_10_a_database_clock_ten_minutes_off_destroys_nothing_early(
    tenant: Tenant, term: str, storing: int, later: int
):
    await tenant.set_clock(START - timedelta(hours=1))
    await tenant.policy(source=term)
    await tenant.set_clock(START + timedelta(minutes=storing))
    meeting = await tenant.meet()
    said = await tenant.speak(meeting)
    await tenant.end(meeting)
    due = START + timedelta(days=3)

    alive = []
    for after in (timedelta(seconds=-1), timedelta(minutes=46)):
        await tenant.set_clock(due + after + timedelta(minutes=later))
        await tenant.sweep()
        alive.append(said[0].key in await tenant.alive())

    assert alive == [True, False]


async def test_promise_10_what_an_agents_clock_says_decides_nothing(tenant: Tenant):
    await tenant.policy(source="3 days")
    meeting = await tenant.meet()
    speaker = uuid4()
    key, _, _ = await tenant.key(meeting, speaker, uuid4())
    for year in (1990, 2026, 2090):
        await tenant.store(meeting, speaker, key, said_at=datetime.fromisoformat(f"{year}-01-01T00:00+00:00"))
    await tenant.grant()

    await tenant.advance(days=3, seconds=-1)
    await tenant.sweep()
    seen = len(await tenant.read(meeting))
    await tenant.advance(seconds=1)
    after = len(await tenant.read(meeting))

    assert (seen, after) == (3, 0)
    assert key in await tenant.alive()


async def test_promise_10_a_clock_that_goes_back_before_the_policy_destroys_nothing(tenant: Tenant):
    await tenant.policy(source="1 days")
    said = await tenant.speak(await tenant.meet())
    await tenant.set_clock(START - timedelta(minutes=TEN))

    await tenant.sweep()

    assert said[0].key in await tenant.alive()


async def test_promise_10_a_holds_grace_and_a_shortenings_day_are_not_cut_short(tenant: Tenant):
    await tenant.policy(source="1 days")
    meeting = await tenant.meet()
    said = await tenant.speak(meeting)
    await tenant.end(meeting)
    hold = (await tenant.holds.place(Scope(meeting=meeting), matter="a case", by="ana")).hold
    await tenant.set_clock(START - timedelta(minutes=TEN))
    await tenant.holds.release(hold.id, by="ana")

    alive = []
    for after in (timedelta(seconds=-1), timedelta(minutes=46)):
        await tenant.set_clock(START + timedelta(days=30, minutes=TEN) + after)
        await tenant.sweep()
        alive.append(said[0].key in await tenant.alive())

    assert alive == [True, False]


@pytest.mark.parametrize("term", ["2 days", "meeting end + 2 days"])
async def test_promise_17_what_is_due_is_unreadable_at_once_without_a_sweep(tenant: Tenant, term: str):
    await tenant.policy(source=term, translation="forever")
    await tenant.grant()
    meeting = await tenant.meet()
    await tenant.speak(meeting, ("source", "translation"), n=3)
    await tenant.end(meeting)
    await tenant.advance(days=2, seconds=-1)
    before = await tenant.read(meeting)

    await tenant.advance(seconds=1)
    after = await tenant.read(meeting)

    assert (len(before), len(after)) == (6, 3)
    assert len(await tenant.stored()) == 6


async def test_promise_17_every_statement_of_the_reading_role_sees_nothing_of_what_is_due(tenant: Tenant):
    await tenant.policy(source="2 days")
    await tenant.grant()
    meeting = await tenant.meet()
    said = await tenant.speak(meeting, n=3)
    await tenant.end(meeting)
    await tenant.advance(days=2)
    ticket = await tenant.ticket(meeting)
    day = (await tenant.owner.fetchval("SELECT day FROM vault.meeting WHERE id = $1", meeting)).strftime("%Y%m%d")
    statements = {
        "SELECT sealed FROM vault.record": 0,
        "SELECT count(sealed) FROM vault.record HAVING count(sealed) > 0": 0,
        "SELECT sealed FROM vault.speaker": 0,
        f"SELECT vault.readable('{meeting}', NULL, NULL)": 0,
        f"SELECT sealed FROM vault.record WHERE segment_id = '{said[0].segment}'": 0,
        f"SELECT sealed FROM vault.record_{day}": None,
        "SELECT query_to_xml('TABLE vault.record', false, true, '') WHERE false": 0,
    }

    seen: dict[str, int | None] = {}
    for statement in statements:
        try:
            async with tenant.web.transaction(tenant.id, principal="reader", ticket=ticket) as connection:
                seen[statement] = len((await connection.execute(text(statement))).all())
        except ProgrammingError:
            seen[statement] = None

    assert seen == statements


async def test_promise_17_a_stricter_default_hides_at_once_what_a_rooms_own_policy_would_show(tenant: Tenant):
    await tenant.policy("long", source="90 days")
    await tenant.policy("short", source="1 days")
    await tenant.grant()
    meeting = await tenant.meet(policy="long")
    await tenant.speak(meeting, n=2)
    await tenant.advance(days=1)
    before = len(await tenant.read(meeting))

    await tenant.policies.make_default("short", by="ana")

    assert (before, len(await tenant.read(meeting))) == (2, 0)


async def busy(tenant: Tenant) -> tuple[list[Said], list[Said]]:
    """Two meetings of which some is due now: what is due, and what is not."""
    await tenant.policy(source="2 days", translation="meeting end + 9 days")
    due, kept = [], []
    for room in ("r", "s"):
        meeting = await tenant.meet(room)
        for _ in range(2):
            for said in await tenant.speak(meeting, ("source", "translation"), room, n=2):
                (due if said.kind == "source" else kept).append(said)
        await tenant.end(meeting, room)
    await tenant.advance(days=2, minutes=26)
    late = await tenant.meet()
    kept += await tenant.speak(late)
    return due, kept


async def consistent(tenant: Tenant, said: list[Said]) -> None:
    """A key is whole, or it is destroyed, has no bytes, and a tombstone that counts right."""
    rows = await tenant.owner.fetch(
        "SELECT id, state, wrapped FROM vault_keys.data_key WHERE tenant_id = $1", tenant.id
    )
    dead = {row["id"] for row in rows if row["state"] == "destroyed"}
    tombstones, stored = await tenant.tombstones(), await tenant.stored()
    count = {key: sum(one.key == key for one in said) for key in {one.key for one in said}}

    assert {row["id"] for row in rows if row["wrapped"] is None} == dead
    assert set(tombstones) == dead
    assert {key: n for key, n in tombstones.items() if key in count} == {k: n for k, n in count.items() if k in dead}
    assert {one.segment for one in said if one.key not in dead} <= stored


async def clean(tenant: Tenant, gone: list[Said], kept: list[Said]) -> None:
    """Exactly what was to go is gone, once, and every process's promise to the ledger is kept."""
    lines = await tenant.ledger.lines()
    promised = {line.n for line in lines if line.what == "destroyed"}

    assert await tenant.stored() == {said.segment for said in kept}
    assert {said.key for said in gone} & await tenant.alive() == set()
    assert {said.key for said in kept} <= await tenant.alive()
    assert await tenant.owner.fetchval("SELECT count(*) FROM vault.residue WHERE tenant_id = $1", tenant.id) == 0
    assert {line.body["n"] for line in lines if line.what in {"done", "void"}} == promised


async def test_promise_18_a_sweep_destroys_exactly_what_is_due_and_its_tombstones_count_right(tenant: Tenant):
    due, kept = await busy(tenant)

    dry = await tenant.sweep(dry_run=True)
    swept = await tenant.sweep()
    again = await tenant.sweep()

    assert dry
    assert swept
    assert again
    assert (dry.keys, dry.records) == (swept.keys, swept.records) == (4, 8)
    assert (again.keys, again.records, again.vacuumed) == (0, 0, None)
    await consistent(tenant, due + kept)
    await clean(tenant, due, kept)


async def test_promise_18_of_a_meeting_that_is_all_due_nothing_is_left_but_that_it_was(tenant: Tenant):
    await tenant.policy(source="2 days")
    meeting = await tenant.meet()
    await tenant.speak(meeting, n=4)
    await tenant.end(meeting)
    await tenant.advance(days=4)

    swept = await tenant.sweep()

    assert swept
    assert (swept.meetings, await tenant.alive(), await tenant.stored()) == (1, set(), set())
    assert await tenant.owner.fetchval("SELECT count(*) FROM vault.speaker WHERE meeting_id = $1", meeting) == 0
    assert await tenant.owner.fetchval("SELECT destroyed_at FROM vault.meeting WHERE id = $1", meeting) is not None


async def test_promise_18_a_key_that_agents_go_on_with_is_refused_after_and_nothing_stored_under_it(tenant: Tenant):
    await tenant.policy(source="2 days")
    meeting = await tenant.meet()
    said = await tenant.speak(meeting)
    await tenant.end(meeting)
    await tenant.advance(days=3)
    await tenant.sweep()

    _, dead = await tenant.store(meeting, said[0].speaker, said[0].key)
    _, _, answer = await tenant.key(meeting, said[0].speaker, uuid4(), id=said[0].key)

    assert (dead, answer) == ([said[0].key], "destroyed")
    assert await tenant.stored() == set()


async def test_promise_19_a_sweep_that_dies_at_any_statement_leaves_all_consistent_and_the_next_completes(
    tenant: Tenant,
):
    every = times(2, 1)
    at, died = 1 - every, True
    while died:
        at, died = at + every, False
        await tenant.renew()
        due, kept = await busy(tenant)
        fuse = Fuse(tenant.url, Role.RETENTION, at)
        try:
            await tenant.sweep(pool=fuse.pool)
        except Crash:
            died = True
        finally:
            await fuse.pool.close()

        await consistent(tenant, due + kept)
        await tenant.sweep()
        await consistent(tenant, due + kept)
        await clean(tenant, due, kept)

    assert at > 30


async def test_a_second_sweep_at_the_same_time_does_nothing(tenant: Tenant):
    await busy(tenant)
    async with tenant.retention.session() as other:
        await other.execute(text("SELECT pg_advisory_lock(hashtextextended('dragoman sweep', 7))"))

        refused = await tenant.sweep()

    assert refused is None
    assert await tenant.tombstones() == {}
    assert await tenant.sweep() is not None


@pytest.mark.parametrize("plan", ["enable_hashjoin", "enable_mergejoin", "enable_nestloop"])
async def test_days_are_found_whatever_the_planner_does(tenant: Tenant, plan: str):
    await tenant.policy()
    await tenant.meet()
    async with tenant.retention.transaction(tenant.id) as connection:
        others = {"enable_hashjoin", "enable_mergejoin", "enable_nestloop", "enable_indexscan", "enable_bitmapscan"}
        for other in others - {plan}:
            await connection.execute(text(f"SET LOCAL {other} = off"))
        found = await connection.execute(text("SELECT d FROM vault.days() d WHERE d <= vault.now()::date"))

        assert (await tenant.now()).date() in set(found.scalars())


async def test_a_day_of_which_no_key_is_left_goes_as_a_whole_and_one_with_others_stays(
    tenant: Tenant, vault_url: str, tmp_path: Path
):
    await tenant.set_clock(START + timedelta(days=40))
    await tenant.policy(source="2 days")
    meeting = await tenant.meet()
    await tenant.speak(meeting, n=5)
    await tenant.end(meeting)
    day = (await tenant.now()).date()
    async with Tenant.open(vault_url, tmp_path / "other", migrate=False) as other:
        await other.policy(source="9 days")
        theirs = await other.meet()
        await other.speak(theirs)
        await other.end(theirs)
        await tenant.advance(days=4)

        first = await tenant.sweep()
        kept = await other.stored()
        await tenant.advance(days=7)
        await other.sweep()
        second = await tenant.sweep()

    days = [row[0] for row in await tenant.owner.fetch("SELECT vault.days()")]
    assert first
    assert second
    assert (day in first.days, len(kept), await tenant.stored()) == (False, 1, set())
    assert day not in days
    late, _ = await tenant.store(meeting, uuid4(), (await tenant.key(meeting, uuid4(), uuid4()))[0])
    assert await tenant.stored() == {late[0].segment}


async def test_partitions_are_made_ahead(tenant: Tenant):
    await tenant.sweep()

    days = {row[0] for row in await tenant.owner.fetch("SELECT vault.days()")}

    assert days >= {(START + timedelta(days=n)).date() for n in range(8)}


async def test_the_guard_below_us_lets_no_key_go_that_is_held_and_no_row_whose_key_is_not_destroyed(tenant: Tenant):
    await tenant.policy(source="2 days")
    meeting = await tenant.meet()
    await tenant.speak(meeting)
    await tenant.holds.place(Scope(), matter="all of it", by="ana")
    states = []

    for statement in (
        "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = now()",
        "DELETE FROM vault.record",
        "UPDATE vault_keys.hold SET released_at = now(), released_by = 'x', grace_until = now()",
    ):
        with pytest.raises(Exception, match=r"hold keeps|not destroyed|permission denied") as error:
            async with tenant.retention.transaction(tenant.id) as connection:
                await connection.execute(text(statement))
        states.append(error.value.orig.sqlstate)

    assert states == ["P0H01", "P0K04", "42501"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(room=st.sampled_from([None, "r", "s"]), own=st.booleans(), person=st.booleans())
async def test_what_a_hold_covers_is_what_agrees_with_all_that_it_says(
    tenant: Tenant, room: str | None, own: bool, person: bool
):
    await tenant.set_clock(START)
    await tenant.policy(name := f"p{uuid4().hex[:8]}", source="2 days")
    meeting = await tenant.meet("r", name)
    said = await tenant.speak(meeting)
    subject: UUID = await tenant.owner.fetchval("SELECT subject FROM vault.speaker WHERE id = $1", said[0].speaker)
    await tenant.end(meeting)
    scope = Scope(room, meeting if own else uuid4(), subject if person else None)
    await tenant.holds.place(scope, matter="a case", by="ana")
    await tenant.advance(days=3)

    await tenant.sweep()

    assert (said[0].key in await tenant.alive()) == (room in (None, "r") and own)


async def test_a_hold_placed_too_late_says_what_is_gone_already(tenant: Tenant):
    await busy(tenant)
    await tenant.sweep()

    placed = await tenant.holds.place(Scope(room="r"), matter="a case", by="ana")
    nothing = await tenant.holds.place(Scope(room="elsewhere"), matter="a case", by="ana")

    assert (placed.keys_gone, placed.records_gone) == (2, 4)
    assert (nothing.keys_gone, nothing.records_gone) == (0, 0)
    with pytest.raises(VaultError):
        await tenant.holds.release(uuid4(), by="ana")


async def test_a_key_stays_while_anything_it_seals_is_not_due_and_what_is_due_of_it_is_hidden(tenant: Tenant):
    await tenant.policy(source="3 days")
    await tenant.grant()
    meeting, person = await tenant.meet(), uuid4()
    old = await tenant.speak(meeting, subject=person)
    await tenant.advance(days=2)
    new, _ = await tenant.store(meeting, old[0].speaker, old[0].key)
    await tenant.advance(days=2)

    await tenant.sweep()

    assert old[0].key in await tenant.alive()
    assert set(await tenant.read(meeting)) == {new[0].segment}
