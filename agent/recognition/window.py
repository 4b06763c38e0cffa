"""The sound of one track on its way to the ear: frames that wait for the gate, and the window that is heard."""

from __future__ import annotations

from collections import deque

from ..engines import VoiceActivityDetector
from ..nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk
from ..vad import SpeechState, Voiced

FRAME_BYTES = 512 * SAMPLE_BYTES
BYTES = SAMPLE_RATE * SAMPLE_BYTES
"""Bytes of a second."""
FRAME = FRAME_BYTES / BYTES
"""Seconds of the gate's frame."""
GAP = 0.1
"""Seconds between two pieces of sound that are not one stretch any more."""


class FrameQueue:
    """Sound cut into the gate's frames, which wait to be taken: at most `most` seconds of them."""

    def __init__(self, most: float) -> None:
        self.dropped = 0.0
        """Seconds of sound that had to go because nobody took them."""
        self._most = most
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._rest = b""
        self._rest_start = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def seconds(self) -> float:
        """How much sound waits."""
        return len(self._waiting) * FRAME

    @property
    def end(self) -> float:
        """The end of all sound that was pushed."""
        return self._rest_start + len(self._rest) / BYTES

    def push(self, chunk: Chunk) -> None:
        """Cut a chunk; what is left of it waits for the next one, where that follows without a gap."""
        if abs(chunk.start - self.end) > GAP:
            self._rest = b""
        start = chunk.start - len(self._rest) / BYTES
        pcm = self._rest + chunk.pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        for at in range(0, whole, FRAME_BYTES):
            self._waiting.append((start + at / BYTES, pcm[at : at + FRAME_BYTES]))
        self._rest, self._rest_start = pcm[whole:], start + whole / BYTES
        while self.seconds > self._most:
            self._waiting.popleft()
            self.dropped += FRAME

    def take(self) -> tuple[float, bytes]:
        """The oldest frame that waits, and when it starts. Raises `IndexError` where none does."""
        return self._waiting.popleft()


class Window:
    """The sound that the next pass hears, and where in it the gate found speech."""

    def __init__(self, gate: VoiceActivityDetector, hang: float) -> None:
        self.start = 0.0
        self.state = SpeechState(hang)
        self.voiced_until = 0.0
        """The end of the last frame with speech."""
        self._gate = gate
        self._voiced = Voiced()
        self._pcm = bytearray()

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def seconds(self) -> float:
        return len(self._pcm) / BYTES

    def add(self, start: float, frame: bytes) -> bool:
        """One frame more. False where there was a gap before it: then what stood here is forgotten."""
        follows = abs(start - self.end) <= GAP
        if not follows:
            self._pcm.clear()
        if not self._pcm:
            self.start = start
        self._pcm += frame
        probability = self._gate.speech(frame)
        self.state.hear(probability)
        self._voiced.hear(start, probability)
        if self.state.speaking and self.state.silence == 0.0:
            self.voiced_until = self.end
        return follows

    def since(self, at: float) -> bytes:
        """The sound from a time on."""
        return bytes(self._pcm[int((at - self.start) * SAMPLE_RATE) * SAMPLE_BYTES :])

    def voiced(self, start: float, end: float) -> float:
        """Seconds of speech from one time to another."""
        return self._voiced.within(start, end)

    def cut_before(self, at: float) -> None:
        """Forget the sound before a time."""
        samples = max(0, int((at - self.start) * SAMPLE_RATE))
        del self._pcm[: samples * SAMPLE_BYTES]
        self.start += samples / SAMPLE_RATE
        self._voiced.forget(self.start)
