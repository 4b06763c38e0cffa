"""The application: every address in one list, every resource opened and closed in one place."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from weakref import WeakValueDictionary

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from agent.errors import DragomanError
from agent.settings import Settings
from agent.tokens import allow_for_clocks
from agent.vault import tenants

from . import pages, policies
from .access import SETTINGS
from .api import health, rooms, transcripts, trials, webhooks
from .api.openapi import Route, describe
from .database import BEATS, DATABASE, PATIENCE, Database
from .dispatch import interpreters, workers
from .dispatch.clocks import CLOCKS, LIVEKIT, REFUSED, Clocks, Refused
from .dispatch.livekit import SFU, Sfu
from .dispatch.watcher import RHYTHM, USUAL, Rhythm, Watch
from .engines import ENGINES, EngineWatch
from .errors import SENTENCES, answer, answer_errors, refuse_what_is_too_large, route_of
from .metrics import METRICS, Metrics
from .moments import MOMENT, MOMENTS, Moments, for_a_moment
from .peer import PEERS, Peers
from .policies import POLICIES, Policies
from .rate_limit import LOOKS, LOOKS_PER_MINUTE, PACE, Pace

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024
"""Bytes of a body; the longest that makes sense is a tenth of it."""
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
READING = ("host_secret_wrong", "too_many_requests", "audit_away", "vault_away", "keys_away", "key_refused",
           "key_destroyed", "no_key", "restored_not_replayed", "ledger_broken", "ledger_missing")  # fmt: skip
AWAY = ("database_away", "sfu_away", "vault_away")


async def openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`."""
    return web.json_response(describe(ROUTES))


ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/rooms", rooms.make, "Make a room.", rooms.RoomWish, {201: rooms.RoomMade},
          ("host_secret_wrong", "bad_title", "bad_glossary", "unknown_language", "too_many_languages",
           "unknown_policy", "too_many_requests", "database_away", "vault_away", "audit_away"), "the host secret"),
    Route("GET", "/api/policies", for_a_moment(policies.show), "What a room may keep.", None,
          {200: policies.Offered}, ("vault_away",)),
    Route("GET", "/api/rooms/{room}", for_a_moment(rooms.look, rooms.is_open), "What a person may know before joining.",
          None, {200: rooms.RoomSeen}, ("room_not_found", *AWAY)),
    Route("POST", "/api/rooms/{room}/join", rooms.join, "A token for one person.", rooms.JoinWish, {200: rooms.Joined},
          ("room_not_found", "link_invalid", "bad_name", "unknown_language", "room_full", "too_many_requests",
           "host_secret_wrong", *AWAY)),
    Route("GET", "/api/rooms/{room}/interpreter", for_a_moment(interpreters.vouched), "The interpreter to believe.",
          None, {200: interpreters.Vouched}, ("database_away",)),
    Route("GET", "/api/trials", trials.look, "Whether a room for trying it out may be had.", None,
          {200: trials.TrialOffer}),
    Route("POST", "/api/trials", trials.make, "A room of one's own for trying it out, gone after the visit.", None,
          {201: trials.Trial}, ("not_allowed", "too_many_trials", "too_many_requests", *AWAY)),
    Route("GET", "/api/meetings", transcripts.meetings, "Kept meetings, to those they were granted to.", None,
          {200: transcripts.Meetings}, ("bad_request", "unknown_language", *READING), "the host secret",
          transcripts.MeetingsAsked),
    Route("GET", "/api/meetings/{meeting}", transcripts.look, "Who spoke in a meeting, and what is kept of it.", None,
          {200: transcripts.MeetingSeen}, ("meeting_not_found", *READING), "the host secret"),
    Route("GET", "/api/meetings/{meeting}/transcript", transcripts.transcript, "A meeting's words, as a file.", None,
          {200: transcripts.Transcript}, ("bad_request", "unknown_language", "meeting_not_found", *READING),
          "the host secret", transcripts.TranscriptAsked, ("text/vtt", "application/x-subrip", "text/plain")),
    Route("POST", "/api/interpreters/{job}/beat", interpreters.beat, "An interpreter's heartbeat, twice a second.",
          interpreters.Pulse, {200: interpreters.Order}, ("not_allowed", "database_away"),
          "a JWT signed with LIVEKIT_API_SECRET: iss the API key, sub the job, iat, exp within 60 s of it"),
    Route("POST", "/api/workers/{worker}/beat", workers.beat, "What an agent worker can take, once a second.",
          workers.Word, {200: workers.Taken}, ("not_allowed", "database_away"),
          "the same, with the worker's own name as sub"),
    Route("POST", "/livekit/webhook", webhooks.receive, "The LiveKit server's webhooks, signed by it.", None,
          {204: ""}, ("not_allowed", "too_large", "database_away")),
    Route("GET", "/healthz", health.healthz, "Alive.", None, {200: health.Alive}),
    Route("GET", "/readyz", for_a_moment(health.readyz), "Whether captions can flow; 503 says what is missing.", None,
          {200: health.Ready, 503: health.Ready}),
    Route("GET", "/metrics", for_a_moment(health.metrics), "For Prometheus.", None, {200: "text/plain"}),
    Route("GET", "/", pages.page, "The first page.", None, {200: "text/html"}, ("pages_missing",)),
    Route("GET", "/room/{room}", pages.page, "The room's page.", None, {200: "text/html"}, ("pages_missing",)),
    Route("GET", "/assets/{path:.+}", pages.asset, "A part of the pages.", None, {200: "*/*"}, ("not_found",)),
    Route("GET", "/talks/{path:.+}", pages.talk, "A recorded talk.", None, {200: "*/*"}, ("not_found",)),
    Route("GET", "/openapi.json", for_a_moment(openapi), "This document.", None, {200: "application/json"}),
    Route("GET", "/{path:(?!(?:api|livekit)/).+}", pages.other, "What lies beside the page.", None,
          {200: "*/*", 404: "text/html"}, ("not_found",)),
)  # fmt: skip


