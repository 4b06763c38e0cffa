"""People in a live room, as a browser would be: they join by the API, speak recordings, read and hear."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from livekit import rtc

from agent.errors import WireError
from agent.wire import Cue, Frame, public_key, read_caption, read_cue
from tests.sound import pcm_of

RATE = 48_000
LOUD = 300
"""Peak of int16 samples above which a dub can be heard."""


@dataclass
class Got:
    """A frame and the wall time at which it arrived."""

    at: float
    frame: Frame
    reliable: bool


@dataclass
class Person:
    """One participant. `seen` are the frames that could be trusted, `dropped` counts the others."""

    name: str
    room: rtc.Room
    identity: str
    seen: list[Got] = field(default_factory=list)
    cues: list[tuple[float, Cue]] = field(default_factory=list)
    heard: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    sound: dict[str, bytearray] = field(default_factory=dict)
    dropped: int = 0
    vouched: dict[str, Any] = field(default_factory=dict)
    """The interpreter to believe, as the web server last told."""
    spoke_until: float = 0.0
    """The wall time of the last sample of the last recording that was said."""
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _rate: int = RATE
    _source: rtc.AudioSource | None = None
    _publication: rtc.LocalTrackPublication | None = None

    @classmethod
    async def join(
        cls,
        base: str,
        room: str,
        name: str,
        *,
        speaks: str = "auto",
        reads: str = "",
        hears: str = "",
        watch: tuple[str, ...] = (),
        secret: str | None = None,
        host: str = "",
    ) -> Person:
        """Join by the web API, with the secret of a `host` as one; `watch` are more languages wanted to be seen."""
        asked = {"name": name, "speaks": speaks, "reads": reads, "hears": hears}
        if secret:
            asked["secret"] = secret
        url = f"{base}/api/rooms/{room}/join"
        headers = {"Authorization": f"Bearer {host}"} if host else {}
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=asked) as answer:
            given = await answer.json()
            if answer.status != 200:
                raise RuntimeError(f"join refused: {given}")
        person = cls(name, rtc.Room(), given["identity"], vouched=given["interpreter"] or {})
        person._attach({reads, hears, *watch} - {""}, hears)
        await person.room.connect(given["server"], given["token"], rtc.RoomOptions(auto_subscribe=False))
        person._look_around()
        person._spawn(person._believe(f"{base}/api/rooms/{room}/interpreter"))
        return person

    def _attach(self, languages: set[str], hears: str) -> None:
        self._languages = languages
        self._hears = hears
        self.room.on("data_track_published", self._data_track)
        self.room.on("track_published", self._published)
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("data_received", self._data)
        self.room.on("reconnected", self._look_around)
        for lang in languages:
            self.room.register_text_stream_handler(f"captions/{lang}", self._text)

    @property
    def interpreter(self) -> rtc.RemoteParticipant | None:
        """The interpreter to be trusted: the one that the web server vouches for, with its epoch and its key."""
        one = self.room.remote_participants.get(self.vouched.get("identity", ""))
        if one is None or one.kind != rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            return None
        told = (one.attributes.get("dragoman.epoch"), one.attributes.get("dragoman.key"))
        return one if told == (str(self.vouched["epoch"]), self.vouched["key"]) else None

    async def interpreted(self, seconds: float = 20.0) -> rtc.RemoteParticipant:
        """Wait for an interpreter that listens."""
        await until(
            lambda: bool(self.interpreter and self.interpreter.attributes.get("dragoman.state") == "listening"), seconds
        )
        assert self.interpreter
        return self.interpreter

    def finals(self, lang: str, identity: str | None = None) -> list[Frame]:
        """The finals of a language, each once, in order."""
        found = {
            g.frame.seq: g.frame
            for g in self.seen
            if g.frame.final and g.frame.lang == lang and identity in (None, g.frame.identity)
        }
        return [found[seq] for seq in sorted(found, key=lambda seq: seq or 0)]

    def interims(self, lang: str) -> list[Frame]:
        return [g.frame for g in self.seen if not g.frame.final and g.frame.lang == lang]

    async def call(self, method: str, payload: Any, timeout: float = 5.0) -> Any:
        """Ask the interpreter. Raises `rtc.RpcError`."""
        interpreter = await self.interpreted()
        answer = await self.room.local_participant.perform_rpc(
            destination_identity=interpreter.identity,
            method=method,
            payload=payload if isinstance(payload, str) else json.dumps(payload),
            response_timeout=timeout,
        )
        return json.loads(answer)

    async def captions(self, lang: str) -> list[Frame]:
        """All that was said, asked from the interpreter."""
        key, epoch = self._seal(await self.interpreted())
        told = await self.call("dragoman.captions", {"lang": lang, "after": 0})
        return [read_caption(frame.encode(), key, epoch) for frame in told["frames"]]

    async def microphone(self, rate: int = RATE) -> None:
        """Publish a silent microphone."""
        self._rate = rate
        self._source = rtc.AudioSource(rate, 1, queue_size_ms=200)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self._publication = await self.room.local_participant.publish_track(track, options)

    async def say(self, recording: Path, *, lead: float = 1.0, tail: float = 1.5, rate: int = RATE) -> float:
        """Play a recording into the microphone, in real time. Answers the wall time of its first sample."""
        if self._source is None:
            await self.microphone(rate)
        await self._play(b"\0\0" * int(lead * rate))
        begun = time.time() + (self._source.queued_duration if self._source else 0)
        await self._play(pcm_of(recording, rate))
        self.spoke_until = time.time() + (self._source.queued_duration if self._source else 0)
        await self._play(b"\0\0" * int(tail * rate))
        return begun

    async def _play(self, pcm: bytes) -> None:
        assert self._source
        step = self._rate // 50
        for at in range(0, len(pcm) - len(pcm) % (step * 2), step * 2):
            await self._source.capture_frame(rtc.AudioFrame(pcm[at : at + step * 2], self._rate, 1, step))

    async def stop_speaking(self) -> None:
        """Take the microphone away."""
        if self._publication:
            await self.room.local_participant.unpublish_track(self._publication.sid)
            self._publication = self._source = None

    async def leave(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await self.room.disconnect()

    async def _believe(self, url: str) -> None:
        """Keep asking the web server whom to believe; while it is away, whoever it was before."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url) as answer:
                        if answer.status == 200 and (told := await answer.json())["identity"]:
                            self.vouched = told
                await asyncio.sleep(0.3)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _look_around(self) -> None:
        for participant in self.room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._published(publication, participant)

    def _published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if publication.name == f"dub.{self._hears}":
            publication.set_subscribed(True)

    def _subscribed(self, track: rtc.Track, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant) -> None:
        self._spawn(self._hear(track, publication.name.removeprefix("dub.")))

    async def _hear(self, track: rtc.Track, lang: str) -> None:
        stream = rtc.AudioStream.from_track(track=track, sample_rate=16_000, num_channels=1, frame_size_ms=20)
        heard, sound = self.heard.setdefault(lang, []), self.sound.setdefault(lang, bytearray())
        async for event in stream:
            samples = np.frombuffer(bytes(event.frame.data), np.int16)
            heard.append((time.time(), int(np.abs(samples.astype(np.int32)).max(initial=0))))
            sound += samples.tobytes()

    def _data_track(self, track: rtc.RemoteDataTrack) -> None:
        if track.info.name in {f"captions.{lang}" for lang in self._languages}:
            self._spawn(self._frames(track))

    async def _frames(self, track: rtc.RemoteDataTrack) -> None:
        async for frame in track.subscribe():
            self._take(bytes(frame.payload), track.publisher_identity, reliable=False)

    def _text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        async def read() -> None:
            self._take((await reader.read_all()).encode(), identity, reliable=True)

        self._spawn(read())

    @staticmethod
    def _seal(interpreter: rtc.RemoteParticipant) -> tuple[Ed25519PublicKey, int]:
        """Its key and its epoch. Raises `WireError` where it has told no key yet."""
        key = public_key(interpreter.attributes.get("dragoman.key", ""))
        return key, int(interpreter.attributes.get("dragoman.epoch", "0"))

    def _take(self, data: bytes, identity: str, *, reliable: bool) -> None:
        interpreter = self.interpreter
        if interpreter is None or interpreter.identity != identity:
            self.dropped += 1
            return
        try:
            self.seen.append(Got(time.time(), read_caption(data, *self._seal(interpreter)), reliable))
        except WireError:
            self.dropped += 1

    def _data(self, packet: rtc.DataPacket) -> None:
        interpreter = self.interpreter
        if interpreter and packet.topic == f"dub/{self._hears}":
            with suppress(WireError):
                self.cues.append((time.time(), read_cue(packet.data, *self._seal(interpreter))))


async def until(true: Callable[[], bool], seconds: float, every: float = 0.05) -> None:
    """Wait for something to be so. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(every)
