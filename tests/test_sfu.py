"""The LiveKit room as the interpreter sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc

from agent.sfu import Sfu
from agent.wire import Signer


@dataclass
class Publication:
    sid: str
    kind: int = rtc.TrackKind.KIND_AUDIO
    source: int = rtc.TrackSource.SOURCE_MICROPHONE
    subscribed: bool = False

    def set_subscribed(self, subscribed: bool) -> None:
        self.subscribed = subscribed


@dataclass
class Participant:
    identity: str
    track_publications: dict[str, Publication] = field(default_factory=dict)
    kind: int = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
    name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


class Room:
    """Keeps who is told, and tells them."""

    def __init__(self) -> None:
        self.remote_participants: dict[str, Participant] = {}
        self._told: dict[str, Callable[..., Any]] = {}

    def on(self, event: str, told: Callable[..., Any]) -> None:
        self._told[event] = told

    def publish(self, identity: str, sid: str) -> Publication:
        participant = self.remote_participants.setdefault(identity, Participant(identity))
        publication = participant.track_publications[sid] = Publication(sid)
        self._told["track_published"](publication, participant)
        return publication

    def unpublish(self, identity: str, sid: str) -> None:
        participant = self.remote_participants[identity]
        self._told["track_unpublished"](participant.track_publications.pop(sid), participant)

    def leave(self, identity: str) -> None:
        self._told["participant_disconnected"](self.remote_participants.pop(identity))


class Listener:
    def came(self, *told: object) -> None: ...

    def left(self, *told: object) -> None: ...


@pytest.fixture(autouse=True)
def own_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has one `Sfu`; here each test has."""
    monkeypatch.setattr(logging.getLogger(), "filters", [])


def a_room() -> tuple[Room, Sfu]:
    room = Room()
    sfu = Sfu(room, Signer(7), Listener(), lambda: 0.0)  # type: ignore[arg-type]
    sfu.attach()
    return room, sfu


def test_a_guest_with_ten_microphones_is_heard_on_two_and_on_the_third_when_one_ends():
    room, sfu = a_room()
    ten = [room.publish("eve", f"t{n}") for n in range(10)]
    heard = [one.sid for one in ten if one.subscribed]

    room.unpublish("eve", "t0")

    assert heard == ["t0", "t1"]
    assert ten[2].subscribed
    assert not ten[3].subscribed
    assert sfu.microphones.refused


@pytest.mark.parametrize("kind", ["text", "byte"])
async def test_a_stream_that_somebody_sends_is_dropped_counted_and_not_logged(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    disposed: list[int] = []
    monkeypatch.setattr(
        "livekit.rtc.room.FfiHandle", lambda handle: SimpleNamespace(dispose=lambda: disposed.append(handle))
    )
    _, sfu = a_room()
    real = rtc.Room()
    info, handle = SimpleNamespace(topic="the secret plan"), SimpleNamespace(id=7)
    opened = SimpleNamespace(reader=SimpleNamespace(info=info, handle=handle), participant_identity="eve")
    with caplog.at_level(logging.INFO):
        for _ in range(100):
            getattr(real, f"_handle_{kind}_stream_opened")(opened)
        logging.info("something else")

    assert disposed == [7] * 100
    assert sfu.unread.count == 100
    assert [record.getMessage() for record in caplog.records] == ["something else"]


def test_microphones_that_a_reconnect_ended_without_a_word_take_no_place():
    room, _ = a_room()
    for n in range(2):
        room.publish("ana", f"before-{n}")
    room.remote_participants["ana"].track_publications.clear()

    assert room.publish("ana", "after").subscribed


def test_who_finds_forty_microphones_waits_until_somebody_leaves():
    room, sfu = a_room()
    for n in range(40):
        room.publish(f"p{n}", f"t{n}")
    late = room.publish("late", "t-late")
    before = late.subscribed

    room.leave("p7")

    assert not before
    assert late.subscribed
    assert len(sfu.microphones) == 40
