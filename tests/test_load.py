"""How far behind a room is."""

from __future__ import annotations

from agent.load import Load, LoadMeter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_longest_wait_counts_of_sound_clauses_and_voices():
    clock = Clock()
    meter = LoadMeter(clock)
    meter.said("one")
    clock.now += 3.0
    meter.said("two")

    load = meter.load(1.0, ["one", "two", None], [0.5, 2.0])

    assert load == Load(sound=1.0, clause=3.0, voice=2.0, refused=0)
    assert load.seconds == 3.0


def test_a_clause_that_is_not_remembered_waits_for_nothing():
    assert LoadMeter(Clock()).load(0.0, ["gone"], []) == Load()


def test_a_refusal_counts_for_a_few_seconds():
    clock = Clock()
    meter = LoadMeter(clock)
    meter.refused()
    meter.refused()

    assert meter.load(0.0, [], []).refused == 2
    clock.now += LoadMeter.LATELY
    assert meter.load(0.0, [], []).refused == 0


def test_delays_are_medians_of_the_last_minute_and_unknown_before_the_first():
    clock = Clock()
    meter = LoadMeter(clock)
    for seconds in (9.0, 1.0, 2.0):
        meter.took("recognise", seconds)
        clock.now += 25.0

    assert meter.delays() == {"recognise": 1.5}
    clock.now += 60.0
    assert meter.delays() == {}


def test_what_is_remembered_of_clauses_has_a_bound():
    meter = LoadMeter(Clock())
    for n in range(3 * LoadMeter.CLAUSES):
        meter.said(f"s{n}")

    assert len(meter._said) == LoadMeter.CLAUSES
