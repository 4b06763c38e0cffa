"""What the engines serve, as far as a room knows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from .engines import Served
from .errors import DragomanError

ASKED = 0.5
"""Seconds between two questions what the engines serve, until all of them have loaded."""
ASKED_AGAIN = 20.0
"""And from then on: it may change."""


class Serves(Protocol):
    """Engines that say what they can do. Raises `EngineError` while none answers."""

    async def served(self) -> Sequence[Served]: ...


class ServedStages:
    """By stage, what is served; empty until all engines have loaded."""

    def __init__(self, engines: Serves) -> None:
        self.stages: Mapping[str, Served] = {}
        self._engines = engines

    async def run(self) -> None:
        """Ask until the engines say it, each of them: who is told meanwhile that nothing is served would believe it."""
        while True:
            with contextlib.suppress(DragomanError):
                stages = await self._engines.served()
                if not any(served.loading for served in stages):
                    self.stages = {served.stage: served for served in stages}
            await asyncio.sleep(ASKED_AGAIN if self.stages else ASKED)
