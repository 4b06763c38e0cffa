"""The models behind a socket, one queue a stage for all rooms."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..errors import EngineError
from . import Ear, Served, Translator, Voice
from .batch import Queue

T = TypeVar("T")

BODY = 2 * 1024 * 1024
"""Bytes of a request; 30 s of sound are less than one million."""
TEXT = 2_000
"""Characters of a text."""
STATUS = {"bad_request": 400, "too_large": 413, "not_served": 404, "overloaded": 429, "loading": 503, "timeout": 504}


@dataclass
class Stages:
    """The engines that are served; None while they load."""

    ear: Ear | None = None
    translator: Translator | None = None
    voice: Voice | None = None
    served: dict[str, Served] = field(default_factory=dict)
    loading: dict[str, float] = field(default_factory=lambda: {"recognise": 0.0, "translate": 0.0, "speak": 0.0})


class Metrics:
    """What Prometheus is told; nothing in it was said by anybody."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of: dict[str, Any] = {"registry": self.registry, "labelnames": ["stage"]}
        buckets = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
        self.seconds = Histogram(
            "dragoman_engine_seconds", "Time of a request, waiting included", buckets=buckets, **of
        )
        self.work = Counter("dragoman_engine_work_seconds", "Time that engines worked", **of)
        self.sound = Counter("dragoman_engine_sound_seconds", "Sound that was heard or made", **of)
        self.refused = Counter(
            "dragoman_engine_refused", "Requests refused, by code", ["stage", "code"], registry=self.registry
        )
        self.waiting = Gauge("dragoman_engine_waiting", "Requests that wait", **of)


class Service:
    """Stateless requests of all rooms; each stage has a queue of its own, so captions never wait for a voice."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._metrics = Metrics()
        self._queues = {"recognise": Queue(1, 32), "translate": Queue(4, 128), "speak": Queue(2, 64)}

    def app(self) -> web.Application:
        """All routes in one list."""
        app = web.Application(client_max_size=BODY, middlewares=[self._errors])
        app.add_routes(
            [
                web.get("/healthz", self._alive),
                web.get("/readyz", self._ready),
                web.get("/metrics", self._tell),
                web.get("/served", self._served),
                web.post("/recognise", self._recognise),
                web.post("/translate", self._translate),
                web.post("/speak", self._speak),
            ]
        )
        return app

    @web.middleware
    async def _errors(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        stage = request.path.strip("/")
        try:
            return await handler(request)
        except EngineError as error:
            return self._refuse(stage, error)
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(stage, EngineError("too_large", f"A request is at most {BODY} bytes."))

    def _refuse(self, stage: str, error: EngineError) -> web.Response:
        if stage in self._queues:
            self._metrics.refused.labels(stage, error.code).inc()
        body = {"code": error.code, "message": error.message, "retryable": error.retryable}
        return web.json_response(body, status=STATUS.get(error.code, 500))

    async def _alive(self, request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _ready(self, request: web.Request) -> web.Response:
        if self._stages.loading:
            return web.json_response({"ready": False, "loading": self._stages.loading}, status=503)
        stages = {stage: served.engine for stage, served in self._stages.served.items()}
        return web.json_response({"ready": True, "stages": stages})

    async def _tell(self, request: web.Request) -> web.Response:
        for stage, queue in self._queues.items():
            self._metrics.waiting.labels(stage).set(queue.waiting)
        return web.Response(body=generate_latest(self._metrics.registry), content_type="text/plain")

    async def _served(self, request: web.Request) -> web.Response:
        return web.json_response({"stages": [asdict(served) for served in self._stages.served.values()]})

    async def _recognise(self, request: web.Request) -> web.Response:
        head, _, pcm = (await request.read()).partition(b"\n")
        asked = _object(head)
        language, final = asked.get("language"), asked.get("final") is True
        if not pcm or len(pcm) % 2 or not (language is None or isinstance(language, str)):
            raise EngineError("bad_request", "A line of JSON and mono int16 PCM are asked for.")
        ear = _loaded(self._stages.ear)
        prompt, prefix = _text(asked, "prompt", empty=True), _text(asked, "prefix", empty=True)

        async def hear() -> Any:
            return await ear.hear(pcm, language, prompt, prefix=prefix, final=final)

        self._metrics.sound.labels("recognise").inc(len(pcm) / 32_000)
        heard = await self._queued("recognise", asked, hear, None if final else 1.5)
        return web.json_response(asdict(heard))

    async def _translate(self, request: web.Request) -> web.Response:
        asked = _object(await request.read())
        text, source = _text(asked, "text"), _text(asked, "source")
        targets, context = _texts(asked, "targets"), _texts(asked, "context")
        translator = _loaded(self._stages.translator)

        async def translate() -> Any:
            return await translator.translate(text, source, targets, context)

        made = await self._queued("translate", asked, translate, None)
        return web.json_response({"translations": {tag: asdict(one) for tag, one in made.items()}})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        asked = _object(await request.read())
        text, language = _text(asked, "text"), _text(asked, "language")
        speed, voice = asked.get("speed", 1.0), asked.get("voice")
        if (
            not isinstance(speed, int | float)
            or not 1.0 <= speed <= 1.25
            or not (voice is None or isinstance(voice, str))
        ):
            raise EngineError("bad_request", "speed is from 1.0 to 1.25 and voice a name or null.")
        engine = _loaded(self._stages.voice)

        async def stream() -> web.StreamResponse:
            return await self._stream(request, engine, text, language, voice, float(speed))

        return await self._queued("speak", asked, stream, 5.0)

    async def _stream(
        self, request: web.Request, engine: Voice, text: str, language: str, voice: str | None, speed: float
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        dubs: AsyncIterator[Any] = engine.speak(text, language, voice, speed=speed)
        async with aclosing(dubs):  # type: ignore[type-var]
            async for dub in dubs:
                if not response.prepared:
                    response.headers["X-Rate"], response.headers["X-Engine"] = str(dub.rate), dub.engine
                    await response.prepare(request)
                self._metrics.sound.labels("speak").inc(dub.duration)
                await response.write(dub.pcm)
        if not response.prepared:
            raise EngineError("engine_failed", "The voice made no sound.")
        await response.write_eof()
        return response

    async def _queued(
        self, stage: str, asked: Mapping[str, Any], work: Callable[[], Awaitable[T]], patience: float | None
    ) -> T:
        async def timed() -> T:
            began = time.monotonic()
            try:
                return await work()
            finally:
                self._metrics.work.labels(stage).inc(time.monotonic() - began)

        with self._metrics.seconds.labels(stage).time():
            return await self._queues[stage].run(str(asked.get("room", "")), timed, patience=patience)


def _loaded(engine: T | None) -> T:
    if engine is None:
        raise EngineError("loading", "The engine is loading.", retryable=True)
    return engine


def _object(body: bytes) -> Mapping[str, Any]:
    asked = None
    with suppress(ValueError):
        asked = json.loads(body)
    if not isinstance(asked, dict):
        raise EngineError("bad_request", "The request is a JSON object.")
    return asked


def _text(asked: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    value = asked.get(name, "" if empty else None)
    if not isinstance(value, str) or not (value.strip() or empty) or len(value) > TEXT:
        raise EngineError("bad_request", f"{name} is a text of 1 to {TEXT} characters.")
    return value


def _texts(asked: Mapping[str, Any], name: str) -> list[str]:
    value = asked.get(name, [])
    if not isinstance(value, list) or len(value) > 64 or not all(isinstance(v, str) and len(v) <= TEXT for v in value):
        raise EngineError("bad_request", f"{name} is a list of at most 64 texts.")
    return value
