"""Tells the web server twice a second that the room is interpreted, and how it is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import aiohttp
import jwt

from .settings import Settings

log = logging.getLogger(__name__)

BEAT = 0.5
"""Seconds between two heartbeats; the web server replaces us when it misses some."""


class Heartbeat:
    """One job's. `replaced` is called where the web server says that another interpreter has taken over."""

    def __init__(
        self,
        settings: Settings,
        *,
        job: str,
        room: str,
        identity: str,
        epoch: int,
        key: str,
        state: Callable[[], str],
        replaced: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._job = job
        self._room = room
        self._identity = identity
        self._epoch = epoch
        self._key = key
        self._state = state
        self._replaced = replaced

    async def run(self) -> None:
        """Beat until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            while True:
                try:
                    await self._beat(session)
                except (aiohttp.ClientError, TimeoutError) as error:
                    # The web server may be away; the room goes on without it.
                    log.debug("no heartbeat: %s", type(error).__name__)
                await asyncio.sleep(BEAT)

    async def _beat(self, session: aiohttp.ClientSession) -> None:
        beat = {
            "room": self._room,
            "identity": self._identity,
            "epoch": self._epoch,
            "state": self._state(),
            "served": None,
            "key": self._key,
        }
        url = f"{self._settings.web}/api/interpreters/{self._job}/beat"
        async with session.post(url, json=beat, headers={"Authorization": f"Bearer {self._pass()}"}) as answer:
            if answer.status == 200 and (await answer.json()).get("leave"):
                self._replaced()

    def _pass(self) -> str:
        claims = {"iss": self._settings.livekit_api_key, "sub": self._job, "exp": int(time.time()) + 30}
        return jwt.encode(claims, self._settings.livekit_api_secret.get_secret_value(), algorithm="HS256")
