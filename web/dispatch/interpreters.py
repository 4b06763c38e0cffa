"""Interpreters keep telling that they live; what they told, in the table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import DragomanError

from ..access import needs_interpreter
from ..database import BEATS, DATABASE, Database
from ..metrics import METRICS
from ..schemas import Body, Counts, read, reply
from ..tables import interpreters, rooms
from .clocks import CLOCKS, REFUSED
from .rules import GRACE, PULSE, UNTAKEN, Beat, Scene, Verdict
from .workers import at_work

CHANNEL = "dragoman_look"
"""Postgres' notices on it name a room that somebody should look at."""
DEAF = {"starting", "engines_away"}
"""States in which an interpreter hears nobody."""
FORGOTTEN = 60
"""Seconds of silence after which a row goes."""

now = func.clock_timestamp()


class Pulse(Body):
    """What an interpreter tells: where it is, since when (epoch, Unix ms), how it is, its key."""

    room: str = Field(min_length=1, max_length=256)
    identity: str = Field(min_length=1, max_length=256)
    epoch: int = Field(ge=0, lt=2**53)
    state: str = Field(min_length=1, max_length=64, pattern="^[a-z_]+$")
    key: str | None = Field(None, min_length=1, max_length=512)
    """A JWK in JSON; without one it is vouched for by nobody, and pages show nothing of it."""


class Told(Pulse):
    """The same with what was counted since the last beat that was answered."""

    refused: Counts = Field({}, max_length=64)
    """What guests were refused, by code."""
    failures: Counts = Field({}, max_length=64)
    """How often parts of each kind failed."""
    lost: dict[str, Annotated[float, Field(ge=0, le=1_000_000)]] = Field({}, max_length=64)
    """How much was lost: seconds of sound, captions."""
    not_kept: Counts = Field({}, max_length=64)
    """What was to be kept and could not be, by cause."""


class Vouched(BaseModel):
    """The interpreter whose captions a page may believe; nulls where there is none."""

    identity: str | None = None
    epoch: int | None = None
    key: str | None = None


class Order(BaseModel):
    """Whether to go: another interpreter has taken over."""

    leave: bool


async def beat(request: web.Request) -> web.Response:
    """`POST /api/interpreters/{job}/beat`."""
    job = request.match_info["job"]
    try:
        request.app[CLOCKS].tell(job, needs_interpreter(request, job))
    except DragomanError as error:
        request.app[REFUSED].tell(error, peer=request.remote)
        raise
    pulse = await read(request, Told)
    async with request.app[BEATS].transaction() as connection:
        order = await heard(connection, job, pulse)
        took = await _began_to_hear(connection, job, pulse)
    metrics = request.app[METRICS]
    metrics.beats.inc()
    metrics.guests(pulse.refused)
    metrics.failed(pulse.failures)
    metrics.missing(pulse.lost)
    metrics.not_kept(pulse.not_kept)
    if took is not None:
        metrics.hearing.observe(took)
    return reply(order)


async def heard(connection: AsyncConnection, job: str, pulse: Pulse) -> Order:
    """Note a sign of life; whether the one that gave it is to go."""
    said = pulse.model_dump(include=set(Pulse.model_fields))
    row, changing = {**said, "job": job}, {**said, "seen_at": now}
    put = insert(interpreters).values(row).on_conflict_do_update(index_elements=["job"], set_=changing)
    dismissed = (await connection.execute(put.returning(interpreters.c.dismissed))).scalar_one()
    newer = and_(_living(pulse.room), interpreters.c.epoch > pulse.epoch)
    replaced = (await connection.execute(select(interpreters.c.job).where(newer))).first() is not None
    return Order(leave=dismissed or replaced)


async def vouched(request: web.Request) -> web.Response:
    """`GET /api/rooms/{room}/interpreter`."""
    room = request.match_info["room"]
    if "\0" in room:  # Postgres takes none
        return reply(Vouched())
    async with request.app[DATABASE].transaction() as connection:
        return reply(await vouched_in(connection, room) or Vouched())


async def vouched_in(connection: AsyncConnection, room: str) -> Vouched | None:
    """The newest interpreter of a room that told its key, of those that live if any does.

    One whose beats are late is vouched for all the same until another takes over: its key is still its own.
    """
    of = interpreters.c
    of_room = select(of.identity, of.epoch, of.key).where(of.room == room, ~of.dismissed, of.key.is_not(None))
    row = (await connection.execute(of_room.order_by(_alive().desc(), of.epoch.desc()).limit(1))).one_or_none()
    return Vouched(identity=row.identity, epoch=row.epoch, key=row.key) if row else None


async def _began_to_hear(connection: AsyncConnection, job: str, pulse: Pulse) -> float | None:
    """Seconds since its room last called for one, at the first beat that says that it hears; None at all others."""
    if pulse.state in DEAF:
        return None
    first = (interpreters.c.job == job, interpreters.c.hearing_at.is_(None))
    put = update(interpreters).where(*first).values(hearing_at=now).returning(interpreters.c.job)
    if (await connection.execute(put)).first() is None:
        return None
    took = (await connection.execute(select(_age(rooms.c.called_at)).where(rooms.c.slug == pulse.room))).scalar()
    return None if took is None else float(took)


