"""Captions as LiveKit data-track frames and text streams, paced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from livekit import rtc

from .aio import Supervisor
from .nouns import Caption
from .wire import Signer
from .wire_names import captions_topic, captions_track


async def at_once() -> None:
    """Nothing is held."""


class CaptionSender:
    """All captions of a room, one after the other (`channels.CaptionsOut`).

    Data-track frames pushed back to back are lost without an error, so there are `GAP`
    seconds between two, the newest state of a segment only, and an interim of a segment at
    most every `INTERIM` seconds. Finals go out as text streams too, which are reliable.
    A frame that can't be sent is counted in `lost`, told to `failed`, and costs nothing else.
    Before each `hold` is waited for: it ends when we may send.
    """

    GAP = 0.005
    INTERIM = 0.25
    WAITING = 2_000
    """States that wait to be sent, and clauses whose last interim is remembered: beyond it the oldest are dropped."""
    OPENING = 10.0
    """Seconds in which LiveKit must have made a data track."""
    SENDING = 10.0
    """Seconds in which a text stream must be out: whoever is slower fetches what they miss by its number."""

    def __init__(
        self,
        participant: Callable[[], rtc.LocalParticipant],
        signer: Signer,
        now: Callable[[], float],
        failed: Callable[[str, Exception], None] = lambda part, error: None,
        hold: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        self._participant = participant
        self._signer = signer
        self._now = now
        self._failed = failed
        self._hold = hold
        self._supervisor = Supervisor(failed)
        self._tracks: dict[str, rtc.LocalDataTrack] = {}
        self._opening: dict[str, asyncio.Future[rtc.LocalDataTrack]] = {}
        self._newest: dict[tuple[str, str], Caption] = {}
        self._pushed: dict[tuple[str, str], float] = {}
        self._finals: asyncio.Queue[Caption] = asyncio.Queue(maxsize=2_000)
        self._wake = asyncio.Event()
        self.lost = 0

    async def open_captions(self, lang: str) -> None:
        """Make the data track of a language, or make it anew where a reconnect ended it."""
        track = self._tracks.get(lang)
        if track is None or not track.is_published():
            try:
                async with asyncio.timeout(self.OPENING):
                    self._tracks[lang] = await asyncio.shield(self._open(lang))
            except Exception:
                self._opening.pop(lang, None)
                raise
            self._opening.pop(lang, None)

    def _open(self, lang: str) -> asyncio.Future[rtc.LocalDataTrack]:
        """Whoever is cancelled while it is made has a track all the same: `close_captions` takes it back."""
        opening = self._opening.get(lang)
        if opening is None:
            made = self._participant().publish_data_track(name=captions_track(lang))
            opening = self._opening[lang] = asyncio.ensure_future(made)
        return opening

    async def close_captions(self, lang: str) -> None:
        """Nobody reads a language any more: its data track goes, and what was to be sent on it."""
        if opening := self._opening.pop(lang, None):
            with contextlib.suppress(Exception):  # then there is none
                self._tracks[lang] = await opening
        track = self._tracks.pop(lang, None)
        self._newest = {key: caption for key, caption in self._newest.items() if key[0] != lang}
        self._pushed = {key: at for key, at in self._pushed.items() if key[0] != lang}
        if track:
            with contextlib.suppress(Exception):  # the room may be gone already, and the track with it
                await track.unpublish()

    def show(self, caption: Caption) -> None:
        """Send it as soon as it is its turn. Never waits."""
        self._newest[caption.lang, caption.id] = caption
        while len(self._newest) > self.WAITING:
            del self._newest[next(iter(self._newest))]
        self._wake.set()
        if caption.final:
            try:
                self._finals.put_nowait(caption)
            except asyncio.QueueFull:
                self.lost += 1  # still to be had by `dragoman.captions`

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._supervisor.keep("interims", self._push_states))
            group.create_task(self._supervisor.keep("finals", self._send_finals))

    @property
    def languages(self) -> Sequence[str]:
        """Those that have a data track."""
        return list(self._tracks)

    async def reopen(self, lang: str) -> None:
        """After a reconnect: a language's track again where it did not survive that, and is wanted still."""
        if lang in self._tracks:
            await self.open_captions(lang)

    async def flush(self, seconds: float = 3.0) -> None:
        """Wait until the finals are out."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finals.join(), seconds)

    async def _push_states(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._hold()
            while due := self._next():
                self._push(self._newest.pop(due))
                await asyncio.sleep(self.GAP)
                await self._hold()
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
            while len(self._pushed) > self.WAITING:
                del self._pushed[next(iter(self._pushed))]
        if track := self._tracks.get(caption.lang):
            try:
                track.try_push(rtc.DataTrackFrame(payload=self._signer.caption(caption)))
            except rtc.PushFrameError:
                self.lost += 1
            except Exception as error:
                self.lost += 1
                self._failed(f"captions_track.{caption.lang}", error)

    async def _send_finals(self) -> None:
        while True:
            caption = await self._finals.get()
            await self._hold()
            try:
                async with asyncio.timeout(self.SENDING):
                    await self._send(caption)
            except Exception as error:
                # The room may be reconnecting: readers fetch what they miss by its number.
                self.lost += 1
                self._failed(f"finals.{caption.lang}", error)
            finally:
                self._finals.task_done()

    async def _send(self, caption: Caption) -> None:
        await self._participant().send_text(
            self._signer.caption(caption).decode(), topic=captions_topic(caption.lang), compress=False
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
