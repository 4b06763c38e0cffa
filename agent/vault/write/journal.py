"""The file of a spool: rows are appended, taken, acknowledged and wiped; a bad file is replaced by a fresh one.

What can go wrong, and what happens then, in this order:

- **The file is damaged.** It is renamed to `.damaged`; every row that can still be read goes into a fresh file, and
  the others are counted as lost. The rename comes first: should we die in between, nothing is written over.
- **The file was deleted under us.** SQLite would go on writing into a file that nobody finds again, so every append
  looks for it first. A file that is gone is handled as a damaged one, whose rows the open connection still reads.
- **The disk is full.** Even to delete something takes room then. Where Postgres has everything that is in the file, and
  nobody has to be told that the meeting is over, the file is removed and begun anew. Else the append fails, and what
  is there stays.
- **A batch that was taken out of one file is acknowledged in the next.** Row numbers begin at one in each file. So an
  acknowledgement names the file's generation, and one of an earlier generation deletes nothing: those rows are taken
  once more, and Postgres stores each row once.
- **What was wiped is read out of the file.** SQLite overwrites what is deleted (`secure_delete`). The write-ahead log
  still holds the bytes from before until `empty_log`; when that happens is decided in `upkeep`.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from ...errors import VaultError
from . import spool_file
from .disk_errors import attempt, disk
from .losses import Losses
from .spool_file import Item
from .store import Batch, Meeting

log = logging.getLogger(__name__)

T = TypeVar("T")

SET_ASIDE = ".damaged"


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch of rows, and how far it reaches in which generation of the file."""

    batch: Batch
    generation: int
    upto: spool_file.Upto


