"""Rows that are held in memory while the disk takes none."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ...nouns import Record
from .losses import Losses
from .spool_file import Item
from .store import Batch, Key, Speaker

HELD = 10_000
"""Rows; beyond it the oldest are lost, and counted."""


class HeldRows:
    """In the order in which they came. They go to Postgres from here; they die with the process."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._rows: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def hold(self, items: Sequence[Item]) -> None:
        """Keep these too; the oldest make room where there are too many."""
        self._rows.extend(items)
        while len(self._rows) > HELD:
            self._rows.popleft()
            self._losses.add("memory")

    @property
    def rows(self) -> tuple[Item, ...]:
        """All of them, the oldest first."""
        return tuple(self._rows)

    def release(self, carried: Sequence[Item]) -> None:
        """Postgres has these, which were `rows` a moment ago."""
        for item in carried:
            if self._rows and self._rows[0] is item:  # else it had to make room meanwhile
                self._rows.popleft()

    def give_up(self) -> int:
        """Nobody carries the rest: it is lost. Answers how many rows that were."""
        count = len(self._rows)
        self._rows.clear()
        self._losses.add("memory", count)
        return count


def batch_of(rows: Sequence[Item]) -> Batch:
    """The same rows, by kind."""
    return Batch(
        tuple(row for row in rows if isinstance(row, Key)),
        tuple(row for row in rows if isinstance(row, Speaker)),
        tuple(row for row in rows if isinstance(row, Record)),
    )
