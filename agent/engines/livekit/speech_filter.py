"""What of a track's sound is worth sending elsewhere: speech, and a little around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ...nouns import SAMPLE_BYTES, Chunk
from ...vad import SpeechState
from .. import VoiceActivityDetector

BEFORE = 0.5
"""Seconds before speech that are sent with it, so that no first consonant is lost."""
AFTER = 1.5
"""Seconds after it, by which whoever listens knows that a sentence is over."""

_FRAME = 512 * SAMPLE_BYTES


class SpeechFilter:
    """One track's sound without what nobody says in it."""

    def __init__(self, gate: VoiceActivityDetector) -> None:
        self._gate = gate
        self._voicing = SpeechState(AFTER)
        self._rest = b""
        self._held: deque[Chunk] = deque()

    @property
    def speech(self) -> float:
        """Seconds of speech since somebody began to speak."""
        return self._voicing.speech

    def take(self, chunk: Chunk) -> Sequence[Chunk]:
        """The chunk and what before it belongs to the speech that begins in it; nothing where nobody speaks."""
        speaking = self._hear(chunk.pcm)
        self._held.append(chunk)
        if speaking:
            passed, self._held = [*self._held], deque()
            return passed
        while self._held[0].end < chunk.end - BEFORE:
            self._held.popleft()
        return ()

    def _hear(self, pcm: bytes) -> bool:
        """Whether somebody speaks anywhere in it."""
        speaking, pcm = self._voicing.speaking, self._rest + pcm
        whole = len(pcm) - len(pcm) % _FRAME
        for at in range(0, whole, _FRAME):
            self._voicing.hear(self._gate.speech(pcm[at : at + _FRAME]))
            speaking = speaking or self._voicing.speaking
        self._rest = pcm[whole:]
        return speaking
