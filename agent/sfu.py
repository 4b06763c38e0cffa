"""One LiveKit room as seen by the interpreter in it: its people, their microphones, and calls to us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Protocol

from livekit import rtc

from .aio import TaskScope
from .attributes import OwnAttributes
from .caption_sender import CaptionSender
from .clock import TrackClock
from .dub_track import DubTracks
from .errors import DragomanError
from .nouns import SAMPLE_RATE, Chunk
from .quotas import MicrophoneQuota
from .wire_names import Method

FRAME_MS = 60
"""Sound arrives in such pieces; 10 ms pieces (the default) saturate a core with 40 tracks."""

PEOPLE = {
    rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
    rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
    rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS,
}

NOT_ENCRYPTED = 0
"""LiveKit's `Encryption.NONE`."""
RPC_REFUSED = 4400
"""The code of every refused call; its message is our own code, `internal` for a fault of ours."""
SUBSCRIBING = 8
"""Tries to hear a microphone; it may be gone by then."""

UNHEARD = 50
"""People of whom is told that a microphone of theirs is not listened to."""
ENDING = 2.0
"""Seconds between a stream's end and the news that its track is gone; without them it is opened again."""

Answer = Callable[[str, str, str], Awaitable[str]]
"""Answers a call by its method, the caller's identity and the payload. Raises `DragomanError`."""
Failed = Callable[[str, Exception], None]
"""Told which part fell, and over what."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """What we send: captions, voices, and what everybody can read of us."""

    captions: CaptionSender
    voices: DubTracks
    attributes: OwnAttributes

    @property
    def parts(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What has to run while the room is connected."""
        return {"captions": self.captions.run, "attributes": self.attributes.run, "cues": self.voices.run}


