"""Meetings that were kept, to those they were granted to: which there are, what of them, and their words as files."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from agent.errors import DragomanError
from agent.settings import Settings
from agent.vault import (
    FORMATS,
    Format,
    Head,
    KeptLine,
    KeptMeeting,
    Ledger,
    Opened,
    Pool,
    Reader,
    Role,
    TenantKeys,
    Wanted,
    from_setting,
    tenant_id,
)

from ..access import needs_host
from ..languages import tag
from ..policies import HOST
from ..rate_limit import keep_pace
from ..schemas import Asked, asked, reply

log = logging.getLogger(__name__)

PIECE = 65_536
"""Characters that are sent at once."""
Text = Annotated[str, Field(min_length=1, max_length=200, pattern="^[^\\x00]*$")]


class MeetingsAsked(Asked):
    """Which meetings: of that room, with that participant, in that language, in that time; the newest first."""

    room: Text | None = None
    person: Text | None = Field(None, repr=False, description="a participant's identity")
    lang: str | None = None
    since: AwareDatetime | None = Field(None, description="that went on at this time or later")
    until: AwareDatetime | None = Field(None, description="that began before this time")
    limit: int = Field(100, ge=1, le=500)


class TranscriptAsked(Asked):
    """Which lines of a meeting, and as what file; without a language, in the one that each was spoken in."""

    lang: str | None = None
    format: Literal["json", "vtt", "srt", "txt"] = "json"
    kind: Literal["source", "translation", "redacted"] | None = None
    speaker: UUID | None = None
    person: Text | None = Field(None, repr=False, description="a participant's identity")
    since: float | None = Field(None, description="seconds on the room's clock", allow_inf_nan=False)
    until: float | None = Field(None, description="seconds on the room's clock", allow_inf_nan=False)
    q: Text | None = Field(None, repr=False, description="looked for without regard to case and diacritics")


class MeetingListed(BaseModel):
    """One session of a room of which something can be read."""

    id: UUID
    room: str
    policy: str
    started_at: AwareDatetime
    last_at: AwareDatetime
    ended_at: AwareDatetime | None


class Meetings(BaseModel):
    """Meetings of which something can be read, the newest first."""

    meetings: list[MeetingListed]


class Voice(BaseModel):
    """Who spoke: a voice of a participant; without a name where that is forgotten."""

    id: UUID
    name: str | None = Field(repr=False)
    voice: str | None


class Named(Voice):
    """Who spoke, and as which participant."""

    identity: str | None = Field(repr=False)


class KeptOf(BaseModel):
    """How many records of one kind and language can be read."""

    kind: str
    lang: str
    records: int


class MeetingSeen(MeetingListed):
    """A meeting: who spoke, and what can be read of it."""

    speakers: list[Named]
    kept: list[KeptOf]


class MeetingNamed(BaseModel):
    """The meeting that a transcript is of."""

    id: UUID
    room: str
    policy: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None


class LineShown(BaseModel):
    """A clause in one language; `start` and `end` are seconds on the room's clock."""

    id: UUID
    rev: int
    kind: Literal["source", "translation", "redacted"]
    lang: str
    speaker: Voice
    said_at: AwareDatetime
    start: float
    end: float
    engine: str
    tags: list[str]
    text: str = Field(repr=False)


class Transcript(BaseModel):
    """A meeting's lines, in the order in which they were said."""

    meeting: MeetingNamed
    lang: str | None
    lines: list[LineShown]


READER = web.AppKey("reader", Reader)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Reader]:
    """What reads for this server; it has a pool of its own, so that who reads much holds up nobody who makes a room."""
    pool, tenant = Pool(settings.vault, Role.WEB), tenant_id(settings.tenant)
    keys = TenantKeys(pool, from_setting(settings.root_key), tenant)
    yield Reader(pool, keys, tenant, Ledger(settings.ledger, tenant, keys))
    await pool.close()


async def meetings(request: web.Request) -> web.Response:
    """`GET /api/meetings`."""
    keep_pace(request)
    needs_host(request)
    which = asked(request, MeetingsAsked)
    found = await request.app[READER].meetings(
        HOST,
        room=which.room,
        identity=which.person,
        lang=which.lang and tag(which.lang),
        since=which.since,
        until=which.until,
        limit=which.limit,
    )
    return reply(Meetings(meetings=[_listed(each) for each in found]))


async def look(request: web.Request) -> web.Response:
    """`GET /api/meetings/{meeting}`."""
    keep_pace(request)
    needs_host(request)
    meeting = await request.app[READER].open(HOST, _id(request))
    kept = [KeptOf(kind=kind, lang=lang, records=records) for kind, lang, records in await meeting.kept()]
    who = [
        Named(id=each.id, name=each.name, voice=each.voice, identity=each.identity)
        for each in meeting.speakers.values()
    ]
    return reply(MeetingSeen(**_listed(meeting.meeting).model_dump(), speakers=who, kept=kept))


async def transcript(request: web.Request) -> web.StreamResponse:
    """`GET /api/meetings/{meeting}/transcript`."""
    keep_pace(request)
    needs_host(request)
    which = asked(request, TranscriptAsked)
    lang = which.lang and tag(which.lang)
    wanted = Wanted(lang, which.kind, which.speaker, which.person, which.since, which.until, which.q)
    detail = {"format": which.format, "lang": lang, "kind": which.kind, "searched": which.q is not None}
    meeting = await request.app[READER].open(HOST, _id(request), **detail)
    lines = await _begun(meeting, wanted)
    form = FORMATS[which.format]
    name = ".".join(filter(None, (str(meeting.meeting.id), lang, form.suffix)))
    return await send(request, form, name, form.write(Head(meeting.meeting, lang), lines))


async def _begun(meeting: Opened, wanted: Wanted) -> AsyncIterator[KeptLine]:
    """The lines, the first of them read already: what goes wrong until there can still be said."""
    lines = meeting.lines(wanted)
    first = await anext(lines, None)

    async def all_of_them() -> AsyncIterator[KeptLine]:
        if first is not None:
            yield first
        async for line in lines:
            yield line

    return all_of_them()


async def send(request: web.Request, form: Format, name: str, pieces: AsyncIterator[str]) -> web.StreamResponse:
    """The file as it is made. Where it can't be ended it breaks off, so that nobody takes a part of it for all."""
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="{name}"'})
    response.content_type, response.charset = form.media, "utf-8"
    await response.prepare(request)
    try:
        async for piece in _gathered(pieces):
            await response.write(piece.encode())
    except ConnectionError:
        log.debug("a transcript was not wanted to its end")
    except DragomanError as error:
        log.warning("a transcript broke off", extra={"code": error.code})
        if request.transport is not None:
            request.transport.abort()
    return response


async def _gathered(pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """Small pieces as larger ones."""
    waiting: list[str] = []
    size = 0
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)


def _listed(meeting: KeptMeeting) -> MeetingListed:
    return MeetingListed(
        id=meeting.id,
        room=meeting.room,
        policy=meeting.policy,
        started_at=meeting.started_at,
        last_at=meeting.last_at,
        ended_at=meeting.ended_at,
    )


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["meeting"])
    except ValueError:
        raise DragomanError("meeting_not_found", "There is no such meeting that you may read.") from None
