"""One stage of the engine service: an engine from its loading to its end, and the queue before it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ...errors import EngineError
from .. import Served
from .batch import Batch

log = logging.getLogger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")

AGAIN = (5.0, 60.0)
"""Seconds between two tries to load what failed to, the first time and at most."""
PROBE = 20.0
"""Seconds in which an engine that hung must answer what warms it, to be asked again."""
ALONE = 60.0
"""Seconds for which, after several requests hung in one call, each is asked for by itself: it was one of them."""

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
FACTORS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5)


class Figures:
    """What the service counts, for Prometheus; nothing of what was said, in no label."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kinds: dict[str, Any] = {"labelnames": ["stage"], "registry": self.registry}
        self.wait = Histogram("dragoman_engine_wait_seconds", "Before an engine's turn", buckets=SECONDS, **kinds)
        self.work = Histogram("dragoman_engine_work_seconds", "An engine's own time, a call", buckets=SECONDS, **kinds)
        self.answer = Histogram("dragoman_engine_answer_seconds", "From asked to answered", buckets=SECONDS, **kinds)
        self.batch = Histogram("dragoman_engine_batch_size", "Requests that a call answered", buckets=SIZES, **kinds)
        self.first = Histogram("dragoman_engine_first_seconds", "Until a first piece", buckets=SECONDS, **kinds)
        self.factor = Histogram(
            "dragoman_engine_realtime_factor", "An engine's time by that of the sound", buckets=FACTORS, **kinds
        )
        self.waiting = Gauge("dragoman_engine_waiting", "Requests before an engine", **kinds)
        self.hanging = Gauge("dragoman_engine_hanging", "Whether an engine does not come back from a call", **kinds)
        self.loaded = Gauge("dragoman_engine_loaded", "Whether an engine is there", **kinds)
        self.progress = Gauge("dragoman_engine_progress", "How far an engine is loaded, 0 to 1", **kinds)
        self.refused = Counter(
            "dragoman_engine_refused_total",
            "Requests that got an error",
            labelnames=["stage", "code"],
            registry=self.registry,
        )


@dataclass(frozen=True, slots=True)
class Several(Generic[Q, A]):
    """How an engine is asked that answers several requests in one call of its model.

    A call takes requests that weigh up to the engine's `most` together; `window` is for how many seconds others are
    waited for where they come thick, `limit` how many may wait (see `Batch`): more than where each has a call of its
    own, since they go quicker.
    """

    work: Callable[[Any, Sequence[Q]], Awaitable[Sequence[A | EngineError]]]
    weigh: Callable[[Q], int] = lambda request: 1
    window: float = 0.015
    limit: int = 128


