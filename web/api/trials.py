"""Rooms for trying it out: one visitor's own, for a recorded talk, and gone after the visit.

They are given to people at this machine alone, since whoever has one has an interpreter. A trial's room keeps nothing,
bears a name that no host's room can have, and its link's secret is told only once. There are at most `LIMIT` of them.
One goes when LiveKit says that its room is finished, or when nobody is there `FORGOTTEN` seconds after it was made.
"""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import delete, func, insert, select, text

from agent.errors import DragomanError

from ..database import DATABASE
from ..dispatch.livekit import SFU
from ..peer import is_at_this_machine
from ..rate_limit import keep_pace
from ..schemas import reply
from ..tables import rooms
from ..tokens import hashed, new_secret, new_slug

log = logging.getLogger(__name__)

MARK = "try-"
"""How a trial's name begins; a host's room begins with four letters before its first hyphen."""
LIMIT = 8
"""Trials at one time, on all web servers together."""
FORGOTTEN = 120
"""Seconds that a trial waits for its visitor, and at which one is looked for whose end nobody told of."""
LOCK = 0x64726167_74727973
"""Who holds this advisory lock makes a trial: two at once could be one too many."""


class TrialOffer(BaseModel):
    """Whether whoever asks may have a trial."""

    offered: bool


class Trial(BaseModel):
    """A room of one's own and the secret that opens it."""

    room: str
    secret: str = Field(repr=False)


async def look(request: web.Request) -> web.Response:
    """`GET /api/trials`."""
    return reply(TrialOffer(offered=await is_at_this_machine(request)))


async def make(request: web.Request) -> web.Response:
    """`POST /api/trials`. Raises `not_allowed`, `too_many_trials`."""
    keep_pace(request)
    if not await is_at_this_machine(request):
        raise DragomanError("not_allowed", "Trying it out works at the machine that the server runs on.")
    await forget(request.app)
    slug, secret = MARK + new_slug(), new_secret()
    async with request.app[DATABASE].transaction() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        taken = select(func.count()).select_from(rooms).where(rooms.c.slug.startswith(MARK))
        if (await connection.execute(taken)).scalar_one() >= LIMIT:
            raise DragomanError("too_many_trials", "All rooms for trying it out are taken; try again in a few minutes.")
        row = {"slug": slug, "title": "Demo", "languages": [], "secret_hash": hashed(secret)}
        await connection.execute(insert(rooms).values(row))
    return reply(Trial(room=slug, secret=secret), 201)


async def finished(app: web.Application, room: str) -> None:
    """A room is over: if it was a trial, its row goes."""
    if not room.startswith(MARK):
        return
    async with app[DATABASE].transaction() as connection:
        await connection.execute(delete(rooms).where(rooms.c.slug == room))


async def forget(app: web.Application) -> None:
    """Let go of trials that are old enough and not live, whatever became of the news of their end."""
    old = rooms.c.created_at < func.now() - text(f"interval '{FORGOTTEN} seconds'")
    async with app[DATABASE].transaction() as connection:
        found = select(rooms.c.slug).where(rooms.c.slug.startswith(MARK), old)
        slugs = [row.slug for row in await connection.execute(found)]
    if not slugs:
        return
    live = set(await app[SFU].rooms(*slugs))
    async with app[DATABASE].transaction() as connection:
        await connection.execute(delete(rooms).where(rooms.c.slug.in_(set(slugs) - live)))


async def run(app: web.Application) -> None:
    """Look for forgotten trials, for as long as the server runs."""
    while True:
        await asyncio.sleep(FORGOTTEN)
        try:
            await forget(app)
        except DragomanError as error:
            log.debug("trials are not looked at", extra={"code": error.code})
