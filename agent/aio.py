"""Where tasks meet, and what becomes of those that fall: an inbox, a feed, a call tried again, a part begun again."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, TypeVar

from .errors import EngineError
from .nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk

T = TypeVar("T")

_TOUCHING = 0.005
"""Seconds: chunks nearer than this are one stretch of sound."""


class Inbox:
    """Sound that waits to be heard, at most `limit` seconds of it.

    What waits is joined, so a slow listener gets longer chunks instead of more of them.
    Beyond the limit the oldest sound is dropped and counted in `dropped` (seconds).
    """

    def __init__(self, limit: float = 20.0) -> None:
        self.limit = limit
        self._waiting: deque[Chunk] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self.dropped = 0.0

    @property
    def seconds(self) -> float:
        """How much sound waits."""
        return sum(chunk.duration for chunk in self._waiting)

    def put(self, chunk: Chunk) -> None:
        """Leave sound here. Never waits."""
        last = self._waiting[-1] if self._waiting else None
        if last and last.track == chunk.track and abs(chunk.start - last.end) < _TOUCHING:
            self._waiting[-1] = replace(last, pcm=last.pcm + chunk.pcm)
        else:
            self._waiting.append(chunk)
        self._drop_the_oldest()
        self._arrived.set()

    def close(self) -> None:
        """No more will come; what waits is still delivered."""
        self._closed = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while True:
            if self._waiting:
                yield self._waiting.popleft()
            elif self._closed:
                return
            else:
                self._arrived.clear()
                await self._arrived.wait()

    def _drop_the_oldest(self) -> None:
        over = self.seconds - self.limit
        while over > 1e-6:
            first = self._waiting[0]
            samples = min(math.ceil(over * SAMPLE_RATE), len(first.pcm) // SAMPLE_BYTES)
            self.dropped += samples / SAMPLE_RATE
            over -= samples / SAMPLE_RATE
            if samples * SAMPLE_BYTES >= len(first.pcm):
                self._waiting.popleft()
            else:
                rest = first.pcm[samples * SAMPLE_BYTES :]
                self._waiting[0] = replace(first, start=first.start + samples / SAMPLE_RATE, pcm=rest)


class FeedOverflow(RuntimeError):
    """A listener has not read for so long that its feed is full: end it loudly."""


class Feed(Generic[T]):
    """Items for one listener, in order. An item that `replaces` a waiting one takes its place.

    Holds `limit` items; beyond that the listener gets `FeedOverflow`, for it has stopped reading.
    """

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._waiting: dict[object, T] = {}
        self._arrived = asyncio.Event()
        self._closed = False
        self._overflown = False

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether no more will come."""
        return self._closed

    def clear(self) -> None:
        """Forget what waits, and that it was too much: its listener begins anew."""
        self._waiting.clear()
        self._overflown = False

    def put(self, item: T, *, replaces: str | None = None) -> None:
        """Leave an item here. Never waits."""
        if len(self._waiting) >= self._limit and replaces not in self._waiting:
            self._overflown = True
        elif not self._closed:
            # A fresh object is a key that nothing replaces.
            self._waiting[replaces if replaces is not None else object()] = item
        self._arrived.set()

    def close(self) -> None:
        """No more will come; what waits is still delivered."""
        self._closed = True
        self._arrived.set()

    def take(self, wanted: Callable[[T], bool]) -> list[T]:
        """All that waits from the front on, as long as it is wanted."""
        taken: list[T] = []
        while self._waiting and wanted(next(iter(self._waiting.values()))):
            taken.append(self._waiting.pop(next(iter(self._waiting))))
        return taken

    def pick(self, wanted: Callable[[T], bool], most: int) -> list[T]:
        """Up to `most` of what waits that are wanted, wherever they stand, in their order."""
        picked = [key for key, item in self._waiting.items() if wanted(item)][:most]
        return [self._waiting.pop(key) for key in picked]

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            if self._overflown:
                raise FeedOverflow(f"{self._limit} items wait unread")
            if self._waiting:
                yield self._waiting.pop(next(iter(self._waiting)))
            elif self._closed:
                return
            else:
                self._arrived.clear()
                await self._arrived.wait()


