"""Rooms: made by hosts, looked at before joining, joined by guests."""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import DragomanError

from ..access import SETTINGS, is_host, needs_host
from ..database import DATABASE, Database
from ..dispatch.clocks import CLOCKS, LIVEKIT
from ..dispatch.interpreters import Vouched, note_call, state_in, vouched_in
from ..dispatch.job_metadata import brief
from ..dispatch.livekit import SFU
from ..engines import ENGINES
from ..languages import Grades, Offer, offers, tag
from ..metrics import METRICS
from ..peer import is_at_this_machine
from ..policies import POLICIES, Keeps, shown
from ..rate_limit import keep_pace
from ..schemas import Body, read, reply
from ..tables import rooms
from ..tokens import hashed, link_opens, new_secret, new_slug, room_token
from .glossary import Entry, kept

log = logging.getLogger(__name__)

DEMO = "demo"
"""The room for a first look, open to people at this machine and to nobody else."""
OPEN = web.RequestKey("open", bool)
OPENING = web.AppKey("opening", WeakValueDictionary[str, asyncio.Lock])
"""Who makes a room live now, for those who come at once; it goes with the last of them."""
NAME_LIMIT = 64
TITLE_LIMIT = 120
"""Characters. The page's fields end there as well; a test holds the two against each other."""


class RoomWish(Body):
    """A room that a host wants; without languages it is open to all.

    It keeps `nothing`, or by the policy of that name; without one, by the tenant's default, at first `nothing`.
    """

    title: str = Field(json_schema_extra={"minLength": 1, "maxLength": TITLE_LIMIT})
    languages: list[str] = Field(default_factory=list)
    glossary: list[Entry] = Field(default_factory=list, repr=False)
    keep: str | None = None


class RoomMade(BaseModel):
    """A room's name, and the link that opens it; the secret in it is told only once."""

    room: str
    join: str


class JoinWish(Body):
    """A person at the door: the language they speak (or `auto`), read and hear (a tag, or empty)."""

    name: str = Field(repr=False)
    speaks: str
    reads: str
    hears: str
    secret: str = Field("", repr=False)


class Joined(BaseModel):
    """Where to connect, with what, and as whom; and the interpreter to believe, if one is there already."""

    server: str
    token: str
    identity: str
    interpreter: Vouched | None


class Engine(BaseModel):
    """What serves one stage, and why; and the hosts elsewhere to which its engines hand on what is said, by engine."""

    engine: str
    why: str
    licence: str
    leaves: dict[str, str]


class RoomSeen(BaseModel):
    """What a person may know before joining."""

    room: str
    title: str
    keeps: Keeps
    secret_needed: bool
    people: int
    limit: int
    interpreter: str
    engines: dict[str, Engine] | None
    languages: list[Offer]
    grades: Grades


@dataclass(frozen=True, slots=True)
class Room:
    """A row of the table."""

    slug: str
    title: str
    languages: tuple[str, ...]
    keeps: str
    secret_hash: bytes | None = field(repr=False)


async def make(request: web.Request) -> web.Response:
    """`POST /api/rooms`."""
    keep_pace(request)
    needs_host(request)
    wish = await read(request, RoomWish)
    settings = request.app[SETTINGS]
    languages = list(dict.fromkeys(tag(each) for each in wish.languages))
    if len(languages) > settings.languages_limit:
        raise DragomanError("too_many_languages", f"A room has at most {settings.languages_limit} languages.")
    slug, secret = new_slug(), new_secret()
    row = {
        "slug": slug,
        "title": _text(wish.title, TITLE_LIMIT, "title", "bad_title"),
        "languages": languages,
        "secret_hash": hashed(secret),
        "glossary": kept(wish.glossary),
    }
    async with request.app[DATABASE].transaction() as connection:
        row["keeps"] = await request.app[POLICIES].take(slug, wish.keep)
        await connection.execute(insert(rooms).values(row))
    request.app[METRICS].rooms.inc()
    return reply(RoomMade(room=slug, join=f"{settings.web.rstrip('/')}/room/{slug}#{secret}"), 201)


async def look(request: web.Request) -> web.Response:
    """`GET /api/rooms/{room}`."""
    slug = request.match_info["room"]
    async with request.app[DATABASE].transaction() as connection:
        room = await find(connection, slug)
        interpreter = await state_in(connection, slug, request.app[SETTINGS].agent_name)
    keeps = await request.app[POLICIES].of(room.keeps)
    people = await request.app[SFU].people(slug)
    stages = request.app[ENGINES].seen.stages
    seen = RoomSeen(
        room=room.slug,
        title=room.title,
        keeps=shown(keeps),
        secret_needed=not await is_open(request),
        people=sum(person.human for person in people),
        limit=request.app[SETTINGS].room_limit,
        interpreter=interpreter,
        engines=None
        if stages is None
        else {each.stage: Engine.model_validate(each, from_attributes=True) for each in stages},
        languages=offers(stages or (), room.languages),
        grades=Grades(),
    )
    return reply(seen)


