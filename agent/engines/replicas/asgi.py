"""The engine service's HTTP as an ASGI application, on Starlette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from agent.engines.service.api import Answer, Api, Endpoint, SoundAnswer

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
"""Sends an answer: what a Starlette `Response` is."""


def application(api: Api) -> Starlette:
    """The application; it starts no stages."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  (what the table says)
        return _response(api.refuse(request.url.path, error.status_code, error.detail))

    routes = [Route(one.path, _handler(api, one), methods=[one.method]) for one in api.endpoints]
    return Starlette(routes=routes, exception_handlers={HTTPException: refused})


def _handler(api: Api, endpoint: Endpoint) -> Callable[[Request], Awaitable[Asgi]]:
    async def handle(request: Request) -> Asgi:
        answer = await api.answer(endpoint, request.stream())
        return _response(answer) if isinstance(answer, Answer) else _streamed(answer)

    return handle


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _streamed(answer: SoundAnswer) -> Asgi:
    async def send_all(scope: Any, receive: Any, send: Any) -> None:
        # An error of ours that passes through the server ends the connection, as `SoundAnswer` wants it.
        async with aclosing(answer):
            await StreamingResponse(answer, headers=answer.headers)(scope, receive, send)

    return send_all
