"""Our own attributes in a LiveKit room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from livekit import rtc


class OwnAttributes:
    """Sends what differs from what was sent, at most five times a second; what LiveKit refuses is sent again."""

    GAP = 0.2

    def __init__(
        self, participant: Callable[[], rtc.LocalParticipant], failed: Callable[[str, Exception], None]
    ) -> None:
        self._participant = participant
        self._failed = failed
        self._wanted: dict[str, str] = {}
        self._changed = asyncio.Event()

    def put(self, attributes: Mapping[str, str]) -> None:
        """These, as soon as possible. Never waits."""
        self._wanted |= attributes
        self._changed.set()

    async def run(self) -> None:
        """Send until cancelled."""
        told: dict[str, str] = {}
        while True:
            await self._changed.wait()
            self._changed.clear()
            news = {name: value for name, value in self._wanted.items() if told.get(name) != value}
            if news:
                try:
                    await self._participant().set_attributes(news)
                    told |= news
                except Exception as error:  # the SDK raises a bare Exception, as while it reconnects
                    self._failed("attributes", error)
                    self._changed.set()
            await asyncio.sleep(self.GAP)
