"""The benches that are played in simulated time, in short: what they promise holds."""

from __future__ import annotations

import pytest

from bench import overload, pacing


@pytest.mark.parametrize("talks", [0.7, 0.85, 1.0])
def test_a_dubbed_hour_of_translations_that_take_longer_stays_within_four_seconds(talks: float):
    found = pacing.measure(60.0, longer=1.3, talks=[talks], seed=7)
    ours, plain = found.values()
    growth, about = ours["slope s/h"]

    assert ours["lag p95"] <= 4.0
    assert growth - about <= 0.0
    assert ours["mean speed"] <= 1.25
    assert plain["lag p95"] > 4 * ours["lag p95"]


def test_at_twice_what_the_engine_can_do_captions_stay_young_and_a_slow_room_is_slow_alone():
    found = overload.measure(60.0, seed=7)

    assert found["2x capacity, ours"]["age p50"] < 0.6 * found["2x capacity, plain FIFO"]["age p50"]
    assert found["2x capacity, ours"]["age p95"] < found["2x capacity, plain FIFO"]["age p95"]
    assert found["2x capacity, ours"]["lost"] == 0.0
    beside, alone = found["the same beside a slow room, ours"], found["19 rooms at 0.7x, ours"]
    assert beside["age p95"] < 1.5 * alone["age p95"]
