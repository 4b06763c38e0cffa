"""Whether this server lives, whether captions can flow, and what was counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import select

from agent.errors import DragomanError

from ..access import SETTINGS
from ..database import DATABASE, Database
from ..dispatch.interpreters import states
from ..dispatch.livekit import SFU, Sfu
from ..dispatch.workers import at_work, others
from ..engines import ENGINES, EngineWatch
from ..languages import Stage
from ..metrics import METRICS
from ..schemas import reply
from ..tables import rooms


class Alive(BaseModel):
    """That this server answers."""

    alive: bool = True


class Part(BaseModel):
    """Whether one part is there; if not, a code and a sentence say why."""

    ready: bool
    code: str | None = None
    message: str | None = None


class EnginePart(Part):
    """The engine service, and what it serves (the last we know while it is away)."""

    stages: Sequence[Stage]


class Ready(BaseModel):
    """Captions can flow where all four parts are there."""

    ready: bool
    database: Part
    sfu: Part
    engines: EnginePart
    agent: Part


async def healthz(request: web.Request) -> web.Response:
    """`GET /healthz`: alive, whatever else is away."""
    return reply(Alive())


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: 200 when captions can flow, else 503 and what is missing."""
    app = request.app
    database, sfu, engines, agent = await asyncio.gather(
        _database(app[DATABASE]),
        _sfu(app[SFU]),
        _engines(app[ENGINES]),
        _agent(app[DATABASE], app[SETTINGS].agent_name),
    )
    ready = all(part.ready for part in (database, sfu, engines, agent))
    seen = Ready(ready=ready, database=database, sfu=sfu, engines=engines, agent=agent)
    return reply(seen, 200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`, for Prometheus."""
    counted = request.app[METRICS]
    try:
        async with request.app[DATABASE].transaction() as connection:
            counted.interpreted(await states(connection))
    except DragomanError:
        counted.interpreted({})  # the rest is told all the same
    body = generate_latest(counted.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _database(database: Database) -> Part:
    try:
        async with database.transaction() as connection:
            await connection.execute(select(rooms.c.slug).limit(1))
    except DragomanError as error:
        return _missing(error)
    return Part(ready=True)


async def _sfu(sfu: Sfu) -> Part:
    try:
        await sfu.rooms("")
    except DragomanError as error:
        return _missing(error)
    return Part(ready=True)


async def _engines(engines: EngineWatch) -> EnginePart:
    seen = await engines.ask()
    stages = list(seen.stages or ())
    if seen.ready:
        return EnginePart(ready=True, stages=stages)
    return EnginePart(ready=False, code="engines_away", message="No engine service is ready.", stages=stages)


async def _agent(database: Database, name: str) -> Part:
    """Whether a worker is registered with LiveKit, and a process of it could begin with a room at once."""
    try:
        async with database.transaction() as connection:
            workers = await at_work(connection, name)
            others_live = not workers.living and await others(connection, name)
    except DragomanError as error:
        return _missing(error)
    if others_live:
        return Part(ready=False, code="agent_other", message="Only agent workers with another agent's name are there.")
    if not workers.living:
        return Part(ready=False, code="agent_away", message="No agent worker tells that it runs.")
    if not workers.registered:
        return Part(ready=False, code="agent_starting", message="The agent worker is not yet registered with LiveKit.")
    if not workers.ready:
        return Part(ready=False, code="agent_starting", message="The agent worker's processes are still loading.")
    return Part(ready=True)


def _missing(error: DragomanError) -> Part:
    return Part(ready=False, code=error.code, message=error.message)
