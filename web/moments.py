"""Answers that cost something are made once and then kept for a moment, so that a flood of questions costs little."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from agent.errors import DragomanError

from .rate_limit import look_pace

MOMENT = 0.5
"""Seconds that an answer is kept: as old as what anybody is told may be."""
KEPT = 1_000
"""Answers kept at most; beyond that the one that was asked for longest ago goes."""
WORTH_PACKING = 1_024
"""Bytes from which a body is sent compressed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that may be sent any number of times; nothing in it is secret."""

    status: int
    kind: str
    body: bytes = field(repr=False)
    packed: bytes | None = field(repr=False)

    def to(self, request: web.Request) -> web.Response:
        headers = {hdrs.CONTENT_TYPE: self.kind, hdrs.VARY: "Accept-Encoding"}
        if self.packed is None or "gzip" not in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower():
            return web.Response(status=self.status, body=self.body, headers=headers)
        return web.Response(status=self.status, body=self.packed, headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})


@dataclass(slots=True)
class _Place:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    until: float = 0.0
    found: Answer | DragomanError | None = None


class Moments:
    """The answers of one web server. Refusals are kept like answers: a database that is away is asked no more often."""

    def __init__(self, seconds: float = MOMENT, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()

    async def get(self, key: Hashable, may: Callable[[], None], make: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of that key; where it has to be made, one asker makes it and the others wait.

        `may` raises where this asker has had enough made; that is told to nobody else. Raises what `make` raises.
        """
        place = self._places.setdefault(key, _Place())
        self._places.move_to_end(key)
        if len(self._places) > KEPT:
            self._places.popitem(last=False)
        async with place.lock:
            if place.found is None or self._clock() >= place.until:
                may()
                try:
                    place.found = await make()
                except DragomanError as error:
                    place.found = error
                place.until = self._clock() + self.seconds
            found = place.found
        if isinstance(found, DragomanError):
            raise DragomanError(found.code, found.message)
        return found


MOMENTS = web.AppKey("moments", Moments)


def for_a_moment(handler: Handler, beside: Callable[[web.Request], Awaitable[Hashable]] | None = None) -> Handler:
    """The handler, asked once a moment for each path; `beside` tells apart who is answered differently."""

    async def kept(request: web.Request) -> web.StreamResponse:
        key = (request.rel_url.raw_path, await beside(request) if beside else None)

        async def make() -> Answer:
            return answer_of(await handler(request))

        answer = await request.app[MOMENTS].get(key, lambda: look_pace(request), make)
        return answer.to(request)

    return kept


def answer_of(response: web.StreamResponse) -> Answer:
    assert isinstance(response, web.Response)  # noqa: S101 - no handler that is kept streams
    body = response.body if isinstance(response.body, bytes) else b""
    packed = gzip.compress(body, 6, mtime=0) if len(body) >= WORTH_PACKING else None
    return Answer(response.status, response.headers[hdrs.CONTENT_TYPE], body, packed)
