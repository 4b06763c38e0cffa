"""What LiveKit refuses or breaks off costs the track, the call or the cue that it was about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc
from livekit.rtc.event_emitter import EventEmitter

from agent.attributes import OwnAttributes
from agent.caption_sender import CaptionSender
from agent.dub_track import DubTracks
from agent.errors import DragomanError
from agent.nouns import Caption, Chunk
from agent.sfu import RPC_REFUSED, Outbound, Sfu
from agent.wire import Signer
from tests.simulated_time import run

SECRET = "the butler did it"  # what somebody said


class DataTrack:
    def __init__(self, name: str) -> None:
        self.name = name
        self.published = True
        self.pushed: list[bytes] = []

    def is_published(self) -> bool:
        return self.published

    def try_push(self, frame: rtc.DataTrackFrame) -> None:
        self.pushed.append(frame.payload)


class Local:
    """Our own participant: what it was asked for, and how often it refuses."""

    def __init__(self) -> None:
        self.methods: dict[str, Callable[[Any], Awaitable[str]]] = {}
        self.tracks: list[DataTrack] = []
        self.sent: list[str] = []
        self.cues: list[bytes] = []
        self.attributes: dict[str, str] = {}
        self.refuses: dict[str, int] = {}

    def _refuse(self, what: str) -> None:
        if self.refuses.get(what, 0) > 0:
            self.refuses[what] -= 1
            raise RuntimeError(SECRET)

    def register_rpc_method(self, name: str, handler: Callable[[Any], Awaitable[str]]) -> None:
        self.methods[name] = handler

    async def publish_data_track(self, *, name: str) -> DataTrack:
        self._refuse(name)
        self.tracks.append(DataTrack(name))
        return self.tracks[-1]

    async def send_text(self, text: str, **about: object) -> None:
        self._refuse("send_text")
        self.sent.append(str(about["topic"]))

    async def publish_data(self, data: bytes, **about: object) -> None:
        self._refuse("publish_data")
        self.cues.append(data)

    async def set_attributes(self, attributes: Mapping[str, str]) -> None:
        self._refuse("set_attributes")
        self.attributes |= attributes


class Room(EventEmitter[str]):
    def __init__(self) -> None:
        super().__init__()
        self.local_participant = Local()
        self.remote_participants: dict[str, Any] = {}


class Ears:
    """A `Listener` that fails as it is told."""

    def __init__(self) -> None:
        self.heard: list[float] = []
        self.there: list[str] = []
        self.listened: list[tuple[str, str]] = []
        self.silent: list[str] = []
        self.fails: BaseException | None = None

    def came(self, identity: str, name: str, attributes: Mapping[str, str]) -> None:
        if self.fails:
            raise self.fails
        self.there.append(identity)

    def left(self, identity: str) -> None: ...

    def listen(self, identity: str, track: str) -> None:
        self.listened.append((identity, track))

    def hear(self, chunk: Chunk) -> None:
        self.heard.append(round(chunk.duration, 2))

    def stopped(self, track: str) -> None: ...

    def encrypted(self, is_so: bool) -> None: ...

    def unheard(self, identities: Sequence[str]) -> None:
        self.silent = list(identities)

    async def asked(self, method: str, identity: str, payload: str) -> str:
        if self.fails:
            raise self.fails
        return payload


async def at_once() -> None: ...


def an_sfu(
    room: Room, ears: Ears, now: Callable[[], float], failed: Callable[[str, Exception], None] = lambda *_: None
) -> tuple[Sfu, Outbound]:
    def ourselves() -> Any:
        return room.local_participant

    signer = Signer(1)
    outbound = Outbound(
        CaptionSender(ourselves, signer, now, failed),
        DubTracks(ourselves, signer, failed, at_once),
        OwnAttributes(ourselves, failed),
    )
    return Sfu(room, ears, ears.asked, outbound, now, failed), outbound  # type: ignore[arg-type]


Scene = Callable[[Outbound, Room, Ears], Awaitable[None]]


def play(scene: Scene) -> list[tuple[str, str]]:
    """Perform it over a connected room; answers what fell."""
    fell: list[tuple[str, str]] = []

    async def performed() -> None:
        room, ears = Room(), Ears()
        now = asyncio.get_running_loop().time
        sfu, outbound = an_sfu(room, ears, now, lambda part, error: fell.append((part, type(error).__name__)))
        sfu.attach()
        running = asyncio.create_task(sfu.run(lambda: None))
        await asyncio.sleep(0)
        await scene(outbound, room, ears)
        assert not running.done()
        running.cancel()

    run(performed())
    return fell


def person(identity: str = "ana") -> Any:
    return SimpleNamespace(
        identity=identity,
        name="Ana",
        attributes={},
        kind=rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
        track_publications={},
    )


class Publication:
    """A microphone that can't be subscribed to the first `refuses` times."""

    def __init__(self, sid: str = "TR_1", refuses: int = 0) -> None:
        self.sid = sid
        self.kind = rtc.TrackKind.KIND_AUDIO
        self.source = rtc.TrackSource.SOURCE_MICROPHONE
        self.muted = False
        self.encryption_type = 0
        self.subscribed = False
        self.refuses = refuses

    def set_subscribed(self, subscribed: bool) -> None:
        if self.refuses:
            self.refuses -= 1
            raise RuntimeError("no")
        self.subscribed = subscribed


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        (RuntimeError(SECRET), "internal"),
        (KeyError(SECRET), "internal"),
        (DragomanError("bad_json", "No."), "bad_json"),
    ],
)
def test_a_call_over_which_we_fall_is_refused_with_a_code_and_the_next_one_answered(fails: Exception, code: str):
    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        call = SimpleNamespace(caller_identity="ana", payload="{}")
        answer = room.local_participant.methods["dragoman.languages"]
        ears.fails = fails
        with pytest.raises(rtc.RpcError) as refused:
            await answer(call)
        ears.fails = None

        assert (refused.value.code, refused.value.message) == (RPC_REFUSED, code)
        assert await answer(call) == "{}"

    fell = play(scene)

    assert fell == ([("calls", type(fails).__name__)] if code == "internal" else [])


