"""Workers keep telling what they can take: which rooms wait is decided by it, and whether we are ready."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ..access import needs_interpreter
from ..database import BEATS
from ..metrics import METRICS
from ..schemas import Body, Counts, read, reply
from ..tables import workers

LIVING = 3.0
"""Seconds of silence after which a worker doesn't count; it tells every second."""
FORGOTTEN = 60
"""Seconds of silence after which a row goes."""

now = func.clock_timestamp()
age = func.date_part("epoch", now - workers.c.seen_at)


class Word(Body):
    """What a worker tells: whose calls it takes, whether LiveKit sends it any, how many rooms it has and may have."""

    agent: str = Field(min_length=1, max_length=256)
    registered: bool
    warm: int = Field(ge=0, le=1_000)
    rooms: int = Field(ge=0, le=100_000)
    limit: int = Field(ge=0, le=100_000)
    not_kept: Counts = Field({}, max_length=64)
    """What killed jobs had left and could not be replayed since the last word that was answered, by cause."""


class Taken(BaseModel):
    """That it was heard."""

    heard: bool = True


@dataclass(frozen=True, slots=True)
class Workers:
    """What the workers that live can take, all together."""

    living: int = 0
    registered: int = 0
    ready: int = 0
    """Of those, who can begin with a room at once; one that has rooms has shown it."""
    free: int = 0
    """Rooms that could be taken now."""


async def beat(request: web.Request) -> web.Response:
    """`POST /api/workers/{worker}/beat`."""
    worker = request.match_info["worker"]
    needs_interpreter(request, worker)
    word = await read(request, Word)
    row = {
        "worker": worker,
        "agent": word.agent,
        "registered": word.registered,
        "warm": word.warm,
        "rooms": word.rooms,
        "places": word.limit,
    }
    changing = {**{name: value for name, value in row.items() if name != "worker"}, "seen_at": now}
    put = insert(workers).values(row).on_conflict_do_update(index_elements=["worker"], set_=changing)
    async with request.app[BEATS].transaction() as connection:
        await connection.execute(put)
    request.app[METRICS].not_kept(word.not_kept)
    return reply(Taken())


async def at_work(connection: AsyncConnection, agent: str) -> Workers:
    """Those that take the calls of that name."""
    of = workers.c
    places = func.greatest(of.places - of.rooms, 0)
    row = (
        await connection.execute(
            select(
                func.count().label("living"),
                func.count().filter(of.registered).label("registered"),
                func.count().filter(and_(of.registered, of.warm + of.rooms > 0)).label("ready"),
                func.coalesce(func.sum(places).filter(of.registered), 0).label("free"),
            ).where(of.agent == agent, age < LIVING)
        )
    ).one()
    return Workers(row.living, row.registered, row.ready, int(row.free))


async def others(connection: AsyncConnection, agent: str) -> int:
    """How many live that take the calls of another name."""
    found = await connection.execute(select(func.count()).where(workers.c.agent != agent, age < LIVING))
    return int(found.scalar_one())


async def forget(connection: AsyncConnection) -> None:
    """Drop workers that have been silent for long."""
    await connection.execute(delete(workers).where(age > FORGOTTEN))
