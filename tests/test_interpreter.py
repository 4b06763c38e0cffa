"""One job with all its real parts: a LiveKit room in memory, and neither engines nor a web server that answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from livekit import rtc
from pydantic import SecretStr

from agent import assembly
from agent.interpreter import Interpreter
from agent.room import Room as InterpretedRoom
from agent.settings import Settings
from tests.test_sfu import Room

SECRET = "a-secret-of-at-least-32-characters"
SETTINGS = Settings(
    livekit_api_key="key",
    livekit_api_secret=SecretStr(SECRET),
    web="http://127.0.0.1:9",
    engines="http://127.0.0.1:9",
    recognise="fake",
)
"""Nobody listens at either address."""


class LiveKitApi:
    """Who was taken out of the room."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.room = self

    async def remove_participant(self, who: Any) -> None:
        self.removed.append(who.identity)


class Job:
    """A `JobContext` as far as an interpreter needs one, of the epoch 200."""

    def __init__(self) -> None:
        self.room: Any = Room()
        self.room.name, self.room.local_participant.identity = "demo", "interpreter-AJ_1"
        self.api = LiveKitApi()
        about = SimpleNamespace(name="demo", sid="RM_1", creation_time_ms=1_700_000_000_000, creation_time=0)
        self.job = SimpleNamespace(id="AJ_1", metadata="", room=about)
        self.over: list[str] = []

    def token_claims(self) -> Any:
        return SimpleNamespace(identity="interpreter-AJ_1", attributes={"dragoman.epoch": "200"})

    async def connect(self, *, auto_subscribe: str) -> None:
        assert auto_subscribe == "subscribe_none"

    def shutdown(self, reason: str) -> None:
        self.over.append(reason)

    def meets(self, identity: str, epoch: int) -> None:
        """Another interpreter is in the room."""
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        other = {"kind": kind, "attributes": {"dragoman.epoch": str(epoch)}, "track_publications": {}}
        self.room.remote_participants[identity] = SimpleNamespace(identity=identity, **other)

    async def call(self, method: str, caller: str, payload: str) -> str:
        said = SimpleNamespace(caller_identity=caller, payload=payload)
        return str(await self.room.local_participant.methods[method](said))


@asynccontextmanager
async def interpreted(job: Job) -> AsyncIterator[Interpreter]:
    interpreter = Interpreter(job, SETTINGS)  # type: ignore[arg-type]
    await interpreter.enter()
    try:
        yield interpreter
    finally:
        await asyncio.wait_for(interpreter.leave(), 10)


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other tasks
            await asyncio.sleep(0.01)


async def test_it_shows_its_key_answers_calls_and_lives_until_it_is_told_to_leave():
    job = Job()
    async with interpreted(job):
        ours = job.room.local_participant
        await until(lambda: ours.methods and "dragoman.key" in ours.attributes)
        alive = await job.call("dragoman.alive", "", "a nonce")
        assert job.over == []

    assert ours.attributes["dragoman.zero"] == "1700000000000"
    said = jwt.decode(alive, SECRET, algorithms=["HS256"])
    assert (said["sub"], said["nonce"], said["beat"]["key"]) == ("AJ_1", "a nonce", ours.attributes["dragoman.key"])
    assert job.over == ["interpreting ended"]


async def test_what_people_want_is_made_and_told_while_neither_engines_nor_a_web_server_answer():
    job = Job()
    async with interpreted(job):
        ours = job.room.local_participant
        await until(lambda: ours.methods)
        wants = {"speaks": "en", "reads": "es", "hears": ""}
        answer = json.loads(await job.call("dragoman.languages", "guest-1", json.dumps(wants)))
        await until(lambda: "es" in ours.attributes.get("dragoman.languages", ""))
        await until(lambda: ours.tracks)

    assert answer["refused"] == {}
    assert [track.name for track in ours.tracks] == ["captions.es"]


async def test_an_older_interpreter_is_taken_out_of_the_room():
    job = Job()
    job.meets("interpreter-AJ_0", 100)
    async with interpreted(job):
        await until(lambda: job.room.local_participant.methods)

    assert job.api.removed == ["interpreter-AJ_0"]


async def test_where_a_newer_one_is_there_it_goes_and_does_nothing():
    job = Job()
    job.meets("interpreter-AJ_2", 300)
    async with interpreted(job):
        pass

    assert job.over == ["a newer interpreter is here"]
    assert job.api.removed == []
    assert job.room.local_participant.methods == {}
    assert job.room.local_participant.attributes == {}


async def test_a_room_that_falls_ends_the_job_so_that_a_clean_one_is_sent_for(monkeypatch: pytest.MonkeyPatch):
    class Falling(InterpretedRoom):
        async def run(self) -> None:
            self.running.set()
            raise RuntimeError("no")

    monkeypatch.setattr(assembly, "Room", Falling)
    job = Job()
    async with interpreted(job):
        await until(lambda: job.over)

    assert job.over == ["interpreting ended"]


async def test_a_part_that_falls_is_counted_and_the_room_goes_on(monkeypatch: pytest.MonkeyPatch):
    class Falling(assembly.ServedStages):
        async def run(self) -> None:
            raise RuntimeError("no")

    monkeypatch.setattr(assembly, "ServedStages", Falling)
    job = Job()
    async with interpreted(job):
        await until(lambda: "served" in job.room.local_participant.attributes.get("dragoman.failures", ""))
        assert job.over == []
