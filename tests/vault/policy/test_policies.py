"""Terms, versions, who may approve what, and what a version would make due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import VaultError
from agent.vault.forget.scope import Scope
from agent.vault.policy.policies import Rules
from agent.vault.policy.terms import Term
from tests.vault.memory import shorter

from ..moved_clock import Tenant

TERMS = st.one_of(
    st.sampled_from(["forever", "not at all"]),
    st.builds(lambda n: f"{n} days", st.integers(1, 36_500)),
    st.builds(lambda n: f"meeting end + {n} days", st.integers(1, 36_500)),
)


@pytest.mark.parametrize(
    "text", ["0 days", "-1 days", "1000000000 days", "36501 days", "1 day", "", "meeting end + 0 days"]
)
async def test_promise_18_a_term_out_of_bounds_is_refused_by_us_and_by_the_database(tenant: Tenant, text: str):
    with pytest.raises(VaultError) as error:
        Term.parse(text)
    allowed = await tenant.owner.fetchval("SELECT vault.is_term($1)", text)

    assert (error.value.code, allowed) == ("bad_term", False)


async def test_the_database_and_the_oracle_agree_on_which_term_is_shorter(tenant: Tenant):
    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.tuples(TERMS, TERMS), min_size=20, max_size=20))
    def pairs(drawn: list[tuple[str, str]]) -> None:
        seen.extend(drawn)

    seen: list[tuple[str, str]] = []
    pairs()
    rows = await tenant.owner.fetch(
        "SELECT a, b, vault.shorter(a, b) FROM unnest($1::text[], $2::text[]) AS u (a, b)",
        [a for a, _ in seen],
        [b for _, b in seen],
    )

    assert len(rows) > 1_000
    assert [tuple(row) for row in rows if shorter(Term.parse(row[0]), Term.parse(row[1])) != row[2]] == []


async def test_a_first_version_counts_at_once_and_a_longer_one_too(tenant: Tenant):
    await tenant.policy(source="10 days")
    await tenant.advance(hours=1)
    await tenant.policies.propose("p", Rules(source=Term.parse("20 days")), by="ana")

    approved = await tenant.policies.approve("p", 2, by="ana")

    assert approved.effective_from == await tenant.now()
    assert (await tenant.policies.current("p")).version == 2


async def test_what_shortens_needs_a_second_person_and_a_day(tenant: Tenant):
    await tenant.policy(source="10 days", translation="30 days")
    await tenant.policies.propose("p", Rules(source=Term.parse("10 days"), translation=Term.parse("29 days")), by="ana")

    with pytest.raises(VaultError) as refused:
        await tenant.policies.approve("p", 2, by="ana")
    approved = await tenant.policies.approve("p", 2, by="ben")

    assert refused.value.code == "second_person"
    assert approved.effective_from == await tenant.now() + timedelta(hours=24)
    assert (await tenant.policies.current("p")).version == 1
    await tenant.advance(hours=24)
    assert (await tenant.policies.current("p")).version == 2


async def test_a_shortening_that_waits_is_taken_back_by_a_newer_version(tenant: Tenant):
    await tenant.policy(source="10 days")
    await tenant.policies.propose("p", Rules(source=Term.parse("1 days")), by="ana")
    await tenant.policies.approve("p", 2, by="ben")
    await tenant.policies.propose("p", Rules(source=Term.parse("10 days")), by="ana")

    await tenant.policies.approve("p", 3, by="ana")

    await tenant.advance(days=2)
    assert (await tenant.policies.current("p")).version == 3


async def test_an_approved_version_is_never_changed_and_an_older_one_not_approved_any_more(tenant: Tenant):
    await tenant.policy(source="10 days")
    for term in ("11 days", "12 days"):
        await tenant.policies.propose("p", Rules(source=Term.parse(term)), by="ana")
    await tenant.policies.approve("p", 3, by="ben")

    codes = []
    for version in (3, 2, 9):
        with pytest.raises(VaultError) as error:
            await tenant.policies.approve("p", version, by="cem")
        codes.append(error.value.code)

    assert codes == ["approved", "superseded", "unknown_policy"]


async def test_a_stricter_default_that_would_shorten_others_needs_a_second_person_and_a_day(tenant: Tenant):
    await tenant.policy("long", source="30 days")
    await tenant.meet(policy="long")
    await tenant.policies.propose("short", Rules(source=Term.parse("1 days")), by="eve")
    await tenant.policies.approve("short", 1, by="eve")
    await tenant.policies.propose("brief", Rules(source=Term.parse("1 days")), by="eve")
    await tenant.policies.approve("brief", 1, by="ben")

    with pytest.raises(VaultError) as alone:
        await tenant.policies.make_default("short", by="eve")
    with pytest.raises(VaultError) as at_once:
        await tenant.policies.make_default("brief", by="eve")
    await tenant.advance(hours=24)
    await tenant.policies.make_default("brief", by="eve")

    assert (alone.value.code, at_once.value.code) == ("second_person", "second_person")


async def test_a_preview_says_what_would_be_due_by_counts_before_anything_is_approved(tenant: Tenant):
    await tenant.policy(source="30 days", translation="forever")
    old = await tenant.meet()
    said = await tenant.speak(old, ("source", "translation"), n=3)
    oldest = await tenant.now()
    await tenant.advance(days=9)
    new = await tenant.meet()
    await tenant.speak(new, ("source",), n=5)
    subject = await tenant.owner.fetchval("SELECT subject FROM vault.speaker WHERE id = $1", said[0].speaker)
    await tenant.holds.place(Scope(subject=subject), matter="a case", by="ana")
    await tenant.policies.propose("p", Rules(source=Term.parse("5 days"), translation=Term.parse("forever")), by="ana")

    losses = await tenant.policies.preview("p", 2)

    assert [(loss.kind, loss.meetings, loss.records, loss.held) for loss in losses] == [("source", 1, 3, 3)]
    assert (losses[0].oldest, losses[0].at) == (oldest, await tenant.now() + timedelta(hours=24))
    assert await tenant.tombstones() == {}


async def test_what_a_preview_says_is_what_becomes_due(tenant: Tenant):
    await tenant.policy(source="30 days", translation="meeting end + 30 days")
    for room in ("r", "s"):
        meeting = await tenant.meet(room)
        await tenant.speak(meeting, ("source", "translation"), room, n=4)
        await tenant.end(meeting, room)
    await tenant.advance(days=3)
    await tenant.policies.propose("p", Rules(source=Term.parse("4 days"), translation=Term.parse("forever")), by="ana")
    said = {loss.kind: loss.records for loss in await tenant.policies.preview("p", 2)}
    await tenant.policies.approve("p", 2, by="ben")
    await tenant.advance(hours=24, minutes=26)

    swept = await tenant.sweep()

    assert said == {"source": 8}
    assert swept
    assert swept.records == 8
