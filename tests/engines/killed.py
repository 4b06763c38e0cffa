"""A real engine service that can be killed and started again, and a room over it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import aiohttp

from agent.channels import WaysOut
from agent.engines.fake import FakeDetector, spell
from agent.engines.service.client import Remote
from agent.nouns import Caption, Chunk
from agent.participants import Wants
from agent.recognition.streaming import Streaming
from agent.recording import Keep
from agent.room import Engines, Room
from agent.settings import Settings
from tests import programs
from tests.live.servers import free_port

PIECE = 5_120
"""Bytes of sound that are heard at once: 160 ms."""


class Process:
    """`python -m agent.engines` with engines that are quickly there, at an address of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._process: ForkServerProcess | None = None

    def start(self) -> None:
        fakes = {f"DRAGOMAN_{stage}": "fake" for stage in ("RECOGNISE", "DIRECT", "TRANSLATE", "SPEAK")}
        environment = {**os.environ, **fakes, "DRAGOMAN_ENGINES": self.address, "DRAGOMAN_LOG_LEVEL": "WARNING"}
        self._process = programs.start(programs.program, "agent.engines", (), environment)

    def kill(self) -> None:
        """As the kernel does where memory runs out."""
        if self._process:
            self._process.kill()
            self._process.join(10)

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

    async def close_captions(self, lang: str) -> None:
        pass

    async def open_channel(self, lang: str) -> None:
        raise AssertionError("nobody listens")

    async def close_channel(self, lang: str) -> None:
        pass

    def tell_spoken(self, spoken: dict[str, str]) -> None:
        pass

    def tell_suggested(self, suggested: dict[str, str]) -> None:
        pass

    def tell_failing(self, failing: object, by_kind: object) -> None:
        pass

    def tell_lent(self, consent: object, stands: bool) -> None:
        pass

    def tell_state(self, state: str, languages: Sequence[str], detected: dict[str, str]) -> None:
        if self.states[-1:] != [state]:
            self.states.append(state)

    def said(self, lang: str) -> str:
        return " ".join(caption.text.removeprefix("[es] ") for caption in self.finals[lang])


@asynccontextmanager
async def a_room(addresses: str, *, keep: Keep | None = None) -> AsyncIterator[tuple[Room, Doors]]:
    remote, doors = Remote(Settings(engines=addresses), "r"), Doors()
    engines = Engines(Streaming(remote.ear, FakeDetector), remote.translator, remote.voice, previews=remote.previews)
    room = Room(engines, WaysOut(doors, doors), doors, now=time.monotonic, keep=keep)
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


async def speak(room: Room, begun: float, *words: str, track: str = "t") -> None:
    """Say words as they would be said, from `begun` on."""
    pcm = spell(*words)
    for at in range(0, len(pcm), PIECE):
        start = begun + at / 32_000
        await asyncio.sleep(start + PIECE / 32_000 - time.monotonic())
        room.hear(Chunk(track, start, pcm[at : at + PIECE]))


def address(kind: str, folder: Path) -> str:
    return f"unix:{folder / 'engines.sock'}" if kind == "unix" else f"http://127.0.0.1:{free_port()}"
