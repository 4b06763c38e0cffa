"""Whether an interpreter may speak: not from the moment at which it was stopped, until it knows that it still counts.

A process may stand still (SIGSTOP, a frozen virtual machine, a swapped-out host) for as long as it takes the web
server to send another interpreter, and then wake in the middle of a sentence. Whoever sends anything asks `stands`,
which compares two readings of the monotonic clock: so the very first caption after the sleep is held already, before
any task of ours has run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

Seconds = float

LAPSE: Seconds = 2.0
"""Whoever didn't run for so long may have been replaced: the web server asks who is silent for as long."""


class Standing:
    """One interpreter's. `tick` is called several times in `LAPSE` seconds for as long as the process runs."""

    def __init__(self, steady: Callable[[], Seconds] = time.monotonic) -> None:
        self._steady = steady
        self._ticked = steady()
        self._told = asyncio.Event()
        self._told.set()

    def now(self) -> Seconds:
        """The clock we go by; for `confirm`."""
        return self._steady()

    @property
    def stands(self) -> bool:
        """Whether we may speak now."""
        if self._steady() - self._ticked >= LAPSE:
            self._told.clear()
        return self._told.is_set()

    def tick(self) -> None:
        """We run. What happened before is noticed first."""
        _ = self.stands
        self._ticked = self._steady()

    def confirm(self, asked: Seconds) -> None:
        """We were told that we still count, by an answer to a question of that moment; an old one says nothing."""
        if self._steady() - asked < LAPSE:
            self._ticked = self._steady()
            self._told.set()

    async def hold(self) -> None:
        """Wait until we may speak."""
        while not self.stands:
            await self._told.wait()
