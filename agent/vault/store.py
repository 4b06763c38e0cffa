"""What is kept on its way into Postgres: one method per query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ..errors import VaultError
from ..nouns import Record
from .pool import Pool


@dataclass(frozen=True, slots=True)
class Meeting:
    """One session of a room, and the policy it is kept by."""

    tenant: UUID
    id: UUID
    room: str
    policy: str


@dataclass(frozen=True, slots=True)
class Key:
    """A data key, wrapped under a version of the tenant's, and what it seals: one speaker's records of one kind."""

    id: UUID
    speaker: UUID
    subject: UUID
    kind: str
    version: int
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice in a meeting; identity and name are sealed."""

    id: UUID
    subject: UUID
    voice: str | None
    key: UUID
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction."""

    keys: tuple[Key, ...] = ()
    speakers: tuple[Speaker, ...] = ()
    records: tuple[Record, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.speakers or self.records)


_BEGIN = text("SELECT vault.begin(:meeting, :policy)")
_ADD_KEY = text("SELECT vault_keys.add(:meeting, :id, :speaker, :subject, :kind, :version, :wrapped)")
_NAME = text("SELECT vault.name_speaker(:meeting, :id, :subject, :voice, :key, :sealed)")
_STORE = text(
    "SELECT vault.store(:meeting, :segment, :kind, :lang, :rev, :speaker, :key, :said_at, :start, :end, :engine, "
    ":tags, :sealed)"
)
_FINISH = text("SELECT vault.finish(:meeting)")


class Store:
    """One meeting's way into Postgres. Whatever is written twice is there once.

    Raises `VaultError`: `vault_away`, or `vault_refused` where the database says no; both may pass.
    """

    def __init__(self, pool: Pool, meeting: Meeting) -> None:
        self._pool = pool
        self._meeting = meeting

    async def write(self, batch: Batch) -> frozenset[UUID]:
        """All of it or nothing. Answers the keys of it that were destroyed: what they seal is not taken."""
        try:
            async with self._pool.transaction(self._meeting.tenant, room=self._meeting.room) as connection:
                await self._begin(connection)
                dead = {key.id for key in batch.keys if not await self._add_key(connection, key)}
                for speaker in batch.speakers:
                    await self._name(connection, speaker)
                return frozenset(dead | await self._store(connection, batch.records))
        except DBAPIError as error:
            raise _refused(error) from error

    async def finish(self) -> None:
        """The meeting is over."""
        try:
            async with self._pool.transaction(self._meeting.tenant, room=self._meeting.room) as connection:
                await connection.execute(_FINISH, {"meeting": self._meeting.id})
        except DBAPIError as error:
            raise _refused(error) from error

    async def _begin(self, connection: AsyncConnection) -> None:
        await connection.execute(_BEGIN, {"meeting": self._meeting.id, "policy": self._meeting.policy})

    async def _add_key(self, connection: AsyncConnection, key: Key) -> bool:
        """False where it was destroyed."""
        given = {
            "meeting": self._meeting.id,
            "id": key.id,
            "speaker": key.speaker,
            "subject": key.subject,
            "kind": key.kind,
            "version": key.version,
            "wrapped": key.wrapped,
        }
        return bool((await connection.execute(_ADD_KEY, given)).scalar_one() == "active")

    async def _name(self, connection: AsyncConnection, speaker: Speaker) -> None:
        given = {
            "meeting": self._meeting.id,
            "id": speaker.id,
            "subject": speaker.subject,
            "voice": speaker.voice,
            "key": speaker.key,
            "sealed": speaker.sealed,
        }
        await connection.execute(_NAME, given)

    async def _store(self, connection: AsyncConnection, records: Iterable[Record]) -> set[UUID]:
        rows = list(records)
        if not rows:
            return set()
        columns = ("segment", "kind", "lang", "rev", "speaker", "key", "said_at", "start", "end", "engine", "sealed")
        given = {name: [getattr(row, name) for row in rows] for name in columns}
        given["tags"] = [",".join(row.tags) for row in rows]
        return set((await connection.execute(_STORE, {"meeting": self._meeting.id, **given})).scalars())


def _refused(error: DBAPIError) -> VaultError:
    state = getattr(error.orig, "sqlstate", None)
    return VaultError("vault_refused", f"The database of what is kept refuses it (SQLSTATE {state}).")
