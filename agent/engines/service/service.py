"""The engines behind HTTP, one queue a stage for all rooms; it keeps nothing of what it is asked."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import EngineError
from ...languages import LONGEST, PATTERN
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Dub, Transcription
from ...settings import Settings
from .. import (
    Consent,
    LoadedDirect,
    LoadedRecognizer,
    LoadedTranslator,
    LoadedVoice,
    Reference,
    Served,
    SoundRequest,
    TextRequest,
    Translation,
)
from ..table import TABLE, chosen
from ..table import load as load_engine
from .stage import Figures, Several, Stage

BODY_LIMIT = 2_000_000
"""Bytes; 30 s of sound are 960,000."""
TEXT_LIMIT = 2_000
"""Characters of a text."""
SOUND_LIMIT = 30.0
"""Seconds of sound, what `WindowRecognizer` takes."""
STATUS = {
    "bad_request": 400,
    "no_consent": 403,
    "not_served": 404,
    "overloaded": 429,
    "loading": 503,
    "engines_away": 503,
}
SLOW = 3.0
"""How much longer an engine may take for a call than those who ask are patient for, before it is said to hang."""
WARM = "One, two."

Tag = Field(pattern=f"^{PATTERN}$", max_length=LONGEST)
Text = Field(min_length=1, max_length=TEXT_LIMIT, repr=False)
Known = Field("", max_length=TEXT_LIMIT, repr=False)


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    room: str = Field("", max_length=200)
    worth: float = Field(60.0, ge=0.0, le=60.0)
    """For how many seconds it is of use to begin what is not final."""


class Recognise(_Asked):
    """The first line of a recognition; the sound comes after it."""

    language: str | None = Field(None, pattern=f"^{PATTERN}$", max_length=LONGEST)
    prompt: str = Known
    prefix: str = Known
    final: bool = False


class Carry(_Asked):
    """The first line of speech to be carried into another language; the sound comes after it."""

    source: str = Tag
    target: str = Tag


class Translate(_Asked):
    text: str = Text
    source: str = Tag
    targets: list[str] = Field(max_length=64)
    context: list[str] = Field([], max_length=16, repr=False)
    final: bool = True


class Speak(_Asked):
    text: str = Text
    language: str = Tag
    voice: str | None = Field(None, max_length=400)
    speed: float = Field(1.0, ge=1.0, le=1.25)


class SpeakAs(Speak):
    """The first line of speech in a voice like somebody's, with their consent's record; the sound comes after it."""

    identity: str = Field("", max_length=200)
    meeting: str = Field("", max_length=200)
    given: float = 0.0

    def reference(self, pcm: bytes) -> Reference:
        return Reference(pcm, Consent(self.identity, self.meeting, self.given))


@dataclass(frozen=True, slots=True)
class Hearing:
    """Sound and what is known of it."""

    about: Recognise
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Carrying:
    """Sound and the languages that it is carried between."""

    about: Carry
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Speech:
    """A text on its way to a listener: pieces, then None, or what went wrong."""

    about: Speak
    reference: Reference | None = None
    out: asyncio.Queue[Dub | EngineError | None] = field(default_factory=asyncio.Queue, repr=False)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nobody listens any more."""


M = TypeVar("M", bound=_Asked)
A = TypeVar("A")


def build(settings: Settings) -> Service:
    """The service with the engines of these settings; nothing is loaded yet. Raises `SettingsError`."""
    names = {stage: chosen(stage, settings) for stage in TABLE}
    return Service(lambda stage: load_engine(stage, names[stage], settings))