class Stage(Generic[Q, A]):
    """An engine that is loaded in a thread, warmed, and then asked by `work`, or by `several` where it can.

    As many calls are made at once as the engine's own `width` says; where it says nothing, as many as `workers`.
    `later` warms what is not needed to be ready. `progress` goes from 0 to 1. Where the engine can't be had,
    `missing` says why; where it fell while loading, it is loaded again after a while. Nothing is said at all without
    a stage that is `waited_for`: whoever asks it waits for a machine that has its engine.

    A call may take as many seconds as `deadline` gives its requests. Where it takes longer, its requests are answered
    with an error and the next one has its turn. A thread can't be ended, so the engine may be busy with it for ever:
    while `hanging` all requests are refused, until the engine answers what warms it.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Any],
        warm: Callable[[Any], Awaitable[None]],
        work: Callable[[Any, Q], Awaitable[A]],
        figures: Figures,
        *,
        workers: int = 1,
        deadline: Callable[[Q], float] = lambda request: 60.0,
        later: Callable[[Any], Awaitable[None]] | None = None,
        several: Several[Q, A] | None = None,
        waited_for: bool = False,
    ) -> None:
        self.name = name
        self._waited_for = waited_for
        self.engine: Any = None
        self.missing = ""
        self.progress = 0.0
        self.settled = asyncio.Event()
        """Set when it is known what is served."""
        self._load = load
        self._warm = warm
        self._work = work
        self._figures = figures
        self._workers = workers
        self._deadline = deadline
        self._again = False
        self._probing: asyncio.Task[None] | None = None
        self._alone_until = -math.inf
        self._later = later
        self._several = several
        self._batch = self._queue(None)
        figures.waiting.labels(name).set_function(lambda: self._batch.waiting)
        figures.loaded.labels(name).set_function(lambda: self.engine is not None)
        figures.progress.labels(name).set_function(lambda: self.progress)
        figures.hanging.labels(name).set_function(lambda: self.hanging)

    @property
    def hanging(self) -> bool:
        """Whether the engine has not come back from a call."""
        return self._probing is not None

    def served(self) -> Served:
        if self.engine is None:
            why = self.missing or "It is still loading"
            return Served(self.name, "none", why, "", "", {}, loading=not self.settled.is_set())
        served: Served = self.engine.served()
        return replace(served, stage=self.name)

    async def run(self) -> None:
        """Load, warm and answer until cancelled. Whatever it falls over, other stages answer on."""
        pause = AGAIN[0]
        while (engine := await self._loaded()) is None:
            if not self._again:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, AGAIN[1])
        self._batch = self._queue(engine)
        self.engine, self.progress, self.missing, self._again = engine, 1.0, "", False
        self.settled.set()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(engine.width or self._workers):
                    group.create_task(self._batch.run())
                await self._warmed_later(engine)
        finally:
            if self._probing:
                self._probing.cancel()
            await engine.close()

    async def _loaded(self) -> Any:
        """The engine, warm; None where there is none, or none yet."""
        try:
            engine = await asyncio.to_thread(self._load)
            self.progress = 0.6
            await self._warmed(engine)
            return engine
        except (EngineError, ImportError) as error:
            self.missing = error.message if isinstance(error, EngineError) else f"{error}."
            self._again = isinstance(error, EngineError) and error.retryable
        except Exception as error:
            self.missing = f"It fell while it was loaded ({type(error).__name__}), and is loaded again."
            self._again = True
        self.progress = 1.0
        self.settled.set()
        log.warning("there is no engine to %s: %s", self.name, self.missing)
        return None

    async def _warmed_later(self, engine: Any) -> None:
        try:
            if self._later:
                await self._later(engine)
        except Exception as error:
            log.warning("not all of what can %s is warm: %s", self.name, type(error).__name__)

    async def _warmed(self, engine: Any) -> None:
        try:
            await self._warm(engine)
        except EngineError as error:
            if not error.retryable:
                raise
            # It works elsewhere and cannot be reached just now: requests find out when it can.
            log.warning("not warm to %s yet: %s", self.name, error.message)

    async def ask(self, request: Q, room: str, *, final: bool = True, worth: float = math.inf) -> A:
        """The engine's answer. Raises `EngineError`; also `loading` and, where there is no engine, `not_served`."""
        if self.engine is None:
            if not self.missing:
                told = f"The engine is still loading, {self.progress:.0%}.".replace("%", " %")
                raise EngineError("loading", told, retryable=True, after=1.0)
            if self._waited_for or self._again:
                raise EngineError("engines_away", self.missing, retryable=True)
            raise EngineError("not_served", self.missing)
        if self.hanging:
            raise self._hangs()
        with self._figures.answer.labels(self.name).time():
            return await self._batch.ask(request, room, final=final, worth=worth)

    def _queue(self, engine: Any) -> Batch[Q, A]:
        waited = self._figures.wait.labels(self.name).observe
        several = self._several
        if several is None or engine is None or engine.most < 2:
            return Batch(self._each, waited=waited)
        return Batch(
            self._all,
            most=engine.most,
            window=several.window,
            weigh=several.weigh,
            limit=several.limit,
            waited=waited,
        )

    async def _all(self, requests: Sequence[Q]) -> Sequence[A | EngineError]:
        """The answers of one call; where that fails as a program does, each is asked for by itself."""
        if self._several is None:
            raise RuntimeError("this stage does not know how to ask for several")
        if time.monotonic() < self._alone_until:
            return await self._each(requests)
        begun = time.perf_counter()
        try:
            seconds = sum(map(self._deadline, requests))
            answers = await self._in_time(self._several.work(self.engine, requests), seconds)
        except EngineError:
            if self.hanging and len(requests) > 1:
                self._alone_until = time.monotonic() + ALONE
            raise
        except Exception as error:
            log.error("%s failed over %d requests: %s", self.name, len(requests), type(error).__name__)
            return await self._each(requests)
        self._called(begun, len(requests))
        return answers

    async def _each(self, requests: Sequence[Q]) -> Sequence[A | EngineError]:
        answers: list[A | EngineError] = []
        for request in requests:
            begun = time.perf_counter()
            try:
                answers.append(await self._in_time(self._work(self.engine, request), self._deadline(request)))
            except EngineError as error:
                answers.append(error)
            except Exception as error:
                # A model's library that stumbles over one request must not end the service for all rooms.
                log.error("%s failed: %s", self.name, type(error).__name__)
                answers.append(EngineError("engine_failed", f"The engine failed ({type(error).__name__})."))
            self._called(begun, 1)
        return answers

    async def _in_time(self, work: Awaitable[T], seconds: float) -> T:
        """Its answer. Raises `EngineError` where there is none within so many seconds; it isn't waited for then."""
        task = asyncio.ensure_future(work)
        if self.hanging:
            task.cancel()
            raise self._hangs()
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            return task.result()
        task.cancel()
        task.add_done_callback(_unheard)
        log.error("%s has hung for %.0f s", self.name, seconds)
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe(), name=f"probe {self.name}")
        raise EngineError("engine_failed", "The engine took too long.", retryable=True)

    async def _probe(self) -> None:
        """Until it comes back: what warms it is asked of it, whose turn comes after whatever hangs."""
        while True:
            task = asyncio.ensure_future(self._warm(self.engine))
            task.add_done_callback(_unheard)
            try:
                done, _ = await asyncio.wait({task}, timeout=PROBE)
            finally:
                task.cancel()
            if done:
                break
        log.info("%s answers again", self.name)
        self._probing = None

    def _hangs(self) -> EngineError:
        return EngineError("engines_away", f"The engine to {self.name} hangs.", retryable=True, after=1.0)

    def _called(self, begun: float, size: int) -> None:
        self._figures.work.labels(self.name).observe(time.perf_counter() - begun)
        self._figures.batch.labels(self.name).observe(size)


def _unheard(task: asyncio.Future[Any]) -> None:
    """What nobody waits for any more has failed, or not."""
    if not task.cancelled():
        task.exception()
