"""By which ids it goes, and where what is sealed of it stands."""

from __future__ import annotations

from uuid import UUID, uuid5

from .envelope import Place


def meeting_id(tenant: UUID, sid: str) -> UUID:
    """A session of a LiveKit room, by the sid that LiveKit gives it: an agent that comes back goes on in it."""
    return uuid5(tenant, sid)


def speaker_id(meeting: UUID, subject: UUID, voice: str | None) -> UUID:
    """One voice of a person in one meeting."""
    return uuid5(meeting, f"{subject}{voice or ''}")


def segment_id(meeting: UUID, id: str) -> UUID:
    """A clause, by the id that its captions have: a UUID, but from an engine that names them otherwise."""
    try:
        return UUID(id)
    except ValueError:
        return uuid5(meeting, id)


def of_name(tenant: UUID, room: str, meeting: UUID, speaker: UUID) -> Place:
    """Where a speaker's name stands."""
    return Place(tenant, room, meeting, segment=speaker, rev=0, lang="", speaker=speaker, kind="name")
