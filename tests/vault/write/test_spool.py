"""The spool: what is in it when its process dies, and what becomes of it when the disk or the file is bad."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from agent.errors import VaultError
from agent.nouns import Record
from agent.vault.write.replay import STAYS, discard
from agent.vault.write.spool import Spool
from agent.vault.write.upkeep import SYNCED

from ..numbered_finals import MEETING, files
from .rows import key, record, speaker


def append(file: Path, torn: bytes) -> None:
    with file.open("ab") as log:
        log.write(torn)


async def filled(folder: Path, count: int = 100, *, sync_after: bool = False) -> tuple[Spool, list[Record]]:
    """A spool with a key, a speaker and so many records, a hundred a commit."""
    spool = await Spool.create(folder, MEETING, sync_after=sync_after)
    id = uuid4()
    records = [record(id, os.urandom(300)) for _ in range(count)]
    await spool.put([key(id), speaker(id)])
    for at in range(0, count, 100):
        await spool.put(records[at : at + 100])
    return spool, records


def left_by_a_dead_process(path: Path, folder: Path) -> Path:
    """A copy of a spool as it stands on the disk just now, as whoever comes after a kill finds it."""
    folder.mkdir()
    for side in ("", "-wal"):
        if (found := Path(f"{path}{side}")).exists():
            (folder / f"{path.name}{side}").write_bytes(found.read_bytes())
    return folder / path.name


@pytest.mark.parametrize("sync_after", [False, True])
async def test_all_that_was_put_is_found_by_whoever_comes_after_a_kill(tmp_path: Path, sync_after: bool):
    spool, records = await filled(tmp_path / "spool", sync_after=sync_after)

    copy = left_by_a_dead_process(spool.path, tmp_path / "copy")
    found = await Spool.adopt(copy)

    assert found
    assert found.meeting == MEETING
    batch = (await found.take()).batch
    assert list(batch.records) == records
    assert batch.speakers[0].voice is None
    assert batch.keys[0].kind == "source"
    await found.close()
    await spool.close()


class Disk:
    """Takes down when a spool's log was brought to the disk; may refuse to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced: list[float] = []
        self.refuses = False
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, opened: int) -> None:
        if self.refuses:
            raise OSError(errno.EIO, "Input/output error")
        self._fsync(opened)
        self.synced.append(time.monotonic())


async def test_what_was_shown_before_the_disk_had_it_is_brought_there_soon_though_the_talk_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = Disk(monkeypatch)
    spool, records = await filled(tmp_path / "spool", 1, sync_after=True)

    put, began = list[float](), time.monotonic()
    while time.monotonic() - began < 0.5:
        await spool.put([record(records[0].key)])
        put.append(time.monotonic())
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.2)

    late = SYNCED + 0.1  # this machine's own
    assert all(any(at <= synced <= at + late for synced in disk.synced) for at in put)
    assert len(disk.synced) < len(put) / 2
    await spool.close()


async def test_where_the_disk_refuses_afterwards_what_comes_next_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    disk = Disk(monkeypatch)
    spool, records = await filled(tmp_path / "spool", 1, sync_after=True)
    assert synchronous(spool) == NORMAL

    disk.refuses = True
    await spool.put([late := record(records[0].key)])
    await asyncio.sleep(SYNCED + 0.2)

    assert "could not be brought to the disk" in caplog.text
    assert synchronous(spool) == FULL
    assert list((await spool.take()).batch.records) == [*records, late]
    await spool.close()


NORMAL, FULL = 1, 2


def synchronous(spool: Spool) -> int:
    return int(spool._journal._connection.execute("PRAGMA synchronous").fetchone()[0])


@pytest.mark.parametrize("torn", [b"", b"\x37\x7f" * 1_500, bytes(5_000)], ids=["nothing", "noise", "zeros"])
async def test_a_write_that_a_power_cut_tore_takes_nothing_along_that_was_put_before(tmp_path: Path, torn: bytes):
    spool, records = await filled(tmp_path / "spool", 50)
    copy = left_by_a_dead_process(spool.path, tmp_path / "copy")
    append(Path(f"{copy}-wal"), torn)

    found = await Spool.adopt(copy)

    assert found
    assert list((await found.take()).batch.records) == records
    assert found.damaged == 0
    await found.close()
    await spool.close()