async def state_in(connection: AsyncConnection, room: str, agent: str) -> str:
    """How the interpreter of a room is: its own word, or `starting` while one is called.

    Else `no_worker_free` where nobody could take the room, and `absent` where nobody was called.
    """
    own = select(interpreters.c.state).where(_living(room)).order_by(interpreters.c.epoch.desc())
    if (state := (await connection.execute(own)).scalar()) is not None:
        return str(state)
    called = (await connection.execute(select(_age(rooms.c.called_at)).where(rooms.c.slug == room))).scalar()
    if called is None:
        return "absent"
    if called >= UNTAKEN and (await at_work(connection, agent)).free == 0:
        return "no_worker_free"
    return "starting" if called < GRACE else "absent"


async def states(connection: AsyncConnection) -> dict[str, int]:
    """How many living interpreters say of themselves that they are so."""
    each = select(interpreters.c.state, func.count()).where(_alive()).group_by(interpreters.c.state)
    return {str(state): int(count) for state, count in await connection.execute(each)}


async def announce(database: Database, room: str) -> None:
    """Ask whoever attends the rooms to look at this one now."""
    async with database.transaction() as connection:
        await connection.execute(select(func.pg_notify(CHANNEL, room)))


async def scenes(connection: AsyncConnection, watched: float, free: int) -> dict[str, Scene]:
    """Every room with an interpreter or a call, without its people."""
    found = await connection.execute(_beats())
    beats: dict[str, list[Beat]] = {}
    for row in found:
        beats.setdefault(row.room, []).append(_beat(row))
    calls = await connection.execute(_calls().where(rooms.c.called_at.is_not(None)))
    called = {row.slug: (row.called, row.calls) for row in calls}
    return {
        room: Scene((), tuple(beats.get(room, ())), *called.get(room, (None, 0)), watched=watched, free=free)
        for room in beats.keys() | called.keys()
    }


async def scene_of(connection: AsyncConnection, room: str) -> Scene | None:
    """One room without its people, locked until the transaction ends; None where it isn't ours."""
    call = (await connection.execute(_calls().where(rooms.c.slug == room).with_for_update())).one_or_none()
    if call is None:
        return None
    found = await connection.execute(_beats().where(interpreters.c.room == room))
    return Scene((), tuple(_beat(row) for row in found), call.called, call.calls)


async def note(connection: AsyncConnection, room: str, verdict: Verdict) -> None:
    """What was decided, where every web server reads it."""
    of_room = update(interpreters).where(interpreters.c.room == room)
    gone = interpreters.c.job.in_(verdict.missing)
    await connection.execute(of_room.where(interpreters.c.job.in_(verdict.dismiss)).values(dismissed=True))
    await connection.execute(of_room.where(gone, interpreters.c.missing_at.is_(None)).values(missing_at=now))
    await connection.execute(of_room.where(~gone, interpreters.c.missing_at.is_not(None)).values(missing_at=None))
    if verdict.settled:
        owing = (rooms.c.slug == room, rooms.c.calls > 0)
        await connection.execute(update(rooms).where(*owing).values(called_at=None, calls=0))


async def note_call(connection: AsyncConnection, room: str, calls: int) -> None:
    """An interpreter was called just now, for so many times since one last stayed."""
    await connection.execute(update(rooms).where(rooms.c.slug == room).values(called_at=now, calls=calls))


async def forget(connection: AsyncConnection) -> None:
    """Drop interpreters that have been silent for long."""
    await connection.execute(delete(interpreters).where(_age(interpreters.c.seen_at) > FORGOTTEN))


async def ours(connection: AsyncConnection, names: Iterable[str]) -> list[str]:
    """Of these rooms, those that were made here."""
    found = await connection.execute(select(rooms.c.slug).where(rooms.c.slug.in_(list(names))))
    return list(found.scalars())


def _living(room: str) -> ColumnElement[bool]:
    return and_(interpreters.c.room == room, _alive())


def _alive() -> ColumnElement[bool]:
    return and_(~interpreters.c.dismissed, _age(interpreters.c.seen_at) < PULSE)


def _age(moment: ColumnElement[Any]) -> ColumnElement[float]:
    return func.date_part("epoch", now - moment)


def _calls() -> Select[Any]:
    return select(rooms.c.slug, _age(rooms.c.called_at).label("called"), rooms.c.calls)


def _beats() -> Select[Any]:
    of = interpreters.c
    return select(
        of.room,
        of.job,
        of.identity,
        of.epoch,
        of.dismissed,
        _age(of.seen_at).label("age"),
        _age(of.first_at).label("since"),
        _age(of.missing_at).label("missing"),
    )


def _beat(row: Any) -> Beat:
    return Beat(row.job, row.identity, row.epoch, row.age, row.since, row.missing, row.dismissed)
