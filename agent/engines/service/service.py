"""The stages of the engine service, one queue a stage for all rooms; it keeps nothing of what it is asked."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from prometheus_client import generate_latest

from ...nouns import Dub
from ...settings import Settings
from .. import Reference
from ..table import TABLE, chosen
from ..table import load as load_engine
from .adapters import DirectAdapter, RecognizerAdapter, TranslatorAdapter, VoiceAdapter, speech_pieces
from .api import State
from .requests import Speak
from .stage import Figures, Stage


def build(settings: Settings) -> Service:
    """The service with the engines of these settings; nothing is loaded yet. Raises `SettingsError`."""
    names = {stage: chosen(stage, settings) for stage in TABLE}
    return Service(lambda stage: load_engine(stage, names[stage], settings))


class Service:
    """The stages of this process (`api.Stages`). `load` gives the engine of a stage."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        self.figures = figures = Figures()
        stages: Sequence[Stage[Any, Any]] = [
            Stage("recognise", partial(load, "recognise"), RecognizerAdapter(figures), figures, waited_for=True),
            Stage("direct", partial(load, "direct"), DirectAdapter(figures), figures),
            Stage("translate", partial(load, "translate"), TranslatorAdapter(), figures),
            Stage("speak", partial(load, "speak"), VoiceAdapter(figures), figures),
        ]
        self.stages: Mapping[str, Stage[Any, Any]] = {stage.name: stage for stage in stages}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The stages run meanwhile, and have ended afterwards."""
        tasks = [asyncio.create_task(stage.run(), name=stage.name) for stage in self.stages.values()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def states(self) -> Mapping[str, State]:
        return {name: State(one.served(), one.progress, one.hanging) for name, one in self.stages.items()}

    async def metrics(self) -> bytes:
        return generate_latest(self.figures.registry)

    async def ask(self, stage: str, request: Any, room: str, *, final: bool = True, worth: float = math.inf) -> Any:
        return await self.stages[stage].ask(request, room, final=final, worth=worth)

    def speak(self, about: Speak, reference: Reference | None = None) -> AsyncGenerator[Dub, None]:
        return speech_pieces(self.stages["speak"], about, reference)