async def join(request: web.Request) -> web.Response:
    """`POST /api/rooms/{room}/join`."""
    keep_pace(request)
    wish = await read(request, JoinWish)
    host = is_host(request)
    slug = request.match_info["room"]
    async with request.app[DATABASE].transaction() as connection:
        room = await find(connection, slug)
    if not link_opens(room.secret_hash, wish.secret) and not await is_open(request):
        raise DragomanError("link_invalid", "This link does not open the room; ask the host for a new one.")
    name = _text(wish.name, NAME_LIMIT, "name", "bad_name")
    languages = {
        "speaks": wish.speaks if wish.speaks == "auto" else tag(wish.speaks),
        "reads": wish.reads and tag(wish.reads),
        "hears": wish.hears and tag(wish.hears),
    }
    await _open(request.app, slug)
    settings = request.app[SETTINGS]
    ahead = request.app[CLOCKS].ahead(LIVEKIT)
    token, identity = room_token(settings, slug, name, languages, host=host, ahead=ahead)
    async with request.app[DATABASE].transaction() as connection:
        interpreter = await vouched_in(connection, slug)
    request.app[METRICS].joins.inc()
    server = settings.livekit_public_url or settings.livekit_url
    return reply(Joined(server=server, token=token, identity=identity, interpreter=interpreter))


async def find(connection: AsyncConnection, slug: str) -> Room:
    """The room of that name. Raises `room_not_found`."""
    columns = select(rooms.c.slug, rooms.c.title, rooms.c.languages, rooms.c.keeps, rooms.c.secret_hash)
    # Postgres takes no NUL; a name of ours has only letters, digits and hyphens.
    known = slug.isascii() and slug.replace("-", "").isalnum()
    row = (await connection.execute(columns.where(rooms.c.slug == slug))).one_or_none() if known else None
    if row is None:
        raise DragomanError("room_not_found", "There is no room of that name.")
    return Room(row.slug, row.title, tuple(row.languages), row.keeps, row.secret_hash)


async def make_demo(database: Database) -> None:
    """The demo room, where it isn't there yet."""
    row = {"slug": DEMO, "title": "Demo", "languages": []}
    async with database.transaction() as connection:
        await connection.execute(upsert(rooms).values(row).on_conflict_do_nothing())


async def _open(app: web.Application, slug: str) -> None:
    """Make the room live, with an interpreter called; people who come at once do so one after the other.

    Where two web servers do so at once, LiveKit makes the room for the first, and changes nothing for the second.
    Raises `room_full`; LiveKit keeps the same limit for those who hold a token.
    """
    sfu, database = app[SFU], app[DATABASE]
    if await sfu.rooms(slug):
        if sum(person.human for person in await sfu.people(slug)) >= app[SETTINGS].room_limit:
            raise DragomanError("room_full", "The room is full.")
        return
    async with app[OPENING].setdefault(slug, asyncio.Lock()):
        if await sfu.rooms(slug):
            return
        async with database.transaction() as connection:
            told = await brief(connection, app[POLICIES], slug)
        await sfu.open(slug, told)
        async with database.transaction() as connection:
            await note_call(connection, slug, 1)
        app[METRICS].dispatches.labels("opened").inc()


async def is_open(request: web.Request) -> bool:
    """Whether who asks may enter this room without a secret: the demo, at this machine. Looked up once a request."""
    if OPEN not in request:
        request[OPEN] = request.match_info["room"] == DEMO and await is_at_this_machine(request)
    return request[OPEN]


def _text(given: str, limit: int, what: str, code: str) -> str:
    """What a person typed, trimmed and in one Unicode form. Raises `code`.

    Refused are control characters, and those that turn the direction of the text
    around them: a name with one could pass for another.
    """
    text = unicodedata.normalize("NFC", given).strip()
    turning = any("\u202a" <= each <= "\u202e" or "\u2066" <= each <= "\u2069" for each in text)
    control = any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in text)
    visible = any(unicodedata.category(each)[0] in "LNPS" for each in text)
    if turning or control or not visible or len(text) > limit:
        raise DragomanError(code, f"The {what} has 1 to {limit} characters, none of them control characters.")
    return text
