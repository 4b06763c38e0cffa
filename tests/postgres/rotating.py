"""A rotation that is killed again and again while others read and write."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from pydantic import SecretStr
from sqlalchemy import text

from agent.errors import VaultError
from agent.vault.crypto.envelope import DataKey
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.crypto.keys import TenantKeys
from agent.vault.crypto.rotation import destroy_retired, rotate
from agent.vault.db.pool import Pool, Role
from tests import programs

ADD = text("SELECT vault_keys.add(:meeting, :id, :speaker, :subject, 'source', :version, :wrapped)")
ALL = "SELECT id, meeting_id, speaker_id, wrapped, tenant_key_version FROM vault_keys.data_key WHERE tenant_id = $1"


@dataclass
class Outcome:
    kills: int = 0
    left: list[int] = field(default_factory=list)
    """How many keys were still under the first version at each kill."""
    reads: int = 0
    writes: int = 0
    unreadable: int = 0
    destroyed: tuple[int, ...] = ()


class Fire:
    """Many keys of one tenant, whose secrets are known here."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.file = url, folder / "root.key"
        self.tenant, self.meeting, self.speaker = uuid4(), uuid4(), uuid4()
        self.secrets: dict[UUID, bytes] = {}
        self.ids: list[UUID] = []
        self.agent = Pool(SecretStr(url), Role.AGENT)
        self.keys = TenantKeys(self.agent, KeyFile(self.file), self.tenant)
        self.outcome = Outcome()
        self._over = False

    async def fill(self, count: int) -> None:
        rows = []
        for _ in range(count):
            key, wrapped, version = await self.keys.fresh_data_key(self.meeting, self.speaker)
            self._know(key)
            rows.append(
                (self.tenant, key.id, self.meeting, "demo", self.speaker, self.speaker, "source", version, wrapped)
            )
        columns = [
            "tenant_id",
            "id",
            "meeting_id",
            "room",
            "speaker_id",
            "subject",
            "kind",
            "tenant_key_version",
            "wrapped",
        ]
        async with self._connection() as connection:
            await connection.copy_records_to_table("data_key", schema_name="vault_keys", records=rows, columns=columns)

    def _know(self, key: DataKey) -> None:
        self.secrets[key.id] = key.secret
        self.ids.append(key.id)

    async def rage(self, kills: int, batch: int, longest: float) -> Outcome:
        """Rotates; the first `kills` times it is killed within `longest` seconds. Then destroys what was replaced."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._write())
            while self.outcome.kills < kills:
                await self._killed(batch, random.uniform(0.0, longest))  # noqa: S311
            await self._whole(batch)
            self._over = True
        await self._finish(batch)
        await self._count_unreadable()
        await self.agent.close()
        return self.outcome

    async def _killed(self, batch: int, after: float) -> None:
        process = await asyncio.to_thread(self._started, batch)
        await asyncio.sleep(after)
        process.kill()
        code = await _ended(process)
        assert code in {0, -signal.SIGKILL}
        if code:
            self.outcome.kills += 1
            self.outcome.left.append(await self._under_the_first())

    async def _whole(self, batch: int) -> None:
        process = await asyncio.to_thread(self._started, batch)
        assert await _ended(process) == 0

    def _started(self, batch: int) -> ForkServerProcess:
        begun = programs.FORKS.Event()
        process = programs.start(rotation, self.url, self.file, self.tenant, batch, begun)
        assert begun.wait(60)
        return process

    async def _read(self) -> None:
        async with self._connection() as connection:
            while not self._over:
                await self._one(connection, random.choice(self.ids))  # noqa: S311
                self.outcome.reads += 1
                await asyncio.sleep(0.002)

    async def _one(self, connection: asyncpg.Connection, id: UUID) -> None:
        row = await connection.fetchrow(f"{ALL} AND id = $2", self.tenant, id)
        key = await self.keys.unwrap_data_key(*row)
        assert key.secret == self.secrets[id]

    async def _write(self) -> None:
        while not self._over:
            key, wrapped, version = await self.keys.fresh_data_key(self.meeting, self.speaker)
            await self._add(key, wrapped, version)
            self._know(key)
            self.outcome.writes += 1
            await asyncio.sleep(0.005)

    async def _add(self, key: DataKey, wrapped: bytes, version: int) -> None:
        given = {"meeting": self.meeting, "id": key.id, "speaker": self.speaker, "subject": self.speaker}
        async with self.agent.transaction(self.tenant, room="demo") as connection:
            await connection.execute(ADD, {**given, "version": version, "wrapped": wrapped})

    async def _finish(self, batch: int) -> None:
        """What this process wrapped under the first version since, and then that version's end."""
        pool = Pool(SecretStr(self.url), Role.KEYS)
        await rotate(pool, KeyFile(self.file), self.tenant, batch=batch)
        self.outcome.destroyed = tuple(await destroy_retired(pool, self.tenant, linger=timedelta()))
        await pool.close()

    async def _count_unreadable(self) -> None:
        self.keys.forget()
        opened = 0
        async with self._connection() as connection, connection.transaction():
            async for row in connection.cursor(ALL, self.tenant, prefetch=1_000):
                with contextlib.suppress(VaultError):
                    opened += (await self.keys.unwrap_data_key(*row)).secret == self.secrets[row["id"]]
        self.outcome.unreadable = len(self.secrets) - opened

    async def _under_the_first(self) -> int:
        async with self._connection() as connection:
            query = "SELECT count(*) FROM vault_keys.data_key WHERE tenant_id = $1 AND tenant_key_version = 1"
            return int(await connection.fetchval(query, self.tenant))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()


async def _ended(process: ForkServerProcess) -> int:
    await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    return process.exitcode


def rotation(url: str, file: Path, tenant: UUID, batch: int, begun: Event) -> None:
    """A process that rotates, and says when it begins."""

    async def rotates() -> None:
        pool = Pool(SecretStr(url), Role.KEYS)
        begun.set()
        await rotate(pool, KeyFile(file), tenant, batch=batch)
        await pool.close()

    asyncio.run(rotates())
