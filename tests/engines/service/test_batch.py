"""What the queue before an engine promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from agent.engines.service.batch import LATEST, SOONEST, Batch, FairQueue, Limits
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


async def test_a_final_goes_before_the_interims_of_other_rooms() -> None:
    engine = Engine()
    batch = Batch(engine.work)

    async with running(batch):
        tasks = [asking(batch, "first")]
        await turn()
        tasks += [asking(batch, f"interim {n}", f"{n}", final=False) for n in range(3)]
        tasks.append(asking(batch, "final", "last"))
        await turn()
        engine.gate.set()
        await asyncio.gather(*tasks)

    assert engine.asked[1] == ["final"]


def test_who_is_always_in_a_hurry_does_not_keep_the_others_from_their_turn() -> None:
    assert order_of(8, 0.5, hurried=True, patient=False) == ["hurried"] * 3 + ["patient", "hurried"] * 2 + ["patient"]


def order_of(count: int, seconds: float, **hurries: bool) -> list[str]:
    """Who has the turn, where every room always has something waiting."""
    turns, order = FairQueue(), []
    for room in hurries:
        turns.come(room, hurries)
    for _ in range(count):
        order.append(turns.first(hurries))
        turns.take(order[-1], seconds)
    return order


async def test_several_requests_are_one_call_where_the_engine_can() -> None:
    engine = Engine()
    batch = Batch(engine.work, Limits(most=3))

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
    batch = Batch(engine.work, Limits(patience=1.0), now=clock)

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
    batch: Batch[str, str] = Batch(Engine().work, Limits(waiting=4))
    tasks = [asking(batch, "x", room) for room in ("a", "a", "b", "b")]
    await turn()

    with pytest.raises(EngineError) as caught:
        await batch.ask("y", "c")

    assert (caught.value.code, caught.value.retryable) == ("overloaded", True)
    for task in tasks:
        task.cancel()


async def test_a_room_that_asks_too_much_is_refused_while_others_are_not() -> None:
    batch: Batch[str, str] = Batch(Engine().work, Limits(waiting=4))
    tasks = [asking(batch, "x"), asking(batch, "x")]
    await turn()

    greedy, other = asking(batch, "x"), asking(batch, "x", "b")
    await turn()

    assert await code(greedy) == "overloaded"
    assert batch.waiting == 3
    for task in [*tasks, other]:
        task.cancel()


async def test_an_interim_gives_its_place_to_a_final_where_there_is_no_other() -> None:
    batch: Batch[str, str] = Batch(Engine().work, Limits(waiting=4))
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
    batch = Batch(engine.work, Limits(most=3))

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


async def test_an_interim_is_dropped_when_its_asker_says_it_is_worth_nothing_any_more() -> None:
    engine, clock = Engine(), Clock()
    batch = Batch(engine.work, Limits(patience=10.0), now=clock)

    async with running(batch):
        first = asking(batch, "first")
        await turn()
        short = asyncio.create_task(batch.ask("short", "a", final=False, worth=0.5))
        long = asyncio.create_task(batch.ask("long", "a", final=False, worth=5.0))
        final = asyncio.create_task(batch.ask("final", "a", worth=0.5))
        await turn()
        clock.time = 1.0
        engine.gate.set()

        assert await code(short) == "overloaded"
        assert await asyncio.gather(first, long, final) == ["FIRST", "LONG", "FINAL"]


@pytest.mark.simulated_time
@pytest.mark.parametrize(("limit", "after"), [(2, 2 * 0.5), (6, 6 * 0.5), (40, LATEST)])
async def test_who_is_refused_is_told_when_to_ask_again(limit: int, after: float) -> None:
    """Half a second a request, and so many wait."""

    async def slowly(requests: Sequence[str]) -> list[str | EngineError]:
        await asyncio.sleep(0.5)
        return [one.upper() for one in requests]

    batch: Batch[str, str] = Batch(slowly, Limits(waiting=limit), now=asyncio.get_running_loop().time)
    async with running(batch):
        await batch.ask("known", "a")
        tasks = [asking(batch, "begun", "a")]
        await turn()
        tasks += [asking(batch, "x", f"{n}") for n in range(limit)]
        await turn()
        with pytest.raises(EngineError) as caught:
            await batch.ask("y", "c")
        for task in tasks:
            task.cancel()

    assert caught.value.after == pytest.approx(after)


async def test_who_is_refused_before_anything_is_known_may_ask_again_soon() -> None:
    batch: Batch[str, str] = Batch(Engine().work, Limits(waiting=2))
    tasks = [asking(batch, "x", room) for room in ("a", "b")]
    await turn()

    with pytest.raises(EngineError) as caught:
        await batch.ask("y", "c")

    assert caught.value.after == SOONEST
    for task in tasks:
        task.cancel()


async def test_a_call_takes_as_much_as_weighs_what_it_may_and_one_request_at_least() -> None:
    engine = Engine()
    batch = Batch(engine.work, Limits(most=4), weigh=len)

    async with running(batch):
        tasks = [asking(batch, "f")]
        await turn()
        tasks += [asking(batch, text, f"room {n}") for n, text in enumerate(("aa", "bb", "c", "ddddddd", "e"))]
        await turn()
        engine.gate.set()
        await asyncio.gather(*tasks)

    assert engine.asked == [["f"], ["aa", "bb"], ["c"], ["ddddddd"], ["e"]]


class Timed:
    """Answers after as many seconds as the request says, in simulated time, and remembers when."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, list[float]]] = []

    @property
    def sizes(self) -> list[int]:
        return [len(requests) for _, requests in self.calls]

    async def work(self, requests: Sequence[float]) -> list[str | EngineError]:
        self.calls.append((asyncio.get_running_loop().time(), [*requests]))
        await asyncio.sleep(max(requests))
        return ["done" for _ in requests]


