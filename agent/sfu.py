"""LiveKit tracks and streams as Chunk, Caption and Dub: the one file that knows `livekit.rtc`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from .clock import TrackClock
from .errors import DragomanError
from .nouns import SAMPLE_RATE, Caption, Chunk, Dub
from .wire import Signer

log = logging.getLogger(__name__)

FRAME_MS = 60
"""Sound arrives in such pieces; 10 ms pieces (the default) saturate a core with 40 tracks."""

PEOPLE = {
    rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
    rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
    rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS,
}

RPC_REFUSED = 4400
"""The code of every refused call; its message is our own code."""

Event = Literal["started", "ended", "skipped"]


class Listener(Protocol):
    """Who is told what happens in the LiveKit room. None of these waits."""

    def came(self, identity: str, name: str, attributes: Mapping[str, str]) -> None: ...

    def left(self, identity: str) -> None: ...

    def listen(self, identity: str, track: str) -> None: ...

    def hear(self, chunk: Chunk) -> None: ...

    def stopped(self, track: str) -> None: ...

    async def asked(self, method: str, identity: str, payload: str) -> str: ...


def is_microphone(publication: rtc.TrackPublication, participant: rtc.Participant) -> bool:
    """Whether a person speaks on this track: no agents, no dubs, no shared screens."""
    if publication.kind != rtc.TrackKind.KIND_AUDIO or participant.kind not in PEOPLE:
        return False
    standard = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
    return publication.source == rtc.TrackSource.SOURCE_MICROPHONE or not standard


class DubTrack:
    """One language's audio track, and the only writer of its source.

    The source holds 400 ms, so `play` waits as a listener would, and a stop is heard at once.
    """

    RATE = 24_000
    STEP_MS = 100

    def __init__(
        self, participant: rtc.LocalParticipant, lang: str, cue: Callable[[Caption, Event, float], None]
    ) -> None:
        self.cue = cue
        self._participant = participant
        self._lang = lang
        self._source = rtc.AudioSource(self.RATE, 1, queue_size_ms=400)
        self._publication: rtc.LocalTrackPublication | None = None
        self._resamplers: dict[int, rtc.AudioResampler] = {}

    async def publish(self) -> None:
        """Let the room hear it."""
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_UNKNOWN, dtx=True, red=False, stream=f"dub-{self._lang}"
        )
        options.audio_encoding.max_bitrate = 32_000
        track = rtc.LocalAudioTrack.create_audio_track(f"dub.{self._lang}", self._source)
        self._publication = await self._participant.publish_track(track, options)

    async def unpublish(self) -> None:
        """Take it back; an idle track costs 2 % of a core."""
        if self._publication:
            with contextlib.suppress(Exception):  # the room may be gone already, and the track with it
                await self._participant.unpublish_track(self._publication.sid)
        await self._source.aclose()

    async def play(self, dub: Dub) -> None:
        """Queue a piece; waits while the queue is full."""
        for frame in self._at_our_rate(dub):
            await self._capture(bytes(frame.data))

    async def drain(self) -> None:
        """Wait until all was played."""
        await self._source.wait_for_playout()

    def _at_our_rate(self, dub: Dub) -> list[rtc.AudioFrame]:
        whole = rtc.AudioFrame(dub.pcm, dub.rate, 1, len(dub.pcm) // 2)
        if dub.rate == self.RATE:
            return [whole]
        resampler = self._resamplers.setdefault(dub.rate, rtc.AudioResampler(dub.rate, self.RATE, num_channels=1))
        return resampler.push(whole)

    async def _capture(self, pcm: bytes) -> None:
        step = self.RATE * self.STEP_MS // 1000 * 2
        for at in range(0, len(pcm), step):
            piece = pcm[at : at + step]
            await self._source.capture_frame(rtc.AudioFrame(piece, self.RATE, 1, len(piece) // 2))


class CaptionSender:
    """All captions of a room, one after the other.

    Data-track frames pushed back to back are lost without an error, so there are `GAP`
    seconds between two, the newest state of a segment only, and an interim of a segment at
    most every `INTERIM` seconds. Finals go out as text streams too, which are reliable.
    """

    GAP = 0.005
    INTERIM = 0.25

    def __init__(
        self, participant: Callable[[], rtc.LocalParticipant], signer: Signer, now: Callable[[], float]
    ) -> None:
        self._participant = participant
        self._signer = signer
        self._now = now
        self._tracks: dict[str, rtc.LocalDataTrack] = {}
        self._newest: dict[tuple[str, str], Caption] = {}
        self._pushed: dict[tuple[str, str], float] = {}
        self._finals: asyncio.Queue[Caption] = asyncio.Queue(maxsize=2_000)
        self._wake = asyncio.Event()
        self.lost = 0

    async def open(self, lang: str) -> None:
        """Make the data track of a language, or make it anew where a reconnect ended it."""
        track = self._tracks.get(lang)
        if track is None or not track.is_published():
            self._tracks[lang] = await self._participant().publish_data_track(name=f"captions.{lang}")

    def put(self, caption: Caption) -> None:
        """Send it as soon as it is its turn. Never waits."""
        self._newest[caption.lang, caption.id] = caption
        self._wake.set()
        if caption.final:
            try:
                self._finals.put_nowait(caption)
            except asyncio.QueueFull:
                self.lost += 1  # still to be had by `dragoman.captions`

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._push_states())
            group.create_task(self._send_finals())

    async def reopen(self) -> None:
        """After a reconnect: every track again that did not survive it."""
        for lang in list(self._tracks):
            await self.open(lang)

    async def flush(self, seconds: float = 3.0) -> None:
        """Wait until the finals are out."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finals.join(), seconds)

    async def _push_states(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while due := self._next():
                self._push(self._newest.pop(due))
                await asyncio.sleep(self.GAP)
            if self._newest:
                self._wake.set()
                await asyncio.sleep(0.02)

    def _next(self) -> tuple[str, str] | None:
        now = self._now()
        for key, caption in self._newest.items():
            if caption.final or now - self._pushed.get(key, -1.0) >= self.INTERIM:
                return key
        return None

    def _push(self, caption: Caption) -> None:
        key = (caption.lang, caption.id)
        if caption.final:
            self._pushed.pop(key, None)
        else:
            self._pushed[key] = self._now()
        if track := self._tracks.get(caption.lang):
            try:
                track.try_push(rtc.DataTrackFrame(payload=self._signer.caption(caption)))
            except rtc.PushFrameError:
                self.lost += 1

    async def _send_finals(self) -> None:
        while True:
            caption = await self._finals.get()
            try:
                await self._send(caption)
            except Exception as error:
                # The room may be reconnecting: readers fetch what they miss by its number.
                self.lost += 1
                log.warning("a final was not sent: %s", type(error).__name__)
            finally:
                self._finals.task_done()

    async def _send(self, caption: Caption) -> None:
        await self._participant().send_text(
            self._signer.caption(caption).decode(), topic=f"captions/{caption.lang}", compress=False
        )
        if caption.lang == caption.source:
            await self._participant().send_text(
                caption.text,
                topic="lk.transcription",
                attributes={
                    "lk.segment_id": caption.id,
                    "lk.transcription_final": "true",
                    "lk.transcribed_track_id": caption.track,
                },
            )


class Sfu:
    """One LiveKit room as seen by the interpreter in it."""

    METHODS = ("dragoman.captions", "dragoman.languages", "dragoman.speaks")

    def __init__(self, room: rtc.Room, signer: Signer, listener: Listener, now: Callable[[], float]) -> None:
        self._room = room
        self._signer = signer
        self._listener = listener
        self._now = now
        self._sender = CaptionSender(lambda: room.local_participant, signer, now)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._channels: dict[str, DubTrack] = {}
        self._attributes: dict[str, str] = {}
        self._attributes_changed = asyncio.Event()
        self._cues: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(maxsize=500)
        self._group: asyncio.TaskGroup | None = None

    def attach(self) -> None:
        """Register for what happens; before `connect`, so that nothing is missed."""
        on = self._room.on
        on("participant_connected", self._came)
        on("participant_attributes_changed", lambda changed, participant: self._came(participant))
        on("participant_disconnected", lambda participant: self._listener.left(participant.identity))
        on("track_published", self._published)
        on("track_subscribed", self._subscribed)
        on("track_unsubscribed", lambda track, publication, participant: self._ended(publication.sid))
        on("track_muted", lambda participant, publication: self._listener.stopped(publication.sid))
        on("track_unmuted", self._unmuted)
        on("reconnected", self._reconnected)

    async def run(self, connected: Callable[[], None]) -> None:
        """Carry everything to and fro, until cancelled. The room is connected."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for method in self.METHODS:
                self._register(method)
            group.create_task(self._sender.run())
            group.create_task(self._tell_attributes())
            group.create_task(self._send_cues())
            self._look_around()
            connected()

    async def flush(self) -> None:
        """Wait until what was shown is sent."""
        await self._sender.flush()

    # Doors of the room

    def show(self, caption: Caption) -> None:
        self._sender.put(caption)

    async def open_captions(self, lang: str) -> None:
        await self._sender.open(lang)

    async def open_channel(self, lang: str) -> DubTrack:
        """Publish a language's voice."""

        def cue(caption: Caption, event: Event, behind: float) -> None:
            with contextlib.suppress(asyncio.QueueFull):  # a cue is decoration; the dub goes on
                self._cues.put_nowait((lang, self._signer.cue(caption, event, behind)))

        channel = DubTrack(self._room.local_participant, lang, cue)
        await channel.publish()
        self._channels[lang] = channel
        return channel

    async def close_channel(self, lang: str) -> None:
        if channel := self._channels.pop(lang, None):
            await channel.unpublish()

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Our attributes, as soon as possible; only what differs is sent."""
        self._attributes |= attributes
        self._attributes_changed.set()

    def sounding(self) -> Sequence[str]:
        """The languages that have a voice now."""
        return list(self._channels)

    # What LiveKit tells

    def _look_around(self) -> None:
        for participant in self._room.remote_participants.values():
            self._came(participant)
            for publication in participant.track_publications.values():
                self._published(publication, participant)

    def _came(self, participant: rtc.Participant) -> None:
        if participant.kind in PEOPLE:
            self._listener.came(participant.identity, participant.name, participant.attributes)

    def _published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if is_microphone(publication, participant):
            publication.set_subscribed(True)

    def _subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if not is_microphone(publication, participant) or self._group is None:
            return
        self._ended(publication.sid)
        if not publication.muted:
            self._listener.listen(participant.identity, publication.sid)
        self._streams[publication.sid] = self._group.create_task(self._stream(track, publication))

    def _unmuted(self, participant: rtc.Participant, publication: rtc.TrackPublication) -> None:
        if publication.sid in self._streams:
            self._listener.listen(participant.identity, publication.sid)

    def _reconnected(self) -> None:
        if self._group is None:
            return
        self._group.create_task(self._sender.reopen())
        # What was published while we were reconnecting: our wish to hear it may have been lost on the way.
        self._look_around()

    def _ended(self, sid: str) -> None:
        if task := self._streams.pop(sid, None):
            task.cancel()
        self._listener.stopped(sid)

    async def _stream(self, track: rtc.Track, publication: rtc.RemoteTrackPublication) -> None:
        clock = TrackClock(self._now)
        # 20 s of room: a stalled loop must not lose sound; the inbox decides what to drop.
        stream = rtc.AudioStream.from_track(
            track=track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=FRAME_MS, capacity=350
        )
        try:
            async for event in stream:
                start = clock.stamp(event.frame.samples_per_channel)
                # A muted microphone goes on sending silence.
                if not publication.muted:
                    self._listener.hear(Chunk(publication.sid, start, bytes(event.frame.data)))
        finally:
            await stream.aclose()

    def _register(self, method: str) -> None:
        async def answer(call: rtc.RpcInvocationData) -> str:
            try:
                return await self._listener.asked(method, call.caller_identity, call.payload)
            except DragomanError as error:
                raise rtc.RpcError(RPC_REFUSED, error.code) from None

        self._room.local_participant.register_rpc_method(method, answer)

    async def _tell_attributes(self) -> None:
        told: dict[str, str] = {}
        while True:
            await self._attributes_changed.wait()
            self._attributes_changed.clear()
            news = {name: value for name, value in self._attributes.items() if told.get(name) != value}
            if news:
                try:
                    await self._room.local_participant.set_attributes(news)
                    told |= news
                except Exception as error:  # the SDK raises a bare Exception, as while it reconnects
                    log.warning("attributes were not set: %s", error)
                    self._attributes_changed.set()
            await asyncio.sleep(0.2)

    async def _send_cues(self) -> None:
        while True:
            lang, frame = await self._cues.get()
            try:
                await self._room.local_participant.publish_data(frame, reliable=True, topic=f"dub/{lang}")
            except PublishDataError:
                log.warning("a cue was not sent")
