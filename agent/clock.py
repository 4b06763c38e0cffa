"""The room's clock: the one place that says when a sample was spoken."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from .nouns import SAMPLE_RATE


class RoomClock:
    """Seconds since the LiveKit room was made, the same for every interpreter it will have.

    Reads the wall clock once and runs on the monotonic one, so a wall clock that is
    corrected in mid-meeting moves nothing. `zero` is when the room was made, Unix seconds.
    """

    def __init__(
        self,
        room_made: float,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steady = steady
        self.zero = room_made
        self._zero = steady() - (wall() - room_made)

    def now(self) -> float:
        """Seconds on the room's clock."""
        return self._steady() - self._zero


class TrackClock:
    """Says when the samples of one track were spoken.

    LiveKit's frames carry no capture time, so we count samples from the first one's arrival.
    The count never runs ahead of the clock; where it stays `PATIENCE` seconds behind for a
    whole `WINDOW`, sound was lost on the way (not merely late), and it steps forward.
    """

    WINDOW = 3.0
    PATIENCE = 0.3

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._next: float | None = None
        self._lags: deque[tuple[float, float]] = deque()

    def stamp(self, samples: int) -> float:
        """The start of the next `samples` 16 kHz samples, which have just arrived."""
        length, now = samples / SAMPLE_RATE, self._now()
        if self._next is None or self._next + length > now:
            self._next = now - length
            self._lags.clear()
        start = self._next + self._step(now, now - self._next - length)
        self._next = start + length
        return start

    def _step(self, now: float, lag: float) -> float:
        self._lags.append((now, lag))
        while self._lags[0][0] < now - self.WINDOW:
            self._lags.popleft()
        lost = min(lag for _, lag in self._lags)
        if now - self._lags[0][0] < self.WINDOW * 0.9 or lost < self.PATIENCE:
            return 0.0
        self._lags.clear()
        return lost
