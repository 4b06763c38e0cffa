"""The thread that writes a journal: whatever waits while it writes is written together next, with one fsync."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from ...errors import VaultError
from .journal import Journal
from .spool_file import Item
from .upkeep import Upkeep

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Put:
    items: Sequence[Item]
    done: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    done: asyncio.Future[Any]
    last: bool = False


_Outcome = tuple[asyncio.Future[Any], Any, VaultError | None]


class Writer:
    """Does for a journal, in order, what the event loop asks for.

    The queue has no bound: it holds what is put while one write lasts, under a kilobyte a final. No caption is shown
    before its put is answered.
    """

    def __init__(self, journal: Journal, upkeep: Upkeep, loop: asyncio.AbstractEventLoop) -> None:
        self._journal = journal
        self._upkeep = upkeep
        self._loop = loop
        self._asked: queue.SimpleQueue[_Put | _Job] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="spool", daemon=True)
        self._thread.start()

    def put(self, items: Sequence[Item]) -> asyncio.Future[None]:
        """Append these; done when they are in the file, or failed with `VaultError`."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._asked.put(_Put(items, done))
        return done

    def ask(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do something else in the thread; after what was put before it."""
        return self._queue(work)

    async def close(self, work: Callable[[], T]) -> T:
        """Do one last thing, and end."""
        answer = await self._queue(work, last=True)
        await asyncio.to_thread(self._thread.join)
        return answer

    def _queue(self, work: Callable[[], T], *, last: bool = False) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self._loop.create_future()
        self._asked.put(_Job(work, done, last))
        return done

    # In the thread

    def _serve(self) -> None:
        while True:
            asked = self._gather()
            if puts := [one for one in asked if isinstance(one, _Put)]:
                self._write(puts)
            for one in asked:
                if isinstance(one, _Job):
                    self._do(one)
                    if one.last:
                        return
            self._upkeep.proceed()

    def _gather(self) -> list[_Put | _Job]:
        """What waits; meanwhile the pauses are used."""
        while True:
            try:
                asked = [self._asked.get(timeout=self._upkeep.patience)]
                break
            except queue.Empty:
                self._upkeep.rest()
        with suppress(queue.Empty):
            while True:
                asked.append(self._asked.get_nowait())
        return asked

    def _write(self, puts: Sequence[_Put]) -> None:
        items = [item for put in puts for item in put.items]
        self._upkeep.wrote(items)
        _, error = _outcome(lambda: self._journal.append(items))
        self._tell([(put.done, None, error) for put in puts])

    def _do(self, job: _Job) -> None:
        answer, error = _outcome(lambda: self._journal.recover(job.work))
        self._tell([(job.done, answer, error)])

    def _tell(self, outcomes: Sequence[_Outcome]) -> None:
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


def _outcome(work: Callable[[], T]) -> tuple[T | None, VaultError | None]:
    """The wall of this thread: a fault of ours fails what it served, and the thread goes on serving."""
    try:
        return work(), None
    except VaultError as error:
        return None, error
    except Exception as error:
        log.error("the spool fell: %s", type(error).__name__)
        return None, VaultError("internal", f"The spool failed ({type(error).__name__}).")
