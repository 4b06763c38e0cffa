"""The web server as it is, with a real Postgres; LiveKit, engines and agent stand in by what they answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from agent.settings import Settings
from tests.web.livekit import FakeLiveKit
from web.app import build
from web.database import PATIENCE
from web.dispatch.watcher import USUAL, Rhythm
from web.moments import MOMENTS

KEY, SECRET, HOST = "key", "a-secret-of-at-least-32-characters", "the-host-secret"
KEYS = [f'{{"kty":"OKP","crv":"Ed25519","x":"{x * 43}"}}' for x in "AB"]
"""Public keys of interpreters; nothing is signed with them."""
MOMENTS_OF = {
    "interpreters": ("first_at", "seen_at", "missing_at", "hearing_at"),
    "workers": ("seen_at",),
    "rooms": ("called_at",),
}
"""What the tables say that happened when."""
SERVED = [
    {
        "stage": "recognise",
        "engine": "whisper-base",
        "why": "its weights are here",
        "licence": "MIT",
        "measure": "wer",
        "languages": {"en": 0.11, "es": 0.1, "de": 0.22, "xh": 0.9},
        "route": {},
        "leaves": {"whisper-base": "ears.example"},
    },
    {
        "stage": "translate",
        "engine": "routes",
        "why": "bergamot and apertium are here",
        "licence": "MPL-2.0, GPL-2.0",
        "measure": "chrf",
        "languages": {"en>es": 52.9, "en>it": 48.4, "pt>en": 69.7, "en>gl": None},
        "route": {"en>es": "bergamot en>pt, apertium pt>es"},
    },
    {
        "stage": "speak",
        "engine": "espeak-ng",
        "why": "it is always here",
        "licence": "GPL-3.0",
        "measure": "",
        "languages": {"en": None, "es": None},
        "route": {"en": "piper"},
    },
]


@dataclass
class Neighbours:
    """The engine service, as far as we ask it."""

    engines_ready: bool = True

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/served", self.served)
        return app

    async def readyz(self, _: web.Request) -> web.Response:
        return web.json_response({"ready": self.engines_ready}, status=200 if self.engines_ready else 503)

    async def served(self, _: web.Request) -> web.Response:
        return web.json_response({"stages": SERVED})


QUICK = Rhythm(tick=0.03, again=0.2)
"""Where a test waits for the watch to look."""


class Steady:
    """The clock of the watch: the real one, which a test moves on."""

    def __init__(self) -> None:
        self.moved = 0.0
        self.read = 0

    def __call__(self) -> float:
        self.read += 1
        return time.monotonic() + self.moved


@dataclass
class House:
    """A running web server and what stands around it."""

    client: TestClient[web.Request, web.Application]
    settings: Settings
    livekit: FakeLiveKit
    neighbours: Neighbours
    steady: Steady

    def keep_answers(self, seconds: float) -> None:
        """For so long from now on; at first none is kept."""
        assert self.client.app
        self.client.app[MOMENTS].seconds = seconds

    async def make(self, **wish: Any) -> tuple[str, str]:
        """A room that a host made: its name and the link's secret."""
        wish = {"title": "Standup", **wish}
        answer = await self.client.post("/api/rooms", json=wish, headers={"Authorization": f"Bearer {HOST}"})
        made = await answer.json()
        assert answer.status == 201, made
        return made["room"], made["join"].partition("#")[2]

    async def join(self, room: str = "demo", **wish: Any) -> ClientResponse:
        wish = {"name": "Ada", "speaks": "auto", "reads": "es", "hears": "", **wish}
        return await self.client.post(f"/api/rooms/{room}/join", json=wish)

    async def beat(self, job: str, room: str = "demo", **told: Any) -> ClientResponse:
        told = {"room": room, "identity": f"interpreter-{job}", "epoch": 1, "state": "listening", **told}
        headers = {"Authorization": f"Bearer {beat_token(job)}"}
        return await self.client.post(f"/api/interpreters/{job}/beat", json=told, headers=headers)

    async def work(self, worker: str = "W_1", **told: Any) -> ClientResponse:
        """A word of an agent worker's."""
        told = {"agent": "interpreter", "registered": True, "warm": 1, "rooms": 0, "limit": 10, **told}
        headers = {"Authorization": f"Bearer {beat_token(worker)}"}
        return await self.client.post(f"/api/workers/{worker}/beat", json=told, headers=headers)

    async def wait(self, seconds: float) -> None:
        """So many seconds pass, for the tables and for the watch, which goes on looking meanwhile.

        What really passes while the clocks are moved is part of them.
        """
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        end, moved = time.monotonic() + seconds, 0.0
        while (left := end - moved - time.monotonic()) > 0:
            step = min(left, 0.5)  # in one piece it would look as if the watch had slept
            for table, columns in MOMENTS_OF.items():
                earlier = ", ".join(f"{column} = {column} - make_interval(secs => $1)" for column in columns)
                await connection.execute(f"UPDATE {table} SET {earlier}", step)
            self.steady.moved += step
            moved += step
            await self.looks(2)
        await connection.close()
        await self.looks()

    async def looks(self, times: int = 6) -> None:
        """Until the watch has asked so often how late it is, as it does before each look and in some."""
        before = self.steady.read
        async with asyncio.timeout(10):
            while self.steady.read < before + times:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.005)

    async def count(self, line: str) -> float:
        """What a line of /metrics says; 0 where it isn't there."""
        text = await (await self.client.get("/metrics")).text()
        return next((float(each.rpartition(" ")[2]) for each in text.splitlines() if each.startswith(line)), 0.0)