def test_news_over_which_we_fall_are_missed_and_the_next_ones_heard():
    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        ears.fails = TypeError(SECRET)  # over which LiveKit's own loop would end
        room.emit("participant_connected", person("ana"))
        ears.fails = None
        room.emit("participant_attributes_changed", {}, person("ben"))

        assert ears.there == ["ben"]

    assert play(scene) == [("participant_connected", "TypeError")]


def test_a_microphone_that_could_not_be_subscribed_to_is_asked_for_again_and_left_after_some_tries():
    shy, gone = Publication("TR_1", refuses=3), Publication("TR_2", refuses=1_000)

    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        for publication in (shy, gone):
            room.emit("track_published", publication, person())
        await asyncio.sleep(60.0)

    fell = play(scene)

    assert shy.subscribed
    assert fell.count(("subscribe.TR_1", "RuntimeError")) == 3
    assert fell.count(("subscribe.TR_2", "RuntimeError")) == 8


@pytest.mark.parametrize("fails", [RuntimeError(SECRET), None])
def test_a_microphones_stream_that_breaks_is_opened_again(fails: Exception | None, monkeypatch: pytest.MonkeyPatch):
    opened: list[int] = []

    class Stream:
        def __init__(self) -> None:
            opened.append(1)
            self._last = len(opened) == 3

        async def __aiter__(self) -> AsyncIterator[Any]:
            frame = SimpleNamespace(samples_per_channel=960, data=bytes(1_920))
            yield SimpleNamespace(frame=frame)
            if self._last:
                await asyncio.Event().wait()
            if fails:
                raise fails

        async def aclose(self) -> None: ...

    monkeypatch.setattr(rtc.AudioStream, "from_track", lambda **options: Stream())

    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        room.emit("track_subscribed", object(), Publication(), person())
        await asyncio.sleep(10.0)

        assert ears.listened == [("ana", "TR_1")]
        assert ears.heard == [0.06] * 3
        room.emit("track_unsubscribed", object(), Publication(), person())

    assert play(scene) == [("track.TR_1", "RuntimeError")] * 2


def test_after_a_reconnect_each_data_track_is_opened_again_whatever_becomes_of_the_others():
    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        local = room.local_participant
        for lang in ("de", "fr"):
            await ours.captions.open_captions(lang)
        for track in local.tracks:
            track.published = False
        local.refuses["captions.de"] = 3
        room.emit("reconnected")
        await asyncio.sleep(10.0)

        assert [track.name for track in local.tracks] == [f"captions.{tag}" for tag in ("de", "fr", "fr", "de")]

    assert play(scene) == [("captions_track.de", "RuntimeError")] * 3


def final(text: str, lang: str = "fr") -> Caption:
    return Caption("c", 1, 1, lang, "en", "ana", "t", None, text, len(text), True, 0.0, 1.0, "fake")


def test_frames_attributes_and_text_streams_that_are_refused_stop_nothing():
    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        local = room.local_participant
        local.refuses |= {"send_text": 1, "set_attributes": 2}
        await ours.captions.open_captions("fr")
        ours.attributes.put({"dragoman.state": "listening"})
        ours.captions.show(final("\ud800"))  # can't be written as UTF-8
        await asyncio.sleep(5.0)
        ours.captions.show(final("two"))
        await asyncio.sleep(5.0)

        assert len(local.tracks[0].pushed) == 1
        assert local.sent == []
        ours.captions.show(final("three"))
        await asyncio.sleep(5.0)
        assert local.sent == ["captions/fr"]
        assert local.attributes == {"dragoman.state": "listening"}

    fell = play(scene)

    assert sorted({part for part, _ in fell}) == ["attributes", "captions_track.fr", "finals.fr"]


def test_a_cue_that_is_refused_stops_no_voice_and_no_other_cue(monkeypatch: pytest.MonkeyPatch):
    class Silent:
        def __init__(self, participant: object, lang: str, cue: Any, hold: Any) -> None:
            self.cue = cue

        async def publish(self) -> None: ...

    monkeypatch.setattr("agent.dub_track.DubTrack", Silent)

    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        local = room.local_participant
        local.refuses["publish_data"] = 1
        channel = await ours.voices.open_channel("fr")
        for event in ("started", "ended"):
            channel.cue(final("one"), event, 1.0)
            await asyncio.sleep(1.0)

        assert len(local.cues) == 1

    assert play(scene) == [("cues.fr", "RuntimeError")]


def test_a_voice_that_cannot_be_published_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch):
    left: list[str] = []

    class Refused:
        def __init__(self, participant: object, lang: str, cue: Any, hold: Any) -> None: ...

        async def publish(self) -> None:
            raise RuntimeError("no")

        async def unpublish(self) -> None:
            left.append("taken back")

    monkeypatch.setattr("agent.dub_track.DubTrack", Refused)

    async def scene(ours: Outbound, room: Room, ears: Ears) -> None:
        with pytest.raises(RuntimeError):
            await ours.voices.open_channel("fr")

        assert left == ["taken back"]

    play(scene)
