"""Stages behind their deployments, asked as if they were here."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ray import serve
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from agent.engines import Reference, Served
from agent.engines.service.api import State
from agent.engines.service.requests import Speak
from agent.engines.table import TABLE
from agent.errors import EngineError
from agent.nouns import Dub

from .metrics import together

TRIES = 3
"""How often a request is made in all where the replica that has it dies: asked again, it is the same."""
PATIENCE = 3.0
"""Seconds for a replica to say what it serves; a longer silence means that there is none yet. Rooms wait 5 s for it."""


class Deployments:
    """All stages (`api.Stages`), and what their replicas and those of the ingress have counted."""

    def __init__(self, handles: Mapping[str, DeploymentHandle]) -> None:
        self._stages = {name: Deployed(name, handles[name]) for name in TABLE}

    async def states(self) -> Mapping[str, State]:
        """How far a stage's first replica has loaded nobody knows; one that hangs, Serve replaces."""
        found = await asyncio.gather(*(stage.served() for stage in self._stages.values()))
        return {
            name: State(served or _loading(name), 1.0 if served else 0.0)
            for name, served in zip(self._stages, found, strict=True)
        }

    async def metrics(self) -> bytes:
        here = serve.get_deployment_handle("ingress", serve.get_replica_context().app_name)
        everyone = [Deployed("ingress", here), *self._stages.values()]
        pages = await asyncio.gather(*(deployed.figures() for deployed in everyone))
        return together(page for some in pages for page in some)

    async def ask(self, stage: str, request: Any, room: str, *, final: bool = True, worth: float = math.inf) -> Any:
        return await self._stages[stage].ask(request, room, final=final, worth=worth)

    def speak(self, about: Speak, reference: Reference | None = None) -> AsyncGenerator[Dub, None]:
        return self._stages["speak"].speak(about, reference)


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


def _loading(stage: str) -> Served:
    return Served(stage, "none", "It is still loading", "", "", {}, loading=True)


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
