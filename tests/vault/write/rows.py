"""Rows as a spool holds them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from agent.nouns import Record
from agent.vault.write.store import Key, Speaker

SPEAKER, SUBJECT = uuid4(), uuid4()


def key(id: UUID) -> Key:
    return Key(id, SPEAKER, SUBJECT, "source", 1, b"wrapped:" + id.bytes * 4)


def speaker(key: UUID) -> Speaker:
    return Speaker(SPEAKER, SUBJECT, None, key, b"n" * 174)


def record(key: UUID, sealed: bytes = b"s" * 300) -> Record:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Record(uuid4(), "source", "en", 1, SPEAKER, key, at, 1.0, 2.0, "whisper", ("email", "name"), sealed)
