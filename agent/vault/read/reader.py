"""Reading what is kept: written down first, then shown to whom it was granted, for as long as it may be there.

What can go wrong, and why things happen in this order:

- **Something is read that nobody knows of.** A line of the log is committed first, and its number is what opens the
  meeting: the database's role for reading sees no row without it. Where the log can't be written, nothing is read.
- **Somebody reads who may not.** The database compares principal, grant and meeting with that line, in every
  transaction, and the line opens for five minutes. A refusal is written down too, and an unknown meeting looks the
  same as one that is not granted.
- **Something is read that is due, revoked or destroyed.** Each page of a thousand records is a transaction that asks
  again for the grant, the terms and the keys. What ends meanwhile is not in the next page.
- **A restored database shows what was erased.** It is compared with the ledger before each reading, and before the
  first of them with all of it.
- **A record was moved or changed.** It doesn't open in another place than its own: it is left out, counted and logged
  by its key's id.
- **A log or an error says what was said.** Neither holds text, name or search: what holds one never prints.

The order: compare with the ledger; write the reading down; open the meeting; then, page by page, rows, keys, unseal.
"""

from __future__ import annotations

import heapq
import json
import logging
import time
import unicodedata
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..crypto import ids
from ..crypto.envelope import DataKey, Place, open_
from ..db.pool import Pool
from ..log.audit import append
from ..log.ledger import Ledger
from ..log.restored import may_serve
from . import statements
from .wanted import WHOLE, Wanted

log = logging.getLogger(__name__)

PAGE = 1000
"""Records that are read in one transaction. What is revoked or due meanwhile is not in the next one."""
WINDOW = 20_000
"""So many lines are put in the order in which they were said. A longer meeting comes nearly in that order."""
RENEW = 240.0
"""Seconds after which a reading is written down again; the database lets five minutes of it through."""
NEWEST = 20
"""Lines of the ledger of what was destroyed that are looked at before each reading; before the first, all of them."""
ORDER = ("source", "translation", "redacted")
"""Which kind of a clause is shown where nobody says which."""
_LETTERS = 9
"""Marks up to this combining class make letters of their own (nukta, voicing of kana, virama): KA is not GA."""


_Row = Row[*tuple[Any, ...]]


class Keys(Protocol):
    """What reading asks of a tenant's keys."""

    async def unwrap_data_key(
        self, id: UUID, meeting: UUID, speaker: UUID, wrapped: bytes | None, version: int, /
    ) -> DataKey: ...

    async def subject(self, identity: str, /) -> UUID: ...


@dataclass(frozen=True, slots=True)
class KeptMeeting:
    """One session of a room of which something is kept."""

    id: UUID
    room: str
    policy: str
    day: date
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who spoke: a voice of a participant. Without a name where that is forgotten already."""

    id: UUID
    voice: str | None
    identity: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A clause in one language, as it is kept. Times are seconds on the room's clock, but for `said_at`."""

    segment: UUID
    kind: str
    lang: str
    rev: int
    speaker: Speaker
    said_at: datetime
    starts: float
    ends: float
    engine: str
    tags: tuple[str, ...]
    text: str = field(repr=False)


