"""An event loop on which waiting costs nothing: whoever sleeps an hour has slept it at once.

- A sleep or a time-out moves the clock to where it ends.
- What a thread is asked to do (`run_in_executor`, `asyncio.to_thread`) is done at once; its answer comes after as
  long as it took.
- Computing takes no time, so that a test finds the same on every machine. With a `clock` it takes as long as that
  says. The recognizers of `bench/peers` are measured so: by `time.process_time` a pass lasts as long as one thread
  needs on a free core, however busy the machine is with something else.
- Where each task waits for another, it raises an error instead of waiting for ever.

Sockets, processes and threads of their own live by the real clock, and would be outrun.

A test marked `simulated_time` runs on it, and so do its fixtures. Anything else is given to `run`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


def at_no_cost() -> float:
    """The clock by which computing takes no time."""
    return 0.0


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0."""

    def __init__(self, clock: Callable[[], float] = at_no_cost) -> None:
        self._clock = clock
        self._waited = 0.0
        self._elsewhere = 0.0
        self._begun = clock()
        super().__init__(_Skipping(self._wait))

    def time(self) -> float:
        return self._waited + self._clock() - self._begun - self._elsewhere

    def _wait(self, seconds: float) -> None:
        self._waited += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """The work of another thread: it does not keep the loop."""
        answer: asyncio.Future[Any] = self.create_future()
        begun = self._clock()
        try:
            tell = partial(answer.set_result, func(*args))
        except Exception as error:
            tell = partial(answer.set_exception, error)
        took = self._clock() - begun
        self._elsewhere += took
        self.call_later(took, lambda: None if answer.done() else tell())
        return answer


class _Skipping(selectors.DefaultSelector):
    """Says how long it would have waited."""

    def __init__(self, wait: Callable[[float], None]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits for another: nothing will ever happen")
        if not ready and timeout:
            self._wait(timeout)
        return ready


def run(work: Coroutine[Any, Any, T], clock: Callable[[], float] = at_no_cost) -> T:
    """As `asyncio.run`, on such a loop. Its `now` is the loop's `time`."""
    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(clock)) as runner:
        return runner.run(work)
