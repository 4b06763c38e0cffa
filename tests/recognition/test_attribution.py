"""Who said it."""

from __future__ import annotations

from agent.nouns import Segment, Turn
from agent.recognition.attribution import attribute

SAID = Segment("s", 1, "t", "en", "hello", 10.0, 14.0, "fake", identity="ana")


def test_the_voice_that_held_the_floor_longest_said_it():
    turns = [Turn("t", "A", 0.0, 11.0), Turn("t", "B", 11.0, 13.0), Turn("t", "A", 13.0, 13.5)]

    assert attribute(SAID, turns).speaker == "B"


def test_short_turns_of_one_voice_add_up():
    turns = [Turn("t", "A", 10.0, 11.0), Turn("t", "B", 11.0, 12.5), Turn("t", "A", 12.5, 14.0)]

    assert attribute(SAID, turns).speaker == "A"


def test_without_a_turn_the_track_has_one_voice():
    assert attribute(SAID, [Turn("t", "A", 0.0, 9.0)]).speaker is None


def test_turns_of_another_track_say_nothing():
    assert attribute(SAID, [Turn("other", "A", 10.0, 14.0)]) == SAID
