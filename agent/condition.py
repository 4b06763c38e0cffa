"""How a room is: what fell, how far behind it is, what is given up for that, and what people are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .degradation import Degradation
from .errors import EngineError
from .failures import Failures
from .load import Load, LoadMeter


class Condition:
    """One room's. `changed` is called whenever `state` may be another."""

    def __init__(
        self, now: Callable[[], float], failures: Failures, degradation: Degradation, changed: Callable[[], None]
    ) -> None:
        self.now = now
        self.failures = failures
        self.gives_up = degradation
        self._meter = LoadMeter(now)
        self._changed = changed
        self._started = self._away = False

    @property
    def state(self) -> str:
        """As people are told it: `starting`, what was given up, or `engines_away`."""
        if not self._started:
            return "starting"
        return "engines_away" if self._away else self.gives_up.state

    @property
    def delays(self) -> dict[str, float]:
        """Median seconds per stage of the last minute, where known."""
        return self._meter.delays()

    def started(self) -> None:
        """We are in the room and can hear."""
        self._started = True
        self._changed()

    def said(self, clause: str, end: float) -> None:
        """A clause was settled that ended then."""
        self.took("recognise", self.now() - end)
        self._meter.said(clause)

    def took(self, stage: str, seconds: float) -> None:
        """A stage has answered."""
        self._meter.took(stage, seconds)
        self.answered()

    def answered(self) -> None:
        """Engines are there."""
        if self._away:
            self._away = False
            self._changed()

    def failed(self, error: EngineError) -> None:
        """An engine answered so, and is asked again."""
        if error.code in ("engines_away", "loading"):
            self._away = True
            self._changed()
        elif error.code == "overloaded":
            self._meter.refused()

    def load(self, sound: float, settling: Iterable[str | None], voices: Iterable[float]) -> Load:
        """How far behind we are; the arguments are `LoadMeter.load`'s."""
        return self._meter.load(sound, settling, voices)

    def look(self, load: Load) -> bool:
        """Once a second. Whether more is given up than before, or less."""
        self.failures.look()
        # Engines that are away are no machine that is busy: what waits for them says nothing.
        return not self._away and self.gives_up.look(load)
