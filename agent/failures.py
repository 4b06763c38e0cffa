"""What failed in a room: how often, and what does not work just now."""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Mapping

from .errors import code_of

log = logging.getLogger(__name__)


class Failures:
    """Counts the falls of a room's parts, and tells which part fails now and by which code.

    A part is named by its kind and, after a dot, whose it is: `captions.fr`, `dub.de`, `track.TR_x`, `keeping`. It is
    told for `LATELY` seconds after it fell last, which is longer than it takes to be tried again: one that can't stand
    up is told all the time. At most `MOST` parts are told, the newest.
    """

    LATELY = 15.0
    MOST = 40

    def __init__(
        self, now: Callable[[], float], tell: Callable[[Mapping[str, str]], None] = lambda failing: None
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """By kind of part and code: a handful of either."""
        self._now = now
        self._tell = tell
        self._lately: dict[str, tuple[float, str]] = {}

    def fell(self, part: str, error: BaseException) -> None:
        """A part fell over something. The log says where in the program, never over what words."""
        code = code_of(error)
        log.warning("%s failed: %s (%s) %s", part, type(error).__name__, code, _place(error))
        self.counts[part.partition(".")[0], code] += 1
        before = self._lately.pop(part, None)
        self._lately[part] = self._now(), code
        if len(self._lately) > self.MOST:
            del self._lately[next(iter(self._lately))]
        if before is None or before[1] != code:
            self._tell(self.failing)

    @property
    def failing(self) -> dict[str, str]:
        """The parts that fell lately, and the code of each."""
        return {part: code for part, (_, code) in self._lately.items()}

    @property
    def by_kind(self) -> dict[str, int]:
        """How often parts of each kind fell, all codes together."""
        kinds: Counter[str] = Counter()
        for (kind, _), count in self.counts.items():
            kinds[kind] += count
        return dict(kinds)

    def look(self) -> None:
        """Once a second: what stood up is told no longer."""
        stood = [part for part, (at, _) in self._lately.items() if at < self._now() - self.LATELY]
        for part in stood:
            del self._lately[part]
        if stood:
            self._tell(self.failing)


def _place(error: BaseException) -> str:
    """Where it happened: a file and a line of ours, or of a library's."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