class Reader:
    """Opens what one tenant keeps. Nothing is read before a line of the log says so, and without the log nothing is.

    Everything here raises `VaultError`: `meeting_not_found` (none of that id, none that is granted, or nothing of it
    may be read any more: nobody can tell which), `audit_away`, `vault_away`, `keys_away`, `key_refused`,
    `restored_not_replayed` and `ledger_broken` (where it is told of a ledger).
    """

    def __init__(self, pool: Pool, keys: Keys, tenant: UUID, ledger: Ledger | None = None) -> None:
        self._pool = pool
        self.keys = keys
        self.tenant = tenant
        self._ledger = ledger
        self._compared = False

    async def meetings(
        self,
        principal: str,
        *,
        room: str | None = None,
        identity: str | None = None,
        lang: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[KeptMeeting]:
        """Meetings that may be read, the newest first: of that room and time, with that person, in that language."""
        await self._compare()
        subject = None if identity is None else await self.keys.subject(identity)
        async with self.transaction(principal) as connection:
            await append(connection, "list", room or "", "allowed")
        query = statements.meetings(
            self.tenant, room=room, since=since, until=until, subject=subject, lang=lang, limit=limit
        )
        async with self.transaction(principal) as connection:
            return [KeptMeeting(*row) for row in await connection.execute(query)]

    async def open(self, principal: str, id: UUID, **detail: Any) -> Opened:
        """A meeting, to be read now; `detail` is written down with it and says nothing of what was said."""
        opened = Opened(self, principal, id, detail)
        await opened.begin()
        return opened

    async def admit(self, principal: str, id: UUID, detail: Mapping[str, Any]) -> int:
        """The line that lets somebody read this meeting for some minutes. A refusal is written down too."""
        await self._compare()
        async with self.transaction(principal) as connection:
            found = (await connection.execute(statements.READABLE, {"meeting": id})).one_or_none()
            said = {**detail, "break_glass": True} if found and found.glass else detail
            ticket = await append(connection, "read", str(id), "allowed" if found else "denied", said)
        if found is None:
            raise _not_found()
        return ticket

    async def _compare(self) -> None:
        """Raises where the database was restored and has back what was destroyed."""
        if self._ledger is not None:
            newest = NEWEST if self._compared else None
            await may_serve(self._pool, self.tenant, self._ledger, newest=newest)
            self._compared = True

    def transaction(self, principal: str, ticket: int | None = None) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._pool.transaction(self.tenant, principal=principal, ticket=ticket)


class Opened:
    """A meeting that may be read just now: asked again at every page, and written down again every few minutes."""

    meeting: KeptMeeting
    speakers: Mapping[UUID, Speaker]

    def __init__(self, reader: Reader, principal: str, id: UUID, detail: Mapping[str, Any]) -> None:
        self._reader = reader
        self._principal = principal
        self._id = id
        self._detail = detail
        self._ticket, self._since = 0, -RENEW
        self._unwrapped: dict[UUID, DataKey] = {}
        self.unreadable = 0
        """Records that are there and don't open: somebody changed them, or put them where they don't belong."""

    async def begin(self) -> None:
        async with self._reading() as connection:
            found = (await connection.execute(statements.meeting_of(self._id))).one_or_none()
            if found is None:
                raise _not_found()
            self.meeting = KeptMeeting(*found)
            rows = (await connection.execute(statements.speakers(self._id))).all()
            wrapped = await self._keys(connection, {row.key_id for row in rows})
        self.speakers = {row.id: await self._named(row, wrapped) for row in rows}

    async def kept(self) -> list[tuple[str, str, int]]:
        """Kind, language and how many records of them can be read."""
        async with self._reading() as connection:
            keys = (await connection.execute(statements.live_keys(self._id))).scalars().all()
            rows = await connection.execute(statements.kept(self.meeting.day, self._id, keys))
            return [(row[0], row[1], row[2]) for row in rows]

    async def lines(self, wanted: Wanted = WHOLE) -> AsyncIterator[KeptLine]:
        """The lines that are wanted, in the order in which they were said."""
        waiting: list[tuple[float, UUID, KeptLine]] = []
        async for line in self._by_id(wanted):
            heapq.heappush(waiting, (line.starts, line.segment, line))
            if len(waiting) > WINDOW:
                yield heapq.heappop(waiting)[-1]
        while waiting:
            yield heapq.heappop(waiting)[-1]

    async def _by_id(self, wanted: Wanted) -> AsyncIterator[KeptLine]:
        """Line by line in the order of the clauses' ids, which are times (UUIDv7) but for engines that make others."""
        needle = None if wanted.text is None else folded(wanted.text)
        clauses, after = await self._clauses(wanted), UUID(int=0)
        while True:
            rows, wrapped = await self._page(clauses, after)
            segments = [(id, list(each)) for id, each in groupby(rows, key=lambda row: row.segment_id)]
            if full := len(rows) == PAGE:
                segments.pop()  # the page may end in the middle of it
            for _, each in segments:
                line = await self._best(each, wanted, wrapped)
                if line and (needle is None or needle in folded(line.text)):
                    yield line
            if not full:
                return
            after = segments[-1][0]

    async def _page(
        self, clauses: Sequence[ColumnElement[bool]], after: UUID
    ) -> tuple[Sequence[_Row], Mapping[UUID, _Row]]:
        query = statements.page(self.meeting.day, self._id, clauses, after, PAGE)
        async with self._reading() as connection:
            rows = (await connection.execute(query)).all()
            return rows, await self._keys(connection, {row.key_id for row in rows})

    async def _clauses(self, wanted: Wanted) -> list[ColumnElement[bool]]:
        """What is asked of a record, but for its words."""
        if wanted.identity is None:
            return statements.asked_for(wanted, None)
        subject = await self._reader.keys.subject(wanted.identity)
        async with self._reading() as connection:
            voices = (await connection.execute(statements.voices(self._id, subject))).scalars().all()
        return statements.asked_for(wanted, voices)

    async def _best(self, rows: Sequence[_Row], wanted: Wanted, wrapped: Mapping[UUID, _Row]) -> KeptLine | None:
        """One clause as it is wanted: what can be read of it, in the kind and the language that come first."""
        for row in sorted(rows, key=lambda row: (ORDER.index(row.kind), row.lang != wanted.lang, row.lang)):
            place = Place(self._reader.tenant, self.meeting.room, self._id, row.segment_id, row.rev, row.lang,
                          row.speaker_id, row.kind)  # fmt: skip
            if (content := await self._opened(row, place, wrapped)) is not None:
                return self._line(row, content.decode("utf-8", "replace"))
        return None

    def _line(self, row: _Row, words: str) -> KeptLine:
        return KeptLine(
            segment=row.segment_id,
            kind=row.kind,
            lang=row.lang,
            rev=row.rev,
            speaker=self.speakers.get(row.speaker_id) or Speaker(row.speaker_id, None),
            said_at=row.said_at,
            starts=row.starts,
            ends=row.ends,
            engine=row.engine,
            tags=tuple(filter(None, row.tags.split(","))),
            text=words,
        )

    async def _named(self, row: _Row, wrapped: Mapping[UUID, _Row]) -> Speaker:
        place = ids.of_name(self._reader.tenant, self.meeting.room, self._id, row.id)
        who = json.loads(await self._opened(row, place, wrapped) or b"{}")
        return Speaker(row.id, row.voice, who.get("identity"), who.get("name"))

    async def _opened(self, row: _Row, place: Place, wrapped: Mapping[UUID, _Row]) -> bytes | None:
        """Opens a row. None where its key is destroyed. None too where it doesn't open; that is counted."""
        if (key := wrapped.get(row.key_id)) is None:
            return None
        try:
            if row.key_id not in self._unwrapped:
                self._unwrapped[row.key_id] = await self._reader.keys.unwrap_data_key(
                    key.id, self._id, key.speaker_id, key.wrapped, key.tenant_key_version
                )
            return open_(self._unwrapped[row.key_id], place, row.sealed)
        except VaultError as error:
            if error.code != "does_not_open":
                raise
        self.unreadable += 1
        log.error("a record does not open", extra={"meeting": str(self._id), "key_id": str(row.key_id)})
        return None

    async def _keys(self, connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, _Row]:
        """Those of the keys that are not destroyed, wrapped. Asked alone: keys may stand in a database of their own."""
        found = await connection.execute(statements.wrapped_keys(self._id, ids))
        return {row.id: row for row in found}

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in which the meeting is open. Raises `meeting_not_found` where it is not any more."""
        if time.monotonic() - self._since >= RENEW:
            self._ticket = await self._reader.admit(self._principal, self._id, self._detail)
            self._since = time.monotonic()
        async with self._reader.transaction(self._principal, self._ticket) as connection:
            if (await connection.execute(statements.OPENED)).scalar_one() is None:
                raise _not_found()
            yield connection


def folded(words: str) -> str:
    """The words without case, diacritics and spacing, in any script; for a search."""
    apart = unicodedata.normalize("NFKD", words).casefold()
    bare = "".join(each for each in unicodedata.normalize("NFKD", apart) if unicodedata.combining(each) <= _LETTERS)
    return " ".join(bare.split())


def _not_found() -> VaultError:
    return VaultError("meeting_not_found", "There is no such meeting that you may read.")
