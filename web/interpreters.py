"""Interpreters keep telling that they live; what they told, in the table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from .access import needs_interpreter
from .attendance import GRACE, PULSE, Beat, Scene, Verdict
from .bodies import Body, read, reply
from .database import DATABASE, Database
from .metrics import METRICS
from .tables import interpreters, rooms

CHANNEL = "dragoman_look"
"""Postgres' notices on it name a room that somebody should look at."""
FORGOTTEN = 60
"""Seconds of silence after which a row goes."""

now = func.clock_timestamp()


class Pulse(Body):
    """What an interpreter tells: where it is, since when (epoch, Unix ms), how it is, what it serves, its key."""

    room: str = Field(min_length=1, max_length=256)
    identity: str = Field(min_length=1, max_length=256)
    epoch: int = Field(ge=0, lt=2**63)
    state: str = Field(min_length=1, max_length=64, pattern="^[a-z_]+$")
    served: dict[str, Any] | None = None
    key: str | None = Field(None, min_length=1, max_length=512)
    """A JWK in JSON; without one it is vouched for by nobody, and pages show nothing of it."""


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
    needs_interpreter(request, job)
    pulse = await read(request, Pulse)
    row = {**pulse.model_dump(), "job": job}
    changing = {**{name: row[name] for name in ("room", "identity", "epoch", "state", "served", "key")}, "seen_at": now}
    put = insert(interpreters).values(row).on_conflict_do_update(index_elements=["job"], set_=changing)
    async with request.app[DATABASE].transaction() as connection:
        dismissed = (await connection.execute(put.returning(interpreters.c.dismissed))).scalar_one()
        newer = and_(_living(pulse.room), interpreters.c.epoch > pulse.epoch)
        replaced = (await connection.execute(select(interpreters.c.job).where(newer))).first() is not None
    request.app[METRICS].beats.inc()
    return reply(Order(leave=dismissed or replaced))


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


async def state_in(connection: AsyncConnection, room: str) -> str:
    """How the interpreter of a room is: its own word, `starting` while one is called, else `absent`."""
    own = select(interpreters.c.state).where(_living(room)).order_by(interpreters.c.epoch.desc())
    if (state := (await connection.execute(own)).scalar()) is not None:
        return str(state)
    called = select(_age(rooms.c.called_at) < GRACE).where(rooms.c.slug == room)
    return "starting" if (await connection.execute(called)).scalar() else "absent"


async def states(connection: AsyncConnection) -> dict[str, int]:
    """How many living interpreters say of themselves that they are so."""
    each = select(interpreters.c.state, func.count()).where(_alive()).group_by(interpreters.c.state)
    return {str(state): int(count) for state, count in await connection.execute(each)}


async def announce(database: Database, room: str) -> None:
    """Ask whoever attends the rooms to look at this one now."""
    async with database.transaction() as connection:
        await connection.execute(select(func.pg_notify(CHANNEL, room)))


async def scenes(connection: AsyncConnection, watched: float) -> dict[str, Scene]:
    """Every room with an interpreter or a call, without its people."""
    found = await connection.execute(_beats())
    beats: dict[str, list[Beat]] = {}
    for row in found:
        beats.setdefault(row.room, []).append(_beat(row))
    calls = await connection.execute(_calls().where(rooms.c.called_at.is_not(None)))
    called = {row.slug: (row.called, row.calls) for row in calls}
    return {
        room: Scene((), tuple(beats.get(room, ())), *called.get(room, (None, 0)), watched=watched)
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
    ours = update(rooms).where(rooms.c.slug == room)
    if verdict.call:
        await connection.execute(ours.values(called_at=now, calls=rooms.c.calls + 1))
    elif verdict.settled:
        await connection.execute(ours.where(rooms.c.calls > 0).values(called_at=None, calls=0))


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
