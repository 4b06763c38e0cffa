"""A spool's file, without its thread: damaged, deleted, full, and taken out of an earlier generation."""

from __future__ import annotations

import errno
from pathlib import Path
from uuid import uuid4

import pytest

from agent.errors import VaultError
from agent.vault.write import spool_file
from agent.vault.write.journal import Journal
from agent.vault.write.losses import Losses

from ..numbered_finals import MEETING
from .rows import key, record, speaker


def journal(folder: Path) -> Journal:
    return Journal(folder / "some.spool", MEETING, Losses())


def test_a_damaged_file_is_begun_anew_with_what_can_be_read_and_the_rest_is_counted(tmp_path: Path):
    before = journal(tmp_path)
    rows = [record(uuid4()) for _ in range(200)]
    before.append(rows)
    before.close()
    with before.path.open("r+b") as file:
        file.seek(before.path.stat().st_size // 2)
        file.write(b"\xff" * 8_192)

    broken = Journal(before.path, None, Losses())
    broken.append([late := record(uuid4())])

    got = list(broken.take(1_000).batch.records)
    assert broken.damaged == 1
    assert got[-1] == late
    assert 0 < len(got) - 1 < len(rows)
    assert broken.losses.counts["unreadable"] == len(rows) - (len(got) - 1)
    assert len(list(tmp_path.glob("*.damaged"))) == 1
    broken.close()


def test_what_was_taken_before_the_file_was_begun_anew_is_given_again(tmp_path: Path):
    gone = journal(tmp_path)
    rows = [record(uuid4()) for _ in range(3)]
    gone.append(rows)
    taken = gone.take(10)
    gone.path.unlink()
    gone.append([late := record(uuid4())])

    gone.acknowledge(taken)

    assert list(gone.take(10).batch.records) == [*rows, late]
    gone.close()


def test_a_disk_that_refuses_is_no_damage_and_what_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    full = journal(tmp_path)
    full.append([first := record(uuid4())])

    def refuse(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(spool_file, "insert", refuse)
        with pytest.raises(VaultError) as refused:
            full.append([record(uuid4())])

    assert refused.value.code == "spool_failing"
    assert full.damaged == 0
    assert list(full.take(10).batch.records) == [first]
    full.close()


def test_rows_that_were_read_but_find_no_room_in_a_fresh_file_are_counted_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gone = journal(tmp_path)
    gone.append([record(uuid4()) for _ in range(3)])
    gone.path.unlink()

    def refuse(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(spool_file, "insert", refuse)
        with pytest.raises(VaultError):
            gone.append([record(uuid4())])

    assert gone.losses.counts == {"unreadable": 3}  # who put the fourth is told, and holds it
    gone.close()


def test_the_file_goes_when_all_is_acknowledged_and_postgres_knows_that_the_meeting_is_over(tmp_path: Path):
    id = uuid4()
    over, done = journal(tmp_path), Journal(tmp_path / "other.spool", MEETING, Losses())
    for each in (over, done):
        each.append([key(id), speaker(id), record(id)])
        each.acknowledge(each.take(10))
    over.set_over(True)

    assert (over.close(), over.path.exists()) == (False, True)
    assert (done.close(), done.path.exists()) == (True, False)
