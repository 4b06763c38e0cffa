"""A stage behind its deployment, asked as if it were here."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from agent.engines import Reference, Served
from agent.engines.service.service import Speak
from agent.errors import EngineError
from agent.nouns import Dub

TRIES = 3
"""How often a request is made in all where the replica that has it dies: asked again, it is the same."""
PATIENCE = 3.0
"""Seconds for a replica to say what it serves; a longer silence means that there is none yet. Rooms wait 5 s for it."""


class Deployed:
    """A stage as many replicas. Which of them is asked, Serve decides."""

    def __init__(self, name: str, handle: DeploymentHandle) -> None:
        self.name = name
        self._handle = handle
        self._known: Served | None = None

    async def served(self) -> Served | None:
        """What a replica serves, or served when one last answered; None while the first of them is loading."""
        with suppress(TimeoutError, RayError, RayServeException):
            async with asyncio.timeout(PATIENCE):
                self._known = await self._handle.served.remote()
        return self._known

    async def figures(self) -> list[tuple[str, bytes]]:
        """Of each replica, its name and what it has counted."""
        with suppress(TimeoutError, RayError, RayServeException):
            async with asyncio.timeout(PATIENCE):
                pages = await self._handle.broadcast("figures").results_async(return_exceptions=True)
                return [page for page in pages if not isinstance(page, BaseException)]
        return []

    async def ask(self, request: Any, room: str, *, final: bool = True, worth: float = math.inf) -> Any:
        """See `Stage.ask`. Raises `EngineError`; also `engines_away` where replicas died of it."""
        await self._loaded()
        for _ in range(TRIES):
            with _told(), suppress(RayActorError):
                return _answer(await self._handle.ask.remote(request, room, final, worth))
        raise _away()

    async def speak(self, about: Speak, reference: Reference | None = None) -> AsyncGenerator[Dub, None]:
        """See `spoken`. What has begun to sound is not begun again."""
        await self._loaded()
        for _ in range(TRIES):
            begun = False
            try:
                async for piece in self._pieces(about, reference):
                    yield _answer(piece)
                    begun = True
                return
            except RayActorError:
                if begun:
                    break
        raise _away()

    async def _pieces(self, about: Speak, reference: Reference | None) -> AsyncIterator[Dub | EngineError]:
        with _told():
            async for piece in self._handle.options(stream=True).speak.remote(about, reference):
                yield piece

    async def _loaded(self) -> None:
        if self._known is None and await self.served() is None:
            raise EngineError("loading", "The engine is still loading.", retryable=True, after=1.0)


def _answer(given: Any) -> Any:
    if isinstance(given, EngineError):
        raise given
    return given


@contextmanager
def _told() -> Iterator[None]:
    """What Serve refuses, in our words."""
    try:
        yield
    except BackPressureError:
        raise EngineError("overloaded", "Too many requests wait.", retryable=True, after=1.0) from None
    except RayServeException:
        raise _away() from None


def _away() -> EngineError:
    return EngineError("engines_away", "No replica of the engine answers.", retryable=True)
