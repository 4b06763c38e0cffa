"""Heartbeats of a running interpreter, against a web server in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from agent.errors import DragomanError
from agent.heartbeat import NONCE, Heartbeat, InterpreterId
from agent.settings import Settings
from agent.standing import LAPSE, Standing

KEY, SECRET = "key", "a-secret-of-at-least-32-characters"


@dataclass
class WebServer:
    """What it answers, and what it was told."""

    leave: bool = False
    status: int = 200
    beats: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    beaten: asyncio.Event = field(default_factory=asyncio.Event)

    async def beat(self, request: web.Request) -> web.Response:
        self.beats.append(await request.json())
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        self.beaten.set()
        return web.json_response({"leave": self.leave}, status=self.status)

    async def next(self) -> None:
        self.beaten.clear()
        async with asyncio.timeout(5):
            await self.beaten.wait()


@dataclass
class Job:
    """An interpreter as far as its heartbeat knows it."""

    state: str = "starting"
    is_alone: bool = False
    refused: dict[str, int] = field(default_factory=dict)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    failures: dict[str, int] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    not_kept: dict[str, int] = field(default_factory=dict)
    now: float = 0.0
    """What its monotonic clock shows beyond the real one: how long it was stopped."""

    def replaced(self) -> None:
        self.gone.set()

    async def alone(self) -> bool:
        return self.is_alone

    def steady(self) -> float:
        return time.monotonic() + self.now

    def stop(self, seconds: float) -> None:
        """As SIGSTOP and SIGCONT do."""
        self.now += seconds


@asynccontextmanager
async def beating(job: Job, server: WebServer, wall: Callable[[], float] = time.time) -> AsyncIterator[Standing]:
    app = web.Application()
    app.router.add_post("/api/interpreters/{job}/beat", server.beat)
    async with TestServer(app) as here:
        settings = Settings(
            livekit_api_key=KEY, livekit_api_secret=SecretStr(SECRET), web=f"http://127.0.0.1:{here.port}"
        )
        standing = Standing(job.steady)
        task = asyncio.create_task(heartbeat(job, settings, standing, wall).run())
        try:
            await server.next()
            yield standing
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def heartbeat(job: Job, settings: Settings, standing: Standing, wall: Callable[[], float] = time.time) -> Heartbeat:
    return Heartbeat(settings, InterpreterId("AJ_1", "demo", "interpreter-AJ_1", 7, "{}"), job, standing, wall)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other tasks
            await asyncio.sleep(0.01)


async def never(true: Callable[[], bool], seconds: float = 1.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not true()
        await asyncio.sleep(0.01)


async def test_what_guests_were_refused_is_told_once_also_where_a_beat_is_not_answered():
    job, server = Job(), WebServer()
    async with beating(job, server):
        server.status = 500
        job.refused = {"too_soon": 3}
        await server.next()
        server.status = 200
        await until(lambda: sum(beat["refused"] == {} for beat in server.beats) >= 2)
        job.refused = {"too_soon": 5, "too_many_calls": 1}
        await until(lambda: server.beats[-1]["refused"] != {})
        told = server.beats[-1]["refused"]
        await server.next()
        await server.next()

        assert {"too_soon": 3} in [beat["refused"] for beat in server.beats]
        assert told == {"too_soon": 2, "too_many_calls": 1}
        assert server.beats[-1]["refused"] == {}


async def test_what_could_not_be_kept_is_told_once():
    job, server = Job(), WebServer()
    async with beating(job, server):
        job.not_kept = {"no_key": 2}
        await until(lambda: server.beats[-1]["not_kept"] != {})
        job.not_kept = {"no_key": 3, "memory": 7}
        await until(lambda: server.beats[-1]["not_kept"] not in ({}, {"no_key": 2}))
        await server.next()
        await server.next()

    told = [beat["not_kept"] for beat in server.beats if beat["not_kept"]]
    assert told == [{"no_key": 2}, {"no_key": 1, "memory": 7}]
    assert server.beats[-1]["not_kept"] == {}


async def test_who_was_stopped_speaks_again_as_soon_as_the_web_server_says_so():
    job, server = Job(), WebServer()
    async with beating(job, server) as standing:
        job.stop(60)
        assert not standing.stands

        await until(lambda: standing.stands)

        assert not job.gone.is_set()


async def test_who_was_stopped_and_replaced_leaves_without_a_word():
    job, server = Job(), WebServer()
    async with beating(job, server) as standing:
        server.leave = True
        job.stop(60)
        woke = time.monotonic()

        await job.gone.wait()

        assert time.monotonic() - woke < 1
        assert not standing.stands


@pytest.mark.parametrize("status", [403, 503])
async def test_while_the_web_server_is_away_a_woken_one_is_silent_until_livekit_shows_no_newer_one(status: int):
    job, server = Job(), WebServer()
    async with beating(job, server) as standing:
        server.status = status
        job.stop(60)

        await never(lambda: standing.stands)
        job.is_alone = True
        await until(lambda: standing.stands)


async def test_a_web_server_that_is_away_silences_nobody_who_runs():
    job, server = Job(), WebServer()
    async with beating(job, server) as standing:
        server.status = 503

        await never(lambda: not standing.stands, LAPSE + 0.5)


async def test_a_change_of_state_is_told_at_once():
    job, server = Job(), WebServer()
    settings = Settings(livekit_api_key=KEY, livekit_api_secret=SecretStr(SECRET), web="http://127.0.0.1:9")
    beating = heartbeat(job, settings, Standing())
    await beating.ask()

    beating.changed()
    still = beating._hurried.is_set()
    job.state = "listening"
    beating.changed()

    assert (still, beating._hurried.is_set()) == (False, True)
    assert server.beats == []


@pytest.mark.parametrize("ahead", [-600, 600])
async def test_a_beat_says_by_which_clock_it_was_made_and_lives_for_half_a_minute(ahead: float):
    job, server = Job(), WebServer()
    async with beating(job, server, lambda: time.time() + ahead):
        [token] = server.tokens[:1]

    claims = jwt.decode(token, SECRET, algorithms=["HS256"], leeway=900)
    assert claims["iat"] == pytest.approx(time.time() + ahead, abs=2)
    assert claims["exp"] - claims["iat"] == 30
    assert claims["sub"] == "AJ_1"


async def test_an_answer_to_who_asks_whether_we_live_is_a_beat_for_that_question_alone():
    job = Job(state="degraded")
    settings = Settings(livekit_api_key=KEY, livekit_api_secret=SecretStr(SECRET))

    answer = heartbeat(job, settings, Standing()).answer("a question")

    claims = jwt.decode(answer, SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["nonce"], claims["beat"]["state"]) == ("AJ_1", "a question", "degraded")
    assert "exp" not in claims  # nobody may beat with it


@pytest.mark.parametrize("nonce", ["", "x" * (NONCE + 1)])
def test_a_question_without_a_nonce_or_with_a_whole_text_is_refused(nonce: str):
    settings = Settings(livekit_api_key=KEY, livekit_api_secret=SecretStr(SECRET))

    with pytest.raises(DragomanError, match="nonce"):
        heartbeat(Job(), settings, Standing()).answer(nonce)


async def test_what_failed_is_told_once_and_again_where_a_beat_was_not_heard():
    job, server = Job(failures={"dub": 2}), WebServer()
    async with beating(job, server):
        await server.next()
        job.failures = {"dub": 3, "captions": 1}
        server.status = 503
        await server.next()
        await server.next()
        server.status = 200
        await server.next()
        await server.next()

    told = [beat["failures"] for beat in server.beats]
    later = [failures for failures in told[1:] if failures]
    assert told[0] == {"dub": 2}
    assert later
    assert {tuple(sorted(failures.items())) for failures in later} == {(("captions", 1), ("dub", 1))}
    assert told[-1] == {}


async def test_what_was_lost_is_told_once_in_the_unit_of_its_name():
    job, server = Job(lost={"sound_seconds": 1.5, "captions": 2}), WebServer()
    async with beating(job, server):
        assert server.beats[0]["lost"] == {"sound_seconds": 1.5, "captions": 2}
        job.lost = {"sound_seconds": 1.75, "captions": 2}
        await until(lambda: server.beats[-1]["lost"] != {} and len(server.beats) > 1)
        assert server.beats[-1]["lost"] == {"sound_seconds": 0.25}
