"""A tenant of its own in a real Postgres, with meetings that were kept as the agent keeps them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from pydantic import SecretStr
from sqlalchemy import text
from uuid_utils.compat import uuid7

from agent.vault.crypto import ids
from agent.vault.crypto.envelope import DataKey, Place, seal
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.crypto.keys import TenantKeys
from agent.vault.db.pool import Pool, Role
from agent.vault.db.tenants import tenant_id
from agent.vault.log.anchors import Anchors
from agent.vault.log.ledger import Ledger

NOW = "CREATE OR REPLACE FUNCTION vault.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT clock_timestamp(){} $$"
TERMS = {"source": "30 days", "translation": "30 days", "redacted": "30 days", "audit": "forever"}


@dataclass
class Archive:
    """What a test needs of one tenant; `owner` is a superuser."""

    tenant: UUID
    owner: asyncpg.Connection
    pools: Mapping[Role, Pool]
    keys: TenantKeys
    anchors: Anchors
    folder: Path
    _data_keys: dict[tuple[UUID, UUID, str], DataKey] = field(default_factory=dict)

    async def policy(self, name: str, version: int = 1, **terms: str) -> None:
        await self.owner.execute(
            "INSERT INTO vault.policy (tenant_id, name, version, source, translation, redacted, audit, proposed_by,"
            " approved_by, approved_at, effective_from)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 'ana', 'ben', now(), vault.now())",
            self.tenant,
            name,
            version,
            *{**TERMS, **terms}.values(),
        )

    async def meeting(self, room: str = "room", policy: str = "p", grant: str | None = "ana") -> UUID:
        """A meeting of that room, which that principal may read."""
        meeting = uuid4()
        async with self.pools[Role.AGENT].transaction(self.tenant, room=room) as connection:
            await connection.execute(text("SELECT vault.begin(:m, :p)"), {"m": meeting, "p": policy})
        if grant:
            await self.owner.execute(
                "INSERT INTO vault.room_grant (tenant_id, room, principal, granted_by) VALUES ($1, $2, $3, 'x')"
                " ON CONFLICT DO NOTHING",
                self.tenant,
                room,
                grant,
            )
        return meeting

    async def say(
        self,
        meeting: UUID,
        words: str,
        *,
        room: str = "room",
        identity: str = "guest-ada",
        name: str = "Ada",
        voice: str | None = None,
        kind: str = "source",
        lang: str = "en",
        at: float = 0.0,
        length: float = 1.0,
        segment: UUID | None = None,
        rev: int = 1,
    ) -> UUID:
        """Something that was said and kept; its segment."""
        segment, subject = segment or uuid7(), await self.keys.subject(identity)
        speaker = ids.speaker_id(meeting, subject, voice)
        key = await self._key(room, meeting, speaker, subject, kind)
        named = await self._key(room, meeting, speaker, subject, "name")
        place = Place(self.tenant, room, meeting, segment, rev, lang, speaker, kind)
        sealed = seal(key, place, words.encode("utf-8", "replace"))
        who = json.dumps({"identity": identity, "name": name}).encode()
        sealed_name = seal(named, ids.of_name(self.tenant, room, meeting, speaker), who)
        async with self.pools[Role.AGENT].transaction(self.tenant, room=room) as connection:
            await connection.execute(
                text("SELECT vault.name_speaker(:m, :s, :u, :v, :k, :sealed)"),
                {"m": meeting, "s": speaker, "u": subject, "v": voice, "k": named.id, "sealed": sealed_name},
            )
            said: dict[str, Any] = {
                "m": meeting, "seg": [segment], "kind": [kind], "lang": [lang], "rev": [rev], "s": [speaker],
                "k": [key.id], "said": [datetime.now(UTC)], "a": [at], "b": [at + length], "e": ["whisper-base"],
                "tags": [""], "sealed": [sealed],
            }  # fmt: skip
            await connection.execute(
                text("SELECT vault.store(:m, :seg, :kind, :lang, :rev, :s, :k, :said, :a, :b, :e, :tags, :sealed)"),
                said,
            )
        return segment

    async def destroy(self, *where: tuple[str, Any]) -> None:
        """Destroys the keys that agree, as the sweep does before the rows go."""
        clause = " AND ".join(f"{column} = :{column}" for column, _ in where)
        async with self.pools[Role.RETENTION].transaction(self.tenant) as connection:
            await connection.execute(
                text(
                    "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = now()"
                    f" WHERE {clause}"
                ),
                dict(where),
            )

    async def lines(self, count: int = 1, action: str = "test") -> None:
        """Lines of the log."""
        async with self.pools[Role.WEB].transaction(self.tenant, principal="ana") as connection:
            line = "SELECT vault_audit.append(:action, 'n' || n, 'done', '{}') FROM generate_series(1, :n) n"
            await connection.execute(text(line), {"action": action, "n": count})

    async def log(self) -> list[asyncpg.Record]:
        query = "SELECT * FROM vault_audit.event WHERE tenant_id = $1 ORDER BY seq"
        return list(await self.owner.fetch(query, self.tenant))

    async def tamper(self, statement: str, *values: Any) -> None:
        """As a superuser, with every trigger off."""
        await self.owner.execute("SET session_replication_role = replica")
        await self.owner.execute(statement, *values)
        await self.owner.execute("SET session_replication_role = origin")

    async def _key(self, room: str, meeting: UUID, speaker: UUID, subject: UUID, kind: str) -> DataKey:
        if (key := self._data_keys.get((meeting, speaker, kind))) is None:
            key, wrapped, version = await self.keys.fresh_data_key(meeting, speaker)
            self._data_keys[meeting, speaker, kind] = key
            said = {"m": meeting, "k": key.id, "s": speaker, "u": subject, "kind": kind, "v": version, "w": wrapped}
            async with self.pools[Role.AGENT].transaction(self.tenant, room=room) as connection:
                await connection.execute(text("SELECT vault_keys.add(:m, :k, :s, :u, :kind, :v, :w)"), said)
        return key


@asynccontextmanager
async def an_archive(url: str, folder: Path, name: str = "") -> AsyncIterator[Archive]:
    """A tenant with a policy `p` that keeps everything for 30 days; of that name, or of one of its own."""
    name = name or str(uuid4())
    tenant, secret = tenant_id(name), SecretStr(url)
    owner = await asyncpg.connect(url)
    await owner.execute("INSERT INTO vault.tenant VALUES ($1, $2) ON CONFLICT DO NOTHING", tenant, name)
    pools = {role: Pool(secret, role, size=2) for role in Role}
    keys = TenantKeys(pools[Role.WEB], KeyFile(folder / "root.key"), tenant)
    archive = Archive(tenant, owner, pools, keys, Anchors(folder / "anchors", tenant, keys), folder)
    await Ledger(folder / "ledger", tenant, keys).begin()
    await archive.policy("p")
    try:
        yield archive
    finally:
        await owner.execute(NOW.format(""))
        for pool in pools.values():
            await pool.close()
        await owner.close()
