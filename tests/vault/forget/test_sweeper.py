"""The process that forgets in time: what fails of it keeps nothing else from being done."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.errors import VaultError
from agent.settings import Settings
from agent.vault.context import Context
from agent.vault.db import tenants
from agent.vault.db.pool import Role
from agent.vault.forget import sweeper
from agent.vault.forget.sweep import Sweep
from agent.vault.log.audit import verify
from web.database import Database

from ..kept_meetings import an_archive


class Failing(Context):
    """A desk whose sweep always fails."""

    def sweep(self) -> Sweep:
        raise VaultError("held", "It fails.")


async def test_the_log_is_anchored_though_the_sweep_fails_by_a_key_that_nobody_else_made(
    own_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with an_archive(own_url, tmp_path, name := f"tenant-{tmp_path}") as archive:
        await archive.lines(3)
        settings = Settings(
            database_url=SecretStr(own_url),
            tenant=name,
            root_key=f"file:{tmp_path / 'root.key'}",
            ledger=tmp_path / "ledger",
            anchors=tmp_path / "anchors",
        )
        with caplog.at_level(logging.ERROR):
            async with Failing(settings) as context, asyncio.timeout(30):
                running = asyncio.create_task(sweeper.forever(context, 60.0))
                while not (tmp_path / "anchors" / f"{archive.tenant}.jsonl").exists():  # noqa: ASYNC110 - no event crosses a file
                    await asyncio.sleep(0.05)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

        report = await verify(archive.pools[Role.AUDITOR], archive.tenant, archive.anchors)

    assert "held: It fails." in caplog.messages
    assert (report.sound, report.anchored) == (True, 3)


async def test_a_sweep_that_starts_before_the_database_is_prepared_begins_the_ledger_as_soon_as_it_is(
    empty_url: str, tmp_path: Path
):
    settings = Settings(
        database_url=SecretStr(empty_url),
        tenant=f"tenant-{tmp_path}",
        root_key=f"file:{tmp_path / 'root.key'}",
        ledger=tmp_path / "ledger",
        anchors=tmp_path / "anchors",
    )
    async with Context(settings) as context, asyncio.timeout(30):
        running = asyncio.create_task(sweeper.forever(context, 3_600.0))
        await asyncio.sleep(0.1)
        before = await context.ledger().is_there()
        database = Database(SecretStr(empty_url))
        await database.migrate()
        async with database.transaction() as connection:
            await tenants.ensure(connection, settings.tenant)
        await database.close()
        while not await context.ledger().is_there():  # noqa: ASYNC110 - no event crosses a file
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert not before
