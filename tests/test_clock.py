"""When a sample was spoken."""

from __future__ import annotations

import pytest

from agent.clock import RoomClock, TrackClock
from agent.nouns import SAMPLE_RATE


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_room_clock_counts_from_the_rooms_making_and_ignores_a_corrected_wall_clock():
    wall, steady = Time(), Time()
    clock = RoomClock(room_made=90.0, wall=wall, steady=steady)

    steady.now += 5
    wall.now += 3_600

    assert clock.now() == pytest.approx(15.0)


def test_chunks_that_arrive_on_time_follow_each_other():
    time = Time()
    clock = TrackClock(time)

    starts = []
    for _ in range(3):
        time.now += 0.1
        starts.append(clock.stamp(SAMPLE_RATE // 10))

    assert starts == pytest.approx([100.0, 100.1, 100.2])


def test_a_burst_after_a_stall_keeps_the_times_at_which_it_was_spoken():
    time = Time()
    clock = TrackClock(time)
    clock.stamp(1_600)
    time.now += 2.0

    starts = [clock.stamp(1_600) for _ in range(20)]

    assert starts[0] == pytest.approx(100.0)
    assert starts[-1] == pytest.approx(101.9)


def test_sound_that_was_lost_moves_the_clock_forward_after_a_while():
    time = Time()
    clock = TrackClock(time)
    clock.stamp(1_600)
    time.now += 10.0

    for _ in range(60):
        time.now += 0.1
        start = clock.stamp(1_600)

    assert start + 0.1 == pytest.approx(time.now, abs=0.01)


def test_the_clock_never_runs_ahead_of_now():
    time = Time()
    clock = TrackClock(time)
    clock.stamp(1_600)

    assert clock.stamp(160_000) + 10.0 == pytest.approx(time.now)
