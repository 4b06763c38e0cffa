"""Dubbed voices as LiveKit audio tracks, one a language, and the cues that go with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

from livekit import rtc

from .nouns import Caption, Dub
from .wire import Signer
from .wire_names import cues_topic, dub_track

Event = Literal["started", "ended", "skipped"]


class DubTrack:
    """One language's audio track, and the only writer of its source.

    The source holds 400 ms, so `play` waits as a listener would, and a stop is heard at once.
    Before each piece `hold` is waited for: it ends when we may send.
    """

    RATE = 24_000
    STEP_MS = 100
    OPENING = 10.0
    """Seconds in which LiveKit must have published it."""
    PATIENCE = 10.0
    """Seconds for a piece of 100 ms to find its place in the source, and for the source to play what it holds: it
    holds 400 ms, so one that takes longer is broken."""

    def __init__(
        self,
        participant: rtc.LocalParticipant,
        lang: str,
        cue: Callable[[Caption, Event, float], None],
        hold: Callable[[], Awaitable[None]],
    ) -> None:
        self.cue = cue
        self._hold = hold
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
        track = rtc.LocalAudioTrack.create_audio_track(dub_track(self._lang), self._source)
        async with asyncio.timeout(self.OPENING):
            self._publication = await self._participant.publish_track(track, options)

    async def unpublish(self) -> None:
        """Take it back; an idle track costs 2 % of a core."""
        with contextlib.suppress(Exception):  # the room may be gone already, and the track with it
            async with asyncio.timeout(self.PATIENCE):
                if self._publication:
                    await self._participant.unpublish_track(self._publication.sid)
        with contextlib.suppress(Exception):
            await self._source.aclose()

    async def play(self, dub: Dub) -> None:
        """Queue a piece; waits while the queue is full."""
        for frame in self._at_our_rate(dub):
            await self._capture(bytes(frame.data))

    async def drain(self) -> None:
        """Wait until all was played."""
        async with asyncio.timeout(self.PATIENCE):
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
            await self._hold()
            async with asyncio.timeout(self.PATIENCE):
                await self._source.capture_frame(rtc.AudioFrame(piece, self.RATE, 1, len(piece) // 2))


class DubTracks:
    """The dub tracks of a room (`channels.VoicesOut`), and what says which caption each voice is at.

    A cue is decoration: one that can't be made or sent is told to `failed`, and costs nothing else.
    """

    CUES = 500
    """Cues that wait to be sent; beyond them the newest are dropped."""

    def __init__(
        self,
        participant: Callable[[], rtc.LocalParticipant],
        signer: Signer,
        failed: Callable[[str, Exception], None],
        hold: Callable[[], Awaitable[None]],
    ) -> None:
        self._participant = participant
        self._signer = signer
        self._failed = failed
        self._hold = hold
        self._open: dict[str, DubTrack] = {}
        self._cues: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(maxsize=self.CUES)

    async def open_channel(self, lang: str) -> DubTrack:
        """Publish a language's voice."""
        track = DubTrack(self._participant(), lang, partial(self._cue, lang), self._hold)
        try:
            await track.publish()
        except BaseException:
            await track.unpublish()
            raise
        self._open[lang] = track
        return track

    async def close_channel(self, lang: str) -> None:
        if track := self._open.pop(lang, None):
            await track.unpublish()

    async def run(self) -> None:
        """Send cues until cancelled."""
        while True:
            lang, frame = await self._cues.get()
            await self._hold()
            try:
                await self._participant().publish_data(frame, reliable=True, topic=cues_topic(lang))
            except Exception as error:
                self._failed(f"cues.{lang}", error)

    def _cue(self, lang: str, caption: Caption, event: Event, behind: float) -> None:
        try:
            self._cues.put_nowait((lang, self._signer.cue(caption, event, behind)))
        except asyncio.QueueFull:
            pass
        except Exception as error:
            self._failed(f"cues.{lang}", error)
