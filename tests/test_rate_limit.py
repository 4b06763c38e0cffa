"""How often guests may call."""

from __future__ import annotations

import pytest

from agent.errors import DragomanError
from agent.rate_limit import KNOWN, RateLimit, Spacing
from tests.test_room import Time


def answered(limit: RateLimit, identity: str, calls: int) -> int:
    """How many of so many calls at once are let in."""
    refused = 0
    for _ in range(calls):
        try:
            limit.admit(identity)
        except DragomanError:
            refused += 1
    return calls - refused


def test_twenty_calls_at_once_then_five_a_second_and_one_caller_costs_another_nothing():
    time = Time()
    limit = RateLimit(time)

    first = answered(limit, "eve", 25)
    time.now += 1.0
    then = answered(limit, "eve", 10)

    assert (first, then, answered(limit, "ana", 20)) == (20, 5, 20)
    with pytest.raises(DragomanError) as refused:
        limit.admit("ana")
    assert refused.value.code == "too_many_calls"


def test_who_goes_on_is_ignored_for_half_a_minute_and_answered_again_after_it():
    time = Time()
    limit = RateLimit(time)

    answered(limit, "eve", 100)
    time.now += RateLimit.IGNORED - 1.0
    ignored = answered(limit, "eve", 1)
    time.now += 1.5

    assert (ignored, answered(limit, "eve", 1)) == (0, 1)


def test_what_is_refused_by_others_for_being_too_much_counts_as_abuse_too():
    time = Time()
    limit = RateLimit(time)

    for _ in range(RateLimit.STRIKES + 1):
        limit.strike("eve")

    assert answered(limit, "eve", 1) == 0


def test_a_few_refusals_now_and_then_are_borne_for_ever():
    time = Time()
    limit = RateLimit(time)

    for _ in range(500):
        limit.strike("ana")
        time.now += 5.0
        assert answered(limit, "ana", 1) == 1


def test_who_comes_under_ever_new_names_meets_the_rooms_own_limit():
    limit = RateLimit(Time())

    assert sum(answered(limit, f"eve-{n}", 20) for n in range(100)) == RateLimit.ROOM_BURST


def test_so_many_callers_are_remembered_and_no_more():
    limit, spacing = RateLimit(Time()), Spacing(10.0, Time())

    for n in range(2 * KNOWN):
        answered(limit, f"eve-{n}", 1)
        spacing.take(f"eve-{n}")

    assert len(limit) == len(spacing) == KNOWN


def test_something_may_be_done_once_in_ten_seconds_by_each():
    time = Time()
    spacing = Spacing(10.0, time)
    spacing.take("ana")
    spacing.take("ben")
    time.now += 9.0

    with pytest.raises(DragomanError) as refused:
        spacing.take("ana")
    time.now += 1.0
    spacing.take("ana")

    assert refused.value.code == "too_soon"
