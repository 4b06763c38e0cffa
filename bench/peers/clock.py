"""An event loop on which waiting costs nothing, and computing what it costs the processor.

Every recognizer measured here is a real, unchanged asyncio program. On this loop it meets sound "as it
arrives in real time" without anybody waiting for it, and on a machine that is busy with something else too:

- a sleep or a time-out costs nothing and moves the clock;
- what a thread is asked to do (`run_in_executor`, `asyncio.to_thread`) is done at once, and its
  answer comes after as many seconds as it took the processor;
- what the loop itself computes moves the clock by as much.

Processor seconds say how long a pass lasts where it is computed by one thread on a free core. By the wall's
clock they may be more threads, but then nothing else may run on the machine.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class _Leaping(selectors.DefaultSelector):
    """Waits for nothing: tells how long it would have waited."""

    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self._leap(timeout)
        return ready


class Simulated(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._waited = 0.0
        self._elsewhere = 0.0
        self._begun = clock()
        super().__init__(_Leaping(self.leap))

    def time(self) -> float:
        return self._waited + self._clock() - self._begun - self._elsewhere

    def leap(self, seconds: float) -> None:
        """Seconds in which nothing is computed here."""
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


def run(main: Coroutine[Any, Any, T], clock: Callable[[], float] = time.process_time) -> T:
    """As `asyncio.run`, by such a loop."""
    with asyncio.Runner(loop_factory=lambda: Simulated(clock)) as runner:
        return runner.run(main)
