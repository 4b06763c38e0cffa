"""What the queue before an engine promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from agent.engines.batch import Batch
from agent.errors import EngineError


class Engine:
    """Answers in capitals, when its gate is open, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()

    async def work(self, requests: Sequence[str]) -> list[str | EngineError]:
        self.asked.append([*requests])
        await self.gate.wait()
        return [EngineError("engine_failed", "No.") if one == "bad" else one.upper() for one in requests]


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@asynccontextmanager
async def running(batch: Batch[str, str]) -> AsyncIterator[None]:
    task = asyncio.create_task(batch.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def turn() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def asking(batch: Batch[str, str], text: str, room: str = "a", final: bool = True) -> asyncio.Task[str]:
    return asyncio.create_task(batch.ask(text, room, final=final))


async def code(task: asyncio.Task[str]) -> str:
    with pytest.raises(EngineError) as caught:
        await task
    return caught.value.code


async def test_a_request_is_answered() -> None:
    engine = Engine()
    engine.gate.set()
    batch = Batch(engine.work)

    async with running(batch):
        assert await batch.ask("one", "a") == "ONE"


async def test_rooms_take_turns_however_much_one_of_them_asks() -> None:
    engine = Engine()
    batch = Batch(engine.work)

    async with running(batch):
        tasks = [asking(batch, "first"), *(asking(batch, f"a{n}") for n in range(4)), asking(batch, "b0", "b")]
        await turn()
        engine.gate.set()
        await asyncio.gather(*tasks)

    assert [one for [one] in engine.asked].index("b0") <= 2


async def test_a_final_goes_before_the_interims_of_its_room() -> None:
    engine = Engine()
    batch = Batch(engine.work)

    async with running(batch):
        tasks = [asking(batch, "first")]
        await turn()
        tasks += [asking(batch, "interim", final=False), asking(batch, "final")]
        await turn()
        engine.gate.set()
        await asyncio.gather(*tasks)

    assert engine.asked == [["first"], ["final"], ["interim"]]


async def test_several_requests_are_one_call_where_the_engine_can() -> None:
    engine = Engine()
    batch = Batch(engine.work, most=3)

    async with running(batch):
        tasks = [asking(batch, "first")]
        await turn()
        tasks += [asking(batch, f"{n}", f"room {n}") for n in range(4)]
        await turn()
        engine.gate.set()
        assert await asyncio.gather(*tasks) == ["FIRST", "0", "1", "2", "3"]

    assert engine.asked == [["first"], ["0", "1", "2"], ["3"]]


async def test_a_stale_interim_is_dropped_and_a_late_final_is_not() -> None:
    engine, clock = Engine(), Clock()
    batch = Batch(engine.work, patience=1.0, now=clock)

    async with running(batch):
        first = asking(batch, "first")
        await turn()
        interim, final = asking(batch, "interim", final=False), asking(batch, "final")
        await turn()
        clock.time = 30.0
        engine.gate.set()

        assert await code(interim) == "overloaded"
        assert [await first, await final] == ["FIRST", "FINAL"]
    assert ["interim"] not in engine.asked


async def test_beyond_its_limit_it_refuses_and_says_that_later_is_better() -> None:
    batch: Batch[str, str] = Batch(Engine().work, limit=4)
    tasks = [asking(batch, "x", room) for room in ("a", "a", "b", "b")]
    await turn()

    with pytest.raises(EngineError) as caught:
        await batch.ask("y", "c")

    assert (caught.value.code, caught.value.retryable) == ("overloaded", True)
    for task in tasks:
        task.cancel()


async def test_a_room_that_asks_too_much_is_refused_while_others_are_not() -> None:
    batch: Batch[str, str] = Batch(Engine().work, limit=4)
    tasks = [asking(batch, "x"), asking(batch, "x")]
    await turn()

    greedy, other = asking(batch, "x"), asking(batch, "x", "b")
    await turn()

    assert await code(greedy) == "overloaded"
    assert batch.waiting == 3
    for task in [*tasks, other]:
        task.cancel()


async def test_an_interim_gives_its_place_to_a_final_where_there_is_no_other() -> None:
    batch: Batch[str, str] = Batch(Engine().work, limit=4)
    interim = asking(batch, "interim", final=False)
    others = [asking(batch, "x", room) for room in ("a", "b", "b")]
    await turn()

    final = asking(batch, "final", "c")
    await turn()

    assert await code(interim) == "overloaded"
    assert not final.done()
    for task in [*others, final]:
        task.cancel()


async def test_a_request_whose_asker_has_left_is_not_worked_on() -> None:
    engine = Engine()
    batch = Batch(engine.work)

    async with running(batch):
        first = asking(batch, "first")
        await turn()
        gone = asking(batch, "gone")
        await turn()
        gone.cancel()
        await turn()
        engine.gate.set()
        await first
        assert await batch.ask("next", "a") == "NEXT"

    assert engine.asked == [["first"], ["next"]]
    assert batch.waiting == 0


async def test_one_failure_is_one_requests_own() -> None:
    engine = Engine()
    batch = Batch(engine.work, most=3)

    async with running(batch):
        first = asking(batch, "first")
        await turn()
        bad, good = asking(batch, "bad"), asking(batch, "good", "b")
        await turn()
        engine.gate.set()

        assert await code(bad) == "engine_failed"
        assert [await first, await good] == ["FIRST", "GOOD"]


async def test_when_it_ends_nobody_is_left_waiting_for_what_was_begun() -> None:
    batch: Batch[str, str] = Batch(Engine().work)

    async with running(batch):
        begun = asking(batch, "begun")
        await turn()

    assert await code(begun) == "engine_failed"
