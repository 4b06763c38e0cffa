"""The stages of the engine service, one queue a stage for all rooms; it keeps nothing of what it is asked."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from prometheus_client import generate_latest

from ...errors import EngineError
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Dub, Transcription
from ...settings import Settings
from .. import (
    LoadedDirect,
    LoadedRecognizer,
    LoadedTranslator,
    LoadedVoice,
    Reference,
    SoundRequest,
    TextRequest,
    Translation,
)
from ..table import TABLE, chosen
from ..table import load as load_engine
from .api import State
from .requests import Carrying, Hearing, Speak, Translate
from .stage import Figures, Several, Stage

SLOW = 3.0
"""How much longer an engine may take for a call than those who ask are patient for, before it is said to hang."""
WARM = "One, two."


@dataclass(frozen=True, slots=True)
class Speech:
    """A text on its way to a listener: pieces, then None, or what went wrong."""

    about: Speak
    reference: Reference | None = None
    out: asyncio.Queue[Dub | EngineError | None] = field(default_factory=asyncio.Queue, repr=False)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nobody listens any more."""


A = TypeVar("A")


def build(settings: Settings) -> Service:
    """The service with the engines of these settings; nothing is loaded yet. Raises `SettingsError`."""
    names = {stage: chosen(stage, settings) for stage in TABLE}
    return Service(lambda stage: load_engine(stage, names[stage], settings))


