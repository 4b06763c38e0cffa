"""Rooms that keep what was agreed, and rooms that keep nothing: real SFU, agent, engines and Postgres."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from infra.setup.paths import HERE
from infra.stack import Stack
from tests.conftest import dragoman
from tests.vault.numbered_finals import Opened, opened_of

from .canary import hits
from .jobs import in_rooms
from .people import Person, until
from .test_room import DATA, JFK, made

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def talkative() -> Iterator[Stack]:
    """All of Dragoman, which logs all it ever logs, and writes its temporary files where they can be found."""
    folder = Path(tempfile.mkdtemp(prefix="dragoman-keeping-"))
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o777)
    with dragoman({"DRAGOMAN_LOG_LEVEL": "DEBUG", "TMPDIR": str(temporary)}, folder / "var") as running:
        yield running


async def spoken(stack: Stack, room: str) -> Person:
    """Two people in a room, of whom one speaks twice; the first time the interpreter is killed in the middle."""
    slug, _, secret = room.partition("#")
    others = in_rooms(stack)
    reader = await Person.join(stack.url, slug, "Rosa", secret=secret, reads="es", watch=("en",))
    speaker = await Person.join(stack.url, slug, "Jack", secret=secret, speaks="en")
    try:
        first = (await speaker.interpreted(40)).identity
        speaking = asyncio.create_task(speaker.say(DATA / JFK))
        await until(lambda: bool(reader.finals("es")), 40)
        (job,) = in_rooms(stack) - others
        os.kill(job, signal.SIGKILL)
        await until(lambda: reader.interpreter is not None and reader.interpreter.identity != first, 40)
        await speaking
        await speaker.interpreted(40)
        await speaker.say(DATA / JFK)
        await settled_twice(reader)
    finally:
        await speaker.leave()
    return reader


async def settled_twice(reader: Person) -> None:
    """Until both interpreters have made finals, and no more come."""

    def interpreters() -> int:
        return len({got.frame.epoch for got in reader.seen if got.frame.final and got.frame.lang == "es"})

    await until(lambda: interpreters() == 2, 40)
    count = -1
    while count != len(reader.seen):
        count = len(reader.seen)
        await asyncio.sleep(2)


def shown(reader: Person) -> set[tuple[UUID, str, str]]:
    """Id, language and text of every final that somebody saw."""
    return {(UUID(got.frame.id), got.frame.lang, got.frame.text) for got in reader.seen if got.frame.final}


async def kept(stack: Stack, room: str, wanted: set[tuple[UUID, str, str]]) -> list[Opened]:
    """What is stored of a room, opened; as soon as all that is wanted is there, or after a while."""
    slug, keys = room.partition("#")[0], stack.local.var / "keys"
    found: list[Opened] = []
    for _ in range(40):
        found = await opened_of(stack.env["DATABASE_URL"], keys, slug)
        if wanted <= {(one.segment, one.lang, one.text) for one in found}:
            break
        await asyncio.sleep(0.5)
    return found


async def test_all_that_was_shown_of_a_meeting_whose_agent_was_killed_is_stored_once(talkative: Stack):
    room = await made(talkative, keep="minutes-30")

    reader = await spoken(talkative, room)
    told = dict(reader.interpreter.attributes) if reader.interpreter else {}
    await reader.leave()
    found = await kept(talkative, room, shown(reader))

    stored = {(one.segment, one.lang, one.text) for one in found}
    assert (told["dragoman.keeps"], told["dragoman.keeping"]) == ("minutes-30", "ok")
    assert shown(reader) <= stored
    assert len({(one.segment, one.kind, one.lang) for one in found}) == len(found)
    # What was written down and never seen is there too: at most the clauses that were on their way at the kill.
    assert len(stored - shown(reader)) <= 4
    assert hits([one.text for one in found], talkative, [talkative.local.var.parent]) == []
    await exported_and_erased(talkative, room.partition("#")[0], found)


async def exported_and_erased(stack: Stack, room: str, found: list[Opened]) -> None:
    """The operator's way: a meeting comes out whole, is erased with a receipt, and no file has its keys any more."""
    url = stack.env["DATABASE_URL"]
    (listed,) = [meeting for meeting in vault(stack, "export") if meeting["room"] == room]
    whole = {lang: vault(stack, "export", listed["id"], "--lang", lang)[0]["lines"] for lang in ("en", "es")}
    out = {(UUID(line["id"]), line["lang"], line["text"]) for lines in whole.values() for line in lines}
    stored = await opened_of(url, stack.local.var / "keys", room)
    assert {(one.segment, one.lang, one.text) for one in found} <= out  # the last clause may have come since
    assert out == {(one.segment, one.lang, one.text) for one in stored}
    assert {line["speaker"]["name"] for lines in whole.values() for line in lines} == {"Jack"}

    connection = await asyncpg.connect(url)
    query = "SELECT wrapped FROM vault_keys.data_key WHERE room = $1 AND wrapped IS NOT NULL"
    wrapped = [bytes(row["wrapped"]) for row in await connection.fetch(query, room)]
    await connection.execute("CHECKPOINT")
    assert wrapped
    assert all(holding(stack.local.var, key) for key in wrapped)  # so that the search can fail
    (receipt,) = vault(stack, "erase", "--room", room, "--by", "the host")
    left = await connection.fetchval("SELECT count(*) FROM vault.record WHERE meeting_id = $1", UUID(listed["id"]))
    await connection.close()

    assert receipt["counts"]["keys"] == len(wrapped)
    assert left == 0
    assert [path for key in wrapped for path in holding(stack.local.var, key)] == []
    assert [meeting for meeting in vault(stack, "export") if meeting["room"] == room] == []


def vault(stack: Stack, *words: str) -> list[Any]:
    """What a command of the vault printed, as JSON."""
    line = [sys.executable, "-m", "agent.vault", *words]
    done = subprocess.run(line, cwd=HERE.root, env=stack.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    # An exported file is one object on several lines; all else says one a line.
    if len(lines) > 1 and lines[0].endswith("["):
        return [json.loads(done.stdout)]
    return [json.loads(line) for line in lines if line.startswith("{")]


def holding(folder: Path, needle: bytes) -> list[str]:
    """The files under a folder in which those bytes stand, as they are or in hexadecimal."""
    needles = (needle, needle.hex().encode())
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if any(each in path.read_bytes() for each in needles)]


async def test_promise_23_transient_means_transient(talkative: Stack):
    room, others, folder = await made(talkative), in_rooms(talkative), talkative.local.var.parent

    reader = await spoken(talkative, room)
    keeps = reader.interpreter and reader.interpreter.attributes["dragoman.keeps"]
    (job,) = in_rooms(talkative) - others
    os.kill(job, signal.SIGABRT)  # as a failed assertion in a library does: with a core dump where those are made
    await reader.leave()
    said = [got.frame.text for got in reader.seen if got.frame.final]

    assert keeps == "nothing"
    assert hits(said, talkative, [folder]) == []
    (folder / "control").write_text(said[-1])
    assert hits(said, talkative, [folder]) == [str(folder / "control")]
    (folder / "control").unlink()
