"""Whether people speak what they say they speak: a short look at a speaker's sound, now and then."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from ..engines import VoiceActivityDetector, WindowRecognizer
from ..errors import EngineError
from ..languages import alike
from ..nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk
from ..vad import SpeechState

ENOUGH = 4.0
"""Seconds of speech that are looked at."""
LONGEST = 8.0
"""Seconds of sound in which they may come; of more the oldest is dropped."""
AGAIN = 25.0
"""Seconds of somebody's sound between two looks, while it is not known to be what they say."""
SELDOM = 180.0
"""The same, while it is."""
SURE = 0.8
"""Probability from which a language counts that nobody declared (docs/decisions/declared-and-heard.md)."""
LIKELY = 0.5
"""Probability from which the declared one counts."""
PATIENCE = 10.0
"""Seconds after which an ear that has not answered is waited for no longer."""

_FRAME = 512 * SAMPLE_BYTES
_BYTES = SAMPLE_RATE * SAMPLE_BYTES


class LanguageCheck:
    """One person who declared a language. Holds `LONGEST` seconds of their sound at most.

    With hysteresis: a language is suggested that two looks in a row were sure of, and for as long as no look finds
    the declared one again.
    """

    def __init__(self, declared: str, gate: VoiceActivityDetector) -> None:
        self.declared = declared
        self.suggested = ""
        self._gate = gate
        self._rival = ""
        self._track = ""
        self._until = -math.inf
        self._next = -math.inf
        self._begin()

    def hear(self, chunk: Chunk) -> bytes:
        """Sound of theirs. Answers what to look at now; empty where nothing is due.

        Of several tracks of one person the first one is heard, until it was silent for a second.
        """
        if chunk.track != self._track:
            if chunk.start - self._until < 1.0:
                return b""
            self._track = chunk.track
            self._begin()
        self._until = chunk.end
        if chunk.end < self._next:
            return b""
        self._gather(chunk.pcm)
        if self._speech < ENOUGH:
            return b""
        pcm = bytes(self._pcm)
        self._rest(chunk.end + AGAIN)
        return pcm

    def judge(self, language: str, probability: float) -> None:
        """What a look found."""
        if alike(language, self.declared):
            if probability >= LIKELY:
                self._rival = self.suggested = ""
                self._rest(self._until + SELDOM)
        elif probability >= SURE:
            self.suggested = language if language == self._rival else self.suggested
            self._rival = language

    def insisted(self) -> None:
        """They say again that it is what they declared: they are not asked again soon."""
        self._rival = self.suggested = ""
        self._rest(self._until + SELDOM)

    def _begin(self) -> None:
        self._voicing = SpeechState(hang=0.3)
        self._unjudged = b""
        self._pcm = bytearray()
        self._speech = 0.0

    def _rest(self, until: float) -> None:
        self._next = until
        self._begin()

    def _gather(self, pcm: bytes) -> None:
        """What is speech of it."""
        pcm = self._unjudged + pcm
        whole = len(pcm) - len(pcm) % _FRAME
        for at in range(0, whole, _FRAME):
            self._voicing.hear(self._gate.speech(pcm[at : at + _FRAME]))
            if self._voicing.speaking:
                self._pcm += pcm[at : at + _FRAME]
                self._speech += 0.0 if self._voicing.silence else SpeechState.FRAME
        self._unjudged = pcm[whole:]
        del self._pcm[: max(0, len(self._pcm) - int(LONGEST * _BYTES))]


class LanguageChecks:
    """A look at one speaker at a time, in passes that an ear may drop: recognition never waits for one.

    `busy` says that there is too much to do already: then nothing is looked at. At most one look a person waits,
    and only people are known who were heard and have not left.
    """

    def __init__(
        self,
        ear: WindowRecognizer,
        gate: Callable[[], VoiceActivityDetector],
        *,
        suggest: Callable[[str, str], None],
        withdraw: Callable[[str], None],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ear = ear
        self._gate = gate
        self._suggest = suggest
        self._withdraw = withdraw
        self._busy = busy
        self._checks: dict[str, LanguageCheck] = {}
        self._due: dict[str, tuple[LanguageCheck, bytes]] = {}
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def hear(self, identity: str, declared: str, chunk: Chunk) -> None:
        """Sound of somebody who says that they speak `declared`; `auto` is nothing that could be wrong."""
        if declared in ("", "auto"):
            self.forget(identity)
            return
        check = self._checks.get(identity)
        if check is None or check.declared != declared:
            check = self._checks[identity] = LanguageCheck(declared, self._gate())
        if (pcm := check.hear(chunk)) and not self._busy():
            self._due[identity] = check, pcm
            self._idle.clear()
            self._arrived.set()

    def insisted(self, identity: str) -> None:
        """Somebody says again what they declared before."""
        if check := self._checks.get(identity):
            check.insisted()

    def forget(self, identity: str) -> None:
        """Somebody left, or declares nothing any more."""
        self._checks.pop(identity, None)
        self._due.pop(identity, None)

    async def run(self) -> None:
        """Look at what is due, one after the other, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._due:
                identity = next(iter(self._due))
                await self._look(identity, *self._due.pop(identity))
            self._idle.set()

    async def idle(self) -> None:
        """Wait until nothing is left to look at."""
        await self._idle.wait()

    async def _look(self, identity: str, check: LanguageCheck, pcm: bytes) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                heard = await self._ear.transcribe(pcm, None)
        except (EngineError, TimeoutError):
            return  # there is another look later
        if self._checks.get(identity) is not check or heard.no_speech > 0.6:
            return
        before = check.suggested
        check.judge(heard.language, heard.language_probability)
        if check.suggested:
            self._suggest(identity, check.suggested)
        elif before or alike(heard.language, check.declared):
            self._withdraw(identity)
