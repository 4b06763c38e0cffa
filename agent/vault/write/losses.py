"""What was to be kept and could not be: counted by cause, for whoever runs this."""

from __future__ import annotations

from collections.abc import Mapping

CAUSES = ("no_key", "internal", "memory", "unreadable")
"""`no_key`: finals that nobody gave us a key for. `internal`: finals that a fault of ours cost their keeping.
`memory`: rows that the disk did not take and that were in memory for too long: too many others came, or the process
ended. `unreadable`: rows of a damaged file."""


class Losses:
    """Counts of one meeting, or of what a worker replays.

    The spool's thread counts what is `unreadable`, the event loop everything else: no count has two writers.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(CAUSES, 0)

    def add(self, cause: str, count: int = 1) -> None:
        """So many more were lost. `cause` is one of `CAUSES`."""
        self._counts[cause] += count

    @property
    def counts(self) -> Mapping[str, int]:
        """How many were lost so far, by cause; without those of which there are none."""
        return {cause: count for cause, count in self._counts.items() if count}