class Journal:
    """One meeting's rows on the disk. For one thread at a time; raises `VaultError`, `sqlite3.Error` or `OSError`.

    Without a meeting it opens a file that is there, and says in `meeting` of which one it is.
    """

    def __init__(self, path: Path, meeting: Meeting | None, losses: Losses, *, wait: bool = True) -> None:
        self.path = path
        self.damaged = 0
        """How often a file had to be set aside."""
        self.unwiped = False
        """Whether something was acknowledged since the last wipe."""
        self.losses = losses
        self._wait = wait
        self._generation = 0
        self._acknowledged = (0, spool_file.NOTHING)
        self._connection: sqlite3.Connection
        self.meeting = self._begin(meeting)

    def append(self, items: Sequence[Item]) -> None:
        """Write this down, in one transaction; in a fresh file where that helps. Raises `VaultError`."""
        error = attempt(lambda: self._insert(items))
        if error and error.code == "spool_damaged":
            error = attempt(lambda: self._set_aside(items))
        elif error and not attempt(self._renew):
            error = attempt(lambda: self._insert(items))
        if error:
            raise error

    def recover(self, work: Callable[[], T]) -> T:
        """Do something with this; once more in a fresh file where this one is damaged. Raises `VaultError`."""
        try:
            with disk():
                return work()
        except VaultError as error:
            if error.code != "spool_damaged":
                raise
        with disk():
            self._set_aside([])
            return work()

    def take(self, most: int) -> Taken:
        """The oldest rows that were not acknowledged: so many records, and all keys and speakers."""
        batch, upto = spool_file.read(self._connection, self._done, most)
        return Taken(batch, self._generation, upto)

    def acknowledge(self, taken: Taken) -> None:
        """Postgres has it: it is not taken again, and goes with the next append or wipe. From any thread."""
        self._acknowledged = (taken.generation, taken.upto)
        self.unwiped = True  # in this order: a wipe in between may find it done, but never leaves it for good

    def wipe(self) -> None:
        """Overwrite what was acknowledged."""
        self.unwiped = False
        with spool_file.transaction(self._connection):
            spool_file.delete(self._connection, self._done)

    def forget(self, dead: Iterable[UUID]) -> None:
        """Overwrite these keys and what they seal, and what was acknowledged."""
        with spool_file.transaction(self._connection):
            spool_file.delete(self._connection, self._done)
            spool_file.forget(self._connection, dead)

    def empty_log(self) -> bool:
        """Empty the write-ahead log, which holds what rows were before. Answers whether a key is in the file still."""
        spool_file.truncate(self._connection)
        return spool_file.holds_keys(self._connection)

    def sync(self) -> None:
        """Bring to the disk what is in the file."""
        spool_file.sync(self.path)

    def wait_for_disk(self) -> None:
        """From here on every append waits for its own fsync."""
        self._wait = True
        spool_file.wait_for_disk(self._connection, True)

    def set_over(self, over: bool) -> None:
        """Whether Postgres has still to be told that the meeting is over."""
        with spool_file.transaction(self._connection):
            spool_file.set_over(self._connection, over)

    def is_over(self) -> bool:
        return spool_file.is_over(self._connection)

    def close(self) -> bool:
        """Answers whether all was acknowledged: then the file is gone."""
        empty = False
        try:
            with suppress(sqlite3.Error):
                self.wipe()
                empty = spool_file.is_empty(self._connection)
            self._connection.close()
        finally:
            if empty:
                spool_file.remove(self.path)
        return empty

    @property
    def _done(self) -> spool_file.Upto:
        """How far this file is acknowledged; what was taken out of an earlier one is given again."""
        generation, upto = self._acknowledged
        return upto if generation == self._generation else spool_file.NOTHING

    def _begin(self, meeting: Meeting | None) -> Meeting:
        """Opens the file; where it can't be read, what can be goes into a fresh one. Raises `sqlite3.Error`."""
        opened: sqlite3.Connection | None = None
        try:
            opened = self._open()
            if meeting:
                spool_file.begin(opened, meeting)
                return meeting
            spool_file.check(opened)
            return spool_file.meeting(opened)
        except sqlite3.DatabaseError as error:
            if meeting or not spool_file.is_damage(error):
                raise
        return self._salvage(opened, None, [])

    def _open(self) -> sqlite3.Connection:
        self._connection = spool_file.open_(self.path, wait=self._wait)
        return self._connection

    def _insert(self, items: Sequence[Item]) -> None:
        if not self.path.exists():
            raise VaultError("spool_damaged", "The spool's file is gone.")
        with spool_file.transaction(self._connection):
            spool_file.insert(self._connection, items)
            if self.unwiped:
                spool_file.delete(self._connection, self._done)

    def _renew(self) -> None:
        if spool_file.read(self._connection, self._done, 1)[0] or spool_file.is_over(self._connection):
            raise VaultError("spool_failing", "The disk does not take it, and what is there must stay.")
        self._connection.close()
        spool_file.remove(self.path)
        self._generation += 1
        spool_file.begin(self._open(), self.meeting)

    def _set_aside(self, items: Sequence[Item]) -> None:
        self.meeting = self._salvage(self._connection, self.meeting, items)

    def _salvage(self, old: sqlite3.Connection | None, meeting: Meeting | None, items: Sequence[Item]) -> Meeting:
        """Goes on in a fresh file, with what can still be read of the old one and with these items."""
        found = spool_file.salvage(self.path, old, self._done)
        spool_file.rename(self.path, self.path.with_suffix(f".{secrets.token_hex(4)}{SET_ASIDE}"))
        self.damaged += 1
        log.error("a spool is damaged and was set aside: %d rows read, %d not", len(found.items), found.unreadable)
        lost = found.unreadable + len(found.items)  # until they are in the fresh file
        try:
            meeting = found.meeting or meeting
            if meeting is None:
                raise VaultError("spool_damaged", "Nothing says of which meeting this spool is.")
            self._generation += 1
            self._fill(self._open(), meeting, [*found.items, *items], found.over)
            lost = found.unreadable
        finally:
            self.losses.add("unreadable", lost)
        return meeting

    @staticmethod
    def _fill(fresh: sqlite3.Connection, meeting: Meeting, items: Sequence[Item], over: bool) -> None:
        spool_file.begin(fresh, meeting)
        with spool_file.transaction(fresh):
            spool_file.insert(fresh, items)
            if over:
                spool_file.set_over(fresh, True)
