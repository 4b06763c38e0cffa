"""The loop on which waiting costs nothing: what moves its clock, and by how much."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from .simulated_time import SimulatedLoop, run


class Processor:
    """A clock that shows what was computed."""

    def __init__(self) -> None:
        self.spent = 0.0

    def __call__(self) -> float:
        return self.spent

    def compute(self, seconds: float) -> str:
        self.spent += seconds
        return "computed"


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
async def since() -> AsyncIterator[float]:
    begun = now()
    yield begun
    assert now() == begun + 3_600


@pytest.mark.simulated_time
async def test_a_test_that_is_marked_sleeps_an_hour_at_once_and_its_fixtures_with_it(since: float) -> None:
    really = time.monotonic()

    await asyncio.sleep(3_600)

    assert isinstance(asyncio.get_running_loop(), SimulatedLoop)
    assert now() - since == 3_600
    assert time.monotonic() - really < 60


async def test_a_test_that_is_not_marked_lives_by_the_real_clock() -> None:
    assert not isinstance(asyncio.get_running_loop(), SimulatedLoop)


@pytest.mark.simulated_time
async def test_what_ends_a_wait_first_is_first() -> None:
    order: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append((name, now()))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(wait("last", 9.0), wait("second", 2.0), wait("first", 1.0)), 5.0)

    assert order == [("first", 1.0), ("second", 2.0)]
    assert now() == 5.0


def test_tasks_of_which_each_waits_for_another_are_told_so() -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="every task waits for another"):
        run(for_ever())


@pytest.mark.simulated_time
async def test_what_a_thread_is_asked_for_is_done_at_once_and_takes_no_time() -> None:
    assert await asyncio.to_thread(sum, [1, 2, 3]) == 6
    assert now() == 0.0


def test_by_a_clock_what_the_loop_computes_takes_its_time() -> None:
    processor = Processor()

    async def compute() -> float:
        processor.compute(0.2)
        await asyncio.sleep(1.0)
        return now()

    assert run(compute(), processor) == pytest.approx(1.2)


def test_by_a_clock_what_a_thread_computes_takes_its_time_and_lets_others_go_on() -> None:
    processor, ticks = Processor(), []

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.0625)
            ticks.append(now())

    async def compute() -> tuple[str, float]:
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0)
        answer = await asyncio.to_thread(processor.compute, 0.25)
        ticking.cancel()
        return answer, now()

    assert run(compute(), processor) == ("computed", 0.25)
    assert ticks[:3] == [0.0625, 0.125, 0.1875]


def test_by_a_clock_what_a_thread_raises_is_raised_when_it_would_have_been() -> None:
    processor = Processor()

    def fail() -> None:
        processor.compute(0.5)
        raise ValueError("no")

    async def ask() -> float:
        with pytest.raises(ValueError, match="no"):
            await asyncio.to_thread(fail)
        return now()

    assert run(ask(), processor) == 0.5


def test_a_thread_whose_answer_is_no_longer_wanted_disturbs_nobody() -> None:
    processor = Processor()

    async def give_up() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(processor.compute, 10.0), 1.0)
        await asyncio.sleep(20.0)
        return now()

    assert run(give_up(), processor) == 21.0
