"""Which microphones are listened to, and what becomes of streams that nobody reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from livekit import rtc

from agent.sfu import NOT_ENCRYPTED
from tests.test_room import settle
from tests.test_sfu import Ears, Room, an_sfu, person


@dataclass
class Publication:
    sid: str
    kind: int = rtc.TrackKind.KIND_AUDIO
    source: int = rtc.TrackSource.SOURCE_MICROPHONE
    encryption_type: int = NOT_ENCRYPTED
    subscribed: bool = False

    def set_subscribed(self, subscribed: bool) -> None:
        self.subscribed = subscribed


class Live:
    """A room in which people publish and leave, and the interpreter in it."""

    def __init__(self) -> None:
        self.room = Room()
        self.ears = Ears()
        self.sfu, _ = an_sfu(self.room, self.ears, lambda: 0.0)

    async def publish(self, identity: str, sid: str) -> Publication:
        participant = self.room.remote_participants.setdefault(identity, person(identity))
        publication = participant.track_publications[sid] = Publication(sid)
        self.room.emit("track_published", publication, participant)
        await settle()
        return publication

    async def unpublish(self, identity: str, sid: str) -> None:
        participant = self.room.remote_participants[identity]
        self.room.emit("track_unpublished", participant.track_publications.pop(sid), participant)
        await settle()

    async def leave(self, identity: str) -> None:
        self.room.emit("participant_disconnected", self.room.remote_participants.pop(identity))
        await settle()


@asynccontextmanager
async def live() -> AsyncIterator[Live]:
    scene = Live()
    scene.sfu.attach()
    running = asyncio.create_task(scene.sfu.run(lambda: None))
    await settle()
    yield scene
    running.cancel()


@pytest.fixture(autouse=True)
def own_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has one `Sfu`; here each test has."""
    monkeypatch.setattr(logging.getLogger(), "filters", [])


async def test_a_guest_with_ten_microphones_is_heard_on_two_and_on_the_third_when_one_ends():
    async with live() as scene:
        ten = [await scene.publish("eve", f"t{n}") for n in range(10)]
        heard = [one.sid for one in ten if one.subscribed]
        told = scene.ears.silent

        await scene.unpublish("eve", "t0")

        assert heard == ["t0", "t1"]
        assert told == ["eve"]
        assert ten[2].subscribed
        assert not ten[3].subscribed
        assert scene.sfu.microphones.refused


async def test_who_finds_forty_microphones_waits_until_somebody_leaves():
    async with live() as scene:
        for n in range(40):
            await scene.publish(f"p{n}", f"t{n}")
        late = await scene.publish("late", "t-late")
        before = late.subscribed

        await scene.leave("p7")

        assert not before
        assert late.subscribed
        assert scene.ears.silent == []
        assert len(scene.sfu.microphones) == 40


async def test_microphones_that_a_reconnect_ended_without_a_word_take_no_place():
    async with live() as scene:
        for n in range(2):
            await scene.publish("ana", f"before-{n}")
        scene.room.remote_participants["ana"].track_publications.clear()

        assert (await scene.publish("ana", "after")).subscribed


@pytest.mark.parametrize("kind", ["text", "byte"])
async def test_a_stream_that_somebody_sends_is_dropped_counted_and_not_logged(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    disposed: list[int] = []
    monkeypatch.setattr(
        "livekit.rtc.room.FfiHandle", lambda handle: SimpleNamespace(dispose=lambda: disposed.append(handle))
    )
    info, handle = SimpleNamespace(topic="the secret plan"), SimpleNamespace(id=7)
    opened = SimpleNamespace(reader=SimpleNamespace(info=info, handle=handle), participant_identity="eve")
    async with live() as scene:
        real = rtc.Room()
        with caplog.at_level(logging.INFO):
            for _ in range(100):
                getattr(real, f"_handle_{kind}_stream_opened")(opened)
            logging.info("something else")

        assert disposed == [7] * 100
        assert scene.sfu.unread.count == 100
        assert [record.getMessage() for record in caplog.records] == ["something else"]
