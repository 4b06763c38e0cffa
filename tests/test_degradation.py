"""What is given up, in which order, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.degradation import STATES, Degradation, Load
from web.metrics import STATES as COUNTED

ROOT = Path(__file__).parent.parent

BUSY, CALM, REFUSED = Load(sound=5.0), Load(sound=1.0), Load(refused=3)


@pytest.mark.parametrize(
    ("looks", "step", "state"),
    [
        ([BUSY] * 2, 0, "listening"),
        ([BUSY] * 3, 1, "degraded"),
        ([BUSY] * 6, 2, "slower"),
        ([BUSY] * 9, 3, "merging"),
        ([BUSY] * 12, 4, "captions_only"),
        ([BUSY] * 15, 5, "skipping"),
        ([BUSY] * 90, 5, "skipping"),
        ([BUSY] * 12 + [CALM] * 10, 3, "merging"),
        ([BUSY] * 15 + [CALM] * 50, 0, "listening"),
        ([BUSY, BUSY, CALM] * 9, 0, "listening"),
        ([BUSY] * 3 + [Load(sound=3.0)] * 50, 1, "degraded"),
        ([Load(clause=5.0)] * 3, 1, "degraded"),
        ([Load(voice=5.0)] * 3, 1, "degraded"),
    ],
)
def test_it_is_climbed_in_order_and_left_by_itself(looks: list[Load], step: int, state: str):
    degradation = Degradation()

    for load in looks:
        degradation.look(load)

    assert (degradation.step, degradation.state) == (step, state)


def test_every_step_gives_up_one_thing_more():
    degradation, given_up = Degradation(), []

    for _ in STATES:
        given_up.append(
            (
                not degradation.previews,
                degradation.slow,
                degradation.merging,
                not degradation.voices,
                degradation.kept < 20.0,
            )
        )
        for _ in range(Degradation.UP):
            degradation.look(BUSY)

    assert given_up == [tuple(n < step for n in range(5)) for step in range(6)]


def test_refusals_are_answered_by_asking_for_less_and_for_no_more_than_that():
    degradation = Degradation()

    for _ in range(30):
        degradation.look(REFUSED)

    assert degradation.state == "slower"


def test_it_is_not_left_downwards_while_engines_refuse():
    degradation = Degradation()
    for _ in range(6):
        degradation.look(BUSY)

    for _ in range(30):
        degradation.look(Load(refused=1))
    before = degradation.step
    for _ in range(20):
        degradation.look(CALM)

    assert (before, degradation.step) == (2, 0)


def test_it_says_when_the_step_changed():
    degradation = Degradation()

    assert [degradation.look(BUSY) for _ in range(4)] == [False, False, True, False]


def test_every_step_is_counted_and_documented_and_known_to_the_page():
    wire, page = ((ROOT / path).read_text() for path in ("docs/wire.md", "web/client/src/core/phase.ts"))

    assert ("starting", *STATES, "engines_away") == COUNTED
    assert [state for state in STATES if f"`{state}`" not in wire] == []
    assert [state for state in STATES[1:] if f"'{state}'" not in page] == []
