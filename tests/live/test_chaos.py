"""A live room of three speakers and four languages, in which every second some part of the interpreter fails."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from livekit import rtc

from agent.engines.fake import VOCABULARY, spell
from agent.wire import Frame, read_caption
from infra import environment
from infra.settings import on_free_ports
from infra.stack import Stack

from ..thorough import times
from .people import Person
from .servers import KEPT, ROOT, wait
from .test_room import made

pytestmark = pytest.mark.live

SECONDS = int(os.environ.get("DRAGOMAN_CHAOS_SECONDS", times(25, 180)))
SEED = int(os.environ.get("DRAGOMAN_CHAOS_SEED", "0"))
STALLS = 20
"""Seconds between two halts of the engine service, of 3 s each: its sockets stall."""
CALM = 35.0
"""Seconds in which nothing fails any more and all is to be well again."""
LANGUAGES = ("en", "fr", "es", "de")


@pytest.fixture
def stack() -> Iterator[Stack]:
    """All of Dragoman with engines that are quickly there, and the agent that fails."""
    folder = Path(tempfile.mkdtemp(prefix="dragoman-chaos-"))
    fakes = {f"DRAGOMAN_{stage}": "fake" for stage in ("RECOGNISE", "DIRECT", "TRANSLATE", "SPEAK")}
    chaos = {
        "DRAGOMAN_CHAOS_SECONDS": str(SECONDS),
        "DRAGOMAN_CHAOS_REPORT": str(folder / "report.json"),
        "DRAGOMAN_CHAOS_SEED": str(SEED),
    }
    with Stack(on_free_ports(folder, {**os.environ, **fakes}), say=lambda line: None) as running:
        running.start("postgres", "sfu", "engines", "web")
        with (folder / "agent.log").open("wb") as log:
            line = [*KEPT, sys.executable, "-m", "tests.live.chaos_agent"]
            env = {**environment.of("agent", running.env), **chaos}
            agent = subprocess.Popen(line, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            running.wait_ready(120.0)
            wait(lambda: "registered worker" in (folder / "agent.log").read_text(), 60)
            yield running
        finally:
            agent.terminate()
            agent.wait(30)


@pytest.fixture
async def people(stack: Stack) -> AsyncIterator[list[Person]]:
    """Three who speak and one who reads a fourth language; each hears what they read."""
    slug, _, secret = (await made(stack)).partition("#")
    wants = {"ana": ("en", "es"), "ben": ("fr", "en"), "cid": ("es", "fr"), "dan": ("en", "de")}
    joined = [
        await Person.join(stack.url, slug, name, secret=secret, speaks=speaks, reads=reads, hears=reads)
        for name, (speaks, reads) in wants.items()
    ]
    yield joined
    await asyncio.gather(*(person.leave() for person in joined))


async def talk(person: Person, random: Random) -> None:
    """Sentences of two to six words, with pauses between, until cancelled."""
    await person.microphone(16_000)
    while True:
        words = [random.choice(VOCABULARY) for _ in range(random.randint(2, 6))]
        await person._play(spell(*words, *[""] * random.randint(4, 7)))


async def halt(stack: Stack) -> None:
    """Stop the engine service for 3 s, again and again, as a machine does that swaps."""
    while True:
        await asyncio.sleep(STALLS - 3.0)
        stopped = stack.pids("engines")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(3.0)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)


async def call(person: Person, method: str, asked: Any) -> Any:
    """Ask the interpreter, however it is."""
    assert person.interpreter
    answer = await person.room.local_participant.perform_rpc(
        destination_identity=person.interpreter.identity, method=method, payload=json.dumps(asked)
    )
    return json.loads(answer)


async def everything(person: Person, lang: str) -> list[Frame]:
    """All finals of a language, as the interpreter remembers them."""
    assert person.interpreter
    key, epoch = person._seal(person.interpreter)
    found: list[Frame] = []
    while True:
        after = (found[-1].seq or 0) if found else 0
        told = await call(person, "dragoman.captions", {"lang": lang, "after": after})
        found += [read_caption(frame.encode(), key, epoch) for frame in told["frames"]]
        if not told["more"]:
            return found


def report(stack: Stack) -> dict[str, Any]:
    path = stack.local.var / "report.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


async def ask_for_languages(person: Person) -> str:
    """A call of every second: answered, or refused with a code."""
    try:
        await call(person, "dragoman.languages", {"speaks": "en", "reads": "de", "hears": "de"})
    except rtc.RpcError as error:
        return str(error.message)
    return "answered"


async def test_the_job_never_ends_and_no_healthy_language_misses_a_final(stack: Stack, people: list[Person]) -> None:
    ana, ben, cid, dan = people
    interpreter = (await dan.interpreted(60.0)).identity
    random, calls = Random(SEED), set[str]()  # noqa: S311  no secret
    speaking = [asyncio.create_task(talk(person, random)) for person in (ana, ben, cid)]
    halting = asyncio.create_task(halt(stack))
    while not report(stack).get("calm"):
        assert dan.interpreter is not None
        assert dan.interpreter.identity == interpreter
        calls.add(await ask_for_languages(dan))
        await asyncio.sleep(1.0)
    halting.cancel()
    heard = {person.name: len(person.cues) for person in people}
    await asyncio.sleep(CALM)
    for task in speaking:
        task.cancel()
    await asyncio.sleep(6.0)
    said = {lang: await everything(person, lang) for person, lang in zip(people, ("es", "en", "fr", "de"), strict=True)}
    told = report(stack)

    assert dan.interpreter is not None
    assert dan.interpreter.identity == interpreter
    assert calls == {"answered", "internal"}
    assert min(len(said[lang]) for lang in LANGUAGES) > SECONDS / 3
    original = {one.id: one.text for lang in LANGUAGES for one in said[lang] if one.lang == one.source}
    everywhere = {one.id for lang in LANGUAGES for one in said[lang]}
    spoiled = {(text, lang) for text, lang in told["spoiled"]}
    for lang in LANGUAGES:
        finals = said[lang]
        assert [one.seq for one in finals] == list(range(1, len(finals) + 1))
        assert len({one.id for one in finals}) == len(finals)
        missing = everywhere - {one.id for one in finals}
        assert {(original[one], lang) for one in missing if one in original} <= spoiled
        assert {one for one in missing if one not in original} == set()
    assert {one.identity for one in said["de"] if one.end > said["de"][-1].end - CALM} == {
        person.identity for person in (ana, ben, cid)
    }
    assert all(len(person.cues) > heard[person.name] for person in people), "a voice is silent"
    assert dan.interpreter.attributes.get("dragoman.failed", "{}") == "{}"
    assert sum(told["done"].values()) > SECONDS / 2
    print(json.dumps({"finals": {lang: len(said[lang]) for lang in LANGUAGES}, **told, "spoiled": len(spoiled)}))
