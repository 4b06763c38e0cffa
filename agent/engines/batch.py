"""Many small requests in front of one model: fair, bounded, by deadline."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import EngineError

T = TypeVar("T")


@dataclass(slots=True)
class _Job:
    work: Callable[[], Awaitable[Any]]
    answer: asyncio.Future[Any]
    due: float


class Queue:
    """Lets `width` requests of all rooms run at once, room by room in turn.

    At most `limit` requests wait. A request that can be refused is answered
    `overloaded` when the queue is full or when it has waited `patience` seconds; a request
    without patience (a final) is always taken, and runs however late it is.
    """

    def __init__(self, width: int, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        self.refused = 0
        self._width = width
        self._limit = limit
        self._now = now
        self._rooms: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._rooms.values()))

    async def run(self, room: str, work: Callable[[], Awaitable[T]], *, patience: float | None = None) -> T:
        """The answer of `work`, when it is this room's turn. Raises `EngineError` `overloaded` (retryable)."""
        if patience is not None and self.waiting >= self._limit:
            raise self._overloaded()
        due = float("inf") if patience is None else self._now() + patience
        job = _Job(work, asyncio.get_running_loop().create_future(), due)
        self._rooms.setdefault(room, deque()).append(job)
        self._start()
        answer: T = await job.answer
        return answer

    def _start(self) -> None:
        while len(self._running) < self._width and (job := self._next()):
            task = asyncio.create_task(self._do(job))
            self._running.add(task)
            task.add_done_callback(self._done)

    def _next(self) -> _Job | None:
        while self._rooms:
            room, jobs = next(iter(self._rooms.items()))
            job = jobs.popleft()
            self._rooms.move_to_end(room)
            if not jobs:
                del self._rooms[room]
            if job.answer.cancelled():
                continue
            if job.due >= self._now():
                return job
            job.answer.set_exception(self._overloaded())
        return None

    async def _do(self, job: _Job) -> None:
        try:
            answer = await job.work()
        except Exception as error:
            # Whatever went wrong belongs to who asked; the queue goes on.
            if not job.answer.done():
                job.answer.set_exception(error)
        else:
            if not job.answer.done():
                job.answer.set_result(answer)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    def _overloaded(self) -> EngineError:
        self.refused += 1
        return EngineError("overloaded", "The engine is busy.", retryable=True)
