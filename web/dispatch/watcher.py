"""Attends the live rooms: one web server of all does, and looks wherever the rules ask it to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from asyncpg import Connection
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import DragomanError
from agent.settings import Settings

from ..database import Database
from ..metrics import Metrics
from ..policies import Policies
from . import workers
from .alive import Asking
from .interpreters import CHANNEL, forget, heard, note, note_call, ours, scene_of, scenes
from .job_metadata import brief
from .livekit import Person, Sfu
from .rules import PULSE, Scene, Verdict, decide, doubtful, is_due, unanswered
from .workers import at_work

log = logging.getLogger(__name__)

LOCK = 0x64726167_6C656164
"""Who holds this advisory lock attends; Postgres takes it back when the holder's connection ends."""
AT_ONCE = 8
"""Rooms looked at at the same time."""

Seconds = float


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the watch looks, and by which clock."""

    tick: Seconds = 0.25
    """Between two looks at the beats."""
    every: Seconds = 10.0
    """Between two looks at every live room: a webhook may be lost."""
    again: Seconds = 1.0
    """Before another try, at a database or a LiveKit server that was away, or at the lock."""
    steady: Callable[[], Seconds] = time.monotonic


USUAL = Rhythm()
RHYTHM = web.AppKey("rhythm", Rhythm)


class Sightings:
    """When we first saw each interpreter in each room, by our own clock: no other machine's is compared with ours.

    Bounded by what LiveKit shows: of a room only those present now are remembered, and of rooms those that live.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._first: dict[str, dict[str, float]] = {}

    def of(self, room: str, people: Iterable[Person]) -> Mapping[str, float]:
        """Seconds since each interpreter that is there now was first seen."""
        now, before = self._steady(), self._first.pop(room, {})
        first = {person.identity: before.get(person.identity, now) for person in people if person.interpreter}
        if first:
            self._first[room] = first
        return {identity: now - at for identity, at in first.items()}

    def keep(self, rooms: Collection[str]) -> None:
        """Forget all rooms but these."""
        self._first = {room: first for room, first in self._first.items() if room in rooms}