async def supervise(
    attempt: Callable[[], Awaitable[T]],
    *,
    failed: Callable[[EngineError], None] = lambda error: None,
    tries: float = 3.0,
    first_pause: float = 0.2,
    longest_pause: float = 1.5,
) -> T:
    """Try until it works, or until it is clear that it won't.

    What passes by itself (engines that are away, load or have too much to do) is waited for. Any other failure is
    about what was asked for: it is raised after so many `tries`, of which a timeout is a third, and at once where
    it is hopeless.

    The pause doubles from `first_pause` to `longest_pause` seconds, so that an engine that
    returns is met within 2 s; it is longer where the engine said so itself, within the same
    bound. Each failure of an engine after which it is tried again is told to `failed`.
    """
    pause = first_pause
    while True:
        try:
            return await attempt()
        except Exception as error:
            tries -= error.blame if isinstance(error, EngineError) else 1.0
            if tries < 0.01 or (isinstance(error, EngineError) and error.hopeless):
                raise
            if isinstance(error, EngineError):
                failed(error)
                pause = max(pause, min(error.after, longest_pause))
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest_pause)


async def within(seconds: float, tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Wait for them; those that take longer are cancelled."""
    if waiting := list(tasks):
        _, late = await asyncio.wait(waiting, timeout=seconds)
        for task in late:
            task.cancel()


class Supervisor:
    """Keeps parts going beside one another: one that falls is begun again, and takes no other with it.

    So does Erlang's supervisor with the strategy `one_for_one`, but for its giving up: a part that falls again
    and again costs a try every `longest_pause` seconds and nothing else. The pause doubles from `first_pause`;
    after `calm` seconds on its feet a part begins with the first one again. `fell` is told of each fall: which
    part, and over what.
    """

    def __init__(
        self,
        fell: Callable[[str, Exception], None],
        *,
        first_pause: float = 0.2,
        longest_pause: float = 3.0,
        calm: float = 10.0,
    ) -> None:
        self._fell = fell
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._calm = calm

    async def keep(self, name: str, part: Callable[[], Awaitable[object]], *, tries: float = math.inf) -> None:
        """Have a part run to its end, however often it falls on the way, or until it fell so many times in a row.

        Only being cancelled ends it sooner.
        """
        loop, pause, left = asyncio.get_running_loop(), self._first_pause, tries
        while True:
            begun = loop.time()
            try:
                await part()
                return
            except Exception as error:
                self._fell(name, error)
            if loop.time() - begun >= self._calm:
                pause, left = self._first_pause, tries
            left -= 1
            if left <= 0:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._longest_pause)


class TaskScope:
    """The tasks of one owner, which end with it; parts among them are kept going by a `Supervisor`.

    `async with` it: the block's end waits for all of them. Raises `RuntimeError` where a task is begun outside.
    """

    def __init__(self, fell: Callable[[str, Exception], None]) -> None:
        self.fell = fell
        self._supervisor = Supervisor(fell)
        self._group: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> TaskScope:
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._group is not None  # noqa: S101 - it was entered
        try:
            await self._group.__aexit__(kind, error, trace)
        finally:
            self._group = None

    @property
    def entered(self) -> bool:
        """Whether tasks may be begun."""
        return self._group is not None

    def begin(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """A task by that name. Where it falls, everything here ends."""
        if self._group is None:
            work.close()
            raise RuntimeError("nothing runs here yet")
        return self._group.create_task(work, name=name)

    def begin_part(
        self, part: str, run: Callable[[], Awaitable[object]], *, tries: float = math.inf
    ) -> asyncio.Task[None]:
        """A task with a wall (see `Supervisor.keep`), by the part's name."""
        return self.begin(self.keep(part, run, tries=tries), part)

    async def keep(self, part: str, run: Callable[[], Awaitable[object]], *, tries: float = math.inf) -> None:
        """The same as a part of the task that calls it."""
        await self._supervisor.keep(part, run, tries=tries)
