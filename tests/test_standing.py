"""An interpreter that was stopped is silent from the moment at which it wakes."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from agent.standing import LAPSE, Standing


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_who_runs_may_speak(clock: Clock):
    standing = Standing(clock)

    for _ in range(100):
        clock.now += LAPSE / 4
        standing.tick()
        assert standing.stands


def test_who_was_stopped_may_not_speak_even_before_any_task_has_run(clock: Clock):
    standing = Standing(clock)

    clock.now += LAPSE

    assert not standing.stands


def test_to_run_again_is_not_enough(clock: Clock):
    standing = Standing(clock)
    clock.now += LAPSE

    for _ in range(10):
        standing.tick()
        clock.now += 0.1

    assert not standing.stands


def test_an_answer_to_a_question_from_after_the_stop_lets_us_speak(clock: Clock):
    standing = Standing(clock)
    clock.now += 60
    assert not standing.stands

    asked = clock.now
    clock.now += 0.1
    standing.confirm(asked)

    assert standing.stands


def test_an_answer_to_a_question_from_before_the_stop_says_nothing(clock: Clock):
    standing = Standing(clock)
    asked = clock.now
    clock.now += 60
    assert not standing.stands

    standing.confirm(asked)

    assert not standing.stands


async def test_what_waits_goes_on_once_we_may_speak_and_not_before(clock: Clock):
    standing = Standing(clock)
    clock.now += 60
    sent: list[int] = []

    async def send() -> None:
        for number in itertools.count():
            await standing.hold()
            sent.append(number)
            if number == 2:
                return

    sending = asyncio.create_task(send())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sent == []

    standing.confirm(clock.now)
    await sending

    assert sent == [0, 1, 2]
