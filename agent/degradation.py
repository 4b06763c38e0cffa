"""What is given up, and in which order, where engines cannot keep up with a room; and taken back."""

from __future__ import annotations

from .load import Load

STATES = ("listening", "degraded", "slower", "merging", "captions_only", "skipping")
"""The steps from the bottom, as people are told them. Each gives up something more: previews of translations, quick
ticks of recognition, clauses translated one by one, voices, the oldest sound that nobody has heard yet."""


class Degradation:
    """Climbs a step when more than `HIGH` seconds wait for `UP` looks; steps back when less than `LOW` do for `DOWN`.

    Refusals alone climb no further than to `FEWER`: they are answered by asking for less, which the steps up to it
    do; what comes after is for a room that really is behind.
    """

    HIGH, LOW, UP, DOWN = 4.0, 1.5, 3, 10
    TOP = len(STATES) - 1
    REFUSED = 2
    FEWER = 2
    KEPT, KEPT_LEAST = 20.0, 3.0
    """Seconds of sound that may wait on a track, below the top and on it."""

    def __init__(self) -> None:
        self.step = 0
        self._bad = self._good = 0

    def look(self, load: Load) -> bool:
        """One look a second. True where the step changed."""
        before = self.step
        refused = load.refused >= self.REFUSED and self.step < self.FEWER
        calm = load.refused == 0 or self.step > self.FEWER
        self._bad = self._bad + 1 if load.seconds > self.HIGH or refused else 0
        self._good = self._good + 1 if load.seconds < self.LOW and calm else 0
        if self._bad >= self.UP and self.step < self.TOP:
            self.step, self._bad = self.step + 1, 0
        if self._good >= self.DOWN and self.step > 0:
            self.step, self._good = self.step - 1, 0
        return self.step != before

    @property
    def state(self) -> str:
        """As people are told it."""
        return STATES[self.step]

    @property
    def previews(self) -> bool:
        """Whether the beginning of a clause is translated before its end."""
        return self.step < 1

    @property
    def slow(self) -> bool:
        """Whether recognition makes passes half as often."""
        return self.step >= 2

    @property
    def merging(self) -> bool:
        """Whether clauses of one speaker that wait are translated as one."""
        return self.step >= 3

    @property
    def voices(self) -> bool:
        """Whether captions are spoken."""
        return self.step < 4

    @property
    def kept(self) -> float:
        """Seconds of sound that may wait on a track; beyond them the oldest is skipped."""
        return self.KEPT if self.step < self.TOP else self.KEPT_LEAST
