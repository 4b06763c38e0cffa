"""Which of an engine's stock voices a speaker has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.engines.stock_voices import first, seat

names = st.lists(st.text(alphabet="abcdefgh0123", min_size=1, max_size=6), min_size=1, max_size=20, unique=True)


def test_a_name_alone_always_comes_to_the_same_voice() -> None:
    assert [seat("ana", 12), seat("ana", 12)] == [first("ana", 12)] * 2
    assert {seat(f"guest-{n}", 12) for n in range(200)} == {*range(12)}


def test_who_is_not_named_has_the_first_voice() -> None:
    assert (seat(None, 12), seat("", 12)) == (0, 0)


@given(names)
def test_no_two_share_a_voice_while_there_are_enough(people: list[str]) -> None:
    seats = [seat(" ".join(people[: at + 1]), len(people)) for at in range(len(people))]

    assert sorted(seats) == [*range(len(people))]


@given(names, st.integers(1, 5))
def test_where_there_are_too_few_everybody_still_has_one(people: list[str], count: int) -> None:
    assert 0 <= seat(" ".join(people), count) < count


@given(names, st.integers(2, 30))
def test_who_finds_their_own_voice_free_gets_it(people: list[str], count: int) -> None:
    taken = {seat(" ".join(people[: at + 1]), count) for at in range(len(people) - 1)}
    own = first(people[-1], count)

    if own not in taken:
        assert seat(" ".join(people), count) == own
