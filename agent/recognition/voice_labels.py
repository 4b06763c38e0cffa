"""Whose voice it was, on a track that several people speak into."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..engines import Diarization, Diarizer
from ..nouns import Chunk, Segment, Turn
from .attribution import attribute


class VoiceLabels:
    """What a diarizer says of one track. Labels are a courtesy: one that fails costs no word.

    `gave_up` is told of each failure. After `TRIES` of them the voices of the track are not told apart any more.
    """

    TURNS = 60.0
    """Seconds of turns that are remembered for attribution."""
    TRIES = 3

    def __init__(self, diarizer: Diarizer | None, track: str, gave_up: Callable[[Exception], None]) -> None:
        self._diarizer = diarizer
        self._diarization: Diarization | None = None
        self._track = track
        self._gave_up = gave_up
        self._failures = 0
        self._turns: deque[Turn] = deque()

    async def hear(self, chunk: Chunk) -> None:
        """Sound that is about to be recognised. Never raises."""
        if self._diarizer is None or self._failures >= self.TRIES:
            return
        try:
            self._diarization = self._diarization or self._diarizer.follow(self._track)
            self._turns.extend(await self._diarization.push(chunk))
        except Exception as error:
            self._diarization = None
            self._failures += 1
            self._gave_up(error)
        while self._turns and self._turns[0].end < self._turns[-1].end - self.TURNS:
            self._turns.popleft()

    def on(self, segment: Segment) -> Segment:
        """The segment with the voice that spoke it, where the diarizer knows."""
        return attribute(segment, self._turns)
