"""One stage's engine in a process of its own, of which Ray Serve keeps as many as are needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from prometheus_client import generate_latest
from ray import serve

from agent.engines import Reference, Served
from agent.engines.service.adapters import speech_pieces
from agent.engines.service.requests import Speak
from agent.engines.service.service import Service
from agent.errors import EngineError
from agent.nouns import Dub


class Engine:
    """A replica: it counts as running when its engine is loaded and warm, and is replaced when that has ended.

    The queue before the engine is our own and not `serve.batch`, for that knows neither rooms to be fair
    between, nor interims that grow stale, nor finals that never may. An `EngineError` is an answer
    like others: what is raised here, Serve takes for a fault and logs.
    """

    async def __init__(self, stage: str, service: Callable[[], Service]) -> None:  # type: ignore[misc]
        # Serve awaits it, and sends nothing before it has ended.
        self._service = service()
        self._stage = self._service.stages[stage]
        self._running = asyncio.create_task(self._stage.run(), name=stage)
        settled = asyncio.create_task(self._stage.settled.wait())
        await asyncio.wait((self._running, settled), return_when=asyncio.FIRST_COMPLETED)
        settled.cancel()
        self.check_health()

    def check_health(self) -> None:
        """Raises what has ended the stage, or that its engine hangs; one that has no engine here still answers why."""
        if self._running.done():
            self._running.result()
        if self._stage.hanging:
            raise RuntimeError("the engine does not come back from a call")

    def served(self) -> Served:
        return self._stage.served()

    def figures(self) -> tuple[str, bytes]:
        """This replica's name, and what it has counted, as Prometheus reads it."""
        return serve.get_replica_context().replica_tag, generate_latest(self._service.figures.registry)

    async def ask(self, request: Any, room: str, final: bool, worth: float) -> Any:
        """The engine's answer, or the `EngineError` that it raised."""
        try:
            return await self._stage.ask(request, room, final=final, worth=worth)
        except EngineError as error:
            return error

    async def speak(self, about: Speak, reference: Reference | None) -> AsyncIterator[Dub | EngineError]:
        """The pieces as they are made, and last the `EngineError` that ended them, if one did."""
        try:
            async with aclosing(speech_pieces(self._stage, about, reference)) as dubs:
                async for dub in dubs:
                    yield dub
        except EngineError as error:
            yield error

    async def __del__(self) -> None:
        # Serve awaits it when the replica is to go: programs that the engine has started end with it.
        self._running.cancel()
        await asyncio.wait((self._running,))
