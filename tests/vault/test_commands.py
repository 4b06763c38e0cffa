"""`python -m agent.vault`, as an operator runs it, on what a real keeper stored."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from agent.vault.db.tenants import tenant_id

from .. import programs
from .numbered_finals import MEETING, caption, opened_of, running, segment

ID = str(MEETING.id)


@dataclass
class Operator:
    """Somebody at a terminal, with a database and a folder of their own."""

    url: str
    folder: Path

    @property
    def told(self) -> dict[str, str]:
        """The environment of their commands."""
        return {
            **os.environ,
            "DATABASE_URL": self.url,
            "DRAGOMAN_ROOT_KEY": f"file:{self.folder / 'root.key'}",
            "DRAGOMAN_LEDGER": str(self.folder / "ledger"),
            "DRAGOMAN_ANCHORS": str(self.folder / "anchors"),
        }

    def does(self, *words: str) -> subprocess.CompletedProcess[str]:
        return programs.run("agent.vault", *words, env=self.told)

    async def begins(self, *words: str, stdout: int | None = None) -> asyncio.subprocess.Process:
        """Python itself, which is told these words."""
        given: dict[str, Any] = {"stdout": stdout, "stderr": asyncio.subprocess.PIPE}
        return await asyncio.create_subprocess_exec(sys.executable, *words, cwd=programs.ROOT, env=self.told, **given)

    def said(self, *words: str) -> dict[str, object]:
        """What it printed last, as JSON; it ended well."""
        done = self.does(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1]))

    async def texts(self) -> list[str]:
        return [each.text for each in await opened_of(self.url, self.folder, MEETING.room)]


@pytest.fixture
async def operator(kept_url: str, tmp_path: Path) -> Operator:
    """Two people said two clauses each, which were translated; `host` may read the room."""
    async with running(kept_url, tmp_path) as keeper:
        for number in range(4):
            said = segment(number, "guest-ana" if number % 2 else "guest-ben")
            for each in (said, caption(said, "es")):
                await asyncio.wait_for(keeper.keep(each) or asyncio.Future(), 10)
    connection = await asyncpg.connect(kept_url)
    await connection.execute(
        "INSERT INTO vault.room_grant (tenant_id, room, principal, granted_by) VALUES ($1, $2, 'host', 'test')",
        tenant_id("default"),
        MEETING.room,
    )
    await connection.close()
    return Operator(kept_url, tmp_path)


async def test_a_meeting_is_exported_whole_in_each_format(operator: Operator):
    listed = operator.said("export")
    files = {kind: operator.does("export", ID, "--format", kind) for kind in ("json", "vtt", "srt", "txt")}
    spanish = operator.does("export", ID, "--lang", "es", "--format", "txt")

    assert listed["id"] == ID
    lines = json.loads(files["json"].stdout)["lines"]
    assert [line["text"] for line in lines] == [f"number {number}" for number in range(4)]
    for done in files.values():
        assert done.returncode == 0, done.stderr
        assert [done.stdout.count(f"number {number}") for number in range(4)] == [1] * 4
    assert spanish.stdout.count("es number") == 4


async def test_who_was_not_granted_the_room_gets_nothing_of_it(operator: Operator):
    refused = operator.does("export", ID, "--as", "somebody")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("meeting_not_found: ")


async def test_a_person_is_erased_the_others_stay_and_the_receipt_can_be_checked(operator: Operator):
    receipt = operator.folder / "receipt.json"

    counted = operator.said("erase", "--person", "guest-ana", "--by", "ana", "--dry-run")
    before = await operator.texts()
    done = operator.does("erase", "--person", "guest-ana", "--by", "ana", "--receipt", str(receipt))
    checked = operator.does("receipt", str(receipt))
    changed = receipt.read_text().replace('"payload": "', '"payload": "e')
    receipt.write_text(changed)
    forged = operator.does("receipt", str(receipt))

    assert (counted, len(before)) == ({"keys": 3, "held": 0}, 8)  # source, translation, name
    assert done.returncode == 0, done.stderr
    assert (checked.returncode, forged.returncode) == (0, 1), checked.stderr
    assert "number" not in receipt.with_name("receipt.json.html").read_text()
    exported = json.loads(operator.does("export", ID).stdout)["lines"]
    assert [line["text"] for line in exported] == ["number 0", "number 2"]


async def test_a_hold_beats_an_erasure_and_the_sweep_carries_it_out_once_it_is_over(operator: Operator):
    hold = operator.said("hold", "place", "--meeting", ID, "--matter", "case 7", "--by", "legal")
    held = operator.does("erase", "--room", MEETING.room, "--by", "ana")
    kept = await operator.texts()
    operator.said("hold", "release", str(hold["hold"]), "--by", "legal")
    still = operator.said("sweep")
    connection = await asyncpg.connect(operator.url)
    await connection.execute(
        "CREATE OR REPLACE FUNCTION vault.now() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
        " $$ SELECT clock_timestamp() + interval '31 days' $$"
    )
    counted = operator.said("sweep", "--dry-run")
    swept = operator.said("sweep")
    left = await connection.fetchval("SELECT count(*) FROM vault.record")
    await connection.close()

    assert (held.returncode, len(kept)) == (1, 8)
    assert "hold" in held.stdout
    assert still["erasures"] == 0
    assert counted["erasures"] == swept["erasures"] == 1
    assert left == 0


async def test_keys_are_rotated_and_all_still_opens(operator: Operator):
    before = await operator.texts()
    counted = operator.said("rotate", "--dry-run")
    rotated = operator.said("rotate")
    root = operator.said("rotate", "--root")

    assert (counted["keys"], rotated["keys"], rotated["version"]) == (6, 6, 2)
    assert int(str(root["tenant keys"])) >= 3
    assert await operator.texts() == before


async def test_the_log_is_verified_and_an_edited_line_is_found(operator: Operator):
    operator.said("export")
    sound = operator.does("verify")
    connection = await asyncpg.connect(operator.url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("UPDATE vault_audit.event SET actor = 'nobody' WHERE seq = 1")
    await connection.close()
    edited = operator.does("verify")

    assert (sound.returncode, edited.returncode) == (0, 1), sound.stdout + sound.stderr
    assert "edited: 1 to 1" in edited.stdout


async def test_a_policy_is_proposed_looked_at_and_approved_by_somebody_else(operator: Operator):
    words = ("policy", "propose", "minutes-30", "--source", "1 days", "--by", "ana")
    proposed = operator.said(*words)
    preview = operator.does("policy", "preview", "minutes-30", "2")
    alone = operator.does("policy", "approve", "minutes-30", "2", "--by", "ana")
    approved = operator.said("policy", "approve", "minutes-30", "2", "--by", "ben")
    wrong = operator.does("policy", "propose", "minutes-30", "--source", "0 days", "--by", "ana")

    assert proposed["version"] == 2
    assert '"kind": "translation"' in preview.stdout  # which it does not keep at all
    assert (alone.returncode, alone.stderr.split(":")[0]) == (1, "second_person")
    assert approved["approved_by"] == "ben"
    assert wrong.returncode == 2


async def test_a_database_that_is_older_than_its_ledger_is_not_read_until_it_was_brought_up(operator: Operator):
    connection = await asyncpg.connect(operator.url)
    keys = await connection.fetch("SELECT * FROM vault_keys.data_key")
    operator.does("erase", "--meeting", ID, "--by", "ana")
    await connection.execute("SET session_replication_role = replica")  # as a restored backup has it
    await connection.execute("TRUNCATE vault_keys.data_key; TRUNCATE vault_keys.tombstone")
    columns = ", ".join(keys[0].keys())
    places = ", ".join(f"${n + 1}" for n in range(len(keys[0])))
    insert = f"INSERT INTO vault_keys.data_key ({columns}) VALUES ({places})"
    await connection.executemany(insert, [tuple(key.values()) for key in keys])
    await connection.close()

    refused = operator.does("export", ID)
    found = operator.does("restore-check")
    replayed = operator.said("restore-check", "--replay")
    clean = operator.does("restore-check")

    assert (refused.returncode, refused.stderr.split(":")[0]) == (1, "restored_not_replayed")
    assert found.returncode == 1
    assert replayed["keys"] == len(keys)
    assert clean.returncode == 0


async def test_a_receipt_that_can_be_written_nowhere_is_said_before_anything_is_destroyed(operator: Operator):
    nowhere = str(operator.folder / "none" / "receipt.json")

    erased = operator.does("erase", "--meeting", ID, "--by", "ana", "--receipt", nowhere)
    exported = operator.does("export", ID, "--out", nowhere)

    taken = operator.folder / "receipt.json"
    taken.write_text("another's")
    refused = operator.does("erase", "--meeting", ID, "--by", "ana", "--receipt", str(taken))

    assert [done.stderr.split(":")[0] for done in (erased, exported, refused)] == ["cannot_write"] * 3
    assert len(await operator.texts()) == 8
    assert taken.read_text() == "another's"


@pytest.mark.parametrize("held_back", [True, False])
async def test_who_reads_only_the_beginning_of_an_export_sees_no_complaint(operator: Operator, held_back: bool):
    line = [*([] if held_back else ["-u"]), "-m", "agent.vault", "export", ID, "--format", "txt"]
    read, write = os.pipe()
    os.close(read)

    process = await operator.begins(*line, stdout=write)
    os.close(write)
    _, complaint = await process.communicate()

    assert (process.returncode, complaint) == (1, b"")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("destroy",),
        ("erase", "--room", "r"),
        ("hold", "place", "--by", "x"),
        ("sweep", "--every", "0"),
        ("export", "x"),
    ],
)
def test_a_wrong_command_is_told_what_is_right(words: Sequence[str]):
    done = Operator("postgresql://127.0.0.1:9/none", programs.ROOT).does(*words)

    assert done.returncode == 2
    assert "usage" in done.stderr


def test_a_database_that_does_not_answer_is_said_so(tmp_path: Path):
    done = Operator("postgresql://127.0.0.1:9/none", tmp_path).does("sweep")

    assert (done.returncode, done.stderr.split(":")[0]) == (1, "vault_away")


@pytest.mark.usefixtures("kept_url")  # whose migration made the roles, which all databases of a server share
async def test_a_database_that_nobody_has_prepared_yet_is_waited_for(empty_url: str, tmp_path: Path):
    done = Operator(empty_url, tmp_path).does("sweep")

    assert (done.returncode, done.stderr.strip()) == (
        1,
        "vault_away: The database of what is kept is still being prepared.",
    )


async def test_the_sweeping_process_ends_when_it_is_told(operator: Operator):
    process = await operator.begins("-m", "agent.vault", "sweep", "--every", "1")
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while b"swept" not in await process.stderr.readline():
            pass
    process.terminate()

    assert await asyncio.wait_for(process.wait(), 20) == 130
