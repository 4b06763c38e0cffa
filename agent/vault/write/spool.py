"""An encrypted log on this machine's disk: what was said is in it before anybody sees it, and until Postgres has it.

One SQLite file a job, under a lock that dies with its process. It holds sealed records, ids and wrapped keys: without
the tenant's keys, which are elsewhere, nothing that was said can be read in it.

What can go wrong, and why things happen in this order:

- **The process is killed.** `put` is done only when the bytes are in the file (and on the disk, unless `sync_after`),
  and a final is shown only then. A worker finds the file by its free lock, and carries on (`replay`).
- **Postgres has it and we die before we know.** Storing the same record twice changes nothing there, so what isn't
  acknowledged is sent again.
- **A wiped record can be read out of the file.** SQLite overwrites what is deleted (`secure_delete`), and the
  write-ahead log, which holds the bytes from before, is emptied within `EMPTIED` seconds; at once where a key stood in
  it.
- **Somebody is erased while their words wait.** Postgres refuses what it is sent under a destroyed key, and `forget`
  wipes the rest of that key here.
- **The disk is full or says no.** The put fails, `spool_failing`, people are told that nothing is kept, and it is
  tried again.
- **The file is damaged.** It is set aside, what can be read of it goes into a fresh one, and the rest is counted.

The order for each record: put and sync, show, take, store in Postgres, acknowledge, wipe. At the end of the meeting
the file goes once it is empty.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from ...errors import VaultError
from . import spool_file
from .lock import Lock
from .spool_file import Item
from .store import Batch, Key, Meeting

log = logging.getLogger(__name__)

T = TypeVar("T")

SUFFIX = ".spool"
SET_ASIDE = ".damaged"
TIDY = 0.5
"""Seconds without anything to write, after which what was acknowledged is wiped."""
EMPTIED = 60.0
"""Seconds after which the write-ahead log is emptied, which holds the bytes from before; where there is a key among
them, as soon as it is wiped. A write after that syncs twice, so this isn't done after each."""
MOST = 1_000
"""Records of a batch."""
SOON = 0.02
"""Seconds without anything to write, after which what was shown before the disk had it is brought there."""
SYNCED = 0.1
"""Seconds after which it is, though there is always something to write."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch out of the spool, and how far it reaches in which of its files."""

    batch: Batch
    file: int
    upto: spool_file.Upto


@dataclass(frozen=True, slots=True)
class _Put:
    items: Sequence[Item]
    done: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    done: asyncio.Future[Any]


