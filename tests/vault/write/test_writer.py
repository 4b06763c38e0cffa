"""The thread that writes: one write for all that waits, a wall around each, and an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from agent.errors import VaultError
from agent.vault.write.journal import Journal
from agent.vault.write.losses import Losses
from agent.vault.write.upkeep import Upkeep
from agent.vault.write.writer import Writer

from ..numbered_finals import MEETING
from .rows import record

SECRET = "what somebody said"


@asynccontextmanager
async def writing(folder: Path) -> AsyncIterator[tuple[Writer, Journal]]:
    journal = Journal(folder / "some.spool", MEETING, Losses())
    writer = Writer(journal, Upkeep(journal, sync_after=False), asyncio.get_running_loop())
    yield writer, journal
    await writer.close(journal.close)


async def test_what_waits_while_it_writes_is_written_together_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with writing(tmp_path) as (writer, journal):
        appended, go, append = list[int](), threading.Event(), journal.append
        monkeypatch.setattr(journal, "append", lambda items: (appended.append(len(items)), append(items)))
        busy = writer.ask(go.wait)

        puts = [writer.put([record(uuid4())]) for _ in range(20)]
        go.set()
        await asyncio.gather(busy, *puts)

    assert sum(appended) == 20
    assert len(appended) <= 2


async def test_a_fault_of_ours_fails_what_it_served_and_the_next_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with writing(tmp_path) as (writer, journal):

        def falls(items: object) -> None:
            raise KeyError(SECRET)

        with monkeypatch.context() as patched:
            patched.setattr(journal, "append", falls)
            with pytest.raises(VaultError) as failed:
                await writer.put([record(uuid4())])
        await writer.put([late := record(uuid4())])
        taken = await writer.ask(lambda: journal.take(10))

    assert failed.value.code == "internal"
    assert list(taken.batch.records) == [late]
    assert SECRET not in caplog.text


async def test_the_thread_ends_with_the_last_thing_that_it_is_asked(tmp_path: Path):
    async with writing(tmp_path) as (writer, _):
        thread = writer._thread

    assert not thread.is_alive()
