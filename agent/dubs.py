"""One language's dubbed voice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from .aio import Feed
from .engines import Voice
from .errors import EngineError
from .nouns import Caption, Dub


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


class Dubber:
    """Speaks captions, one after the other, and never falls far behind.

    Behind is the time from the end of a clause to its voice. Beyond `HURRY` seconds it speaks
    faster, up to 1.25×; beyond `MERGE` it says what waits of one speaker in one breath;
    beyond `SKIP` it skips the oldest and says so.
    """

    HURRY = 2.5
    MERGE = 5.0
    SKIP = 9.0
    FASTEST = 1.25

    def __init__(
        self,
        lang: str,
        voice: Voice,
        channel: Channel,
        *,
        now: Callable[[], float],
        failed: Callable[[EngineError], None] = lambda error: None,
        took: Callable[[float], None] = lambda seconds: None,
        spoken: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.lang = lang
        self.skipped = 0
        self.behind = 0.0
        self._voice = voice
        self._channel = channel
        self._now = now
        self._failed = failed
        self._took = took
        self._spoken = spoken
        """How a text is spelled for the voice."""

    async def run(self, captions: Feed[Caption]) -> None:
        """Speak until the feed ends."""
        async for caption in captions:
            if not caption.speakable:
                continue
            if self._late(caption) > self.SKIP:
                self._skip(caption)
                continue
            await self._say([caption, *self._merged(caption, captions)])
            if not captions.waiting:
                await self._channel.drain()
                self.behind = 0.0

    def speed(self, behind: float) -> float:
        """How fast to speak when so many seconds behind: 1.0 to 1.25, rising evenly from HURRY to MERGE."""
        share = (behind - self.HURRY) / (self.MERGE - self.HURRY)
        return 1.0 + (self.FASTEST - 1.0) * min(1.0, max(0.0, share))

    def _late(self, caption: Caption) -> float:
        return self._now() - caption.end

    def _merged(self, caption: Caption, captions: Feed[Caption]) -> list[Caption]:
        if self._late(caption) < self.MERGE:
            return []
        return captions.take(
            lambda next: (
                next.speakable
                and (next.identity, next.speaker) == (caption.identity, caption.speaker)
                and self._late(next) <= self.SKIP
            )
        )

    async def _say(self, captions: Sequence[Caption]) -> None:
        text = self._spoken(" ".join(caption.text for caption in captions))
        first = captions[0]
        who = f"{first.identity}/{first.speaker or ''}"
        speed = self.speed(self._late(first))
        asked, begun = self._now(), False
        try:
            async for dub in self._voice.speak(text, self.lang, who, speed=speed):
                if not begun:
                    begun = True
                    self._took(self._now() - asked)
                    self._started(captions)
                await self._channel.play(dub)
        except EngineError as error:
            # Said late is worse than not said: the caption stands, its voice is given up.
            self._failed(error)
        for caption in captions:
            if begun:
                self._channel.cue(caption, "ended", self.behind)
            else:
                self._skip(caption)

    def _started(self, captions: Sequence[Caption]) -> None:
        self.behind = self._late(captions[0])
        for caption in captions:
            self._channel.cue(caption, "started", self.behind)

    def _skip(self, caption: Caption) -> None:
        self.skipped += 1
        self._channel.cue(caption, "skipped", self._late(caption))
