"""How far the clocks of other machines are from ours, and the beats that were refused: told, not acted on."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp import web

from agent.errors import DragomanError

from ..metrics import Metrics

log = logging.getLogger(__name__)

Seconds = float

NOTICED: Seconds = 3.0
"""A smaller difference may be the network's, and nobody reads a transcript by it."""
CHANGED: Seconds = 2.0
"""A difference is logged again where it has changed by so much."""
LIVEKIT = "livekit"
"""The LiveKit server; an interpreter's job never has this name."""
REMEMBERED = 1_000
"""Jobs whose difference is known; beyond that the one longest unheard of is forgotten."""
LATELY: Seconds = 60.0
"""For how long what was heard counts."""
PACE: Seconds = 10.0
"""Between two lines of the log about beats that were refused."""


class Clocks:
    """The differences of those heard of lately. At most `REMEMBERED` are kept."""

    def __init__(self, metrics: Metrics, steady: Callable[[], Seconds] = time.monotonic) -> None:
        self._metrics = metrics
        self._steady = steady
        self._heard: OrderedDict[str, tuple[Seconds, Seconds]] = OrderedDict()
        self._logged: dict[str, Seconds] = {}

    def tell(self, who: str, ahead: Seconds) -> None:
        """Somebody's clock is so many seconds ahead of ours."""
        now = self._steady()
        self._heard[who] = (now, ahead)
        self._heard.move_to_end(who)
        while len(self._heard) > REMEMBERED or next(iter(self._heard.values()))[0] < now - LATELY:
            gone, _ = self._heard.popitem(last=False)
            self._logged.pop(gone, None)
        self._metrics.clocks.set(max((ahead for _, ahead in self._heard.values()), key=abs))
        if abs(ahead - self._logged.get(who, 0.0)) > (CHANGED if who in self._logged else NOTICED):
            self._logged[who] = ahead
            log.warning("a clock differs from ours", extra={"of": who, "ahead_s": round(ahead, 1)})

    def ahead(self, who: str) -> Seconds:
        """By how much somebody's clock is ahead of ours, as it was told last; 0 where it never was."""
        return self._heard.get(who, (0.0, 0.0))[1]

    def reading(self, who: str) -> aiohttp.TraceConfig:
        """For a session: reads the clock of the server it talks to off the `Date` of each answer, to a second."""

        async def read(session: object, context: object, ended: aiohttp.TraceRequestEndParams) -> None:
            with suppress(KeyError, TypeError, ValueError):
                self.tell(who, parsedate_to_datetime(ended.response.headers["Date"]).timestamp() + 0.5 - time.time())

        config = aiohttp.TraceConfig()
        config.on_request_end.append(read)
        return config


class Refused:
    """Beats that were refused: each is counted, and a line of the log in `PACE` seconds tells of them."""

    def __init__(self, metrics: Metrics, steady: Callable[[], Seconds] = time.monotonic) -> None:
        self._metrics = metrics
        self._steady = steady
        self._since_logged = 0
        self._logged_at = -PACE

    def tell(self, error: DragomanError, peer: str | None) -> None:
        self._metrics.refused.inc()
        self._since_logged += 1
        if self._steady() - self._logged_at >= PACE:
            log.warning("beats are refused", extra={"code": error.code, "peer": peer, "beats": self._since_logged})
            self._since_logged, self._logged_at = 0, self._steady()


CLOCKS = web.AppKey("clocks", Clocks)
REFUSED = web.AppKey("refused", Refused)
