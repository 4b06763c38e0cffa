"""When somebody speaks, by a voice activity detector's probabilities."""

from __future__ import annotations

from collections import deque


class Voiced:
    """Where in a window there is speech. As long as the window is: what is before it is to be forgotten."""

    def __init__(self) -> None:
        self._frames: deque[float] = deque()

    def hear(self, start: float, probability: float) -> None:
        """One frame of 32 ms."""
        if probability >= SpeechState.KEEP:
            self._frames.append(start)

    def forget(self, before: float) -> None:
        while self._frames and self._frames[0] + SpeechState.FRAME <= before:
            self._frames.popleft()

    def within(self, start: float, end: float) -> float:
        """Seconds of speech from one time to another."""
        return sum(max(0.0, min(end, at + SpeechState.FRAME) - max(start, at)) for at in self._frames)


class SpeechState:
    """When somebody speaks: opened by speech for 96 ms, closed by `hang` seconds without."""

    FRAME = 0.032
    OPEN, KEEP = 0.5, 0.35

    def __init__(self, hang: float) -> None:
        self._hang = hang
        self._run = 0
        self.speaking = False
        self.silence = 0.0
        self.speech = 0.0

    def hear(self, probability: float) -> None:
        """One frame of 32 ms."""
        self._run = self._run + 1 if probability >= self.OPEN else 0
        if not self.speaking and self._run >= 3:
            self.speaking, self.silence, self.speech = True, 0.0, 3 * self.FRAME
        elif self.speaking:
            voiced = probability >= self.KEEP
            self.silence = 0.0 if voiced else self.silence + self.FRAME
            self.speech += self.FRAME if voiced else 0.0
            self.speaking = self.silence < self._hang
