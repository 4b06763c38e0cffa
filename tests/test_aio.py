"""Meeting places of tasks: what waits, what is dropped, what is tried again."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.aio import Feed, FeedOverflow, Inbox, Supervisor, TaskScope, supervise
from agent.errors import EngineError
from agent.nouns import SAMPLE_RATE, Chunk


def chunk(start: float, seconds: float, fill: bytes = b"\1\0") -> Chunk:
    return Chunk("t", start, fill * round(seconds * SAMPLE_RATE))


async def test_sound_that_waits_is_joined_into_one_chunk():
    inbox = Inbox()
    inbox.put(chunk(0.0, 0.1))
    inbox.put(chunk(0.1, 0.1))
    inbox.close()

    got = [c async for c in inbox]

    assert [(c.start, round(c.duration, 3)) for c in got] == [(0.0, 0.2)]


async def test_sound_with_a_gap_between_is_not_joined():
    inbox = Inbox()
    inbox.put(chunk(0.0, 0.1))
    inbox.put(chunk(5.0, 0.1))
    inbox.close()

    assert [c.start async for c in inbox] == [0.0, 5.0]


async def test_beyond_the_limit_the_oldest_sound_is_dropped_and_counted():
    inbox = Inbox(limit=1.0)
    for i in range(15):
        inbox.put(chunk(i * 0.1, 0.1))
    inbox.close()

    [kept] = [c async for c in inbox]

    assert inbox.dropped == pytest.approx(0.5, abs=0.001)
    assert kept.start == pytest.approx(0.5, abs=0.001)
    assert kept.end == pytest.approx(1.5, abs=0.001)


@given(st.lists(st.tuples(st.floats(0.01, 3), st.booleans()), max_size=30))
def test_what_came_is_either_kept_or_counted_as_dropped(pieces: list[tuple[float, bool]]):
    inbox, at, came = Inbox(limit=2.0), 0.0, 0.0
    for seconds, gap in pieces:
        piece = chunk(at, seconds)
        inbox.put(piece)
        came += piece.duration
        at = piece.end + (1.0 if gap else 0.0)

    assert inbox.seconds <= 2.0 + 1e-3
    assert inbox.seconds + inbox.dropped == pytest.approx(came, abs=1e-2)


async def test_a_slow_listener_misses_revisions_but_no_segment():
    feed: Feed[str] = Feed()
    feed.put("is this", replaces="s1")
    feed.put("is this on", replaces="s1")
    feed.put("Is this on?")
    feed.close()

    assert [item async for item in feed] == ["is this on", "Is this on?"]


async def test_a_listener_that_never_reads_is_ended_loudly():
    feed: Feed[int] = Feed(limit=3)
    for i in range(4):
        feed.put(i)

    with pytest.raises(FeedOverflow):
        await feed.__aiter__().__anext__()


async def test_what_waits_can_be_taken_as_long_as_it_is_wanted():
    feed: Feed[int] = Feed()
    for i in (1, 2, 5, 1):
        feed.put(i)

    assert feed.take(lambda i: i < 3) == [1, 2]
    assert feed.waiting == 2


async def test_what_waits_can_be_picked_from_among_the_rest():
    feed: Feed[int] = Feed()
    for i in (5, 1, 6, 2, 3):
        feed.put(i)
    feed.close()

    assert feed.pick(lambda i: i < 5, 2) == [1, 2]
    assert [item async for item in feed] == [5, 6, 3]


@pytest.mark.simulated_time
@pytest.mark.parametrize(("after", "pauses"), [(0.0, [0.2, 0.4, 0.8]), (0.7, [0.7, 1.4, 1.5]), (60.0, [1.5, 1.5, 1.5])])
async def test_it_is_tried_again_no_sooner_than_the_engine_said_but_within_two_seconds(
    after: float, pauses: list[float]
):
    tried: list[float] = []

    async def attempt() -> None:
        tried.append(asyncio.get_running_loop().time())
        if len(tried) < 4:
            raise EngineError("overloaded", "Too much.", retryable=True, after=after)

    await supervise(attempt)

    assert [later - at for at, later in pairwise(tried)] == pytest.approx(pauses)


async def test_an_inbox_whose_limit_falls_drops_the_oldest_with_the_next_sound():
    inbox = Inbox(limit=20.0)
    inbox.put(Chunk("t", 0.0, bytes(2 * SAMPLE_RATE * 10)))

    inbox.limit = 3.0
    inbox.put(Chunk("t", 10.0, bytes(2 * SAMPLE_RATE)))

    assert (inbox.seconds, inbox.dropped) == (pytest.approx(3.0), pytest.approx(8.0))


async def test_a_retryable_failure_is_tried_again_and_told():
    attempts: list[int] = []
    told: list[str] = []

    async def attempt() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise EngineError("engines_away", "Nobody answers.", retryable=True)
        return "done"

    answer = await supervise(attempt, failed=lambda e: told.append(e.code), first_pause=0.0)

    assert (answer, len(attempts), told) == ("done", 3, ["engines_away", "engines_away"])


async def test_any_other_failure_falls_through():
    async def attempt() -> None:
        raise EngineError("bad_request", "No.")

    with pytest.raises(EngineError, match="bad_request"):
        await asyncio.wait_for(supervise(attempt), 1)


@pytest.mark.parametrize(("code", "tries"), [("engine_failed", 3), ("timeout", 9)])
async def test_what_fails_over_its_own_request_is_given_up_after_three_tries_or_nine_timeouts(code: str, tries: int):
    attempts: list[int] = []

    async def attempt() -> None:
        attempts.append(1)
        raise EngineError(code, "No.", retryable=True)

    with pytest.raises(EngineError, match=code):
        await asyncio.wait_for(supervise(attempt, first_pause=0.0), 1)

    assert len(attempts) == tries


@pytest.mark.simulated_time
async def test_engines_that_are_away_are_waited_for_however_often_it_takes():
    attempts: list[int] = []

    async def attempt() -> str:
        attempts.append(1)
        if len(attempts) < 1_000:
            raise EngineError(("engines_away", "loading", "overloaded")[len(attempts) % 3], "No.", retryable=True)
        return "done"

    assert await supervise(attempt) == "done"


@pytest.mark.simulated_time
async def test_a_part_that_falls_is_begun_again_after_ever_longer_pauses_and_sooner_once_it_stood():
    begun: list[float] = []
    fell: list[tuple[str, str]] = []

    async def part() -> None:
        begun.append(asyncio.get_running_loop().time())
        if len(begun) == 7:
            await asyncio.sleep(60.0)
        if len(begun) == 9:
            return
        raise RuntimeError("no")

    supervisor = Supervisor(lambda name, error: fell.append((name, type(error).__name__)))
    await supervisor.keep("part", part)

    pauses = [later - at for at, later in pairwise(begun)]
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 60.2, 0.4])
    assert fell == [("part", "RuntimeError")] * 8


@pytest.mark.simulated_time
async def test_a_part_that_is_worth_few_tries_is_left_after_them():
    fell: list[str] = []

    async def part() -> None:
        raise EngineError("engine_failed", "No.")

    await Supervisor(lambda name, error: fell.append(name)).keep("part", part, tries=3)

    assert fell == ["part"] * 3


async def test_a_part_that_is_taken_away_is_not_begun_again():
    begun: list[int] = []

    async def part() -> None:
        begun.append(1)
        await asyncio.Event().wait()

    kept = asyncio.create_task(Supervisor(lambda name, error: None).keep("part", part))
    await asyncio.sleep(0)
    kept.cancel()

    with pytest.raises(asyncio.CancelledError):
        await kept
    assert begun == [1]


async def test_a_feed_that_was_cleared_is_read_again():
    feed: Feed[int] = Feed(limit=1)
    for i in range(3):
        feed.put(i)

    feed.clear()
    feed.put(7)

    assert await feed.__aiter__().__anext__() == 7


async def test_a_scope_ends_when_all_its_tasks_have_and_a_part_that_falls_is_begun_again():
    fallen: list[str] = []
    tasks, done = TaskScope(lambda part, error: fallen.append(part)), list[str]()

    async def falls_once() -> None:
        if not fallen:
            raise RuntimeError("no")
        done.append("part")

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append("work")

    async with tasks:
        tasks.begin_part("a part", falls_once)
        tasks.begin(work(), "work")

    assert sorted(done) == ["part", "work"]
    assert fallen == ["a part"]


async def test_outside_of_a_scope_nothing_begins():
    tasks = TaskScope(lambda part, error: None)

    async def work() -> None: ...

    for _ in range(2):
        assert not tasks.entered
        with pytest.raises(RuntimeError):
            tasks.begin(work(), "work")
        async with tasks:
            assert tasks.entered


async def test_a_task_without_a_wall_ends_its_scope():
    tasks = TaskScope(lambda part, error: None)

    async def falls() -> None:
        raise RuntimeError("no")

    begun: list[asyncio.Task[None]] = []

    async def scene() -> None:
        async with tasks:
            begun.append(tasks.begin_part("a part", asyncio.Event().wait))
            tasks.begin(falls(), "work")

    with pytest.raises(ExceptionGroup):
        await scene()
    assert begun[0].cancelled()
