"""What is done with a journal between its writes: to wipe, to empty the write-ahead log, to bring it to the disk.

What goes wrong where this is late, and what happens when:

- **A wrapped key can be read out of the file after Postgres has it.** A wipe overwrites it in the file, and the log,
  which holds the bytes from before, is emptied right after, whether or not there is a pause in what is written.
- **A sealed record can be.** It is overwritten with the next write, or after `TIDY` seconds without one. The log is
  emptied at least every `EMPTIED` seconds, not after each wipe: a write after that waits for the disk twice.
- **A power cut takes what was shown before the disk had it** (`sync_after`). It is brought there `SOON` after the last
  write, and `SYNCED` after the first one that waits at the latest. Where the disk refuses, nothing more is shown
  before the disk has it: every later write waits for its own fsync.

Where the disk says no to a wipe, the next acknowledgement brings another one. The wipe comes before the emptying:
the other way round, the wipe itself would leave the bytes from before in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .disk_errors import attempt
from .spool_file import Item
from .store import Key

log = logging.getLogger(__name__)

Seconds = float

TIDY: Seconds = 0.5
"""Without anything to write for so long, what was acknowledged is wiped."""
EMPTIED: Seconds = 60.0
"""After so long the write-ahead log is emptied, though no key is in it."""
SOON: Seconds = 0.02
"""Without anything to write for so long, what waits for its fsync is brought to the disk."""
SYNCED: Seconds = 0.1
"""After so long it is, though there is always something to write."""


class Tended(Protocol):
    """What upkeep asks of a journal; each may raise as the disk does."""

    @property
    def unwiped(self) -> bool: ...

    def wipe(self) -> None: ...

    def empty_log(self) -> bool: ...

    def sync(self) -> None: ...

    def wait_for_disk(self) -> None: ...


class Upkeep:
    """Knows what is due for one journal, and does it. For the thread that writes."""

    def __init__(self, journal: Tended, *, sync_after: bool, now: Callable[[], Seconds] = time.monotonic) -> None:
        self._journal = journal
        self._sync_after = sync_after
        self._now = now
        self._logged = False
        """Whether something is in the write-ahead log, and in `_keyed`, whether a key is in it or in the file."""
        self._keyed = False
        self._emptied = now()
        self._unsynced: Seconds | None = None
        """Since when something waits for its fsync."""

    def wrote(self, items: Sequence[Item]) -> None:
        """These are about to be written."""
        self._logged = True
        self._keyed = self._keyed or any(isinstance(item, Key) for item in items)

    @property
    def patience(self) -> Seconds | None:
        """How long to wait for something to write before `rest`; None: for ever."""
        if self._unsynced is not None:
            return SOON
        if self._journal.unwiped:
            return TIDY
        return max(TIDY, self._emptied + EMPTIED - self._now()) if self._logged else None

    def rest(self) -> None:
        """Nothing came to be written for that long."""
        if self._unsynced is None:
            self._tidy()
        else:
            self._sync()

    def proceed(self) -> None:
        """After each round of work: what can't wait for a pause, which may never come."""
        if self._sync_after and self._unsynced is None:
            self._unsynced = self._now()
        if self._unsynced is not None and self._now() - self._unsynced >= SYNCED:
            self._sync()
        if self._overdue or (self._journal.unwiped and self._keyed):
            self._tidy()

    def empty_log(self) -> None:
        """At once: something was destroyed. Raises as the disk does."""
        self._emptied = self._now()
        self._logged = False
        self._keyed = self._journal.empty_log()

    @property
    def _overdue(self) -> bool:
        return self._logged and self._now() - self._emptied >= EMPTIED

    def _tidy(self) -> None:
        if self._journal.unwiped:
            attempt(self._journal.wipe)
            if self._keyed:
                attempt(self.empty_log)
        if self._overdue:
            attempt(self.empty_log)

    def _sync(self) -> None:
        self._unsynced = None
        if error := attempt(self._journal.sync):
            log.error("what is kept could not be brought to the disk: %s", error)
            self._sync_after = False
            self._journal.wait_for_disk()