def beat_token(job: str, secret: str = SECRET, key: str = KEY, life: float = 30, ahead: float = 0, **more: Any) -> str:
    """As an interpreter makes it whose clock is so many seconds ahead."""
    now = time.time() + ahead
    claims = {"iss": key, "sub": job, "iat": now, "exp": now + life, **more}
    return jwt.encode(claims, secret, algorithm="HS256")


async def code(answer: ClientResponse) -> tuple[int, str]:
    """An error's status and code; its message is a sentence."""
    body = await answer.json()
    assert body.keys() == {"code", "message"}
    assert body["message"].endswith(".")
    return answer.status, body["code"]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Pages as a build leaves them."""
    pages = tmp_path / "dist"
    (pages / "assets").mkdir(parents=True)
    (pages / "talks").mkdir()
    (pages / "index.html").write_text("<!doctype html><title>Dragoman</title>")
    (pages / "icon.svg").write_text("<svg/>")
    (pages / ".hidden").write_text("nobody's business")
    (pages / "assets" / "index-1a2b3c.js").write_text("export {}")
    (pages / "talks" / "talks.json").write_text("[]")
    (tmp_path / "secret").write_text("nobody's business")
    return pages


Opening = Callable[..., Awaitable[House]]


@pytest.fixture(scope="session")
def root_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One root key for all tests, which share a tenant."""
    return f"file:{tmp_path_factory.mktemp('keys') / 'root.key'}"


@pytest.fixture
async def open_house(database_url: str, dist: Path, root_key: str, tmp_path: Path) -> AsyncIterator[Opening]:
    """Starts a web server, with other settings where a test gives them; all end with the test."""
    async with AsyncExitStack() as stack:

        async def open_one(
            livekit: FakeLiveKit | None = None,
            ready: bool = True,
            patience: float = PATIENCE,
            rhythm: Rhythm = USUAL,
            **changes: Any,
        ) -> House:
            given = {"database_url": SecretStr(database_url), "root_key": root_key, "pages": dist}
            settings = {**given, "ledger": tmp_path / "ledger", **changes}
            house = await stack.enter_async_context(
                _house(livekit or FakeLiveKit(KEY, SECRET), patience, rhythm, settings)
            )
            async with asyncio.timeout(10):
                if ready:
                    await _opened(house)
            return house

        yield open_one


async def _opened(house: House) -> None:
    """Until the demo room is made, which happens beside the first requests, and the engines are asked."""
    while (await house.client.get("/api/rooms/demo")).status != 200:  # noqa: ASYNC110 - no event crosses HTTP
        await asyncio.sleep(0.02)
    await house.client.get("/readyz")


@asynccontextmanager
async def _house(
    livekit: FakeLiveKit, patience: float, rhythm: Rhythm, changes: dict[str, Any]
) -> AsyncIterator[House]:
    neighbours, steady = Neighbours(), Steady()
    async with TestServer(livekit.app()) as sfu, TestServer(neighbours.app()) as others:
        given: dict[str, Any] = {
            "livekit_url": f"ws://127.0.0.1:{sfu.port}",
            "livekit_public_url": "wss://livekit.example",
            "livekit_api_key": KEY,
            "livekit_api_secret": SecretStr(SECRET),
            "host_secret": SecretStr(HOST),
            "engines": f"http://127.0.0.1:{others.port}",
            "migrate": False,
        }
        settings = Settings(**{**given, **changes})
        app = build(settings, 0, patience, replace(rhythm, steady=steady))
        async with TestClient(TestServer(app)) as client:
            yield House(client, settings, livekit, neighbours, steady)


@pytest.fixture
async def house(open_house: Opening) -> House:
    """A web server with all that it needs."""
    return await open_house()
