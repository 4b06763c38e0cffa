"""What this room asks the database: every statement, with the question it answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Delete, Insert, Select, delete, func, insert, or_, select, text

from ..db.tables import data_key, meeting, record, room_grant, speaker
from .wanted import Wanted

_c, _k, _m = record.c, data_key.c, meeting.c
_MEETING = select(*(_m[name] for name in ("id", "room", "policy", "day", "started_at", "last_at", "ended_at")))

# May this meeting be read, and by a broken glass only?
READABLE = text("""
    SELECT (SELECT bool_and(g.break_glass) FROM vault.room_grant g
        WHERE g.tenant_id = m.tenant_id AND g.room = m.room AND g.principal = vault.principal()
            AND 'read' = ANY (g.can) AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())) AS glass
    FROM vault.meeting m WHERE m.id = :meeting AND m.id IN (SELECT vault.readable(:meeting, NULL, NULL))
""")

# Which meeting is open in this transaction?
OPENED = select(func.vault.opened())


# Which meetings may be read, the newest first: of that room and time, with that person, in that language?
def meetings(
    tenant: UUID,
    *,
    room: str | None,
    since: datetime | None,
    until: datetime | None,
    subject: UUID | None,
    lang: str | None,
    limit: int,
) -> Select[Any]:
    found = _MEETING.where(_m.tenant_id == tenant)
    for clause in (
        None if room is None else _m.room == room,
        None if since is None else _m.last_at >= since,
        None if until is None else _m.started_at < until,
    ):
        found = found if clause is None else found.where(clause)
    # Sorted first (OFFSET keeps Postgres from doing it last), so that no more are looked into than are wanted.
    newest = found.order_by(_m.started_at.desc(), _m.id).offset(0).subquery()
    readable = select(func.vault.readable(newest.c.id, subject, lang).column_valued("id"))
    return select(newest).where(readable.exists()).order_by(newest.c.started_at.desc(), newest.c.id).limit(limit)


# What is this meeting?
def meeting_of(id: UUID) -> Select[Any]:
    return _MEETING.where(_m.id == id)


# Who spoke in it?
def speakers(id: UUID) -> Select[Any]:
    who = select(speaker.c.id, speaker.c.voice, speaker.c.key_id, speaker.c.sealed).order_by(speaker.c.id)
    return who.where(speaker.c.meeting_id == id)


# Which of its voices are this person's?
def voices(id: UUID, subject: UUID) -> Select[Any]:
    return select(_k.speaker_id).where(_k.meeting_id == id, _k.subject == subject)


# Which of its keys are not destroyed?
def live_keys(id: UUID) -> Select[Any]:
    return select(_k.id).where(_k.meeting_id == id, _k.state == "active")


# Which of these keys are not destroyed, and how are they wrapped?
def wrapped_keys(id: UUID, keys: Collection[UUID]) -> Select[Any]:
    query = select(_k.id, _k.speaker_id, _k.tenant_key_version, _k.wrapped)
    return query.where(_k.meeting_id == id, _k.id.in_(keys), _k.state == "active")


# How many records of each kind and language do these keys open?
def kept(day: date, id: UUID, keys: Collection[UUID]) -> Select[Any]:
    counted = select(_c.kind, _c.lang, func.count()).where(*_all(day, id), _c.key_id.in_(keys))
    return counted.group_by(_c.kind, _c.lang).order_by(_c.kind, _c.lang)


# Which records come after that clause, of those that are asked for?
def page(day: date, id: UUID, clauses: Sequence[ColumnElement[bool]], after: UUID, most: int) -> Select[Any]:
    query = select(record).where(*_all(day, id), *clauses, _c.segment_id > after)
    return query.order_by(_c.segment_id, _c.kind, _c.lang).limit(most)


# What is asked of a record, but for its words? `voices` are the person's, where one is asked for.
def asked_for(wanted: Wanted, voices: Collection[UUID] | None) -> list[ColumnElement[bool]]:
    found = list[ColumnElement[bool]]()
    if wanted.kind:
        found.append(_c.kind == wanted.kind)
    elif wanted.lang is None:
        found.append(_c.kind != "translation")
    if wanted.lang:
        found.append(or_(_c.lang == wanted.lang, _c.lang.startswith(f"{wanted.lang}-", autoescape=True)))
    if wanted.speaker:
        found.append(_c.speaker_id == wanted.speaker)
    if wanted.since is not None:
        found.append(_c.ends > wanted.since)
    if wanted.until is not None:
        found.append(_c.starts < wanted.until)
    if voices is not None:
        found.append(_c.speaker_id.in_(voices))
    return found


# Which grants does somebody have for this room? They go; `which` may say more.
def revoke(tenant: UUID, room: str, principal: str, **which: bool) -> Delete:
    return delete(room_grant).filter_by(tenant_id=tenant, room=room, principal=principal, **which)


# Who may read this room from now on, and until when?
def grant(row: Mapping[str, Any], lasts: timedelta | None) -> Insert:
    return insert(room_grant).values({**row, "expires_at": lasts and func.now() + lasts})


def _all(day: date, id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Every record of the meeting, in the one partition that has them."""
    return _c.day == day, _c.meeting_id == id
