"""One language's dubbed voice."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, cast

from .aio import Feed
from .errors import EngineError
from .nouns import SAMPLE_BYTES, Caption, Dub

ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
"""What a sentence ends with."""


class Channel(Protocol):
    """Where the voice of one language is heard: one audio track."""

    async def play(self, dub: Dub) -> None:
        """Take a piece; waits while enough sound is queued, so the speaker is paced by it."""
        ...

    async def drain(self) -> None:
        """Wait until everything was played."""
        ...

    def cue(self, caption: Caption, event: Literal["started", "ended", "skipped"], behind: float) -> None:
        """Tell the room what the voice does."""
        ...


class Aloud(Protocol):
    """A voice that knows for whom it speaks."""

    def speak_for(
        self, identity: str, text: str, language: str, voice: str, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        """As `Voice.speak`."""
        ...


class DubberDoors:
    """What a dubber asks of its room, and tells it. Who implements it says what it minds; the rest is as here."""

    def failed(self, error: EngineError) -> None:
        """The voice failed over a clause, which is skipped."""

    def took(self, seconds: float) -> None:
        """A voice has begun, so long after it was asked for."""

    def spelled(self, text: str) -> str:
        """A text as it is written for the voice."""
        return text


@dataclass(frozen=True, slots=True)
class Due:
    """A caption that is to be spoken, and since when it waits for its voice."""

    caption: Caption
    since: float


class VoiceAssignment:
    """Who speaks with which voice, the same one in every language of a room.

    An engine knows nothing of rooms: it is told the names of those who have a voice already, so that the next
    speaker gets another one (see `Voice`). Names are digests: who they are is not its business.
    """

    MOST = 40
    """Speakers whose names are told; the engine service takes 400 characters."""

    def __init__(self) -> None:
        self._seated: list[str] = []

    def voice(self, identity: str, speaker: str | None) -> str:
        """The name of a speaker's voice, after the names of those who got theirs before."""
        name = hashlib.sha256(f"{identity}/{speaker or ''}".encode()).hexdigest()[:8]
        if name not in self._seated and len(self._seated) < self.MOST:
            self._seated.append(name)
        before = self._seated.index(name) if name in self._seated else self.MOST
        return " ".join([*self._seated[:before], name])


