"""What the engines serve, as their service tells it; the last we know while it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ValidationError

from .languages import Stage

log = logging.getLogger(__name__)

EVERY = 3.0
"""Seconds between two questions."""
PATIENCE = aiohttp.ClientTimeout(total=2)


class _Served(BaseModel):
    stages: list[Stage]


@dataclass(frozen=True, slots=True)
class Engines:
    """What we last heard from one of the services. `stages` is None while none ever answered."""

    ready: bool = False
    stages: Sequence[Stage] | None = None


class EngineWatch:
    """Asks the engine services, one after the other, until one is ready."""

    def __init__(self, addresses: str) -> None:
        self._addresses = [each.strip() for each in addresses.split(",") if each.strip()]
        self.seen = Engines()

    async def run(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(EVERY)

    async def ask(self) -> Engines:
        """What is served now."""
        for address in self._addresses:
            try:
                self.seen = Engines(ready=True, stages=await _served(address))
            except (aiohttp.ClientError, TimeoutError, OSError, ValidationError):
                continue
            return self.seen
        self.seen = Engines(ready=False, stages=self.seen.stages)
        return self.seen


async def _served(address: str) -> Sequence[Stage]:
    async with _reach(address) as (session, base):
        async with session.get(f"{base}/readyz", raise_for_status=True):
            pass
        async with session.get(f"{base}/served", raise_for_status=True) as answer:
            return _Served.model_validate_json(await answer.read()).stages


@asynccontextmanager
async def _reach(address: str) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A session for `unix:PATH` or `http://HOST:PORT`."""
    unix = address.removeprefix("unix:")
    connector = aiohttp.UnixConnector(unix) if unix != address else None
    async with aiohttp.ClientSession(connector=connector, timeout=PATIENCE) as session:
        yield session, "http://engines" if connector else address.rstrip("/")


ENGINES = web.AppKey("engines", EngineWatch)
