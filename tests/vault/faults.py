"""A server's front on loopback that fails as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer


class Front:
    """Hands requests on to `behind`, unless it is away, slow or told what to answer instead."""

    def __init__(self, behind: str) -> None:
        self.url = ""
        self.away = False
        self.slow: float = 0.0
        self.answer: tuple[int, bytes] | None = None
        self.asked = 0
        self.last = b""
        """The last answer that was handed on."""
        self._behind = behind

    async def hand_on(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.away and request.transport:
            request.transport.abort()
        if self.answer:
            status, body = self.answer
            return web.Response(status=status, body=body, content_type="application/json")
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in {"host", "content-length"}
        }
        async with (
            ClientSession() as session,
            session.request(
                request.method, self._behind + request.path_qs, headers=headers, data=await request.read()
            ) as said,
        ):
            self.last = await said.read()
            return web.Response(status=said.status, body=self.last, content_type=said.content_type)


@asynccontextmanager
async def front(behind: str) -> AsyncIterator[Front]:
    one = Front(behind.rstrip("/"))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.hand_on)
    async with TestServer(app) as server:
        one.url = str(server.make_url("")).rstrip("/")
        yield one