class UnreadStreams(logging.Filter):
    """Counts the text and byte streams that people send: we read none, and the SDK drops each.

    Its line in the log about each goes too: it has the topic, which is whatever the sender wrote.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        unread = str(record.msg).startswith(("ignoring text stream", "ignoring byte stream"))
        self.count += unread
        return not unread


class Listener(Protocol):
    """Who is told what happens in the LiveKit room. None of these waits."""

    def came(self, identity: str, name: str, attributes: Mapping[str, str]) -> None: ...

    def left(self, identity: str) -> None: ...

    def listen(self, identity: str, track: str) -> None: ...

    def hear(self, chunk: Chunk) -> None: ...

    def stopped(self, track: str) -> None: ...

    def encrypted(self, is_so: bool) -> None:
        """Whether the room is encrypted from end to end: told at every track that comes or goes."""

    def unheard(self, identities: Sequence[str]) -> None:
        """Who has a microphone that is not listened to, of `UNHEARD` people at most."""


def is_encrypted(room: rtc.Room) -> bool:
    """Whether somebody sends what only those in the room can open: we hold no key of theirs, and none should."""
    people = room.remote_participants.values()
    tracks = (track for person in people for track in person.track_publications.values())
    return any(track.encryption_type != NOT_ENCRYPTED for track in tracks)


def is_microphone(publication: rtc.TrackPublication, participant: rtc.Participant) -> bool:
    """Whether a person speaks on this track: no agents, no dubs, no shared screens."""
    if publication.kind != rtc.TrackKind.KIND_AUDIO or participant.kind not in PEOPLE:
        return False
    standard = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
    return publication.source == rtc.TrackSource.SOURCE_MICROPHONE or not standard


class Sfu:
    """One LiveKit room as the interpreter in it hears it: people, microphones and calls; `ways_out` say how it speaks.

    What LiveKit refuses, or breaks off, costs the track or the call that it was about; `failed` is told.
    """

    METHODS = tuple(Method)

    def __init__(
        self,
        room: rtc.Room,
        listener: Listener,
        answer: Answer,
        outbound: Outbound,
        now: Callable[[], float],
        failed: Failed = lambda part, error: None,
    ) -> None:
        self._room = room
        self._listener = listener
        self._answer = answer
        self._outbound = outbound
        self._now = now
        self._tasks = TaskScope(failed)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self.microphones = MicrophoneQuota()
        self.unread = UnreadStreams()

    def attach(self) -> None:
        """Register for what happens; before `connect`, so that nothing is missed."""
        logging.getLogger().addFilter(self.unread)

        def on(event: rtc.room.EventTypes, callback: Callable[..., None]) -> None:
            self._room.on(event, self._walled(event, callback))

        on("participant_connected", self._came)
        on("participant_attributes_changed", lambda changed, participant: self._came(participant))
        on("participant_disconnected", self._left)
        on("track_published", self._published)
        on("track_unpublished", lambda *_: self._listener.encrypted(is_encrypted(self._room)))
        on("track_unpublished", lambda publication, participant: self._free([publication.sid]))
        on("track_subscribed", self._subscribed)
        on("track_unsubscribed", lambda track, publication, participant: self._ended(publication.sid))
        on("track_muted", lambda participant, publication: self._listener.stopped(publication.sid))
        on("track_unmuted", self._unmuted)
        on("reconnected", self._reconnected)

    async def run(self, connected: Callable[[], None]) -> None:
        """Carry everything to and fro, until cancelled. The room is connected."""
        async with self._tasks:
            for method in self.METHODS:
                self._register(method)
            for part, running in self._outbound.parts.items():
                self._tasks.begin_part(part, running)
            self._look_around()
            connected()

    # What LiveKit tells

    def _walled(self, part: str, callback: Callable[..., None]) -> Callable[..., None]:
        """A callback over which LiveKit's own loop can't fall; of a `TypeError` it would end."""

        @wraps(callback)
        def called(*args: object) -> None:
            try:
                callback(*args)
            except Exception as error:
                self._tasks.fell(part, error)

        return called

    def _look_around(self) -> None:
        came, published = self._walled("looking", self._came), self._walled("looking", self._published)
        for participant in list(self._room.remote_participants.values()):
            came(participant)
            for publication in list(participant.track_publications.values()):
                published(publication, participant)

    def _came(self, participant: rtc.Participant) -> None:
        if participant.kind in PEOPLE:
            self._listener.came(participant.identity, participant.name, participant.attributes)

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        self._listener.left(participant.identity)
        self._free(list(participant.track_publications))
        self._listener.encrypted(is_encrypted(self._room))

    def _published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        self._listener.encrypted(is_encrypted(self._room))
        if publication.encryption_type != NOT_ENCRYPTED:
            return
        if not is_microphone(publication, participant) or not self._tasks.entered:
            return
        self.microphones.keep(
            {sid for one in self._room.remote_participants.values() for sid in one.track_publications}
        )
        if self.microphones.take(participant.identity, publication.sid):
            subscribe = partial(self._subscribe, publication)
            self._tasks.begin_part(f"subscribe.{publication.sid}", subscribe, tries=SUBSCRIBING)
        self._tell_unheard()

    def _tell_unheard(self) -> None:
        people = self._room.remote_participants.values()
        tracks = [(one, track) for one in people for track in one.track_publications.values()]
        unheard = {
            one.identity for one, track in tracks if is_microphone(track, one) and track.sid not in self.microphones
        }
        self._listener.unheard(sorted(unheard)[:UNHEARD])

    async def _subscribe(self, publication: rtc.RemoteTrackPublication) -> None:
        publication.set_subscribed(True)

    def _free(self, tracks: Sequence[str]) -> None:
        """Tracks have ended: who waited for a place gets it."""
        if any([self.microphones.free(track) for track in tracks]):
            self._look_around()
        self._tell_unheard()

    def _subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if not is_microphone(publication, participant) or not self._tasks.entered:
            return
        self._ended(publication.sid)
        if not publication.muted:
            self._listener.listen(participant.identity, publication.sid)
        stream = partial(self._stream, track, publication)
        self._streams[publication.sid] = self._tasks.begin_part(f"track.{publication.sid}", stream)

    def _unmuted(self, participant: rtc.Participant, publication: rtc.TrackPublication) -> None:
        if publication.sid in self._streams:
            self._listener.listen(participant.identity, publication.sid)

    def _reconnected(self) -> None:
        if not self._tasks.entered:
            return
        sender = self._outbound.captions
        for lang in sender.languages:
            self._tasks.begin_part(f"captions_track.{lang}", partial(sender.reopen, lang))
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
        # Where the track has ended we are told so in a moment, which ends this task.
        await asyncio.sleep(ENDING)
        raise RuntimeError("the stream broke off")

    def _register(self, method: str) -> None:
        async def answer(call: rtc.RpcInvocationData) -> str:
            try:
                return await self._answer(method, call.caller_identity, call.payload)
            except DragomanError as error:
                raise rtc.RpcError(RPC_REFUSED, error.code) from None
            except Exception as error:
                self._tasks.fell("calls", error)
                raise rtc.RpcError(RPC_REFUSED, "internal") from None

        self._room.local_participant.register_rpc_method(method, answer)
