"""A meeting's keeping from its beginning to its end: with everything there, and with something away."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from agent.errors import VaultError
from agent.settings import Settings
from agent.vault.crypto.cached_keys import Remembering
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.db.pool import Pool, Role
from agent.vault.write import session as module
from agent.vault.write import spool_file
from agent.vault.write.agreement import Agreement, Names
from agent.vault.write.replay import replay
from agent.vault.write.session import Keeping
from agent.vault.write.upkeep import SYNCED

from ..numbered_finals import ALL, MEETING, TENANT, files, numbers, segment, stored
from .test_spool import no_more_than

NOWHERE = "postgresql://postgres@/postgres?host=/nonexistent"


def settings(url: str, folder: Path, **more: str) -> Settings:
    key = f"file:{folder / 'root.key'}"
    return Settings(vault_url=SecretStr(url), root_key=key, spool=folder / "spool", **more)  # type: ignore[arg-type]


@asynccontextmanager
async def meeting(
    url: str, folder: Path, told: list[tuple[str, str]], *, over: bool = True, **more: str
) -> AsyncIterator[Keeping]:
    """As an interpreter has it."""
    names = Names(of=lambda identity: "Ana")
    agreement = Agreement(MEETING, ALL, 1_700_000_000.0)
    keeping = Keeping(agreement, settings(url, folder, **more), names, lambda keeps, state: told.append((keeps, state)))
    await keeping.begin()
    running = asyncio.create_task(keeping.run())
    yield keeping
    keeping.close(over=over)
    await asyncio.wait_for(running, 30)


async def ended(url: str) -> bool:
    connection = await asyncpg.connect(url)
    found = await connection.fetchval("SELECT ended_at IS NOT NULL FROM vault.meeting")
    await connection.close()
    return bool(found)


@pytest.mark.parametrize("over", [True, False])
async def test_a_meeting_is_kept_and_its_end_is_told_when_it_is_over(kept_url: str, tmp_path: Path, over: bool):
    told: list[tuple[str, str]] = []
    async with meeting(kept_url, tmp_path, told, over=over) as keeping:
        final = keeping.keep(segment(1))
        assert final
        await final

    assert told == [("minutes-30", "ok")]
    assert numbers(await stored(kept_url, tmp_path)) == [1]
    assert await ended(kept_url) == over
    assert [name for name in files(tmp_path) if not name.endswith(".keys")] == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_final_is_brought_to_the_disk_before_it_is_shown_or_after_as_the_setting_says(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
):
    synced: list[Path] = []
    monkeypatch.setattr(spool_file, "sync", synced.append)
    async with meeting(kept_url, tmp_path, [], spool_sync=when) as keeping:
        final = keeping.keep(segment(1))
        assert final
        await final
        await asyncio.sleep(SYNCED * 2)

    assert bool(synced) == (when == "after")  # else SQLite itself does
    assert numbers(await stored(kept_url, tmp_path)) == [1]


async def test_where_no_key_can_be_had_nothing_is_kept_and_people_see_that_until_there_is_one(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "AGAIN", 0.05)
    told: list[tuple[str, str]] = []
    key = tmp_path / "root.key"
    async with meeting(kept_url, tmp_path, told):
        pass  # makes the root key
    (away := key.with_suffix(".away")).write_bytes(key.read_bytes())
    key.unlink()

    told.clear()
    async with meeting(kept_url, tmp_path, told) as keeping:
        nothing = keeping.keep(segment(1))
        spools = [name for name in files(tmp_path) if name.endswith(".spool")]
        away.rename(key)
        key.chmod(0o600)
        async with asyncio.timeout(20):
            while ("minutes-30", "ok") not in told:  # noqa: ASYNC110 - the disk has no event
                await asyncio.sleep(0.02)
        final = keeping.keep(segment(2))
        assert final
        await final

    assert nothing is None
    assert spools == []
    assert told[0] == ("nothing", "away")
    assert numbers(await stored(kept_url, tmp_path)) == [2]


async def test_a_meeting_that_begins_while_the_database_is_away_is_kept_by_the_keys_that_are_remembered(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "REST", 0.3)
    told: list[tuple[str, str]] = []
    async with meeting(kept_url, tmp_path, told):
        pass  # an earlier one on this machine

    async with meeting(NOWHERE, tmp_path, told) as keeping:
        final = keeping.keep(segment(7))
        assert final
        await final
    left = files(tmp_path)
    pool = Pool(SecretStr(kept_url), Role.AGENT)
    await replay(tmp_path / "spool", pool)
    await pool.close()

    assert ("minutes-30", "waiting") in told
    assert [name for name in left if name.endswith(".spool")]
    assert numbers(await stored(kept_url, tmp_path)) == [7]
    assert await ended(kept_url)


async def test_what_is_in_memory_alone_when_the_process_ends_is_counted(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(module, "REST", 0.3)
    async with meeting(kept_url, tmp_path, []):
        pass  # an earlier one on this machine
    async with meeting(NOWHERE, tmp_path, []) as keeping:
        with no_more_than(4_096):
            await asyncio.wait_for(keeping.keep(segment(1)) or asyncio.sleep(0), 5)
        before = keeping.lost

    assert before == {}
    assert keeping.lost == {"memory": 4}  # two keys, a name and what was said
    assert "4 rows were in memory alone" in caplog.text


async def test_remembered_keys_are_wrapped_and_nobody_elses_to_read(kept_url: str, tmp_path: Path):
    pool, wrapper = Pool(SecretStr(kept_url), Role.AGENT), KeyFile(tmp_path / "root.key")
    keys = Remembering(pool, wrapper, TENANT, tmp_path / "spool")
    await keys.ready()
    secret = (await keys._key("wrap")).key.secret
    await pool.close()

    (file,) = (tmp_path / "spool").glob("*.keys")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in file.read_bytes()


@pytest.mark.parametrize("content", [None, "", "{}", '{"wrap": 1}', '{"wrap": [1, "AAAA"], "index": [1, "AAAA"]}'])
async def test_without_a_database_a_file_that_makes_no_sense_gives_no_key(tmp_path: Path, content: str | None):
    pool, folder = Pool(SecretStr(NOWHERE), Role.AGENT), tmp_path / "spool"
    folder.mkdir()
    if content is not None:
        (folder / f"{TENANT}.keys").write_text(content)
    keys = Remembering(pool, KeyFile(tmp_path / "root.key"), TENANT, folder)

    with pytest.raises(VaultError):
        await keys.ready()

    await pool.close()
