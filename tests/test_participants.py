"""Who is in a room, and what follows from what they want."""

from __future__ import annotations

from collections.abc import Mapping

from agent.participants import Participants, Wants
from agent.quotas import PEOPLE


def test_what_has_to_be_made_is_what_people_read_and_hear_and_what_always_is():
    people = Participants(always=["en"])
    people.note("ana", Wants("es", "fr", "fr"))
    people.note("ben", Wants("de", "", "it"))

    assert people.read == ["en", "fr", "it"]
    assert people.heard == {"fr", "it"}
    assert people.read_by_others("ana") == {"en", "it"}
    assert people.speaks == {"ana": "es", "ben": "de"}


def test_what_is_refused_is_wanted_no_more():
    assert Wants("es", "fr", "it").without(["it"]) == Wants("es", "fr", "")


def test_who_said_nothing_is_not_known_and_speaks_whatever_is_found_out():
    people = Participants()

    assert people.knows("ana") is None
    assert people.wants("ana") == Wants()
    assert not people.found("ana", "es")

    people.note("ana", Wants())

    assert people.found("ana", "es")
    assert not people.found("ana", "es")
    assert people.spoken == {"es"}


def test_who_says_another_language_is_listened_to_anew_and_what_was_found_out_counts_no_more():
    people = Participants()
    people.note("ana", Wants("auto", "es", ""))
    people.found("ana", "fr")

    assert not people.note("ana", Wants("auto", "de", ""))
    assert people.detected == {"ana": "fr"}
    assert people.note("ana", Wants("it", "de", ""))
    assert people.detected == {}


def test_a_suggestion_is_told_once_and_only_where_it_is_another_language():
    told: list[Mapping[str, str]] = []
    people = Participants(suggested=told.append)
    people.note("ana", Wants("en", "", ""))

    people.suggest("ana", "en-GB")
    people.suggest("ben", "fr")
    people.suggest("ana", "fr")
    people.suggest("ana", "fr")
    people.withdraw("ana")
    people.withdraw("ana")

    assert told == [{"ana": "fr"}, {}]


def test_who_left_leaves_nothing():
    people = Participants()
    people.note("ana", Wants("en", "es", "es"))
    people.found("ana", "fr")

    people.forget("ana")

    assert (people.read, people.heard, people.spoken, people.detected) == ([], set(), set(), {})


def test_of_so_many_people_the_wishes_are_known_and_no_more():
    people = Participants()
    for n in range(PEOPLE):
        people.note(f"p{n}", Wants())

    assert people.has_room("p0")
    assert not people.has_room("one-more")