class Service:
    """The stages, and what each asks its engine. `load` gives the engine of a stage."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        self.figures = Figures()
        stages: Sequence[Stage[Any, Any]] = [
            Stage(
                *("recognise", partial(load, "recognise"), _warm_ear, self._hear, self.figures),
                deadline=_for_sound,
                several=Several(self._hear_batch),
                waited_for=True,
            ),
            Stage("direct", partial(load, "direct"), _warm_direct, self._carry, self.figures, deadline=_for_sound),
            Stage(
                *("translate", partial(load, "translate"), _warm_translator, _translate, self.figures),
                workers=2,
                deadline=lambda about: SLOW * (5.0 + len(about.text) / 100) * max(1, len(about.targets)),
                later=_warm_routes,
                several=Several(_translate_batch, weigh=lambda about: max(1, len(about.targets))),
            ),
            Stage(
                *("speak", partial(load, "speak"), _warm_voice, self._say, self.figures),
                deadline=lambda speech: SLOW * (6.0 + len(speech.about.text) / 10),
            ),
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

    # What the addresses ask (`api.Stages`)

    async def states(self) -> Mapping[str, State]:
        return {name: State(one.served(), one.progress, one.hanging) for name, one in self.stages.items()}

    async def metrics(self) -> bytes:
        return generate_latest(self.figures.registry)

    async def ask(self, stage: str, request: Any, room: str, *, final: bool = True, worth: float = math.inf) -> Any:
        return await self.stages[stage].ask(request, room, final=final, worth=worth)

    def speak(self, about: Speak, reference: Reference | None = None) -> AsyncGenerator[Dub, None]:
        return spoken(self.stages["speak"], about, reference)

    # The work

    async def _hear(self, ear: LoadedRecognizer, hearing: Hearing) -> Transcription:
        about, begun = hearing.about, time.perf_counter()
        heard = await ear.transcribe(hearing.pcm, about.language, about.prompt, prefix=about.prefix, final=about.final)
        self._paced("recognise", begun, len(hearing.pcm) / SAMPLE_BYTES / SAMPLE_RATE)
        return heard

    async def _hear_batch(
        self, ear: LoadedRecognizer, hearings: Sequence[Hearing]
    ) -> Sequence[Transcription | EngineError]:
        """The answers of one call. Its real-time factor is that of all the sound together."""
        begun, asked = time.perf_counter(), [(one.pcm, one.about) for one in hearings]
        requests = [SoundRequest(pcm, it.language, it.prompt, it.prefix, it.final) for pcm, it in asked]
        heard = await ear.transcribe_batch(requests)
        self._paced("recognise", begun, sum(len(pcm) for pcm, _ in asked) / SAMPLE_BYTES / SAMPLE_RATE)
        return _as_many(heard, len(requests))

    async def _carry(self, direct: LoadedDirect, carrying: Carrying) -> Translation | None:
        about, begun = carrying.about, time.perf_counter()
        made = await direct.carry(carrying.pcm, about.source, about.target)
        self._paced("direct", begun, len(carrying.pcm) / SAMPLE_BYTES / SAMPLE_RATE)
        return made

    async def _say(self, voice: LoadedVoice, speech: Speech) -> None:
        about, begun, seconds = speech.about, time.perf_counter(), 0.0
        async with aclosing(_begun(voice, about, speech.reference)) as dubs:
            async for dub in dubs:
                if not seconds:
                    self.figures.first.labels("speak").observe(time.perf_counter() - begun)
                seconds += dub.duration
                speech.out.put_nowait(dub)
                if speech.left.is_set():
                    return
        self._paced("speak", begun, seconds)

    def _paced(self, stage: str, begun: float, seconds: float) -> None:
        if seconds:
            self.figures.factor.labels(stage).observe((time.perf_counter() - begun) / seconds)


async def spoken(
    stage: Stage[Speech, None], about: Speak, reference: Reference | None = None
) -> AsyncGenerator[Dub, None]:
    """The pieces as they are made. Raises `EngineError`, also after some of them."""
    speech = Speech(about, reference)
    asked = asyncio.create_task(stage.ask(speech, about.room))
    # Refused, or never begun: the queue tells by the answer, which nothing comes after.
    asked.add_done_callback(lambda task: speech.out.put_nowait(_failure(task)))
    try:
        while (piece := await speech.out.get()) is not None:
            if isinstance(piece, EngineError):
                raise piece
            yield piece
    finally:
        speech.left.set()
        asked.cancel()


def _begun(voice: LoadedVoice, about: Speak, reference: Reference | None) -> Any:
    """Its sound, in a stock voice or in one like the reference."""
    if reference is None:
        return voice.speak(about.text, about.language, about.voice, speed=about.speed)
    return voice.speak_as(about.text, about.language, reference, speed=about.speed)


async def _translate(translator: LoadedTranslator, about: Translate) -> Mapping[str, Translation]:
    return await translator.translate(about.text, about.source, about.targets, about.context)


def _for_sound(asked: Hearing | Carrying) -> float:
    return SLOW * (8.0 + 2.0 * len(asked.pcm) / SAMPLE_BYTES / SAMPLE_RATE)


async def _translate_batch(
    translator: LoadedTranslator, asked: Sequence[Translate]
) -> Sequence[Mapping[str, Translation] | EngineError]:
    """The answers of one call, as many as were asked for."""
    requests = [TextRequest(one.text, one.source, (*one.targets,), (*one.context,)) for one in asked]
    made = await translator.translate_batch(requests)
    return _as_many(made, len(requests))


def _as_many(answers: Sequence[A], asked: int) -> Sequence[A]:
    if len(answers) != asked:
        raise RuntimeError(f"{len(answers)} answers to {asked} requests")
    return answers


def _failure(task: asyncio.Task[Any]) -> EngineError | None:
    if task.cancelled():
        return None
    error = task.exception()
    return error if isinstance(error, EngineError) or error is None else EngineError("engine_failed", "It failed.")


async def _warm_ear(ear: LoadedRecognizer) -> None:
    languages = ear.served().languages
    await ear.transcribe(
        bytes(SAMPLE_RATE * SAMPLE_BYTES), "en" if "en" in languages else next(iter(languages)), final=False
    )


async def _warm_direct(direct: LoadedDirect) -> None:
    if pairs := direct.served().languages:
        await direct.carry(bytes(SAMPLE_RATE * SAMPLE_BYTES), *next(iter(pairs)).split(">"))


async def _warm_translator(translator: LoadedTranslator) -> None:
    await translator.translate(WARM, "en", ["es", "pt"])


async def _warm_routes(translator: LoadedTranslator) -> None:
    """The pairs that are asked for most: to start one takes up to a second, and more on a busy machine."""
    for source, targets in (("es", ["en"]), ("pt", ["en"]), ("fr", ["en"]), ("en", ["fr", "it", "ca"])):
        with suppress(EngineError):
            await translator.translate(WARM, source, targets)


async def _warm_voice(voice: LoadedVoice) -> None:
    """A language of each engine, so that each of their processes is there."""
    served = voice.served()
    languages = {served.route.get(tag, served.engine): tag for tag in served.languages}
    await asyncio.gather(*(_spoken(voice, language) for language in languages.values()))


async def _spoken(voice: Any, language: str) -> None:
    async with aclosing(voice.speak(WARM, language, None)) as dubs:
        async for _ in dubs:
            pass
