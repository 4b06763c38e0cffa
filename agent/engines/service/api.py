"""The addresses of the engine service, and what each answers. It knows no HTTP server.

`server.py` carries it on aiohttp, `agent/engines/replicas/asgi.py` on Starlette under Ray Serve.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol

from prometheus_client import CONTENT_TYPE_LATEST

from ...errors import EngineError
from ...nouns import Dub, Transcription
from .. import Reference, Served, Translation
from ..table import TABLE
from .requests import (
    BODY_LIMIT,
    Carry,
    Carrying,
    Hearing,
    Recognise,
    Speak,
    SpeakAs,
    Translate,
    parsed,
    with_sound,
)
from .stage import Figures

STATUS = {
    "bad_request": 400,
    "no_consent": 403,
    "not_served": 404,
    "overloaded": 429,
    "loading": 503,
    "engines_away": 503,
}
"""The status of an `EngineError` by its code; of all others it is 500."""


@dataclass(frozen=True, slots=True)
class State:
    """How a stage is. `progress` of its loading goes from 0 to 1."""

    served: Served
    progress: float
    hanging: bool = False


class Stages(Protocol):
    """The stages that answer, wherever they run."""

    async def states(self) -> Mapping[str, State]:
        """The state of each stage, by its name."""
        ...

    async def metrics(self) -> bytes:
        """All that was counted, as Prometheus reads it."""
        ...

    async def ask(self, stage: str, request: Any, room: str, *, final: bool = True, worth: float = math.inf) -> Any:
        """A stage's answer. See `Stage.ask`. Raises `EngineError`."""
        ...

    def speak(self, about: Speak, reference: Reference | None = None) -> AsyncGenerator[Dub, None]:
        """The pieces as they are made. Raises `EngineError`, also after some of them."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a body."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    status: int = 200


class SoundAnswer:
    """An answer of int16 samples, with status 200, that is sent as they are made. Whoever sends it closes it.

    Where iterating it raises `EngineError` the sound is not complete: the server must break the connection off,
    which is the only way left to say so.
    """

    def __init__(self, first: Dub | None, rest: AsyncGenerator[Dub, None]) -> None:
        self.headers = {"Content-Type": "application/octet-stream"}
        if first:
            self.headers |= {"X-Rate": str(first.rate), "X-Engine": first.engine}
        self._first = first
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._first:
            yield self._first.pcm
        async for dub in self._rest:
            yield dub.pcm

    async def aclose(self) -> None:
        """End the speaking, whether it was heard to its end or not."""
        await self._rest.aclose()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and what makes the answer of a request's body."""

    method: Literal["GET", "POST"]
    path: str
    handle: Callable[[bytes], Awaitable[Answer | SoundAnswer]]