async def test_a_spool_whose_owner_lives_is_left_alone(tmp_path: Path):
    spool, _ = await filled(tmp_path / "spool", 1)

    assert await Spool.adopt(spool.path) is None

    await spool.close()


async def test_what_was_acknowledged_is_not_given_again_and_the_file_goes_with_the_last_of_it(tmp_path: Path):
    spool, records = await filled(tmp_path / "spool", 30)

    first = await spool.take(20)
    spool.acknowledge(first)
    second = await spool.take(20)
    spool.acknowledge(second)

    assert [*first.batch.records, *second.batch.records] == records
    assert not second.batch.keys
    assert not (await spool.take()).batch
    assert await spool.close()
    assert files(tmp_path) == []


async def test_nobody_else_may_read_a_spool(tmp_path: Path):
    spool, _ = await filled(tmp_path / "spool", 1)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool").glob("*.spool*")}

    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700
    assert modes == {0o600}
    await spool.close()


async def test_keys_that_were_destroyed_vanish_with_what_they_seal(tmp_path: Path):
    spool = await Spool.create(tmp_path / "spool", MEETING)
    dead, living = uuid4(), uuid4()
    await spool.put([key(dead), record(dead, b"D" * 300), key(living), record(living, b"L" * 300)])

    await spool.forget([dead])

    batch = (await spool.take()).batch
    assert [one.id for one in batch.keys] == [living]
    assert [one.key for one in batch.records] == [living]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "spool").glob("*"))
    assert key(living).wrapped in everything
    assert key(dead).wrapped not in everything
    assert b"D" * 50 not in everything
    await spool.close()


async def test_what_was_acknowledged_leaves_no_byte_behind(tmp_path: Path):
    spool = await Spool.create(tmp_path / "spool", MEETING)
    id = uuid4()
    await spool.put([key(id), record(id, b"S" * 300)])
    spool.acknowledge(await spool.take())
    await spool.put([key(uuid4())])  # so that the file stays

    await spool.forget([])  # a wipe with everything before it

    everything = b"".join(path.read_bytes() for path in (tmp_path / "spool").glob("*"))
    assert key(id).wrapped not in everything
    assert b"S" * 50 not in everything
    await spool.close()


@pytest.mark.parametrize("late", [False, True], ids=["at once", "when Postgres is back"])
async def test_keys_that_postgres_has_are_wiped_by_themselves_soon(tmp_path: Path, late: bool):
    spool = await Spool.create(tmp_path / "spool", MEETING)
    id = uuid4()
    await spool.put([key(id), record(id, b"S" * 300)])
    if late:
        await spool.forget([])  # out of the write-ahead log, into the file
    before = holding(tmp_path, key(id).wrapped)
    spool.acknowledge(await spool.take())
    await spool.put([record(id)])

    async with asyncio.timeout(20):
        while holding(tmp_path, key(id).wrapped):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.05)

    assert before
    assert not holding(tmp_path, b"S" * 50)
    await spool.close()


async def test_what_was_acknowledged_is_wiped_within_a_minute_where_the_talk_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agent.vault.write.upkeep.EMPTIED", 0.5)
    spool = await Spool.create(tmp_path / "spool", MEETING)
    await spool.put([record(uuid4(), b"S" * 300)])
    spool.acknowledge(await spool.take())

    async with asyncio.timeout(20):
        while holding(tmp_path, b"S" * 50):
            await spool.put([record(uuid4(), b"T" * 300)])
            await asyncio.sleep(0.02)

    await spool.close()


def holding(folder: Path, needle: bytes) -> list[str]:
    """The spool's files in which those bytes stand."""
    return [path.name for path in (folder / "spool").glob("*") if needle in path.read_bytes()]


async def test_of_a_damaged_spool_all_is_replayed_that_can_be_read(tmp_path: Path):
    spool, records = await filled(tmp_path / "spool", 2_000)
    await spool.forget([])  # out of the write-ahead log, into the file
    copy = left_by_a_dead_process(spool.path, tmp_path / "copy")
    size = copy.stat().st_size
    with copy.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(8_192))

    found = await Spool.adopt(copy)

    assert found
    got: list[Record] = []
    while (taken := await found.take()).batch:
        got += taken.batch.records
        found.acknowledge(taken)
    assert found.damaged == 1
    assert len(got) > 1_900
    assert {one.segment for one in got} < {one.segment for one in records}
    assert found.losses.counts["unreadable"] >= 2_000 - len(got)
    assert await found.close()
    aside = list((tmp_path / "copy").glob("*.damaged*"))
    assert aside
    await spool.close()