def build(
    settings: Settings, moment: float = MOMENT, patience: float = PATIENCE, rhythm: Rhythm = USUAL
) -> web.Application:
    """The server, not yet started. Nothing it needs has to be there when it starts.

    Costly answers are kept for a `moment`, and the database is waited for with `patience`, both in seconds.
    """
    allow_for_clocks()
    app = web.Application(middlewares=[observe, answer_errors, refuse], client_max_size=BODY_LIMIT)
    app[SETTINGS] = settings
    app[METRICS] = Metrics()
    app[RHYTHM] = rhythm
    app[CLOCKS] = Clocks(app[METRICS])
    app[REFUSED] = Refused(app[METRICS])
    app[rooms.OPENING] = WeakValueDictionary()
    app[PACE] = Pace(settings.joins_per_minute)
    app[LOOKS] = Pace(LOOKS_PER_MINUTE)
    app[PEERS] = Peers()
    app[MOMENTS] = Moments(moment)
    app[webhooks.SEEN] = webhooks.Seen()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler, expect_handler=refuse_what_is_too_large)
    safe = pages.headers(settings)

    async def harden(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in {**safe, "Cache-Control": "no-store"}.items():
            response.headers.setdefault(name, value)

    app.on_response_prepare.append(harden)
    app.cleanup_ctx.extend([database(patience), vault, reader, sfu, engines, work])
    return app


def database(patience: float) -> Callable[[web.Application], AsyncIterator[None]]:
    async def opened(app: web.Application) -> AsyncIterator[None]:
        app[DATABASE] = Database(app[SETTINGS].database_url, patience=patience)
        app[BEATS] = Database(app[SETTINGS].database_url, connections=4, patience=patience)
        yield
        await app[BEATS].close()
        await app[DATABASE].close()

    return opened


async def vault(app: web.Application) -> AsyncIterator[None]:
    app[POLICIES] = Policies(app[SETTINGS])
    yield
    await app[POLICIES].close()


async def reader(app: web.Application) -> AsyncIterator[None]:
    async with transcripts.opened(app[SETTINGS]) as app[transcripts.READER]:
        yield


async def sfu(app: web.Application) -> AsyncIterator[None]:
    reading = app[CLOCKS].reading(LIVEKIT)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4), trace_configs=[reading]) as session:
        app[SFU] = Sfu(app[SETTINGS], session)
        yield


async def engines(app: web.Application) -> AsyncIterator[None]:
    app[ENGINES] = EngineWatch(app[SETTINGS].engines)
    yield


async def work(app: web.Application) -> AsyncIterator[None]:
    """What goes on beside the requests, in one task that ends with the server."""

    async def all_of_it() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(app[ENGINES].run())
            group.create_task(_attend(app))
            group.create_task(trials.run(app))

    task = asyncio.create_task(all_of_it())
    task.add_done_callback(_fall)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _attend(app: web.Application) -> None:
    """Once the tables, the tenant and the demo room are there, keep every live room attended."""
    away = False
    while (error := await _prepare(app)) is not None:
        if not away:
            log.warning("waiting for the database", extra={"code": error.code})
        away = True
        await asyncio.sleep(app[RHYTHM].again)
    await Watch(app[SETTINGS], app[DATABASE], app[POLICIES], app[SFU], app[METRICS], app[RHYTHM]).run()


async def _prepare(app: web.Application) -> DragomanError | None:
    """The tables, the tenant and the demo room; or what is in the way."""
    try:
        if app[SETTINGS].migrate:
            await app[DATABASE].migrate()
        async with app[DATABASE].transaction() as connection:
            await tenants.ensure(connection, app[SETTINGS].tenant)
        await rooms.make_demo(app[DATABASE])
    except DragomanError as error:
        return error
    return None


def _fall(task: asyncio.Task[None]) -> None:
    """A bug in the background ends the process loudly, so that a clean one starts."""
    if not task.cancelled() and (error := task.exception()):
        log.critical("the background work failed", exc_info=error)
        raise SystemExit(1)


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts and logs every answer, by the pattern of its address."""
    began = time.perf_counter()
    response = await handler(request)
    took, route = time.perf_counter() - began, route_of(request)
    method = request.method if request.method in METHODS else "other"
    metrics = request.app[METRICS]
    metrics.requests.labels(route, method, str(response.status)).inc()
    metrics.seconds.labels(route).observe(took)
    expected = response.status < 500 or route == "/readyz"  # asked every second while things start
    level = logging.DEBUG if expected else logging.WARNING
    said = {"route": route, "method": method, "status": response.status, "ms": round(took * 1000, 1)}
    log.log(level, "answered", extra=said)
    return response


@web.middleware
async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A body that says it is too large is not read at all, and a header that is no text goes no further."""
    if not all(_is_text(value) for value in request.headers.values()):
        return answer(request, "bad_request", "A header is not UTF-8.")
    if (request.content_length or 0) > BODY_LIMIT:
        refusal = answer(request, "too_large", SENTENCES["too_large"])
        refusal.force_close()
        return refusal
    return await handler(request)


def _is_text(value: str) -> bool:
    """Bytes that are not UTF-8 arrive as lone surrogates, which no encoding takes."""
    return not any("\ud800" <= each <= "\udfff" for each in value)