class Api:
    """The endpoints. A server gives `answer` each request for one of them, and `refuse` what it refuses itself."""

    def __init__(self, stages: Stages, figures: Figures) -> None:
        self._stages = stages
        self._figures = figures
        self.endpoints = (
            Endpoint("GET", "/healthz", self._healthz),
            Endpoint("GET", "/readyz", self._readyz),
            Endpoint("GET", "/metrics", self._metrics),
            Endpoint("GET", "/served", self._served),
            Endpoint("POST", "/recognise", self._recognise),
            Endpoint("POST", "/direct", self._direct),
            Endpoint("POST", "/translate", self._translate),
            Endpoint("POST", "/speak", self._speak),
            Endpoint("POST", "/speak_as", self._speak_as),
        )

    async def answer(self, endpoint: Endpoint, body: AsyncIterable[bytes]) -> Answer | SoundAnswer:
        """The answer, also where it is an error's. No more than `BODY_LIMIT` bytes of a body are kept."""
        whole = await _whole(body)
        if whole is None:
            return self.refuse(endpoint.path, 413, "The request is too large")
        try:
            return await endpoint.handle(whole)
        except EngineError as error:
            return self._refused(endpoint.path, error, STATUS.get(error.code, 500))

    def refuse(self, path: str, status: int, reason: str) -> Answer:
        """The answer to a request that HTTP itself forbids, such as one for another address or method."""
        code = "not_served" if status == 404 else "bad_request"
        return self._refused(path, EngineError(code, f"{reason}."), status)

    def _refused(self, path: str, error: EngineError, status: int) -> Answer:
        self._figures.refused.labels(_stage_of(path), error.code).inc()
        said = {"code": error.code, "message": error.message, "retryable": error.retryable}
        if not error.after:
            return _json(said, status)
        # The header knows whole seconds only (RFC 9110, 10.2.3).
        later = {"Retry-After": str(math.ceil(error.after))}
        return _json(said | {"after": round(error.after, 2)}, status, later)

    # How it is

    async def _healthz(self, _: bytes) -> Answer:
        return _json({"alive": True})

    async def _readyz(self, _: bytes) -> Answer:
        states = await self._stages.states()
        loading = {name: round(state.progress, 2) for name, state in states.items() if state.served.loading}
        without = {name: state.served for name, state in states.items() if state.served.engine == "none"}
        missing = {name: served.why for name, served in without.items() if not served.loading}
        hanging = [name for name, state in states.items() if state.hanging]
        if loading or hanging or "recognise" in missing:
            progress = sum(state.progress for state in states.values()) / len(states)
            told = {"says": f"{', '.join(hanging)}: hangs"} if hanging else {}
            told = {"says": f"loading, {round(100 * progress)} %"} if loading else told
            return _json({"ready": False, **told, "loading": loading, "missing": missing, "hanging": hanging}, 503)
        return _json({"ready": True, "stages": {name: state.served.engine for name, state in states.items()}})

    async def _metrics(self, _: bytes) -> Answer:
        return Answer(await self._stages.metrics(), {"Content-Type": CONTENT_TYPE_LATEST})

    async def _served(self, _: bytes) -> Answer:
        served = {name: state.served for name, state in (await self._stages.states()).items()}
        served["direct"] = _weighed(served["direct"], served["translate"])
        return _json({"stages": [asdict(stage) for stage in served.values()]})

    # What it does

    async def _recognise(self, body: bytes) -> Answer:
        about, pcm = with_sound(Recognise, body)
        heard: Transcription = await self._stages.ask(
            "recognise", Hearing(about, pcm), about.room, final=about.final, worth=about.worth
        )
        return _json(asdict(heard))

    async def _direct(self, body: bytes) -> Answer:
        about, pcm = with_sound(Carry, body)
        made: Translation | None = await self._stages.ask("direct", Carrying(about, pcm), about.room)
        return _json({"translation": asdict(made) if made else None})

    async def _translate(self, body: bytes) -> Answer:
        about = parsed(Translate, body)
        made: Mapping[str, Translation] = await self._stages.ask(
            "translate", about, about.room, final=about.final, worth=about.worth
        )
        return _json({"translations": {tag: asdict(one) for tag, one in made.items()}})

    async def _speak(self, body: bytes) -> SoundAnswer:
        return await _begun(self._stages.speak(parsed(Speak, body)))

    async def _speak_as(self, body: bytes) -> SoundAnswer:
        about, pcm = with_sound(SpeakAs, body)
        return await _begun(self._stages.speak(about, about.reference(pcm)))


async def _begun(dubs: AsyncGenerator[Dub, None]) -> SoundAnswer:
    """The answer when its first piece is there: until then an error still has a status of its own."""
    return SoundAnswer(await anext(dubs, None), dubs)


async def _whole(body: AsyncIterable[bytes]) -> bytes | None:
    """All of a body; None as soon as it is too large."""
    whole = bytearray()
    async for piece in body:
        whole += piece
        if len(whole) > BODY_LIMIT:
            return None
    return bytes(whole)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    told = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Answer(json.dumps(value).encode(), told, status)


def _stage_of(path: str) -> str:
    """The stage that an address asks; empty where it asks none."""
    name = path.rpartition("/")[2].removesuffix("_as")
    return name if name in TABLE else ""


def _weighed(direct: Served, translate: Served) -> Served:
    """The pairs that are carried directly here: those whose text nothing translates, and those measured better so.

    There are none while the translator loads, since nobody knows yet what text serves.
    """
    if translate.loading:
        return replace(direct, languages={})
    text = translate.languages
    better = {
        pair: figure
        for pair, figure in direct.languages.items()
        if pair not in text or (figure or 0.0) > (direct.cascade.get(pair) or 100.0)
    }
    return replace(direct, languages=better)
