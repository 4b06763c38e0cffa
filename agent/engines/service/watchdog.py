"""Calls of an engine that must come back in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ...errors import EngineError

log = logging.getLogger(__name__)

T = TypeVar("T")

PROBE = 20.0
"""Seconds in which an engine that hung must answer the probe, to be asked again."""


class Watchdog:
    """Gives up on a call of an engine that takes too long, and finds out when the engine answers again.

    A thread can't be ended, so the engine may be busy with such a call for ever. While it is `hanging` every call is
    refused, until the engine answers `probe`: the turn of that comes after whatever hangs.
    """

    def __init__(self, name: str, probe: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None

    @property
    def hanging(self) -> bool:
        """Whether the engine has not come back from a call."""
        return self._probing is not None

    def refusal(self) -> EngineError:
        """The error for whoever asks while the engine hangs."""
        return EngineError("engines_away", f"The engine to {self._name} hangs.", retryable=True, after=1.0)

    async def call(self, work: Awaitable[T], seconds: float) -> T:
        """Its answer. Raises `EngineError` where there is none within so many seconds; it isn't waited for then."""
        task = asyncio.ensure_future(work)
        if self.hanging:
            task.cancel()
            raise self.refusal()
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            return task.result()
        task.cancel()
        task.add_done_callback(_unheard)
        log.error("%s has hung for %.0f s", self._name, seconds)
        if self._probing is None:
            self._probing = asyncio.create_task(self._until_it_answers(), name=f"probe {self._name}")
        raise EngineError("engine_failed", "The engine took too long.", retryable=True)

    def close(self) -> None:
        """Probe no longer."""
        if self._probing:
            self._probing.cancel()

    async def _until_it_answers(self) -> None:
        while True:
            task = asyncio.ensure_future(self._probe())
            task.add_done_callback(_unheard)
            try:
                done, _ = await asyncio.wait({task}, timeout=PROBE)
            finally:
                task.cancel()
            if done:
                break
        log.info("%s answers again", self._name)
        self._probing = None


def _unheard(task: asyncio.Future[Any]) -> None:
    """What nobody waits for any more has failed, or not."""
    if not task.cancelled():
        task.exception()