class Dubber:
    """Speaks captions, one after the other, and never falls far behind.

    Behind is the time from the end of a clause to its voice. It speaks up to 1.25× faster where a translation takes
    longer to say than the clause took, and beyond `HURRY` seconds behind; beyond `MERGE` it says what waits of one
    speaker in one breath; beyond `SKIP` it skips the oldest and says so. It counts to the moment at which a voice is
    asked for, which is heard a moment later. What came late by itself, and has not waited for `PATIENCE` seconds
    here, is not skipped: nothing would be gained by it. Between clauses it breathes, unless it hurries.

    How long a text takes to say is learnt from what was said.

    A clause whose voice fails is skipped. Where its channel fails, `run` does: it may be run again,
    over another one.
    """

    HURRY = 2.5
    MERGE = 3.0
    SKIP = 3.7
    PATIENCE = 1.5
    FASTEST = 1.25
    LETTER = 0.065
    """Seconds of voice a character, until it is known better."""
    BREATH = 0.3
    """Seconds between two sentences; between two clauses of one it is half."""

    def __init__(
        self,
        lang: str,
        voice: Aloud,
        channel: Channel,
        *,
        now: Callable[[], float],
        cast: VoiceAssignment | None = None,
        doors: DubberDoors | None = None,
    ) -> None:
        self.lang = lang
        self.skipped = 0
        self.behind = 0.0
        self._asked: float | None = None
        self._letter = self.LETTER
        self._voice = voice
        self._channel = channel
        self._now = now
        self._cast = cast or VoiceAssignment()
        self._breath = 0.0
        self._doors = doors or DubberDoors()

    @property
    def waiting(self) -> float:
        """Seconds since a voice was asked for that has not begun; 0 where none is waited for."""
        return 0.0 if self._asked is None else self._now() - self._asked

    async def run(self, captions: Feed[Due]) -> None:
        """Speak until the feed ends."""
        async for due in captions:
            if not due.caption.speakable:
                continue
            if self._too_late(due):
                self._skip(due.caption)
                continue
            await self._say([due.caption, *(other.caption for other in self._merged(due, captions))])
            if not captions.waiting:
                await self._channel.drain()
                self.behind = self._breath = 0.0

    def speed(self, behind: float, longer: float = 1.0) -> float:
        """How fast to speak, 1.0 to 1.25, so many seconds behind, what takes `longer` times as long as the clause."""
        share = (behind - self.HURRY) / (self.MERGE - self.HURRY)
        hurried = 1.0 + (self.FASTEST - 1.0) * min(1.0, max(0.0, share))
        return max(hurried, min(self.FASTEST, longer))

    def _late(self, caption: Caption) -> float:
        return self._now() - caption.end

    def _too_late(self, due: Due, after: float = 0.0) -> bool:
        """Whether it is to be skipped if a voice is asked for in so many seconds."""
        behind, waited = self._late(due.caption), self._now() - due.since
        return behind + after > self.SKIP and waited + after > self.PATIENCE

    def _seconds(self, text: str) -> float:
        """How long it will take to say, about, at the usual speed."""
        return len(text) * self._letter

    def _merged(self, due: Due, captions: Feed[Due]) -> list[Due]:
        """Those of the same speaker that wait, if each will be heard in time."""
        if self._late(due.caption) < self.MERGE:
            return []
        who, after = _who(due.caption), self._seconds(due.caption.text) / self.FASTEST

        def in_time(next: Due) -> bool:
            nonlocal after
            before, after = after, after + self._seconds(next.caption.text) / self.FASTEST
            return next.caption.speakable and _who(next.caption) == who and not self._too_late(next, before)

        return captions.take(in_time)

    async def _say(self, captions: Sequence[Caption]) -> None:
        text = self._doors.spelled(" ".join(caption.text for caption in captions))
        first, seconds = captions[0], 0.0
        who = self._cast.voice(first.identity, first.speaker)
        took = sum(caption.end - caption.start for caption in captions)
        speed = self.speed(self._late(first), self._seconds(text) / took if took > 0 else 1.0)
        self._asked, begun = self._now(), False
        try:
            async for dub in self._pieces(first.identity, text, who, speed):
                if not begun:
                    begun = True
                    self._doors.took(self.waiting)
                    self._asked = None
                    await self._breathe(dub, speed)
                    self._started(captions)
                seconds += dub.duration
                await self._channel.play(dub)
            self._learn(text, seconds * speed)
        except EngineError as error:
            # Said late is worse than not said: the caption stands, its voice is given up.
            self._doors.failed(error)
        finally:
            self._asked = None
        self._breath = self.BREATH if text.rstrip("\"'»”’)]")[-1:] in ENDS else self.BREATH / 2
        for caption in captions:
            if begun:
                self._channel.cue(caption, "ended", self.behind)
            else:
                self._skip(caption)

    async def _pieces(self, identity: str, text: str, who: str, speed: float) -> AsyncIterator[Dub]:
        """What the voice makes of it. Raises `EngineError`, whatever the voice falls over."""
        try:
            said = self._voice.speak_for(identity, text, self.lang, who, speed=speed)
            async with aclosing(cast(Any, said)) as made:
                async for dub in made:
                    yield dub
        except EngineError:
            raise
        except Exception as error:
            raise EngineError("engine_failed", f"The voice failed ({type(error).__name__}).") from error

    def _learn(self, text: str, seconds: float) -> None:
        if seconds:
            self._letter += 0.2 * (seconds / len(text) - self._letter)

    async def _breathe(self, dub: Dub, speed: float) -> None:
        """Pause after what was just said, where this follows at once; the less, the more hurry there is."""
        seconds = self._breath * (self.FASTEST - speed) / (self.FASTEST - 1.0)
        if samples := int(seconds * dub.rate):
            await self._channel.play(replace(dub, pcm=bytes(samples * SAMPLE_BYTES)))

    def _started(self, captions: Sequence[Caption]) -> None:
        self.behind = self._late(captions[0])
        for caption in captions:
            self._channel.cue(caption, "started", self.behind)

    def _skip(self, caption: Caption) -> None:
        self.skipped += 1
        self._channel.cue(caption, "skipped", self._late(caption))


def _who(caption: Caption) -> str:
    """Whose voice it is."""
    return f"{caption.identity}/{caption.speaker or ''}"
