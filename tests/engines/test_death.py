"""A room over a real engine service that is killed while somebody speaks, and comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from agent.engines.fake import FakeGate, spell
from agent.engines.remote import Remote
from agent.engines.streaming import Streaming
from agent.nouns import Caption, Chunk
from agent.room import Engines, Room, Wants
from agent.settings import Settings
from tests.live.servers import free_port

SAID = ["one", "two", "three", "five", "six", "seven", "nine", "ten", "zero", "one", "three", "two"]
PIECE = 5_120
"""Bytes of sound that are heard at once: 160 ms."""


class Process:
    """`python -m agent.engines` with engines that are quickly there, at an address of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        fakes = {f"DRAGOMAN_{stage}": "fake" for stage in ("RECOGNISE", "DIRECT", "TRANSLATE", "SPEAK")}
        environment = {**os.environ, **fakes, "DRAGOMAN_ENGINES": self.address, "DRAGOMAN_LOG_LEVEL": "WARNING"}
        self._process = subprocess.Popen([sys.executable, "-m", "agent.engines"], env=environment)

    def kill(self) -> None:
        """As the kernel does where memory runs out."""
        if self._process:
            self._process.kill()
            self._process.wait(10)

    async def ready(self) -> float:
        """When it first said so, on the monotonic clock."""
        unix = self.address.removeprefix("unix:")
        connector = aiohttp.UnixConnector(unix) if unix != self.address else aiohttp.TCPConnector()
        base = "http://engines" if unix != self.address else self.address
        async with asyncio.timeout(120), aiohttp.ClientSession(connector=connector) as client:
            while True:
                try:
                    async with client.get(f"{base}/readyz") as answer:
                        if answer.status == 200:
                            return time.monotonic()
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)


class Doors:
    """What people saw, and when."""

    def __init__(self) -> None:
        self.finals: dict[str, list[Caption]] = {"en": [], "es": []}
        self.interims = asyncio.Event()
        self.states: list[str] = []
        self.last = 0.0

    def show(self, caption: Caption) -> None:
        if caption.final:
            self.finals[caption.lang].append(caption)
            self.last = time.monotonic()
        else:
            self.interims.set()

    async def open_captions(self, lang: str) -> None:
        pass

    async def open_channel(self, lang: str) -> None:
        raise AssertionError("nobody listens")

    async def close_channel(self, lang: str) -> None:
        pass

    def tell_state(self, state: str, languages: Sequence[str], detected: dict[str, str]) -> None:
        if self.states[-1:] != [state]:
            self.states.append(state)

    def said(self, lang: str) -> str:
        return " ".join(caption.text.removeprefix("[es] ") for caption in self.finals[lang])


@asynccontextmanager
async def a_room(addresses: str) -> AsyncIterator[tuple[Room, Doors]]:
    remote, doors = Remote(Settings(engines=addresses), "r"), Doors()
    engines = Engines(Streaming(remote.ear, FakeGate), remote.translator, remote.voice, previews=remote.previews)
    room = Room(engines, doors, now=time.monotonic)
    running = asyncio.create_task(room.run())
    await room.running.wait()
    room.started()
    room.wants("ana", Wants("en", "en", ""))
    room.wants("rosa", Wants("es", "es", ""))
    room.listen("ana", "t")
    yield room, doors
    room.close()
    await asyncio.wait_for(running, 20)
    await remote.close()


async def speak(room: Room, begun: float, *words: str) -> None:
    """Say words as they would be said, from `begun` on."""
    pcm = spell(*words)
    for at in range(0, len(pcm), PIECE):
        start = begun + at / 32_000
        await asyncio.sleep(start + PIECE / 32_000 - time.monotonic())
        room.hear(Chunk("t", start, pcm[at : at + PIECE]))


def address(kind: str, folder: Path) -> str:
    return f"unix:{folder / 'engines.sock'}" if kind == "unix" else f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("kind", ["unix", "http"])
async def test_killed_in_mid_sentence_it_loses_no_final_and_is_met_within_two_seconds_of_its_return(
    kind: str, tmp_path: Path
) -> None:
    service = Process(address(kind, tmp_path))
    service.start()
    await service.ready()
    try:
        async with a_room(service.address) as (room, doors):
            speaking = asyncio.create_task(speak(room, time.monotonic(), "", *SAID, "", "", ""))
            async with asyncio.timeout(20):
                await doors.interims.wait()

            service.kill()
            await speaking
            room.stopped("t")
            away = doors.states[-1]
            service.start()
            back = await service.ready()
            async with asyncio.timeout(10):
                while doors.said("es") != " ".join(SAID):  # noqa: ASYNC110  another process answers
                    await asyncio.sleep(0.01)
    finally:
        service.kill()

    assert away == "engines_away"
    assert doors.states == ["listening", "engines_away", "listening"]
    assert doors.last - back < 2.0
    assert doors.said("en") == " ".join(SAID)
    assert [caption.seq for caption in doors.finals["es"]] == list(range(1, len(doors.finals["es"]) + 1))


async def test_with_another_service_nobody_notices_that_one_was_killed(tmp_path: Path) -> None:
    services = [Process(address("unix", tmp_path)), Process(address("http", tmp_path))]
    for service in services:
        service.start()
    for service in services:
        await service.ready()
    try:
        async with a_room(",".join(service.address for service in services)) as (room, doors):
            speaking = asyncio.create_task(speak(room, time.monotonic(), "", *SAID, "", "", ""))
            async with asyncio.timeout(20):
                await doors.interims.wait()

            services[0].kill()
            await speaking
    finally:
        for service in services:
            service.kill()

    assert doors.states == ["listening"]
    assert doors.said("es") == " ".join(SAID)
