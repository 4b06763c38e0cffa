"""What is kept on its way into Postgres: one method per query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ...nouns import Record
from ..db.pool import Pool
from . import statements


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
                dead = await self._add(connection, batch.keys)
                await self._name(connection, batch.speakers)
                return frozenset(dead | await self._store(connection, batch.records))
        except DBAPIError as error:
            raise _refused(error) from error

    async def finish(self) -> None:
        """The meeting is over."""
        try:
            async with self._pool.transaction(self._meeting.tenant, room=self._meeting.room) as connection:
                await connection.execute(statements.FINISH, {"meeting": self._meeting.id})
        except DBAPIError as error:
            raise _refused(error) from error

    async def _begin(self, connection: AsyncConnection) -> None:
        await connection.execute(statements.BEGIN, {"meeting": self._meeting.id, "policy": self._meeting.policy})

    async def _add(self, connection: AsyncConnection, keys: Sequence[Key]) -> set[UUID]:
        """Answers those that were destroyed."""
        if not keys:
            return set()
        return set((await connection.execute(statements.ADD_KEYS, self._given(keys))).scalars())

    async def _name(self, connection: AsyncConnection, speakers: Sequence[Speaker]) -> None:
        if speakers:
            await connection.execute(statements.NAME_SPEAKERS, self._given(speakers))

    async def _store(self, connection: AsyncConnection, records: Sequence[Record]) -> set[UUID]:
        if not records:
            return set()
        given = self._given(records) | {"tags": [",".join(record.tags) for record in records]}
        return set((await connection.execute(statements.STORE, given)).scalars())

    def _given(self, rows: Sequence[Key | Speaker | Record]) -> dict[str, Any]:
        """Column by column."""
        columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(rows[0])}
        return {"meeting": self._meeting.id, **columns}


def _refused(error: DBAPIError) -> VaultError:
    state = getattr(error.orig, "sqlstate", None)
    return VaultError("vault_refused", f"The database of what is kept refuses it (SQLSTATE {state}).")
