"""An encrypted log on this machine's disk: what was said is in it before anybody sees it, and until Postgres has it.

One SQLite file a job, under a lock that dies with its process. It holds sealed records, ids and wrapped keys: without
the tenant's keys, which are elsewhere, nothing that was said can be read in it.

What can go wrong, and why things happen in this order:

- **The process is killed.** `put` is done only when the bytes are in the file (and on the disk, unless `sync_after`),
  and a final is shown only then. A worker finds the file by its free lock, and carries on (`replay`).
- **Postgres has it and we die before we know.** Storing the same record twice changes nothing there, so what isn't
  acknowledged is sent again.
- **A wiped record can be read out of the file.** SQLite overwrites what is deleted (`secure_delete`), and the
  write-ahead log, which holds the bytes from before, is emptied within a minute; at once where a key stood in it
  (`upkeep`).
- **Somebody is erased while their words wait.** Postgres refuses what it is sent under a destroyed key, and `forget`
  wipes the rest of that key here.
- **The disk is full or says no.** The put fails with `spool_failing`. The recorder holds the rows in memory, people
  see `failing`, and the next put is tried as ever.
- **The file is damaged.** It is set aside, what can be read of it goes into a fresh one, and the rest is counted
  (`journal`).

The order for each record: put and sync, show, take, store in Postgres, acknowledge, wipe. At the end of the meeting
the file goes once it is empty.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from .disk_errors import disk
from .journal import Journal, Taken
from .lock import Lock
from .losses import Losses
from .spool_file import Item
from .store import Meeting
from .upkeep import Upkeep
from .writer import Writer

SUFFIX = ".spool"
MOST = 1_000
"""Records of a batch."""


class Spool:
    """One meeting's records until Postgres has them.

    A thread of its own writes (`Writer`), into a file that is replaced where it is bad (`Journal`). Failures are
    `VaultError`: `spool_failing` (the disk is full, or says no; it may pass), or `spool_damaged` where even a fresh
    file could not be begun.

    With `sync_after` a put is done when it is in the file, and would survive the death of every process; the fsync
    follows `upkeep.SYNCED` seconds later at most.
    """

    def __init__(self, journal: Journal, lock: Lock, loop: asyncio.AbstractEventLoop, *, sync_after: bool) -> None:
        self._journal = journal
        self._lock = lock
        self._upkeep = Upkeep(journal, sync_after=sync_after)
        self._writer = Writer(journal, self._upkeep, loop)
        self._closed = False

    @classmethod
    async def create(
        cls, folder: Path, meeting: Meeting, *, sync_after: bool = False, losses: Losses | None = None
    ) -> Spool:
        """Make a fresh spool. Raises `VaultError` (`spool_failing`)."""
        loop = asyncio.get_running_loop()

        def make() -> Spool:
            path = folder / f"{meeting.id}-{secrets.token_hex(4)}{SUFFIX}"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            lock = Lock(path)
            while not lock.take():  # whoever discards locks was between its making and its taking
                pass
            journal = Journal(path, meeting, losses or Losses(), wait=not sync_after)
            return cls(journal, lock, loop, sync_after=sync_after)

        with disk():
            return await asyncio.to_thread(make)

    @classmethod
    async def adopt(cls, path: Path, *, losses: Losses | None = None) -> Spool | None:
        """Take over what a dead process left. None where its owner lives, or it is gone. Raises `VaultError`."""
        loop = asyncio.get_running_loop()

        def take() -> Spool | None:
            lock = Lock(path)
            if not lock.take():
                return None
            try:
                if not path.exists():
                    return None
                return cls(Journal(path, None, losses or Losses()), lock, loop, sync_after=False)
            finally:
                if not path.exists():
                    lock.release(remove=True)

        with disk():
            return await asyncio.to_thread(take)

    @property
    def path(self) -> Path:
        return self._journal.path

    @property
    def meeting(self) -> Meeting:
        return self._journal.meeting

    @property
    def losses(self) -> Losses:
        """Counts the rows of a damaged file that can't be read."""
        return self._journal.losses

    @property
    def damaged(self) -> int:
        """How often a file had to be set aside."""
        return self._journal.damaged

    def put(self, items: Sequence[Item]) -> asyncio.Future[None]:
        """Write this down, in the order of calls. Done when the disk has it; with `sync_after`, when the file has."""
        return self._writer.put(items)

    async def take(self, most: int = MOST) -> Taken:
        """Answers the oldest records that were not acknowledged, with all keys and speakers."""
        return await self._writer.ask(lambda: self._journal.take(most))

    def acknowledge(self, taken: Taken) -> None:
        """Postgres has this batch. It is wiped with the next write, or half a second later."""
        self._journal.acknowledge(taken)  # here, so that a put that comes next may use its room on a full disk
        self._writer.ask(lambda: None)  # wakes it, to wipe

    async def forget(self, keys: Iterable[UUID]) -> None:
        """These keys were destroyed. Wipe them and what they seal now."""
        dead = list(keys)

        def wipe() -> None:
            self._journal.forget(dead)
            self._upkeep.empty_log()

        await self._writer.ask(wipe)

    async def over(self) -> None:
        """The meeting is over: whoever replays this says so to Postgres."""
        await self._writer.ask(lambda: self._journal.set_over(True))

    async def said_over(self) -> None:
        """Postgres was told that the meeting is over."""
        await self._writer.ask(lambda: self._journal.set_over(False))

    async def is_over(self) -> bool:
        return await self._writer.ask(self._journal.is_over)

    async def close(self) -> bool:
        """End. Answers whether all was acknowledged. Then the file is gone; else it stays for whoever replays it."""
        if self._closed:
            return True
        self._closed = True
        return await self._writer.close(self._end)

    def _end(self) -> bool:
        empty = False
        try:
            empty = self._journal.close()
        finally:
            self._lock.release(remove=empty)
        return empty