class Service:
    """The stages and their addresses. `load` gives the engine of a stage."""

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

    def app(self) -> web.Application:
        """The application; its stages run for as long as it does."""
        app = web.Application(client_max_size=BODY_LIMIT, middlewares=[self._errors])
        app.cleanup_ctx.append(self._running)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/served", self._served),
                web.post("/recognise", self._recognise),
                web.post("/direct", self._direct),
                web.post("/translate", self._translate),
                web.post("/speak", self._speak),
                web.post("/speak_as", self._speak_as),
            ]
        )
        return app

    async def _running(self, app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(stage.run(), name=stage.name) for stage in self.stages.values()]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # How it is

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        loading = {name: round(stage.progress, 2) for name, stage in self.stages.items() if not stage.settled.is_set()}
        missing = {name: stage.missing for name, stage in self.stages.items() if stage.missing}
        hanging = [name for name, stage in self.stages.items() if stage.hanging]
        if loading or hanging or "recognise" in missing:
            progress = sum(stage.progress for stage in self.stages.values()) / len(self.stages)
            told = {"says": f"{', '.join(hanging)}: hangs"} if hanging else {}
            told = {"says": f"loading, {round(100 * progress)} %"} if loading else told
            how = {"loading": loading, "missing": missing, "hanging": hanging}
            return web.json_response({"ready": False, **told, **how}, status=503)
        engines = {name: stage.served().engine for name, stage in self.stages.items()}
        return web.json_response({"ready": True, "stages": engines})

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.figures.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _served(self, request: web.Request) -> web.Response:
        stages = {name: stage.served() for name, stage in self.stages.items()}
        if self.stages["translate"].settled.is_set():
            stages["direct"] = weighed(stages["direct"], stages["translate"])
        else:
            stages["direct"] = replace(stages["direct"], languages={})  # nobody knows yet what text serves
        return web.json_response({"stages": [asdict(stage) for stage in stages.values()]})

    # What it does

    async def _recognise(self, request: web.Request) -> web.Response:
        about, pcm = with_sound(Recognise, await request.read())
        heard: Transcription = await self.stages["recognise"].ask(
            Hearing(about, pcm), about.room, final=about.final, worth=about.worth
        )
        return web.json_response(asdict(heard))

    async def _direct(self, request: web.Request) -> web.Response:
        about, pcm = with_sound(Carry, await request.read())
        made: Translation | None = await self.stages["direct"].ask(Carrying(about, pcm), about.room)
        return web.json_response({"translation": asdict(made) if made else None})

    async def _translate(self, request: web.Request) -> web.Response:
        about = parsed(Translate, await request.read())
        made: Mapping[str, Translation] = await self.stages["translate"].ask(
            about, about.room, final=about.final, worth=about.worth
        )
        return web.json_response({"translations": {tag: asdict(one) for tag, one in made.items()}})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        about = parsed(Speak, await request.read())
        async with aclosing(spoken(self.stages["speak"], about)) as dubs:
            return await _streamed(request, dubs)

    async def _speak_as(self, request: web.Request) -> web.StreamResponse:
        about, pcm = with_sound(SpeakAs, await request.read())
        async with aclosing(spoken(self.stages["speak"], about, about.reference(pcm))) as dubs:
            return await _streamed(request, dubs)

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

    @web.middleware
    async def _errors(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except EngineError as error:
            failure, status = error, STATUS.get(error.code, 500)
        except web.HTTPException as error:
            code = "not_served" if error.status == 404 else "bad_request"
            failure, status = EngineError(code, f"{error.reason}."), error.status
        self.figures.refused.labels(stage_of(request.path), failure.code).inc()
        said, later = refusal(failure)
        return web.json_response(said, status=status, headers=later)


def refusal(failure: EngineError) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """What is said of it, and the headers for when to ask again."""
    said = {"code": failure.code, "message": failure.message, "retryable": failure.retryable}
    if not failure.after:
        return said, {}
    # The header knows whole seconds only (RFC 9110, 10.2.3).
    return said | {"after": round(failure.after, 2)}, {"Retry-After": str(math.ceil(failure.after))}


def stage_of(path: str) -> str:
    """The stage that an address asks; empty where it asks none."""
    name = path.rpartition("/")[2].removesuffix("_as")
    return name if name in TABLE else ""


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


async def _streamed(request: web.Request, dubs: AsyncGenerator[Dub, None]) -> web.StreamResponse:
    """The pieces as they come. The status waits for the first of them."""
    piece = await anext(dubs, None)
    headers = {"Content-Type": "application/octet-stream"}
    if piece:
        headers |= {"X-Rate": str(piece.rate), "X-Engine": piece.engine}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    try:
        while piece:
            await response.write(piece.pcm)
            piece = await anext(dubs, None)
    except EngineError:
        if request.transport:
            request.transport.abort()  # the only way left to say that this was not all
    else:
        await response.write_eof()
    return response


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


def weighed(direct: Served, translate: Served) -> Served:
    """The pairs that are carried directly here: those whose text nothing translates, and those measured better so."""
    text = translate.languages
    better = {
        pair: figure
        for pair, figure in direct.languages.items()
        if pair not in text or (figure or 0.0) > (direct.cascade.get(pair) or 100.0)
    }
    return replace(direct, languages=better)


def with_sound(model: type[M], body: bytes) -> tuple[M, bytes]:
    """A first line of JSON and the sound after it. Raises `EngineError`, `bad_request`."""
    line, _, pcm = body.partition(b"\n")
    about = parsed(model, line)
    if not pcm or len(pcm) % SAMPLE_BYTES or len(pcm) > SOUND_LIMIT * SAMPLE_RATE * SAMPLE_BYTES:
        raise EngineError("bad_request", "The sound is up to 30 s of int16 samples at 16 kHz.")
    return about, pcm


def parsed(model: type[M], body: bytes) -> M:
    """A body of JSON. Raises `EngineError`, `bad_request`, naming the fields that are wrong and repeating nothing."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = sorted({str(one["loc"][0]) if one["loc"] else "the body" for one in error.errors(include_input=False)})
        raise EngineError("bad_request", f"Missing, malformed or too large: {', '.join(wrong)}.") from None


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
