"""How far behind a room is: what waits, what was refused, and how long each stage took lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

STAGES = ("recognise", "translate", "speak")


@dataclass(frozen=True, slots=True)
class Load:
    """How far a room is behind: seconds that wait, and requests that were refused."""

    sound: float = 0.0
    """Seconds of sound in the longest inbox."""
    clause: float = 0.0
    """Seconds since the oldest clause was said that is not translated yet."""
    voice: float = 0.0
    """Seconds since a voice was asked for that has not begun yet."""
    refused: int = 0
    """How often an engine answered `overloaded` in the last seconds."""

    @property
    def seconds(self) -> float:
        return max(self.sound, self.clause, self.voice)


@dataclass(slots=True)
class Delays:
    """Seconds that a stage took lately."""

    WINDOW = 60.0
    _took: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=500))

    def add(self, now: float, seconds: float) -> None:
        self._took.append((now, seconds))

    def p50(self, now: float) -> float | None:
        """The median of the last minute; None where nothing happened."""
        recent = [seconds for at, seconds in self._took if at > now - self.WINDOW]
        return median(recent) if recent else None


class LoadMeter:
    """Remembers what happened lately: at most 500 clauses and answers a stage, and 100 refusals."""

    LATELY = 5.0
    """Seconds for which a refusal by an engine counts."""
    CLAUSES = 500

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._delays = {stage: Delays() for stage in STAGES}
        self._refusals: deque[float] = deque(maxlen=100)
        self._said: dict[str, float] = {}

    def took(self, stage: str, seconds: float) -> None:
        """A stage has answered."""
        self._delays[stage].add(self._now(), seconds)

    def refused(self) -> None:
        """An engine had too much to do."""
        self._refusals.append(self._now())

    def said(self, clause: str) -> None:
        """A clause was settled, and waits for its translations."""
        self._said[clause] = self._now()
        while len(self._said) > self.CLAUSES:
            del self._said[next(iter(self._said))]

    def delays(self) -> dict[str, float]:
        """Median seconds per stage of the last minute, where known."""
        now = self._now()
        known = {stage: delays.p50(now) for stage, delays in self._delays.items()}
        return {stage: round(p50, 3) for stage, p50 in known.items() if p50 is not None}

    def load(self, sound: float, settling: Iterable[str | None], voices: Iterable[float]) -> Load:
        """`sound` waits in the longest inbox, languages are at the clauses `settling`, and `voices` wait so long."""
        now = self._now()
        clauses = [now - self._said.get(clause or "", now) for clause in settling]
        refused = sum(at > now - self.LATELY for at in self._refusals)
        return Load(sound, max(clauses, default=0.0), max(voices, default=0.0), refused)
