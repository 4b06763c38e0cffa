"""A tenant with meetings in a real Postgres whose clock stands still until it is moved."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr
from sqlalchemy import text

from agent.vault.crypto.keys import signed_jws
from agent.vault.db.pool import Pool, Role
from agent.vault.forget.erasure import Erasures
from agent.vault.forget.holds import Holds
from agent.vault.forget.sweep import Sweep, Swept
from agent.vault.log.ledger import Ledger
from agent.vault.policy.policies import Policies, Rules
from agent.vault.policy.terms import NOT_AT_ALL, Term
from web.database import Database

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_CLOCK = """
CREATE TABLE IF NOT EXISTS public.test_clock (at timestamptz NOT NULL);
GRANT SELECT ON public.test_clock TO PUBLIC;
CREATE OR REPLACE FUNCTION vault.now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  $$ SELECT at FROM public.test_clock $$;
"""
_STORE = text("SELECT * FROM vault.store(:m, :seg, :kind, :lang, :rev, :sp, :k, :said, :a, :b, :e, :tags, :sealed)")


class Pen:
    """Signs as a tenant's keys do."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    async def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    async def sign_jws(self, claims: Mapping[str, Any], typ: str) -> str:
        return signed_jws(self._key, claims, typ)

    async def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()


@dataclass
class Said:
    """One record, and what it takes to find it again."""

    meeting: UUID
    segment: UUID
    kind: str
    speaker: UUID
    key: UUID
    wrapped: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