class Watch:
    """One task. Beats come through the tables, hints through Postgres' notices, people from LiveKit."""

    def __init__(
        self, settings: Settings, database: Database, policies: Policies, sfu: Sfu, metrics: Metrics, rhythm: Rhythm
    ) -> None:
        self._database = database
        self._policies = policies
        self._sfu = sfu
        self._metrics = metrics
        self._rhythm = rhythm
        self._hints: set[str] = set()
        self._hinted = asyncio.Event()
        self._asking = Asking(sfu, settings)
        self._agent = settings.agent_name
        self._free = 0
        self._sightings = Sightings(rhythm.steady)
        self._looking: set[str] = set()
        self._seats = asyncio.Semaphore(AT_ONCE)
        self._since = 0.0
        self._resting = False
        self._rest_until = 0.0
        self._swept = 0.0

    async def run(self) -> None:
        """Attend, whenever this server is the one to; come back from whatever was away."""
        away = False
        while True:
            try:
                # The group is the outer one: what breaks the session reaches it as `database_away`.
                async with asyncio.TaskGroup() as looks, self._database.session() as session:
                    away = False
                    if (await session.execute(select(text(f"pg_try_advisory_lock({LOCK})")))).scalar():
                        await self._attend(session, looks)
            except* DragomanError as errors:
                if not away:
                    log.warning("not attending", extra={"code": _code(errors)})
                away = True
            finally:
                self._metrics.leader.set(0)
            await asyncio.sleep(self._rhythm.again)

    async def look(self, room: str) -> Verdict:
        """Look at one room, note what is to be done, do it. Raises `sfu_away`, `database_away`.

        No transaction is open while LiveKit is asked: it may take its time, and others wait for the connection.
        """
        people = tuple(await self._sfu.people(room))
        seen = self._sightings.of(room, people)
        watched = self._rhythm.steady() - self._since
        async with self._database.transaction() as connection:
            scene = await scene_of(connection, room)
        if scene is None:
            return Verdict()
        given: dict[str, Any] = {"people": people, "seen": seen, "watched": watched, "free": self._free}
        scene = replace(scene, **given)
        answered = await self._ask(room, doubtful(scene))
        taken = not unanswered(scene) or await self._sfu.taken(room)
        async with self._database.transaction() as connection:
            scene = await scene_of(connection, room)  # anew: beats may have come while we asked
            if scene is None:
                return Verdict()
            verdict = decide(replace(scene, **given, answered=answered, taken=taken))
            await note(connection, room, verdict)
        # Out first, then in: LiveKit ends the job of whoever it finds under an identity that goes.
        for identity, why in verdict.remove.items():
            await self._sfu.remove(room, identity)
            self._metrics.removals.labels(why).inc()
        if verdict.call:
            await self._call(room, scene.calls)
        self._tell(room, scene, verdict)
        return verdict

    async def _ask(self, room: str, names: Collection[str]) -> frozenset[str]:
        """Which of these interpreters live: an answer counts as a beat, and is noted as one."""
        if not names:
            return frozenset()
        pulses = await self._asking.ask(room, names)
        self._metrics.asked.labels("answered").inc(len(pulses))
        self._metrics.asked.labels("silent").inc(len(names) - len(pulses))
        async with self._database.transaction() as connection:
            for job, pulse in pulses.items():
                await heard(connection, job, pulse)
        return frozenset(pulse.identity for pulse in pulses.values())

    async def _call(self, room: str, calls: int) -> None:
        """Call an interpreter; noted only once LiveKit has taken the call."""
        async with self._database.transaction() as connection:
            told = await brief(connection, self._policies, room)
        if await self._sfu.call(room, told):
            async with self._database.transaction() as connection:
                await note_call(connection, room, calls + 1)
            self._metrics.dispatches.labels("again" if calls else "attended").inc()

    async def _attend(self, session: AsyncConnection, looks: asyncio.TaskGroup) -> None:
        """Hold the lock and keep looking, until the connection that holds it breaks."""
        driver = (await session.get_raw_connection()).driver_connection
        assert isinstance(driver, Connection)  # noqa: S101 - tells mypy what asyncpg's engine gives
        await driver.add_listener(CHANNEL, self._hint)
        log.info("attending")
        self._metrics.leader.set(1)
        self._since = last = self._rhythm.steady()
        self._swept = 0.0
        while True:
            moment = self._rhythm.steady()
            if moment - last > PULSE:  # we were asleep ourselves, or the database was: nobody is to blame
                self._since = moment
            last = moment
            self._free = (await at_work(session, self._agent)).free  # breaks where the lock broke
            self._metrics.places.set(self._free)
            found = await scenes(session, moment - self._since, self._free)
            if moment >= self._rest_until:
                wanted = self._take_hints() | {room for room, scene in found.items() if is_due(scene)}
                if moment - self._swept > self._rhythm.every:
                    self._swept = moment
                    wanted |= await self._live(session)
                for room in wanted - self._looking:
                    self._looking.add(room)
                    looks.create_task(self._look_safely(room))
            await self._wait()

    async def _live(self, session: AsyncConnection) -> set[str]:
        """Every live room of ours."""
        self._metrics.sweeps.inc()
        await forget(session)
        await workers.forget(session)
        try:
            rooms = await self._sfu.rooms()
            self._sightings.keep(rooms)
            self._wake()
            return set(await ours(session, rooms))
        except DragomanError as error:
            if error.code != "sfu_away":
                raise
            self._rest(error)
            return set()

    async def _look_safely(self, room: str) -> None:
        """A look whose failure disturbs no other room: the next tick or sweep looks again."""
        try:
            async with self._seats:
                await self.look(room)
        except DragomanError as error:
            self._hints.add(room)
            self._rest(error)
        except Exception:
            log.exception("a look failed", extra={"room": room})
        finally:
            self._looking.discard(room)

    def _rest(self, error: DragomanError) -> None:
        if not self._resting:
            log.warning("cannot look at rooms", extra={"code": error.code})
        self._resting = True
        self._rest_until = self._rhythm.steady() + self._rhythm.again
        self._swept = 0.0  # who knows what we missed

    def _wake(self) -> None:
        if self._resting:
            log.info("looking at rooms again")
        self._resting = False

    def _hint(self, _connection: object, _pid: int, _channel: str, room: object) -> None:
        self._hints.add(str(room))
        self._hinted.set()

    def _take_hints(self) -> set[str]:
        """Rooms that somebody pointed at; those being looked at just now wait for the next tick."""
        taken = self._hints - self._looking
        self._hints &= self._looking
        self._hinted.clear()
        return taken

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._rhythm.tick):
                await self._hinted.wait()
        except TimeoutError:
            return

    def _tell(self, room: str, scene: Scene, verdict: Verdict) -> None:
        """Changes go to the log and the counters."""
        silent = sum(beat.job in verdict.dismiss and beat.age >= PULSE for beat in scene.beats)
        self._metrics.missed.inc(silent)
        if verdict.remove or verdict.call:
            log.info("attended", extra={"room": room, "removed": len(verdict.remove), "called": verdict.call})


def _code(errors: BaseExceptionGroup[DragomanError]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.code if isinstance(error, DragomanError) else type(error).__name__
