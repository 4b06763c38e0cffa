"""Rooms that keep what was agreed, and rooms that keep nothing: real SFU, agent, engines and Postgres."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from infra.settings import on_free_ports
from infra.stack import Stack
from tests.vault.kept import Opened, opened_of

from .canary import hits
from .jobs import in_rooms
from .people import Person, until
from .test_room import DATA, JFK, made, settled

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def talkative() -> Iterator[Stack]:
    """All of Dragoman, which logs all it ever logs, and writes its temporary files where they can be found."""
    folder = Path(tempfile.mkdtemp(prefix="dragoman-keeping-"))
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o777)
    given = {**os.environ, "DRAGOMAN_LOG_LEVEL": "DEBUG", "TMPDIR": str(temporary)}
    with Stack(on_free_ports(folder / "var", given), say=lambda line: None) as running:
        running.start()
        running.wait_ready(120.0)
        yield running


async def spoken(stack: Stack, room: str, *, kills: bool) -> tuple[Person, list[str]]:
    """Two people in a room, of whom one speaks before and after the interpreter is killed. Answers what was read."""
    slug, _, secret = room.partition("#")
    reader = await Person.join(stack.url, slug, "Rosa", secret=secret, reads="es", watch=("en",))
    speaker = await Person.join(stack.url, slug, "Jack", secret=secret, speaks="en")
    try:
        first = (await speaker.interpreted(40)).identity
        await speaker.say(DATA / JFK)
        await settled(reader, "es")
        if kills:
            (job,) = in_rooms(stack)
            os.kill(job, 9)
            await until(lambda: reader.interpreter is not None and reader.interpreter.identity != first, 40)
            await speaker.interpreted(40)
            await speaker.say(DATA / JFK)
            await until(lambda: any(got.frame.epoch > 0 for got in reader.seen if got.frame.final), 5)
            await settled_again(reader)
    finally:
        await speaker.leave()
    return reader, [got.frame.text for got in reader.seen if got.frame.final]


async def settled_again(reader: Person) -> None:
    """Until the second interpreter's finals have come too, and no more do."""
    epochs = lambda: {got.frame.epoch for got in reader.seen if got.frame.final and got.frame.lang == "es"}  # noqa: E731
    await until(lambda: len(epochs()) > 1, 40)
    count = -1
    while count != len(reader.seen):
        count = len(reader.seen)
        await asyncio.sleep(2)


def shown(reader: Person) -> set[tuple[UUID, str, str]]:
    """Id, language and text of every final that somebody saw."""
    return {(UUID(got.frame.id), got.frame.lang, got.frame.text) for got in reader.seen if got.frame.final}


async def test_all_that_was_shown_of_a_meeting_whose_agent_was_killed_is_stored_once(talkative: Stack):
    room = await made(talkative, keep="minutes-30")

    reader, _ = await spoken(talkative, room, kills=True)
    keeps = reader.interpreter and dict(reader.interpreter.attributes)
    await reader.leave()

    assert keeps
    assert (keeps["dragoman.keeps"], keeps["dragoman.keeping"]) == ("minutes-30", "ok")
    found: list[Opened] = []

    async def all_of_it() -> bool:
        nonlocal found
        found = await opened_of(talkative.env["DATABASE_URL"], talkative.local.var / "keys", room.partition("#")[0])
        return shown(reader) <= {(one.segment, one.lang, one.text) for one in found}

    for _ in range(40):
        if await all_of_it():
            break
        await asyncio.sleep(0.5)
    stored = [(one.segment, one.lang, one.text) for one in found]
    assert shown(reader) <= set(stored)
    assert len({(one.segment, one.kind, one.lang) for one in found}) == len(found)
    # What was written down but killed before anybody saw it is there too: at most what was in the air at that moment.
    assert len(set(stored) - shown(reader)) <= 2
    assert hits([one.text for one in found], talkative, [talkative.local.var.parent]) == []


async def test_promise_23_transient_means_transient(talkative: Stack):
    room = await made(talkative)
    folder = talkative.local.var.parent

    reader, said = await spoken(talkative, room, kills=True)
    keeps = reader.interpreter and reader.interpreter.attributes["dragoman.keeps"]
    (job,) = in_rooms(talkative)
    os.kill(job, 6)  # as a failed assertion in a library does: with a core dump where those are made
    await reader.leave()

    assert keeps == "nothing"
    assert hits(said, talkative, [folder]) == []
    (folder / "control").write_text(said[-1])
    assert hits(said, talkative, [folder]) == [str(folder / "control")]
    (folder / "control").unlink()