@asynccontextmanager
async def timed(**how: Any) -> AsyncIterator[tuple[Batch[float, str], Timed]]:
    engine = Timed()
    batch: Batch[float, str] = Batch(engine.work, Limits(**how), now=asyncio.get_running_loop().time)
    task = asyncio.create_task(batch.run())
    yield batch, engine
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def arriving(batch: Batch[float, str], every: float, count: int, takes: float = 0.001) -> None:
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            group.create_task(batch.ask(takes, f"room {n}"))
            await asyncio.sleep(every)


@pytest.mark.simulated_time
async def test_where_requests_come_seldom_nobody_is_waited_for() -> None:
    async with timed(most=16, window=0.02) as (batch, engine):
        await arriving(batch, every=0.25, count=12)

    assert [(at, len(requests)) for at, requests in engine.calls] == [(pytest.approx(n * 0.25), 1) for n in range(12)]


@pytest.mark.simulated_time
async def test_where_requests_come_thick_the_first_waits_a_window_for_the_next_ones() -> None:
    async with timed(most=16, window=0.02) as (batch, engine):
        await arriving(batch, every=0.005, count=100)

    sizes = engine.sizes
    assert sizes[:3] == [1, 1, 1]  # nobody knows yet
    assert set(sizes[12:-1]) <= {4, 5}
    assert sum(sizes) == 100


@pytest.mark.simulated_time
async def test_a_full_batch_waits_for_nobody_else() -> None:
    async with timed(most=2, window=10.0) as (batch, engine):
        await arriving(batch, every=0.005, count=40)

    assert max(engine.sizes) == 2


@pytest.mark.simulated_time
async def test_what_came_while_the_engine_worked_has_waited_long_enough() -> None:
    async with timed(most=16, window=0.02) as (batch, engine):
        await arriving(batch, every=0.005, count=60, takes=0.1)

    begun = [at for at, _ in engine.calls]
    assert max(later - at for at, later in pairwise(begun[2:])) == pytest.approx(0.1, abs=0.001)


@pytest.mark.simulated_time
async def test_a_room_whose_requests_take_long_gets_its_share_of_time_and_not_of_turns() -> None:
    done = {"slow": 0, "quick": 0}

    async def ask(batch: Batch[float, str], room: str, takes: float) -> None:
        while True:
            await batch.ask(takes, room)
            done[room] += 1

    async with timed() as (batch, _):
        tasks = [asyncio.create_task(ask(batch, "slow", 1.0)) for _ in range(3)]
        tasks += [asyncio.create_task(ask(batch, "quick", 0.1)) for _ in range(3)]
        await asyncio.sleep(60.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert done["slow"] * 1.0 == pytest.approx(30.0, abs=3.0)
    assert done["quick"] * 0.1 == pytest.approx(30.0, abs=3.0)


def test_a_room_that_was_silent_saves_no_turns_up() -> None:
    turns = FairQueue()
    turns.come("busy", ())
    for _ in range(10):
        turns.take("busy", 1.0)

    turns.come("late", ["busy"])
    order = []
    for _ in range(4):
        order.append(turns.first({"busy": False, "late": False}))
        turns.take(order[-1], 1.0)

    assert order == ["late", "busy", "late", "busy"]