class Spool:
    """One meeting's records until Postgres has them.

    A thread of its own writes: whatever waits while it writes is written together next, with one fsync. Failures are
    `VaultError`: `spool_failing` (the disk is full, or says no; it may pass), or `spool_damaged` where even a fresh
    file could not be begun.

    With `sync_after` a put is done when it is in the file, and would survive the death of every process; the fsync
    follows `SYNCED` seconds later at most.
    """

    def __init__(
        self,
        path: Path,
        lock: Lock,
        meeting: Meeting | None,
        loop: asyncio.AbstractEventLoop,
        *,
        sync_after: bool = False,
    ) -> None:
        self.path = path
        self.damaged = 0
        """How often a file had to be set aside."""
        self.unreadable = 0
        """Rows of those that could not be read any more."""
        self._lock = lock
        self._loop = loop
        self._asked: queue.SimpleQueue[_Put | _Job] = queue.SimpleQueue()
        self._file = 0
        self._acknowledged = (0, spool_file.NOTHING)
        self._untidy = False
        self._logged = False
        self._keyed = False
        self._emptied = time.monotonic()
        self._sync_after = sync_after
        self._unsynced: float | None = None
        """Since when something waits for its fsync."""
        self._closed = False
        self._connection: sqlite3.Connection
        self.meeting = self._begin(meeting)
        self._thread = threading.Thread(target=self._serve, name="spool", daemon=True)
        self._thread.start()

    @classmethod
    async def create(cls, folder: Path, meeting: Meeting, *, sync_after: bool = False) -> Spool:
        """A fresh one. Raises `VaultError` (`spool_failing`)."""
        loop = asyncio.get_running_loop()

        def make() -> Spool:
            path = folder / f"{meeting.id}-{secrets.token_hex(4)}{SUFFIX}"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            lock = Lock(path)
            while not lock.take():  # whoever discards locks was between its making and its taking
                pass
            return cls(path, lock, meeting, loop, sync_after=sync_after)

        with _failing():
            return await asyncio.to_thread(make)

    @classmethod
    async def adopt(cls, path: Path) -> Spool | None:
        """One that a dead process left; None where its owner lives, or it is gone. Raises `VaultError`."""
        loop = asyncio.get_running_loop()

        def take() -> Spool | None:
            lock = Lock(path)
            if not lock.take():
                return None
            try:
                return cls(path, lock, None, loop) if path.exists() else None
            finally:
                if not path.exists():
                    lock.release(remove=True)

        with _failing():
            return await asyncio.to_thread(take)

    def put(self, items: Sequence[Item]) -> asyncio.Future[None]:
        """Write this down: done when it would survive what this spool is for. In the order in which it is called."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._asked.put(_Put(items, done))
        return done

    async def take(self, most: int = MOST) -> Taken:
        """The oldest that was not acknowledged."""
        return await self._ask(lambda: self._take(most))

    def acknowledge(self, taken: Taken) -> None:
        """Postgres has it. It is wiped with the next write, or soon."""
        self._acknowledged = (taken.file, taken.upto)
        self._asked.put(_Job(self._nudged, self._loop.create_future()))

    async def forget(self, keys: Iterable[UUID]) -> None:
        """These keys were destroyed: what they seal and they themselves are wiped, now."""
        dead = list(keys)
        await self._ask(lambda: self._forget(dead))

    async def over(self) -> None:
        """The meeting is over: whoever replays this says so to Postgres."""
        await self._ask(lambda: self._set_over(True))

    async def said_over(self) -> None:
        """It was said."""
        await self._ask(lambda: self._set_over(False))

    async def is_over(self) -> bool:
        return await self._ask(lambda: spool_file.is_over(self._connection))

    async def close(self) -> bool:
        """Ends. Answers whether all was acknowledged: then the file is gone, else it stays for whoever replays it."""
        if self._closed:
            return True
        self._closed = True
        empty = await self._ask(self._end)
        await asyncio.to_thread(self._thread.join)
        return empty

    # In the thread

    def _serve(self) -> None:
        while not (self._closed and self._asked.empty()):
            try:
                asked = [self._asked.get(timeout=self._patience())]
            except queue.Empty:
                if self._unsynced is None:
                    self._tidy()
                else:
                    self._sync()
                continue
            with suppress(queue.Empty):
                while True:
                    asked.append(self._asked.get_nowait())
            if puts := [one for one in asked if isinstance(one, _Put)]:
                self._write(puts)
            for one in asked:
                if isinstance(one, _Job):
                    self._do(one)
            if self._sync_after and self._unsynced is None:
                self._unsynced = time.monotonic()
            if self._unsynced is not None and time.monotonic() - self._unsynced >= SYNCED:
                self._sync()
            if self._overdue or (self._untidy and self._keyed):  # without waiting for a pause, which may never come
                self._tidy()

    def _write(self, puts: Sequence[_Put]) -> None:
        items = [item for put in puts for item in put.items]
        error = self._failure(lambda: self._insert(items))
        if error and error.code == "spool_damaged":
            error = self._failure(lambda: self._set_aside(items))
        elif error and not self._failure(self._renew):
            error = self._failure(lambda: self._insert(items))
        self._tell([(put.done, None, error) for put in puts])

    def _do(self, job: _Job) -> None:
        answer: list[Any] = [None]

        def work() -> None:
            answer[0] = job.work()

        error = self._failure(work)
        if error and error.code == "spool_damaged":
            error = self._failure(lambda: self._set_aside([])) or self._failure(work)
        self._tell([(job.done, answer[0], error)])

    @staticmethod
    def _failure(work: Callable[[], object]) -> VaultError | None:
        try:
            with _failing():
                work()
        except VaultError as error:
            return error
        return None

    def _tell(self, outcomes: Sequence[tuple[asyncio.Future[Any], Any, VaultError | None]]) -> None:
        def settle() -> None:
            for done, answer, error in outcomes:
                if done.done():
                    continue
                if error:
                    done.set_exception(error)
                    done.exception()  # whoever doesn't ask for it needs no warning
                else:
                    done.set_result(answer)

        with suppress(RuntimeError):  # the loop has ended, and with it all who wait
            self._loop.call_soon_threadsafe(settle)

    def _begin(self, meeting: Meeting | None) -> Meeting:
        """Opens the file; where it can't be read, what can be goes into a fresh one. Raises `sqlite3.Error`."""
        try:
            self._open()
            if meeting:
                spool_file.begin(self._connection, meeting)
                return meeting
            spool_file.check(self._connection)
            return spool_file.meeting(self._connection)
        except sqlite3.DatabaseError as error:
            if meeting or not spool_file.is_damage(error):
                raise
        return self._set_aside([])

    def _open(self) -> None:
        self._connection = spool_file.open_(self.path, wait=not self._sync_after)

    def _insert(self, items: Sequence[Item]) -> None:
        if not self.path.exists():  # SQLite would go on writing into a file that nobody finds again
            raise VaultError("spool_damaged", "The spool's file is gone.")
        self._logged = True
        self._keyed = self._keyed or any(isinstance(item, Key) for item in items)
        with spool_file.transaction(self._connection):
            spool_file.insert(self._connection, items)
            if self._untidy:
                spool_file.delete(self._connection, self._done)

    def _sync(self) -> None:
        """Brings to the disk what is in the file. Where that fails, whatever comes next waits for its fsync."""
        self._unsynced = None
        if error := self._failure(lambda: spool_file.sync(self.path)):
            log.error("what is kept could not be brought to the disk: %s", error)
            self._sync_after = False
            spool_file.wait_for_disk(self._connection, True)

    def _take(self, most: int) -> Taken:
        batch, upto = spool_file.read(self._connection, self._done, most)
        return Taken(batch, self._file, upto)

    @property
    def _done(self) -> spool_file.Upto:
        """How far this file is acknowledged; what was taken out of an earlier one is given again."""
        file, upto = self._acknowledged
        return upto if file == self._file else spool_file.NOTHING

    def _nudged(self) -> None:
        self._untidy = True

    def _forget(self, dead: Sequence[UUID]) -> None:
        with spool_file.transaction(self._connection):
            spool_file.delete(self._connection, self._done)
            spool_file.forget(self._connection, dead)
        self._empty_log()

    def _set_over(self, over: bool) -> None:
        with spool_file.transaction(self._connection):
            spool_file.set_over(self._connection, over)

    @property
    def _overdue(self) -> bool:
        return self._logged and time.monotonic() - self._emptied >= EMPTIED

    def _patience(self) -> float | None:
        """How long to wait for something to write, with something to tidy."""
        if self._unsynced is not None:
            return SOON
        if self._untidy:
            return TIDY
        return max(TIDY, self._emptied + EMPTIED - time.monotonic()) if self._logged else None

    def _tidy(self) -> None:
        # Where the disk says no it is tried again with the next acknowledgement.
        if self._untidy:
            self._untidy = False
            self._failure(self._wipe)
            if self._keyed:
                self._failure(self._empty_log)
        if self._overdue:
            self._failure(self._empty_log)

    def _wipe(self) -> None:
        with spool_file.transaction(self._connection):
            spool_file.delete(self._connection, self._done)

    def _empty_log(self) -> None:
        self._emptied = time.monotonic()
        self._logged = False
        spool_file.truncate(self._connection)
        self._keyed = spool_file.holds_keys(self._connection)

    def _renew(self) -> None:
        """A fresh file where nothing is left in the old one: even to delete something takes room, on a full disk."""
        if spool_file.read(self._connection, self._done, 1)[0] or spool_file.is_over(self._connection):
            raise VaultError("spool_failing", "The disk does not take it, and what is there must stay.")
        self._connection.close()
        spool_file.remove(self.path)
        self._file += 1
        self._open()
        spool_file.begin(self._connection, self.meeting)

    def _set_aside(self, items: Sequence[Item]) -> Meeting:
        """Goes on in a fresh file, with what can still be read of the old one."""
        found = spool_file.salvage(self.path, getattr(self, "_connection", None), self._done)
        aside = self.path.with_suffix(f".{secrets.token_hex(4)}{SET_ASIDE}")
        spool_file.rename(self.path, aside)
        self.damaged += 1
        self.unreadable += found.unreadable
        log.error("a spool is damaged and was set aside: %d rows read, %d not", len(found.items), found.unreadable)
        meeting = found.meeting or getattr(self, "meeting", None)
        if meeting is None:
            raise VaultError("spool_damaged", "Nothing says of which meeting this spool is.")
        self._file += 1
        self._open()
        spool_file.begin(self._connection, meeting)
        with spool_file.transaction(self._connection):
            spool_file.insert(self._connection, [*found.items, *items])
            if found.over:
                spool_file.set_over(self._connection, True)
        return meeting

    def _end(self) -> bool:
        empty = False
        try:
            with suppress(sqlite3.Error):
                self._wipe()
                empty = spool_file.is_empty(self._connection)
            self._connection.close()
        finally:
            if empty:
                spool_file.remove(self.path)
            self._lock.release(remove=empty)
        return empty

    async def _ask(self, work: Callable[[], T]) -> T:
        done: asyncio.Future[T] = self._loop.create_future()
        self._asked.put(_Job(work, done))
        return await done


@contextmanager
def _failing() -> Iterator[None]:
    """SQLite's and the disk's many ways to fail, as one error."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if spool_file.is_damage(error):
            raise VaultError("spool_damaged", "The spool's file can't be read.") from error
        raise VaultError("spool_failing", f"The disk does not take it ({error.sqlite_errorname}).") from error
    except OSError as error:
        raise VaultError("spool_failing", f"The disk does not take it ({error.strerror}).") from error