@dataclass
class Tenant:
    """The tenant, the pools of the roles that meet it, and `owner`, a superuser."""

    url: str
    id: UUID
    owner: asyncpg.Connection
    agent: Pool
    web: Pool
    retention: Pool
    folder: Path
    pen: Pen

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, folder: Path, *, migrate: bool = True) -> AsyncIterator[Tenant]:
        if migrate:
            await prepared(url)
        pools = [Pool(SecretStr(url), role, size=8) for role in (Role.AGENT, Role.WEB, Role.RETENTION)]
        owner = await asyncpg.connect(url)
        tenant = cls(url, uuid4(), owner, *pools, folder, Pen())
        await owner.execute("INSERT INTO vault.tenant (id, name) VALUES ($1, $2)", tenant.id, tenant.id.hex)
        await tenant.ledger.begin()
        try:
            yield tenant
        finally:
            for pool in pools:
                await pool.close()
            await owner.close()

    async def renew(self) -> None:
        """Another tenant, of whom nothing is there, and the clock at its start."""
        self.id = uuid4()
        await self.owner.execute("INSERT INTO vault.tenant (id, name) VALUES ($1, $2)", self.id, self.id.hex)
        await self.ledger.begin()
        await self.set_clock(START)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder, self.id, self.pen)

    @property
    def policies(self) -> Policies:
        return Policies(self.retention, self.id)

    @property
    def holds(self) -> Holds:
        return Holds(self.web, self.id, self.ledger)

    @property
    def erasures(self) -> Erasures:
        return Erasures(self.retention, self.id, self.ledger, self.pen)

    async def sweep(self, *, pool: Pool | None = None, chunk: int = 200, **how: Any) -> Swept | None:
        given = pool or self.retention

        async def erasures(tenant: UUID) -> Erasures:
            return Erasures(given, tenant, self.ledger, self.pen)

        return await Sweep(given, erasures, chunk=chunk).once(only=self.id, **how)

    async def now(self) -> datetime:
        return await self.owner.fetchval("SELECT vault.now()")

    async def set_clock(self, at: datetime) -> None:
        await self.owner.execute("DELETE FROM public.test_clock")
        await self.owner.execute("INSERT INTO public.test_clock VALUES ($1)", at)

    async def advance(self, **by: float) -> None:
        await self.set_clock(await self.now() + timedelta(**by))

    async def policy(self, name: str = "p", **terms: str) -> None:
        """In force at once, where it may."""
        given = {kind: Term.parse(term) for kind, term in terms.items()}
        made = await self.policies.propose(name, Rules(**{"source": NOT_AT_ALL, **given}), by="ana")
        await self.policies.approve(name, made.version, by="ben")

    async def meet(self, room: str = "r", policy: str = "p") -> UUID:
        meeting = uuid4()
        async with self.agent.transaction(self.id, room=room) as connection:
            await connection.execute(text("SELECT vault.begin(:m, :p)"), {"m": meeting, "p": policy})
        return meeting

    async def end(self, meeting: UUID, room: str = "r") -> None:
        async with self.agent.transaction(self.id, room=room) as connection:
            await connection.execute(text("SELECT vault.finish(:m)"), {"m": meeting})

    async def key(
        self, meeting: UUID, speaker: UUID, subject: UUID, kind: str = "source", room: str = "r", id: UUID | None = None
    ) -> tuple[UUID, bytes, str]:
        """A key of random bytes, as an agent hands it in: its id, its wrapped bytes, and what was answered."""
        key, wrapped = id or uuid4(), os.urandom(92)
        async with self.agent.transaction(self.id, room=room) as connection:
            query = text("SELECT vault_keys.add(:m, :k, :s, :u, :kind, 1, :b)")
            given = {"m": meeting, "k": key, "s": speaker, "u": subject, "kind": kind, "b": wrapped}
            answer = (await connection.execute(query, given)).scalar_one()
            if kind == "name" and answer == "active":
                named = text("SELECT vault.name_speaker(:m, :s, :u, NULL, :k, :b)")
                await connection.execute(named, {**given, "b": os.urandom(120)})
        return key, wrapped, answer

    async def store(
        self,
        meeting: UUID,
        speaker: UUID,
        key: UUID,
        kind: str = "source",
        room: str = "r",
        segments: Iterable[UUID] = (),
        rev: int = 1,
        said_at: datetime | None = None,
    ) -> tuple[list[Said], list[UUID]]:
        """Random records under a key; those, and the keys that were refused."""
        ids = list(segments) or [uuid4()]
        n = len(ids)
        sealed = [os.urandom(200) for _ in ids]
        given = {
            "m": meeting,
            "seg": ids,
            "kind": [kind] * n,
            "lang": ["en"] * n,
            "rev": [rev] * n,
            "sp": [speaker] * n,
        }
        given |= {"k": [key] * n, "said": [said_at or START] * n, "a": [1.0] * n, "b": [2.0] * n, "e": ["w"] * n}
        async with self.agent.transaction(self.id, room=room) as connection:
            rows = await connection.execute(_STORE, {**given, "tags": [""] * n, "sealed": sealed})
            dead = list(rows.scalars())
        return [Said(meeting, i, kind, speaker, key, b"", s) for i, s in zip(ids, sealed, strict=True)], dead

    async def speak(
        self,
        meeting: UUID,
        kinds: Iterable[str] = ("source",),
        room: str = "r",
        subject: UUID | None = None,
        n: int = 1,
    ) -> list[Said]:
        """A new speaker says something: keys, a name, records."""
        speaker, person = uuid4(), subject or uuid4()
        await self.key(meeting, speaker, person, "name", room)
        said: list[Said] = []
        for kind in kinds:
            key, wrapped, _ = await self.key(meeting, speaker, person, kind, room)
            stored, _ = await self.store(meeting, speaker, key, kind, room, [uuid4() for _ in range(n)])
            for one in stored:
                one.wrapped = wrapped
            said += stored
        return said

    async def alive(self) -> set[UUID]:
        """The keys that are not destroyed."""
        rows = await self.owner.fetch(
            "SELECT id FROM vault_keys.data_key WHERE tenant_id = $1 AND state = 'active'", self.id
        )
        return {row[0] for row in rows}

    async def stored(self) -> set[UUID]:
        """The segments whose rows are there."""
        rows = await self.owner.fetch("SELECT segment_id FROM vault.record WHERE tenant_id = $1", self.id)
        return {row[0] for row in rows}

    async def tombstones(self) -> dict[UUID, int]:
        rows = await self.owner.fetch("SELECT key_id, records FROM vault_keys.tombstone WHERE tenant_id = $1", self.id)
        return {row[0]: row[1] for row in rows}

    async def grant(self, room: str = "r", principal: str = "reader") -> None:
        await self.owner.execute(
            "INSERT INTO vault.room_grant (tenant_id, room, principal, granted_by) VALUES ($1, $2, $3, 'x')",
            self.id,
            room,
            principal,
        )

    async def ticket(self, meeting: UUID, principal: str = "reader") -> int:
        async with self.web.transaction(self.id, principal=principal) as connection:
            append = text("SELECT vault_audit.append('read', :m, 'allowed', '{}')")
            return int((await connection.execute(append, {"m": str(meeting)})).scalar_one())

    async def read(self, meeting: UUID, principal: str = "reader") -> dict[UUID, bytes]:
        """What the web role sees of it, by segment, after writing down that it reads."""
        ticket = await self.ticket(meeting, principal)
        async with self.web.transaction(self.id, principal=principal, ticket=ticket) as connection:
            rows = await connection.execute(text("SELECT segment_id, kind, sealed FROM vault.record"))
            return {row[0]: row[2] for row in rows}


async def prepared(url: str) -> None:
    """The tables, and a clock that a test may set."""
    database = Database(SecretStr(url))
    await database.migrate()
    await database.close()
    owner = await asyncpg.connect(url)
    await owner.execute(_CLOCK)
    await owner.execute("DELETE FROM public.test_clock")
    await owner.execute("INSERT INTO public.test_clock VALUES ($1)", START)
    await owner.close()
