"""The engine service's own HTTP before Ray Serve's deployments: rooms can't tell one from the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from agent.engines import Served
from agent.engines.service.service import (
    BODY_LIMIT,
    STATUS,
    Carry,
    Carrying,
    Hearing,
    Recognise,
    Speak,
    SpeakAs,
    Translate,
    parsed,
    refusal,
    stage_of,
    weighed,
    with_sound,
)
from agent.engines.service.stage import Figures
from agent.engines.table import TABLE
from agent.errors import EngineError
from agent.nouns import Dub

from .deployed import Deployed
from .metrics import together


class Ingress:
    """The addresses, and which stage answers at each."""

    def __init__(self, **handles: DeploymentHandle) -> None:
        self._stages = {name: Deployed(name, handles[name]) for name in TABLE}
        self._figures = Figures()

    def __serve_build_asgi_app__(self) -> Starlette:
        """What Serve passes each request to."""
        return Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
                Route("/served", self._served),
                Route("/recognise", self._recognise, methods=["POST"]),
                Route("/direct", self._direct, methods=["POST"]),
                Route("/translate", self._translate, methods=["POST"]),
                Route("/speak", self._speak, methods=["POST"]),
                Route("/speak_as", self._speak_as, methods=["POST"]),
            ],
            exception_handlers={EngineError: self._failed, HTTPException: self._refused},
        )

    def figures(self) -> tuple[str, bytes]:
        """See `Engine.figures`."""
        return serve.get_replica_context().replica_tag, generate_latest(self._figures.registry)

    # How it is

    async def _healthz(self, request: Request) -> Response:
        return _json({"alive": True})

    async def _readyz(self, request: Request) -> Response:
        stages = await self._known()
        loading = {name: 0.0 for name, served in stages.items() if served is None}
        missing = {name: served.why for name, served in stages.items() if served and served.engine == "none"}
        if loading or "recognise" in missing:
            told = {"says": f"loading, {100 - 100 * len(loading) // len(stages)} %"} if loading else {}
            return _json({"ready": False, **told, "loading": loading, "missing": missing}, 503)
        return _json({"ready": True, "stages": {name: served.engine for name, served in stages.items() if served}})

    async def _metrics(self, request: Request) -> Response:
        here = serve.get_deployment_handle("ingress", serve.get_replica_context().app_name)
        everyone = [Deployed("ingress", here), *self._stages.values()]
        pages = await asyncio.gather(*(deployed.figures() for deployed in everyone))
        return Response(
            together(page for some in pages for page in some), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _served(self, request: Request) -> Response:
        stages = await self._known()
        told = {name: served or _loading(name) for name, served in stages.items()}
        if stages["translate"]:
            told["direct"] = weighed(told["direct"], told["translate"])
        else:
            told["direct"] = replace(told["direct"], languages={})  # nobody knows yet what text serves
        return _json({"stages": [asdict(served) for served in told.values()]})

    async def _known(self) -> Mapping[str, Served | None]:
        found = await asyncio.gather(*(stage.served() for stage in self._stages.values()))
        return dict(zip(self._stages, found, strict=True))

    # What it does

    async def _recognise(self, request: Request) -> Response:
        about, pcm = with_sound(Recognise, await _body(request))
        heard = await self._stages["recognise"].ask(
            Hearing(about, pcm), about.room, final=about.final, worth=about.worth
        )
        return _json(asdict(heard))

    async def _direct(self, request: Request) -> Response:
        about, pcm = with_sound(Carry, await _body(request))
        made = await self._stages["direct"].ask(Carrying(about, pcm), about.room)
        return _json({"translation": asdict(made) if made else None})

    async def _translate(self, request: Request) -> Response:
        about = parsed(Translate, await _body(request))
        made = await self._stages["translate"].ask(about, about.room, final=about.final, worth=about.worth)
        return _json({"translations": {tag: asdict(one) for tag, one in made.items()}})

    async def _speak(self, request: Request) -> Response:
        about = parsed(Speak, await _body(request))
        return await _streamed(self._stages["speak"].speak(about))

    async def _speak_as(self, request: Request) -> Response:
        about, pcm = with_sound(SpeakAs, await _body(request))
        return await _streamed(self._stages["speak"].speak(about, about.reference(pcm)))

    # What went wrong

    async def _failed(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, EngineError)  # noqa: S101  (what the table says)
        return self._said(request, error, STATUS.get(error.code, 500))

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  (what the table says)
        code = "not_served" if error.status_code == 404 else "bad_request"
        return self._said(request, EngineError(code, f"{error.detail}."), error.status_code)

    def _said(self, request: Request, error: EngineError, status: int) -> Response:
        self._figures.refused.labels(stage_of(request.url.path), error.code).inc()
        said, later = refusal(error)
        return _json(said, status, later)


async def _streamed(dubs: AsyncGenerator[Dub, None]) -> Response:
    first = await anext(dubs, None)  # the status waits for it
    headers = {"X-Rate": str(first.rate), "X-Engine": first.engine} if first else {}
    return StreamingResponse(_sound(first, dubs), headers=headers, media_type="application/octet-stream")


async def _sound(first: Dub | None, rest: AsyncGenerator[Dub, None]) -> AsyncIterator[bytes]:
    """What it raises after its beginning breaks the connection off: the only way left to say that this was not all."""
    async with aclosing(rest):
        if first:
            yield first.pcm
        async for dub in rest:
            yield dub.pcm


async def _body(request: Request) -> bytes:
    """All of it. Raises `HTTPException` as soon as it is too much."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            raise HTTPException(413, "The request is too large")
    return bytes(body)


def _loading(stage: str) -> Served:
    return Served(stage, "none", "It is still loading", "", "", {}, loading=True)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(value), status, headers, media_type="application/json")