async def test_a_damaged_file_does_not_stay_for_ever(tmp_path: Path):
    aside = tmp_path / "some.damaged"
    aside.touch()

    discard(tmp_path)
    stayed = aside.exists()
    os.utime(aside, (0, aside.stat().st_mtime - STAYS - 1))
    discard(tmp_path)

    assert stayed
    assert not aside.exists()


async def test_a_lock_without_a_spool_goes_unless_somebody_holds_it(tmp_path: Path):
    spool, _ = await filled(tmp_path / "spool", 1)
    (tmp_path / "spool" / "dead.lock").touch()

    discard(tmp_path / "spool")

    assert sorted(path.suffix for path in (tmp_path / "spool").glob("*.lock")) == [".lock"]
    assert spool.path.with_suffix(".lock").exists()
    await spool.close()


async def test_a_spool_whose_beginning_is_gone_is_set_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    spool, _ = await filled(tmp_path / "spool", 10)
    await spool.forget([])
    copy = left_by_a_dead_process(spool.path, tmp_path / "copy")
    copy.write_bytes(b"\0" * copy.stat().st_size)

    with pytest.raises(VaultError) as refused:
        await Spool.adopt(copy)

    assert refused.value.code == "spool_damaged"
    assert not copy.exists()
    assert list((tmp_path / "copy").glob("*.damaged"))
    assert "set aside" in caplog.text
    await spool.close()


async def test_a_spool_that_somebody_deletes_under_its_owner_is_begun_anew_with_what_it_held(tmp_path: Path):
    spool, records = await filled(tmp_path / "spool", 100)
    for path in (tmp_path / "spool").glob("*.spool*"):
        path.unlink()

    late = record(uuid4())
    await spool.put([late])

    copy = left_by_a_dead_process(spool.path, tmp_path / "copy")
    found = await Spool.adopt(copy)
    assert found
    assert list((await found.take()).batch.records) == [*records, late]
    await found.close()
    await spool.close()


async def test_what_was_taken_out_of_a_file_that_is_gone_acknowledges_nothing_in_the_next(tmp_path: Path):
    spool, records = await filled(tmp_path / "spool", 100)
    taken = await spool.take()
    for path in (tmp_path / "spool").glob("*.spool*"):
        path.unlink()
    late = record(uuid4())
    await spool.put([late])

    spool.acknowledge(taken)

    assert list((await spool.take()).batch.records) == [*records, late]
    await spool.close()


@contextmanager
def no_more_than(size: int) -> Iterator[None]:
    """No file of this process may grow beyond it: what a disk that is full does, for who may not make one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_takes_nothing_is_said_and_passes(tmp_path: Path):
    spool, records = await filled(tmp_path / "spool", 100)

    with no_more_than(4_096), pytest.raises(VaultError) as refused:
        await spool.put([record(uuid4())])
    late = record(uuid4())
    await spool.put([late])

    assert refused.value.code == "spool_failing"
    assert spool.damaged == 0
    assert list((await spool.take()).batch.records) == [*records, late]
    await spool.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(line, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk, and not everywhere")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_is_said_and_takes_more_once_postgres_has_what_filled_it(small_disk: Path):
    spool = await Spool.create(small_disk, MEETING)
    written: list[Record] = []
    failed: VaultError | None = None
    while failed is None:
        some = [record(uuid4(), os.urandom(4_000)) for _ in range(10)]
        try:
            await spool.put(some)
            written += some
        except VaultError as error:
            failed = error

    got = await spool.take(10_000)
    spool.acknowledge(got)
    await spool.put(some)

    assert failed.code == "spool_failing"
    assert list(got.batch.records) == written
    assert list((await spool.take()).batch.records) == some
    await spool.close()


def test_what_was_sealed_never_prints():
    shown = repr(key(uuid4())) + repr(record(uuid4())) + repr(speaker(uuid4()))

    assert "wrapped:" not in shown
    assert "sss" not in shown
    assert "nnn" not in shown
