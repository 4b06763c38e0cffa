"""Who lent their voice to their dubs: a little of their sound, in memory only, for as long as they want it."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from .audio_history import AudioHistory
from .engines import Consent, Likeness, Reference, Voice
from .errors import EngineError
from .languages import base
from .nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Dub, Segment

ENOUGH = 10.0
"""Seconds of somebody's sound; no more is kept."""
LEAST = 3.0
"""Seconds that make a voice (see `Reference`)."""
SHORTEST = 1.0
"""Seconds of a clause that is worth keeping: shorter ones are mostly pauses."""
LENDERS = 40
"""People whose voice is lent at the same time: 1.3 MB of sound each, at most."""
TRACKS = 4
"""Tracks of one person that are followed at a time, the newest."""

_BYTES = SAMPLE_RATE * SAMPLE_BYTES


@dataclass(slots=True)
class _Loan:
    """One person's consent and what came of it."""

    consent: Consent
    since: dict[str, float] = field(default_factory=dict)
    """By track, the start of the first sound that was heard with consent."""
    pcm: bytes = field(default=b"", repr=False)
    voices: set[str] = field(default_factory=set)

    @property
    def shared(self) -> bool:
        """Whether somebody else speaks into the same microphone."""
        return len(self.voices) > 1

    @property
    def listens(self) -> bool:
        return not self.shared and len(self.pcm) < ENOUGH * _BYTES

    def keep(self, segment: Segment, heard: AudioHistory) -> None:
        """A clause of theirs, where it is clean and theirs alone, and was said after they agreed."""
        self.voices |= {segment.speaker} - {None}  # type: ignore[arg-type]  # no None is left
        if self.shared:
            self.pcm = b""
        elif self.listens and self._worth(segment):
            self.pcm = (self.pcm + heard.of(segment, self.since[segment.track]))[: int(ENOUGH) * _BYTES]
        if not self.listens:
            self.let_go(heard)

    def _worth(self, segment: Segment) -> bool:
        agreed = segment.start >= self.since.get(segment.track, math.inf)
        return agreed and segment.speakable and segment.end - segment.start >= SHORTEST

    def let_go(self, heard: AudioHistory) -> None:
        """No more of their sound is needed."""
        while self.since:
            heard.unfollow(self.since.popitem()[0])


class VoiceCloning:
    """Dubs in a stock voice, but in one like the speaker's own while they want that and an engine can.

    Somebody's sound is kept from the moment at which they agree: their clauses, up to `ENOUGH` seconds. It is dropped
    when they take their word back, when they leave and when the room is over. Who shares a microphone with another
    voice is not imitated: nobody knows whose consent it is.
    """

    def __init__(
        self,
        voice: Voice,
        likeness: Likeness | None = None,
        meeting: str = "",
        record: Callable[[Consent, bool], None] = lambda consent, stands: None,
        clock: Callable[[], float] = time.time,
        heard: AudioHistory | None = None,
    ) -> None:
        self._voice = voice
        self._likeness = likeness
        self._meeting = meeting
        self._record = record
        """Told of every consent when it is given, and when it ends."""
        self._clock = clock
        self._heard = heard or AudioHistory(of_all=False)
        self._loans: dict[str, _Loan] = {}

    def lend(self, identity: str) -> bool:
        """Somebody wants a voice like theirs, for this meeting. False where `LENDERS` others have one."""
        if identity not in self._loans:
            if len(self._loans) >= LENDERS:
                return False
            loan = self._loans[identity] = _Loan(Consent(identity, self._meeting, self._clock()))
            self._record(loan.consent, True)
        return True

    def take_back(self, identity: str) -> None:
        """They don't want it any more, or have left: nothing of their sound stays."""
        if loan := self._loans.pop(identity, None):
            loan.let_go(self._heard)
            self._record(loan.consent, False)

    def close(self) -> None:
        """The meeting is over."""
        for identity in [*self._loans]:
            self.take_back(identity)

    def hear(self, identity: str, chunk: Chunk) -> None:
        """Sound of somebody, before the history hears it: where it is lent, that keeps the track."""
        loan = self._loans.get(identity)
        if loan and loan.listens and self._likeness and chunk.track not in loan.since:
            loan.since[chunk.track] = chunk.start
            self._heard.follow(chunk.track)
            if len(loan.since) > TRACKS:
                oldest = next(iter(loan.since))
                del loan.since[oldest]
                self._heard.unfollow(oldest)

    def said(self, segment: Segment) -> None:
        """A clause that was settled."""
        if loan := self._loans.get(segment.identity):
            loan.keep(segment, self._heard)

    async def speak_for(
        self, identity: str, text: str, language: str, voice: str, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        """As `Voice.speak`. Who takes their voice back in the middle of a text is not heard in it a piece longer."""
        begun = False
        if self._likeness and (reference := await self._reference(identity, language)):
            try:
                said = cast(Any, self._likeness.speak_as(text, language, reference, speed=speed))
                async with aclosing(said):
                    async for dub in said:
                        if not self._stands(reference.consent):
                            break
                        begun = True
                        yield dub
            except EngineError:
                if begun:
                    raise
        if not begun:
            async with aclosing(cast(Any, self._voice.speak(text, language, voice, speed=speed))) as said:
                async for dub in said:
                    yield dub

    async def _reference(self, identity: str, language: str) -> Reference | None:
        loan = self._loans.get(identity)
        if self._likeness is None or loan is None or len(loan.pcm) < LEAST * _BYTES:
            return None
        try:
            alike = await self._likeness.alike()
        except EngineError:
            return None
        served = language in alike or base(language) in alike
        return Reference(loan.pcm, loan.consent) if served and self._stands(loan.consent) else None

    def _stands(self, consent: Consent) -> bool:
        loan = self._loans.get(consent.identity)
        return loan is not None and loan.consent is consent and not loan.shared
