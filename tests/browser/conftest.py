"""Chromium, one for people who listen and one whose microphone plays a recording."""

from __future__ import annotations

import os
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from infra.settings import on_free_ports
from infra.stack import Stack
from tests.sound import pcm_of

from .scripted import served

RATE = 48_000
RECORDING = Path(__file__).parent.parent / "data" / "speech" / "en_jfk.flac"
CHROMIUM = os.environ.get("DRAGOMAN_CHROMIUM") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=document-user-activation-required",  # as on people's machines: sound takes a click
)
SPEAKS = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    """For people who read and listen."""
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def speaking(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Whoever turns on a microphone in it says the recording, once, after two seconds."""
    said = tmp_path_factory.mktemp("speech") / "said.wav"
    with wave.open(str(said), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"\0\0" * RATE * 2 + pcm_of(RECORDING, RATE) + b"\0\0" * RATE * 2)
    flags = [*FLAGS, *SPEAKS, f"--use-file-for-fake-audio-capture={said}%noloop"]
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
    yield browser
    await browser.close()


@pytest.fixture(scope="session")
def rooms() -> Iterator[Stack]:
    """Rooms and pages, and nobody who interprets: a test's script says what an interpreter would."""
    folder = Path(tempfile.mkdtemp(prefix="dragoman-rooms-"))
    with (
        served() as engines,
        Stack(on_free_ports(folder, {**os.environ, "DRAGOMAN_ENGINES": engines}), _quiet) as house,
    ):
        house.start("postgres", "sfu", "web")
        until = time.monotonic() + 60
        while not all(house.readiness()[1].get(part, {}).get("ready") for part in ("database", "sfu", "engines")):
            assert time.monotonic() < until, house.log("web")
            time.sleep(0.1)
        yield house


def _quiet(line: str) -> None:
    """Nobody reads along."""


async def make_room(stack: Stack) -> str:
    """A new room: its name and, after a #, its secret."""
    headers = {"Authorization": f"Bearer {stack.env['DRAGOMAN_HOST_SECRET']}"}
    url = f"{stack.url}/api/rooms"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json={"title": "Test"}) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["join"]).rpartition("/")[2]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(stack: Stack) -> str:
    """One room for all tests of a file."""
    return await make_room(stack)
