"""How each stage warms its engine, asks it, and for how long it waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...errors import EngineError
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Dub, Transcription
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
from .batch import Limits
from .requests import Carrying, Hearing, Speak, Translate
from .stage import Adapter, Figures, Stage

SLOW = 3.0
"""How much longer an engine may take for a call than those who ask are patient for, before it is said to hang."""
WARM = "One, two."
TOGETHER = Limits(window=0.015, waiting=128)
"""More may wait than where each request has a call of its own, since they go quicker."""

A = TypeVar("A")


class RecognizerAdapter(Adapter[Hearing, Transcription]):
    """Windows of sound for a recognizer."""

    together = TOGETHER

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    async def warm(self, engine: LoadedRecognizer) -> None:
        languages = engine.served().languages
        language = "en" if "en" in languages else next(iter(languages))
        await engine.transcribe(bytes(SAMPLE_RATE * SAMPLE_BYTES), language, final=False)

    def deadline(self, request: Hearing) -> float:
        return _for_sound(request.pcm)

    async def ask(self, engine: LoadedRecognizer, request: Hearing) -> Transcription:
        about, begun = request.about, time.perf_counter()
        heard = await engine.transcribe(
            request.pcm, about.language, about.prompt, prefix=about.prefix, final=about.final
        )
        self._figures.pace("recognise", begun, _seconds(request.pcm))
        return heard

    async def ask_batch(
        self, engine: LoadedRecognizer, requests: Sequence[Hearing]
    ) -> Sequence[Transcription | EngineError]:
        """The answers of one call. Its real-time factor is that of all the sound together."""
        begun, asked = time.perf_counter(), [(one.pcm, one.about) for one in requests]
        heard = await engine.transcribe_batch(
            [SoundRequest(pcm, it.language, it.prompt, it.prefix, it.final) for pcm, it in asked]
        )
        self._figures.pace("recognise", begun, sum(_seconds(pcm) for pcm, _ in asked))
        return _as_many(heard, len(requests))


class DirectAdapter(Adapter[Carrying, Translation | None]):
    """Sound for an engine that carries speech directly."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    async def warm(self, engine: LoadedDirect) -> None:
        if pairs := engine.served().languages:
            await engine.carry(bytes(SAMPLE_RATE * SAMPLE_BYTES), *next(iter(pairs)).split(">"))

    def deadline(self, request: Carrying) -> float:
        return _for_sound(request.pcm)

    async def ask(self, engine: LoadedDirect, request: Carrying) -> Translation | None:
        about, begun = request.about, time.perf_counter()
        made = await engine.carry(request.pcm, about.source, about.target)
        self._figures.pace("direct", begun, _seconds(request.pcm))
        return made


class TranslatorAdapter(Adapter[Translate, Mapping[str, Translation]]):
    """Texts for a translator. A request weighs as much as it has targets."""

    workers = 2
    together = TOGETHER

    async def warm(self, engine: LoadedTranslator) -> None:
        await engine.translate(WARM, "en", ["es", "pt"])

    async def warm_rest(self, engine: LoadedTranslator) -> None:
        """The pairs that are asked for most: to start one takes up to a second, and more on a busy machine."""
        for source, targets in (("es", ["en"]), ("pt", ["en"]), ("fr", ["en"]), ("en", ["fr", "it", "ca"])):
            with suppress(EngineError):
                await engine.translate(WARM, source, targets)

    def deadline(self, request: Translate) -> float:
        return SLOW * (5.0 + len(request.text) / 100) * self.weigh(request)

    def weigh(self, request: Translate) -> int:
        return max(1, len(request.targets))

    async def ask(self, engine: LoadedTranslator, request: Translate) -> Mapping[str, Translation]:
        return await engine.translate(request.text, request.source, request.targets, request.context)

    async def ask_batch(
        self, engine: LoadedTranslator, requests: Sequence[Translate]
    ) -> Sequence[Mapping[str, Translation] | EngineError]:
        made = await engine.translate_batch(
            [TextRequest(one.text, one.source, (*one.targets,), (*one.context,)) for one in requests]
        )
        return _as_many(made, len(requests))


@dataclass(frozen=True, slots=True)
class Speech:
    """A text on its way to a listener: pieces, then None, or what went wrong."""

    about: Speak
    reference: Reference | None = None
    out: asyncio.Queue[Dub | EngineError | None] = field(default_factory=asyncio.Queue, repr=False)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nobody listens any more."""


class VoiceAdapter(Adapter[Speech, None]):
    """Texts for a voice. Its pieces go into the `Speech`."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    async def warm(self, engine: LoadedVoice) -> None:
        """A language of each engine, so that each of their processes is there."""
        served = engine.served()
        languages = {served.route.get(tag, served.engine): tag for tag in served.languages}
        await asyncio.gather(*(_warmed(engine, language) for language in languages.values()))

    def deadline(self, request: Speech) -> float:
        return SLOW * (6.0 + len(request.about.text) / 10)

    async def ask(self, engine: LoadedVoice, request: Speech) -> None:
        begun, seconds = time.perf_counter(), 0.0
        async with aclosing(_begun(engine, request.about, request.reference)) as dubs:
            async for dub in dubs:
                if not seconds:
                    self._figures.first.labels("speak").observe(time.perf_counter() - begun)
                seconds += dub.duration
                request.out.put_nowait(dub)
                if request.left.is_set():
                    return
        self._figures.pace("speak", begun, seconds)


async def speech_pieces(
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


def _failure(task: asyncio.Task[Any]) -> EngineError | None:
    if task.cancelled():
        return None
    error = task.exception()
    return error if isinstance(error, EngineError) or error is None else EngineError("engine_failed", "It failed.")


def _begun(voice: LoadedVoice, about: Speak, reference: Reference | None) -> Any:
    """Its sound, in a stock voice or in one like the reference."""
    if reference is None:
        return voice.speak(about.text, about.language, about.voice, speed=about.speed)
    return voice.speak_as(about.text, about.language, reference, speed=about.speed)


async def _warmed(voice: Any, language: str) -> None:
    async with aclosing(voice.speak(WARM, language, None)) as dubs:
        async for _ in dubs:
            pass


def _seconds(pcm: bytes) -> float:
    return len(pcm) / SAMPLE_BYTES / SAMPLE_RATE


def _for_sound(pcm: bytes) -> float:
    return SLOW * (8.0 + 2.0 * _seconds(pcm))


def _as_many(answers: Sequence[A], asked: int) -> Sequence[A]:
    if len(answers) != asked:
        raise RuntimeError(f"{len(answers)} answers to {asked} requests")
    return answers
