"""The engine service's HTTP on aiohttp."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from aiohttp import web

from ...errors import EngineError
from .api import Answer, Api, Endpoint, SoundAnswer
from .service import Service

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(service: Service) -> web.Application:
    """The application; the service's stages run for as long as it does."""
    api = Api(service, service.figures)

    async def running(app: web.Application) -> AsyncIterator[None]:
        async with service.running():
            yield

    @web.middleware
    async def refused(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _response(api.refuse(request.path, error.status, error.reason))

    app = web.Application(middlewares=[refused])
    app.cleanup_ctx.append(running)
    methods = {"GET": web.get, "POST": web.post}
    app.add_routes([methods[one.method](one.path, _handler(api, one)) for one in api.endpoints])
    return app


def _handler(api: Api, endpoint: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await api.answer(endpoint, request.content.iter_any())
        return _response(answer) if isinstance(answer, Answer) else await _streamed(request, answer)

    return handle


def _response(answer: Answer) -> web.Response:
    return web.Response(body=answer.body, status=answer.status, headers=answer.headers)


async def _streamed(request: web.Request, answer: SoundAnswer) -> web.StreamResponse:
    response = web.StreamResponse(headers=answer.headers)
    async with aclosing(answer):
        await response.prepare(request)
        try:
            async for pcm in answer:
                await response.write(pcm)
        except EngineError:
            if request.transport:
                request.transport.abort()
        else:
            await response.write_eof()
    return response
