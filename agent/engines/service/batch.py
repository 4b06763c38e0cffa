"""Many small requests, one engine: gathered into batches, fair between rooms, bounded, and by deadline."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...errors import EngineError

Q = TypeVar("Q")
A = TypeVar("A")

THICK = 8
"""So many requests within as many windows are a crowd, in which it pays to wait for the next one."""
SOONEST, LATEST = 0.2, 5.0
"""Seconds after which who was refused is told to ask again, at least and at most."""


@dataclass(slots=True)
class _Waiting(Generic[Q, A]):
    request: Q
    room: str
    final: bool
    since: float
    until: float
    weight: int
    answer: asyncio.Future[A]


class FairQueue:
    """Whose turn it is, by the engine's time that a room has had: start-time fair queueing (Goyal, Vin, Cheng 1996).

    A room that asks for much, or for what takes long, waits for itself and not for others; one that was
    silent saves nothing up. Rooms that are in a hurry go first, while they are not further ahead than `AHEAD`.
    """

    LEAST = 0.001
    """Seconds that a request counts at least."""
    AHEAD = 1.0
    """Seconds of the engine's time."""

    def __init__(self) -> None:
        self._had: dict[str, float] = {}
        self._reached = 0.0

    def come(self, room: str, waiting: Container[str]) -> None:
        """A room asks, beside those that wait already."""
        self._had = {one: had for one, had in self._had.items() if had > self._reached or one in waiting}
        self._had[room] = max(self._had.get(room, 0.0), self._reached)

    def first(self, rooms: Mapping[str, bool]) -> str:
        """Of these rooms, and whether they are in a hurry, the one that has had least; of equal ones the first."""
        return min(rooms, key=lambda room: self._had[room] - self.AHEAD * rooms[room])

    def take(self, room: str, seconds: float) -> None:
        """A request of the room is begun, which will take about so long."""
        self._reached = max(self._reached, self._had[room])
        self._had[room] += max(self.LEAST, seconds)

    def correct(self, room: str, seconds: float) -> None:
        """It took so much longer, or shorter, than was thought."""
        if room in self._had:
            self._had[room] += seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is in one call, and how much may wait for one."""

    most: int = 1
    """What the requests of a call weigh together; one is taken whatever it weighs."""
    window: float = 0.0
    """Seconds for which a free engine waits for more, where requests come thick."""
    waiting: int = 64
    """Requests that wait; half as many of one room."""
    patience: float = 1.0
    """Seconds after which an interim that waits is stale."""


class Batch(Generic[Q, A]):
    """A queue before `work`, which answers several requests in one call, within `limits`.

    A call takes as many as weigh up to `most` together, and one at least. The room that has had least of the
    engine's time comes first, and finals before interims: always within a room, and between rooms while none
    gets ahead by it (see `FairQueue`). Where requests come thick a free engine waits until the oldest has waited
    for `window` seconds, for more to come; elsewhere nobody is expected, and nobody waits. What comes while
    the engine works is a batch by itself.

    At most `waiting` requests wait, of one room half as many: beyond it an interim is dropped for a final, and
    anything else refused (`overloaded`, with the seconds after which to ask again). An interim that has waited
    for `patience` seconds, or longer than its asker said it is worth, is stale, and answered `overloaded`
    instead of being worked on; a final never is.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Q]], Awaitable[Sequence[A | EngineError]]],
        limits: Limits = Limits(),
        *,
        weigh: Callable[[Q], int] = lambda request: 1,
        now: Callable[[], float] = time.monotonic,
        waited: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._work = work
        self._limits = limits
        self._weigh = weigh
        self._now = now
        self._waited = waited
        self._rooms: dict[str, deque[_Waiting[Q, A]]] = {}
        self._turns = FairQueue()
        self._came: deque[float] = deque(maxlen=THICK)
        self._arrived = asyncio.Event()
        self._hands = 0
        self._pace = 0.0

    @property
    def waiting(self) -> int:
        return sum(map(len, self._rooms.values()))

    async def ask(self, request: Q, room: str = "", *, final: bool = True, worth: float = math.inf) -> A:
        """Wait for the turn and the answer. Raises `EngineError`: `overloaded`, or the engine's own.

        `worth` is for how many seconds it is still of use to begin an interim.
        """
        self._admit(room, final)
        now = self._now()
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        until = math.inf if final else now + min(worth, self._limits.patience)
        one = _Waiting(request, room, final, now, until, self._weigh(request), answer)
        if room not in self._rooms:
            self._turns.come(room, self._rooms)
        self._rooms.setdefault(room, deque()).append(one)
        self._came.append(now)
        self._arrived.set()
        try:
            return await answer
        finally:
            self._forget(one)

    async def run(self) -> None:
        """Answer requests until cancelled. Several tasks may run it: then as many calls are made at once."""
        self._hands += 1
        try:
            while True:
                await self._gather()
                if taken := self._take():
                    await self._answer(taken)
        finally:
            self._hands -= 1

    # What waits

    def _all(self) -> Iterable[_Waiting[Q, A]]:
        return (one for queue in self._rooms.values() for one in queue)

    async def _gather(self) -> None:
        """Wait until there is something to do, and in a crowd for what comes within the window."""
        while not self.waiting:
            await self._another()
        if len(self._came) < THICK or self._now() - self._came[0] > THICK * self._limits.window:
            return
        end = min(one.since for one in self._all()) + self._limits.window
        while sum(one.weight for one in self._all()) < self._limits.most and (left := end - self._now()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._another()
            except TimeoutError:
                return

    async def _another(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()

    def _admit(self, room: str, final: bool) -> None:
        ours, most = self._rooms.get(room, deque()), self._limits.waiting
        if len(ours) < most // 2 and self.waiting < most:
            return
        crowd = [ours] if len(ours) >= most // 2 else sorted(self._rooms.values(), key=len, reverse=True)
        interim = next((one for queue in crowd for one in queue if not one.final), None)
        if not final or interim is None:
            raise self._overloaded("Too many requests wait.")
        _refuse(interim, self._overloaded("A final needed the place."))
        self._forget(interim)

    def _overloaded(self, why: str) -> EngineError:
        left = sum(one.weight for one in self._all()) * self._pace / max(1, self._hands)
        return EngineError("overloaded", why, retryable=True, after=min(LATEST, max(SOONEST, left)))

    def _forget(self, one: _Waiting[Q, A]) -> None:
        queue = self._rooms.get(one.room)
        if queue and one in queue:
            queue.remove(one)
        if not queue:
            self._rooms.pop(one.room, None)

    # What is worked on

    def _take(self) -> list[_Waiting[Q, A]]:
        taken: list[_Waiting[Q, A]] = []
        while self._rooms:
            hurries = {room: any(one.final for one in queue) for room, queue in self._rooms.items()}
            queue = self._rooms[self._turns.first(hurries)]
            one = next((one for one in queue if one.final), queue[0])
            if taken and sum(other.weight for other in taken) + one.weight > self._limits.most:
                break
            self._forget(one)
            if self._now() >= one.until:
                _refuse(one, self._overloaded("It waited for too long."))
            elif not one.answer.done():
                self._waited(self._now() - one.since)
                self._turns.take(one.room, one.weight * self._pace)
                taken.append(one)
        return taken

    async def _answer(self, taken: Sequence[_Waiting[Q, A]]) -> None:
        begun = self._now()
        try:
            answers = await self._work([one.request for one in taken])
        except EngineError as error:
            answers = [error] * len(taken)
        except BaseException:
            for one in taken:
                _refuse(one, EngineError("engine_failed", "The engine failed."))
            raise
        self._count(taken, self._now() - begun)
        for one, answer in zip(taken, answers, strict=True):
            if isinstance(answer, EngineError):
                _refuse(one, answer)
            elif not one.answer.done():
                one.answer.set_result(answer)

    def _count(self, taken: Sequence[_Waiting[Q, A]], seconds: float) -> None:
        """Whose time it was, each by their weight; and how long a unit of it takes, of late."""
        each = seconds / sum(one.weight for one in taken)
        for one in taken:
            self._turns.correct(one.room, one.weight * (each - self._pace))
        self._pace += (each - self._pace) * (0.2 if self._pace else 1.0)


def _refuse(one: _Waiting[Q, A], error: EngineError) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)
