"""One stage of the engine service: an engine from its loading to its end, and the queue before it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ...errors import EngineError
from .. import Served, answered
from .batch import Batch, Limits
from .watchdog import Watchdog

log = logging.getLogger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)

AGAIN = (5.0, 60.0)
"""Seconds between two tries to load what failed to, the first time and at most."""
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

    def pace(self, stage: str, begun: float, seconds: float) -> None:
        """A call that began at this time (`perf_counter`) and was over so many seconds of sound has ended."""
        if seconds:
            self.factor.labels(stage).observe((time.perf_counter() - begun) / seconds)


class Adapter(Protocol[Q_contra, A_co]):
    """How a stage warms its engine and asks it. Who inherits this has what it says."""

    workers: int = 1
    """Calls at a time where the engine doesn't say how many."""
    together: Limits | None = None
    """Of requests where the engine takes several in a call; None: it is always asked one by one."""

    async def warm(self, engine: Any) -> None:
        """Ask for what must be quick from the first request on. Raises `EngineError`."""
        ...

    async def warm_rest(self, engine: Any) -> None:
        """Ask for what is not needed to be ready."""
        return None

    def deadline(self, request: Q_contra) -> float:
        """Seconds that a call may take for it."""
        ...

    def weigh(self, request: Q_contra) -> int:
        """How much of a call it takes: what is in one weighs no more than the engine's `most`."""
        return 1

    async def ask(self, engine: Any, request: Q_contra) -> A_co:
        """The engine's answer. Raises `EngineError`."""
        ...

    async def ask_batch(self, engine: Any, requests: Sequence[Q_contra]) -> Sequence[A_co | EngineError]:
        """An answer to each, in their order, by one call. Raises `EngineError` where all failed by one cause."""
        return [await answered(self.ask(engine, request)) for request in requests]


class Stage(Generic[Q, A]):
    """An engine that is loaded in a thread, warmed, and then asked as its `adapter` says.

    As many calls are made at once as the engine's own `width` says; where it says nothing, as many as the adapter's
    `workers`. `progress` goes from 0 to 1. Where the engine can't be had, `missing` says why; where it fell while
    loading, it is loaded again after a while. Rooms can do nothing without a stage that is `waited_for`: where it has
    no engine, they are told to ask elsewhere, and again.

    A call may take as many seconds as its requests' deadlines together. Where it takes longer, its requests are
    answered with an error and the next one has its turn; see `Watchdog` for what comes then.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Any],
        adapter: Adapter[Q, A],
        figures: Figures,
        *,
        waited_for: bool = False,
    ) -> None:
        self.name = name
        self.engine: Any = None
        self.progress = 0.0
        self.settled = asyncio.Event()
        """Set when it is known what is served."""
        self._load = load
        self._adapter = adapter
        self._figures = figures
        self._waited_for = waited_for
        self._failure: EngineError | None = None
        """Why there is no engine; `retryable` where it is loaded again."""
        self._watchdog = Watchdog(name, lambda: adapter.warm(self.engine))
        self._alone_until = -math.inf
        self._batch = self._queue(None)
        figures.waiting.labels(name).set_function(lambda: self._batch.waiting)
        figures.loaded.labels(name).set_function(lambda: self.engine is not None)
        figures.progress.labels(name).set_function(lambda: self.progress)
        figures.hanging.labels(name).set_function(lambda: self.hanging)

    @property
    def missing(self) -> str:
        """Why there is no engine, in a sentence; empty where there is one, or may be soon."""
        return self._failure.message if self._failure else ""

    @property
    def hanging(self) -> bool:
        """Whether the engine has not come back from a call."""
        return self._watchdog.hanging

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
            if not (self._failure and self._failure.retryable):
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, AGAIN[1])
        self._batch = self._queue(engine)
        self.engine, self.progress, self._failure = engine, 1.0, None
        self.settled.set()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(engine.width or self._adapter.workers):
                    group.create_task(self._batch.run())
                await self._warmed_later(engine)
        finally:
            self._watchdog.close()
            await engine.close()

    async def _loaded(self) -> Any:
        """The engine, warm; None where there is none, or none yet."""
        try:
            engine = await asyncio.to_thread(self._load)
            self.progress = 0.6
            await self._warmed(engine)
            return engine
        except EngineError as error:
            # A new one: with its traceback, the old one would hold on to what was loaded.
            self._failure = EngineError(error.code, error.message, retryable=error.retryable)
        except ImportError as error:
            self._failure = EngineError("engine_failed", f"{error}.")
        except Exception as error:
            told = f"It fell while it was loaded ({type(error).__name__}), and is loaded again."
            self._failure = EngineError("engine_failed", told, retryable=True)
        self.progress = 1.0
        self.settled.set()
        log.warning("there is no engine to %s: %s", self.name, self.missing)
        return None

    async def _warmed_later(self, engine: Any) -> None:
        try:
            await self._adapter.warm_rest(engine)
        except Exception as error:
            log.warning("not all of what can %s is warm: %s", self.name, type(error).__name__)

    async def _warmed(self, engine: Any) -> None:
        try:
            await self._adapter.warm(engine)
        except EngineError as error:
            if not error.retryable:
                raise
            # It works elsewhere and cannot be reached just now: requests find out when it can.
            log.warning("not warm to %s yet: %s", self.name, error.message)

    async def ask(self, request: Q, room: str, *, final: bool = True, worth: float = math.inf) -> A:
        """The engine's answer. Raises `EngineError`; also `loading` and, where there is no engine, `not_served`."""
        if self.engine is None:
            if self._failure is None:
                told = f"The engine is still loading, {self.progress:.0%}.".replace("%", " %")
                raise EngineError("loading", told, retryable=True, after=1.0)
            if self._waited_for or self._failure.retryable:
                raise EngineError("engines_away", self.missing, retryable=True)
            raise EngineError("not_served", self.missing)
        if self.hanging:
            raise self._watchdog.refusal()
        with self._figures.answer.labels(self.name).time():
            return await self._batch.ask(request, room, final=final, worth=worth)

    def _queue(self, engine: Any) -> Batch[Q, A]:
        waited = self._figures.wait.labels(self.name).observe
        together = self._adapter.together
        if together is None or engine is None or engine.most < 2:
            return Batch(self._each, waited=waited)
        return Batch(self._all, replace(together, most=engine.most), weigh=self._adapter.weigh, waited=waited)

    async def _all(self, requests: Sequence[Q]) -> Sequence[A | EngineError]:
        """The answers of one call; where that fails as a program does, each is asked for by itself."""
        if time.monotonic() < self._alone_until:
            return await self._each(requests)
        begun = time.perf_counter()
        try:
            seconds = sum(map(self._adapter.deadline, requests))
            answers = await self._watchdog.call(self._adapter.ask_batch(self.engine, requests), seconds)
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
                call = self._adapter.ask(self.engine, request)
                answers.append(await self._watchdog.call(call, self._adapter.deadline(request)))
            except EngineError as error:
                answers.append(error)
            except Exception as error:
                # A model's library that stumbles over one request must not end the service for all rooms.
                log.error("%s failed: %s", self.name, type(error).__name__)
                answers.append(EngineError("engine_failed", f"The engine failed ({type(error).__name__})."))
            self._called(begun, 1)
        return answers

    def _called(self, begun: float, size: int) -> None:
        self._figures.work.labels(self.name).observe(time.perf_counter() - begun)
        self._figures.batch.labels(self.name).observe(size)
