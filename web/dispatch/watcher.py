"""Attends the live rooms: one web server of all does, and looks wherever the rules ask it to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

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
from .interpreters import CHANNEL, forget, ours, scenes
from .livekit import Sfu
from .looker import Looker
from .rules import PULSE, is_due
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


class Hints:
    """Rooms that somebody pointed at, and those that are looked at just now: these wait for their next turn."""

    def __init__(self) -> None:
        self._pointed: set[str] = set()
        self._looking: set[str] = set()
        self._some = asyncio.Event()

    def add(self, room: str) -> None:
        self._pointed.add(room)
        self._some.set()

    def later(self, room: str) -> None:
        """Look again, but not at once."""
        self._pointed.add(room)

    def take(self) -> set[str]:
        """The rooms that were pointed at and may be looked at now."""
        taken = self._pointed - self._looking
        self._pointed &= self._looking
        self._some.clear()
        return taken

    def begin(self, rooms: Collection[str]) -> set[str]:
        """Those of the rooms that nobody looks at; somebody does from now on, until `end`."""
        begun = set(rooms) - self._looking
        self._looking |= begun
        return begun

    def end(self, room: str) -> None:
        self._looking.discard(room)

    async def wait(self, seconds: Seconds) -> None:
        """Until somebody points at a room, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._some.wait()


class Watch:
    """One task. Beats come through the tables, hints through Postgres' notices, people from LiveKit."""

    def __init__(
        self, settings: Settings, database: Database, policies: Policies, sfu: Sfu, metrics: Metrics, rhythm: Rhythm
    ) -> None:
        self._database = database
        self._sfu = sfu
        self._metrics = metrics
        self._rhythm = rhythm
        self._looker = Looker(database, policies, sfu, Asking(sfu, settings), metrics, rhythm.steady)
        self._hints = Hints()
        self._agent = settings.agent_name
        self._free = 0
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
                wanted = self._hints.take() | {room for room, scene in found.items() if is_due(scene)}
                if moment - self._swept > self._rhythm.every:
                    self._swept = moment
                    wanted |= await self._live(session)
                for room in self._hints.begin(wanted):
                    looks.create_task(self._look_safely(room))
            await self._hints.wait(self._rhythm.tick)

    async def _live(self, session: AsyncConnection) -> set[str]:
        """Every live room of ours."""
        self._metrics.sweeps.inc()
        await forget(session)
        await workers.forget(session)
        try:
            rooms = await self._sfu.rooms()
            self._looker.keep(rooms)
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
                await self._looker.look(room, self._rhythm.steady() - self._since, self._free)
        except DragomanError as error:
            self._hints.later(room)
            self._rest(error)
        except Exception:
            log.exception("a look failed", extra={"room": room})
        finally:
            self._hints.end(room)

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


def _code(errors: BaseExceptionGroup[DragomanError]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.code if isinstance(error, DragomanError) else type(error).__name__
