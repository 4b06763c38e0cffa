"""How often one address may ask for what costs something."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web

from agent.errors import DragomanError
from agent.rate_limit import TokenBucket

from .access import address_of

LOOKS_PER_MINUTE = 600
"""Answers that one address may have made; those that are kept already cost it nothing."""
KNOWN = 10_000
"""Addresses remembered; beyond that the one that asked longest ago is forgotten."""


class Pace:
    """A bucket of tokens for each address."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, address: str) -> None:
        """One token. Raises `too_many_requests` where none is left."""
        now = self._clock()
        bucket = self._buckets.pop(address, None) or TokenBucket(self._size, self._size / 60, now)
        self._buckets[address] = bucket
        if len(self._buckets) > KNOWN:
            self._buckets.popitem(last=False)
        if not bucket.take(now):
            raise DragomanError("too_many_requests", "Too many requests from this address; wait a little.")


PACE = web.AppKey("pace", Pace)
LOOKS = web.AppKey("looks", Pace)


def keep_pace(request: web.Request) -> None:
    request.app[PACE].take(address_of(request))


def look_pace(request: web.Request) -> None:
    request.app[LOOKS].take(address_of(request))
