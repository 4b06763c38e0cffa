"""Tells the web server twice a second that the room is interpreted, and how it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import jwt

from .errors import DragomanError
from .settings import Settings
from .standing import Standing

log = logging.getLogger(__name__)

BEAT = 0.5
"""Seconds between two heartbeats; the web server asks whether we live when it misses some."""
TICK = 0.25
"""Seconds between two looks at whether we were stopped."""
LIFE = 30
"""Seconds that a token of ours lives; the web server allows for clocks that differ."""
PATIENCE = 3.0
"""Seconds for an answer of the web server's."""
NONCE = 64
"""Characters of a question's nonce at most."""


@dataclass(frozen=True, slots=True)
class InterpreterId:
    """Which interpreter it is."""

    job: str
    room: str
    identity: str
    epoch: int
    key: str
    """The public half of what it signs with, as JSON."""


class Subject(Protocol):
    """Whose heart beats: how it is, and what it does when the web server or the LiveKit server says so."""

    @property
    def state(self) -> str: ...

    @property
    def refused(self) -> Mapping[str, int]:
        """How often something was refused to guests, by code."""
        ...

    @property
    def failures(self) -> Mapping[str, int]:
        """How often parts fell, by kind."""
        ...

    @property
    def lost(self) -> Mapping[str, float]:
        """How much was lost on the way, by what."""
        ...

    @property
    def not_kept(self) -> Mapping[str, int]:
        """How much was to be kept and could not be, by cause."""
        ...

    def replaced(self) -> None:
        """Another interpreter has taken over."""
        ...

    async def alone(self) -> bool:
        """Whether the LiveKit server shows us, and no newer interpreter."""
        ...


class Heartbeat:
    """One job's.

    After a stop (`standing`) it asks at once whether we still count: the web server, and where that doesn't answer,
    the LiveKit server.
    """

    def __init__(
        self,
        settings: Settings,
        who: InterpreterId,
        subject: Subject,
        standing: Standing,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._who = who
        self._subject = subject
        self._standing = standing
        self._wall = wall
        self._counted: Mapping[str, Counter[str]] = defaultdict(Counter)
        """Of what was refused, fell and was lost: what a beat that was heard has told."""
        self._hurried = asyncio.Event()
        self._unheard = ""
        self._said = ""

    async def run(self) -> None:
        """Beat until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_ourselves())
            group.create_task(self._beat_on())

    def changed(self) -> None:
        """The state may be another: then the web server is told at once."""
        if self._subject.state != self._said:
            self._hurried.set()

    def answer(self, nonce: str) -> str:
        """We live: the beat of this moment, signed for the one question with that nonce."""
        if not 0 < len(nonce) <= NONCE:
            raise DragomanError("bad_request", f"A nonce has 1 to {NONCE} characters.")
        return self._signed(iat=self._wall(), nonce=nonce, beat=self._told())

    async def _watch_ourselves(self) -> None:
        stood = True
        while True:
            self._standing.tick()
            stands = self._standing.stands
            if not stands:
                self._hurried.set()
            if stands is not stood:
                log.warning("we speak again" if stands else "we were stopped: silent until we know that we still count")
            stood = stands
            await asyncio.sleep(TICK)

    async def _beat_on(self) -> None:
        async with self._session() as session:
            while True:
                self._hurried.clear()
                await self._beat(session)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await self._hurried.wait()

    async def _beat(self, session: aiohttp.ClientSession) -> None:
        asked = self._standing.now()
        leave = await self._ask(session)
        if leave:
            self._subject.replaced()
        elif leave is not None or await self._still_alone():
            self._standing.confirm(asked)

    async def _still_alone(self) -> bool:
        """Asked only where it matters: after a stop, and while the web server is away."""
        return not self._standing.stands and await self._subject.alone()

    async def ask(self) -> bool | None:
        """Beat once: whether the web server wants us to leave; None where it doesn't say."""
        async with self._session() as session:
            return await self._ask(session)

    async def _ask(self, session: aiohttp.ClientSession) -> bool | None:
        try:
            leave = await self._tell(session)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # The web server may be away; the room goes on without it.
            why = str(error.status) if isinstance(error, aiohttp.ClientResponseError) else type(error).__name__
            if why != self._unheard:
                log.warning("our beats are not heard: %s", why)
            self._unheard = why
            return None
        self._unheard = ""
        return leave

    async def _tell(self, session: aiohttp.ClientSession) -> bool:
        url = f"{self._settings.web}/api/interpreters/{self._who.job}/beat"
        now = self._wall()
        headers = {"Authorization": f"Bearer {self._signed(iat=now, exp=now + LIFE)}"}
        subject = self._subject
        fallen = {"refused": subject.refused, "failures": subject.failures}
        missing = {"lost": subject.lost, "not_kept": subject.not_kept}
        counts = {name: Counter(count) for name, count in (fallen | missing).items()}
        new = {name: dict(count - self._counted[name]) for name, count in counts.items()}
        async with session.post(url, json=self._told() | new, headers=headers, raise_for_status=True) as answer:
            leave = bool((await answer.json())["leave"])
        self._counted = counts
        return leave

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))

    def _told(self) -> dict[str, Any]:
        self._said = self._subject.state
        return {
            "room": self._who.room,
            "identity": self._who.identity,
            "epoch": self._who.epoch,
            "state": self._said,
            "key": self._who.key,
        }

    def _signed(self, **claims: Any) -> str:
        claims = {"iss": self._settings.livekit_api_key, "sub": self._who.job, **claims}
        return jwt.encode(claims, self._settings.livekit_api_secret.get_secret_value(), algorithm="HS256")
