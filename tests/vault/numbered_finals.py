"""What tests of keeping share: finals with a number in each, a keeper, and everything that is stored, opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import SecretStr
from uuid_utils import uuid7

from agent.nouns import Caption, Segment
from agent.vault.crypto.envelope import DataKey, Place, open_
from agent.vault.crypto.ids import meeting_id
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.crypto.keys import TenantKeys
from agent.vault.db.pool import Pool, Role
from agent.vault.db.tenants import ensure, tenant_id
from agent.vault.log.ledger import Ledger
from agent.vault.policy.effective_policy import Keeps
from agent.vault.write.agreement import Agreement, Names
from agent.vault.write.data_keys import Keys
from agent.vault.write.recorder import Recorder
from agent.vault.write.sealing import Sealing
from agent.vault.write.spool import Spool
from agent.vault.write.store import Meeting, Store
from web.database import Database

TENANT = tenant_id("default")
MEETING = Meeting(TENANT, meeting_id(TENANT, "RM_test"), "room", "minutes-30")
TOLD: dict[str, Any] = {
    "tenant": str(TENANT),
    "policy": "minutes-30",
    "version": 1,
    "source": "meeting end + 30 days",
    "translation": "meeting end + 30 days",
    "redacted": "not at all",
    "redaction": "off",
    "words": [],
}
ALL = Keeps.heard(TOLD)


_ALL = (
    "SELECT r.*, k.wrapped, k.tenant_key_version AS version FROM vault.record r "
    "JOIN vault.meeting m ON m.tenant_id = r.tenant_id AND m.id = r.meeting_id "
    "JOIN vault_keys.data_key k ON k.tenant_id = r.tenant_id AND k.id = r.key_id "
    "WHERE m.room = $1 ORDER BY r.starts, r.segment_id, r.kind, r.lang"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored record, as who holds the keys reads it."""

    segment: UUID
    kind: str
    lang: str
    rev: int
    text: str
    speaker: UUID
    said_at: Any
    stored_at: Any


async def prepare(url: str) -> None:
    """The tables, the tenant and the policies that everybody starts with."""
    database = Database(SecretStr(url))
    await database.migrate()
    async with database.transaction() as connection:
        await ensure(connection, "default")
    await database.close()


def keys_of(pool: Pool, folder: Path) -> TenantKeys:
    return TenantKeys(pool, KeyFile(folder / "root.key"), TENANT)


def segment(number: int, identity: str = "guest-ana", start: float | None = None) -> Segment:
    """A clause that says its number."""
    at = float(number) if start is None else start
    return Segment(str(uuid7()), 3, "TR_1", "en", f"number {number}", at, at + 1, "whisper", identity=identity)


def caption(said: Segment, lang: str, seq: int = 1) -> Caption:
    """The same in another language."""
    text = f"{lang} {said.text}"
    place = (said.id, said.rev, seq, lang, said.language, said.identity, said.track, said.speaker)
    return Caption(*place, text, len(text), True, said.start, said.end, "apertium")


def recorder(
    keys: Keys,
    spool: Spool,
    store: Store,
    *,
    keeps: Keeps = ALL,
    meeting: Meeting = MEETING,
    zero: float = 1_700_000_000.0,
    name_of: Callable[[str], str] = lambda identity: "",
    tell: Callable[[str], None] = lambda state: None,
    **clock: Any,
) -> Recorder:
    """A keeper of what these tests settle."""
    sealing = Sealing(Agreement(meeting, keeps, zero), keys, Names(of=name_of), **clock)
    return Recorder(sealing, spool, store, tell=tell)


@asynccontextmanager
async def running(
    url: str, folder: Path, *, keeps: Keeps = ALL, meeting: Meeting = MEETING, **more: Any
) -> AsyncIterator[Recorder]:
    """A keeper that runs, as in an agent; at the end it has carried everything, unless the database is away."""
    pool = Pool(SecretStr(url), Role.AGENT)
    keys = more.pop("keys", None) or keys_of(pool, folder)
    await Ledger(folder / "ledger", meeting.tenant, keys).begin()  # as the sweep does, before anything is kept
    spool = await Spool.create(folder / "spool", meeting, sync_after=more.pop("sync_after", False))
    keeper = recorder(keys, spool, Store(pool, meeting), keeps=keeps, meeting=meeting, **more)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
        keeper.close()
        await asyncio.wait_for(task, 30)
    finally:
        task.cancel()
        await asyncio.wait([task])
        await spool.close()
        await pool.close()


async def stored(url: str, folder: Path, meeting: Meeting = MEETING) -> list[Opened]:
    """Everything that Postgres holds of a meeting, opened with the tenant's keys; in the order of what was said."""
    return await opened_of(url, folder, meeting.room)


async def opened_of(url: str, folder: Path, room: str) -> list[Opened]:
    """Everything that Postgres holds of a room, opened with the keys in that folder; in the order of what was said."""
    pool = Pool(SecretStr(url), Role.AGENT)
    keys, connection = keys_of(pool, folder), await asyncpg.connect(url)
    rows = await connection.fetch(_ALL, room)
    await connection.close()
    found, held = [], dict[UUID, DataKey]()
    for row in rows:
        whose = (row["key_id"], row["meeting_id"], row["speaker_id"])
        if row["key_id"] not in held:
            held[row["key_id"]] = await keys.unwrap_data_key(*whose, row["wrapped"], row["version"])
        text = open_(held[row["key_id"]], _place(room, row), row["sealed"]).decode()
        columns = (row[name] for name in ("segment_id", "kind", "lang", "rev"))
        found.append(Opened(*columns, text, row["speaker_id"], row["said_at"], row["stored_at"]))
    await pool.close()
    return found


def _place(room: str, row: Any) -> Place:
    where = (row["meeting_id"], row["segment_id"], row["rev"], row["lang"], row["speaker_id"], row["kind"])
    return Place(TENANT, room, *where)


def numbers(found: Iterable[Opened], kind: str = "source") -> list[int]:
    """The numbers in it, sorted; one that is there twice is there twice."""
    return sorted(int(one.text.split()[-1]) for one in found if one.kind == kind)


def files(folder: Path) -> list[str]:
    """What stands in the spool's folder."""
    return sorted(path.name for path in (folder / "spool").glob("*"))
