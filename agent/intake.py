"""Which rooms a worker takes: as many as it may, and not one more; and what it tells the web server of it."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import jwt
from livekit.agents import AgentServer, JobRequest

from .settings import Settings
from .wire_names import INTERPRETER, Attribute

log = logging.getLogger(__name__)

LATEST = 2**53
"""No epoch is as high: pages read it as a JavaScript number."""
EVERY = 1.0
"""Seconds between two words to the web server while nothing changes."""
LOOK = 0.1
"""Seconds between two looks at whether something has changed."""
LIFE = 30
"""Seconds that a token of ours lives; the web server allows for clocks that differ."""
FULL = 1.0
"""LiveKit's load of a worker that takes nothing; below 0.7, its target, it sends more."""
WELCOMING = 0.6
"""The highest load of one that has a place left."""


class Intake:
    """Takes the rooms of one worker.

    A room counts from the moment we say that we take it until its process has ended: it
    may still be delivering what was said. `running` are the jobs that have a process.
    """

    def __init__(self, limit: int, running: Callable[[], set[str]], wall: Callable[[], float] = time.time) -> None:
        self.limit = limit
        self._running = running
        self._wall = wall
        self._taking: set[str] = set()

    def close(self) -> None:
        """Take no more rooms."""
        self.limit = 0

    @property
    def rooms(self) -> int:
        """How many rooms we have."""
        return len(self._running() | self._taking)

    @property
    def load(self) -> float:
        """As LiveKit is told it: it sends a room to the worker with the least."""
        return FULL if self.rooms >= self.limit else self.rooms / self.limit * WELCOMING

    async def accept(self, request: JobRequest) -> None:
        """Take the job under an identity of its own; a fixed one loses the room at a second dispatch."""
        if self.rooms >= self.limit:
            log.info("no place for another room")
            await request.reject(terminate=False)  # another worker may have one
            return
        self._taking.add(request.id)
        try:
            await request.accept(
                identity=f"{INTERPRETER}{request.id}",
                name="Dragoman",
                attributes={
                    Attribute.EPOCH: str(epoch_of(request.job.metadata) or round(self._wall() * 1000)),
                    Attribute.STATE: "starting",
                    Attribute.SYNTHETIC: "true",
                    Attribute.KEEPS: "nothing",
                },
            )
        finally:
            self._taking.discard(request.id)


class Worker(AgentServer):
    """LiveKit's worker, which says whether it can take a room at once.

    The library tells by an event that it is registered, and not that it no longer is; how
    many processes wait it tells nowhere. So this reads two of its private members.
    """

    @property
    def registered(self) -> bool:
        """Whether the LiveKit server sends us rooms now."""
        return self.id != "unregistered" and not self._connecting and not self.draining

    @property
    def warm(self) -> int:
        """Processes that have loaded everything and wait for a room."""
        return self._proc_pool._warmed_proc_queue.qsize()

    @property
    def running(self) -> set[str]:
        """The ids of the jobs that have a process."""
        return {info.job.id for info in self.active_jobs}


class Presence:
    """Tells the web server once a second, and whenever it changes, what this worker can take.

    `not_kept` is how much of what killed jobs left could not be replayed, by cause; each loss is told once.
    """

    def __init__(
        self,
        settings: Settings,
        worker: Worker,
        intake: Intake,
        wall: Callable[[], float] = time.time,
        not_kept: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._intake = intake
        self._wall = wall
        self._not_kept = not_kept
        self._told_before: Counter[str] = Counter()
        self._id = secrets.token_hex(8)
        self._started = asyncio.Event()
        worker.once("worker_started", self._started.set)

    async def run(self) -> None:
        """Tell until cancelled, and then that we are gone."""
        await self._started.wait()
        told: dict[str, Any] = {}
        said = 0.0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            try:
                while True:
                    now = self._told()
                    if now != told or time.monotonic() - said >= EVERY:
                        told, said = now, time.monotonic()
                        await self._tell(session, told)
                    await asyncio.sleep(LOOK)
            finally:
                await self._tell(session, {**self._told(), "registered": False})

    def _told(self) -> dict[str, Any]:
        return {
            "agent": self._settings.agent_name,
            "registered": self._worker.registered,
            "warm": self._worker.warm,
            "rooms": self._intake.rooms,
            "limit": self._intake.limit,
        }

    async def _tell(self, session: aiohttp.ClientSession, told: dict[str, Any]) -> None:
        now = self._wall()
        claims = {"iss": self._settings.livekit_api_key, "sub": self._id, "iat": now, "exp": now + LIFE}
        token = jwt.encode(claims, self._settings.livekit_api_secret.get_secret_value(), algorithm="HS256")
        url = f"{self._settings.web}/api/workers/{self._id}/beat"
        not_kept = Counter(self._not_kept())
        told = told | {"not_kept": dict(not_kept - self._told_before)}
        try:
            async with session.post(url, json=told, headers={"Authorization": f"Bearer {token}"}) as answer:
                if answer.status == 200:
                    self._told_before = not_kept
                else:
                    log.warning("the web server refuses our word: %s", answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.debug("the web server is away: %s", type(error).__name__)


def epoch_of(told: str) -> int | None:
    """The epoch that the web server gave with the call, by the database's clock; None where another called us."""
    try:
        epoch = json.loads(told or "{}").get("epoch")
    except (ValueError, AttributeError):
        return None
    return epoch if type(epoch) is int and 0 < epoch < LATEST else None
