"""Many small requests, one engine: fair between rooms, bounded, and by deadline."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..errors import EngineError

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(slots=True)
class _Waiting(Generic[Q, A]):
    request: Q
    room: str
    final: bool
    since: float
    answer: asyncio.Future[A]


class Batch(Generic[Q, A]):
    """A queue before `work`, which answers up to `most` requests in one call.

    Rooms take turns; within a room finals go before interims, and then whoever came first. At most
    `limit` requests wait, of one room half as many: beyond it an interim is dropped for a final, and
    anything else refused (`overloaded`). An interim that has waited for `patience` seconds is
    stale, and answered `overloaded` instead of being worked on; a final never is.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Q]], Awaitable[Sequence[A | EngineError]]],
        *,
        most: int = 1,
        limit: int = 64,
        patience: float = 1.0,
        now: Callable[[], float] = time.monotonic,
        waited: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._work = work
        self._most = most
        self._limit = limit
        self._patience = patience
        self._now = now
        self._waited = waited
        self._rooms: dict[str, deque[_Waiting[Q, A]]] = {}
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._rooms.values()))

    async def ask(self, request: Q, room: str = "", *, final: bool = True) -> A:
        """Wait for the turn and the answer. Raises `EngineError`: `overloaded`, or the engine's own."""
        self._admit(room, final)
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        one = _Waiting(request, room, final, self._now(), answer)
        self._rooms.setdefault(room, deque()).append(one)
        self._arrived.set()
        try:
            return await answer
        finally:
            self._forget(one)

    async def run(self) -> None:
        """Answer requests until cancelled. Several tasks may run it: then as many calls are made at once."""
        while True:
            while not self.waiting:
                self._arrived.clear()
                await self._arrived.wait()
            if taken := self._take():
                await self._answer(taken)

    def _admit(self, room: str, final: bool) -> None:
        ours = self._rooms.get(room, deque())
        if len(ours) < self._limit // 2 and self.waiting < self._limit:
            return
        crowd = [ours] if len(ours) >= self._limit // 2 else sorted(self._rooms.values(), key=len, reverse=True)
        interim = next((one for queue in crowd for one in queue if not one.final), None)
        if not final or interim is None:
            raise _overloaded("Too many requests wait.")
        _refuse(interim, _overloaded("A final needed the place."))
        self._forget(interim)

    def _take(self) -> list[_Waiting[Q, A]]:
        taken: list[_Waiting[Q, A]] = []
        while self._rooms and len(taken) < self._most:
            room, queue = next(iter(self._rooms.items()))
            one = next((one for one in queue if one.final), queue[0])
            self._forget(one)
            if room in self._rooms:  # it comes last now
                self._rooms[room] = self._rooms.pop(room)
            if not one.final and self._now() - one.since >= self._patience:
                _refuse(one, _overloaded("It waited for too long."))
            elif not one.answer.done():
                self._waited(self._now() - one.since)
                taken.append(one)
        return taken

    async def _answer(self, taken: Sequence[_Waiting[Q, A]]) -> None:
        try:
            answers = await self._work([one.request for one in taken])
        except EngineError as error:
            answers = [error] * len(taken)
        except BaseException:
            for one in taken:
                _refuse(one, EngineError("engine_failed", "The engine failed."))
            raise
        for one, answer in zip(taken, answers, strict=True):
            if isinstance(answer, EngineError):
                _refuse(one, answer)
            elif not one.answer.done():
                one.answer.set_result(answer)

    def _forget(self, one: _Waiting[Q, A]) -> None:
        queue = self._rooms.get(one.room)
        if queue and one in queue:
            queue.remove(one)
        if not queue:
            self._rooms.pop(one.room, None)


def _overloaded(why: str) -> EngineError:
    return EngineError("overloaded", why, retryable=True)


def _refuse(one: _Waiting[Q, A], error: EngineError) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)
