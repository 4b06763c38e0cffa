"""The listener that keeps: what was settled is sealed and on the disk before anybody sees it, and soon in Postgres.

What can go wrong, and why things happen in this order:

- **It is shown and then lost.** The future of a final is done only when its rows are on the disk, or when that failed
  and people are told so (`KeepingState`).
- **There is no key.** In the clear it is written nowhere: this final is shown, counted as lost, and not kept.
- **The disk takes nothing.** Rows are held in memory, and go to Postgres from there (`HeldRows`). Beyond a bound the
  oldest are lost and counted.
- **The spool's file is damaged.** Keys may be among what can't be read any more, and a record under a lost key would
  open for nobody. From then on none of the keys in use seals anything.
- **A fault of ours.** It costs one final its keeping, and nobody their reading. What is logged is the error's type.

The order for each final: seal, put, wait for the disk, show; then, beside it, carry to Postgres (`Carrier`). Finals
that settle together are sealed one after the other and written together.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import VaultError
from ...nouns import Caption, Segment
from .carrier import Carrier
from .held_rows import HeldRows
from .keeping_state import KeepingState, fault
from .sealing import Sealing
from .spool import Spool
from .spool_file import Item
from .store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Final:
    said: Segment | Caption
    shown: asyncio.Future[None]

    def show(self) -> None:
        if not self.shown.done():
            self.shown.set_result(None)


class Recorder:
    """One meeting, kept by a policy.

    `keep` is handed whatever is settled; `run` owns the tasks that write it down and carry it to Postgres. While the
    disk takes nothing, rows are held in memory and go to Postgres from there. `tell` is told whenever the state
    changes (`KeepingState`). What is lost is counted in the spool's `losses`.
    """

    def __init__(
        self, sealing: Sealing, spool: Spool, store: Store, *, tell: Callable[[str], None] = lambda state: None
    ) -> None:
        self.losses = spool.losses
        self._sealing = sealing
        self._spool = spool
        self._state = KeepingState(tell)
        self._held = HeldRows(self.losses)
        self._carrier = Carrier(spool, store, sealing.keys, self._held, self._state)
        self._damaged = spool.damaged
        self._settled: deque[_Final] = deque()
        self._came = asyncio.Event()
        self._closing = False

    @property
    def state(self) -> str:
        """The state, as `tell` is told it."""
        return self._state.state

    def keep(self, said: Segment | Caption) -> asyncio.Future[None] | None:
        """Seal it and write it down. Never waits.

        The future is done when it would survive a power cut, or when that failed: then it may be shown. None where the
        policy keeps nothing of this.
        """
        if self._closing or not self._sealing.keeps(said):
            return None
        final = _Final(said, asyncio.get_running_loop().create_future())
        self._settled.append(final)
        self._came.set()
        return final.shown

    async def run(self) -> None:
        """Write down what is settled and carry it to Postgres, until closed."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.seal_all(), name="sealing")
            group.create_task(self._carrier.run(), name="carrying")

    def close(self) -> None:
        """Nothing more is to be kept; `run` ends when the rest is carried."""
        self._closing = True
        self._carrier.hurry()
        self._came.set()

    def give_up(self) -> None:
        """The process ends: what is still held in memory is lost, and counted."""
        if count := self._held.give_up():
            log.error("%d rows were in memory alone, and are lost", count)

    async def seal_all(self) -> None:
        """The first half of `run`: write down what is settled, until closed."""
        while self._settled or not self._closing:
            await self._came.wait()
            self._came.clear()
            while self._settled:
                # What came together is written together: it waits for the disk once.
                finals = [self._settled.popleft() for _ in range(len(self._settled))]
                for items, final in [(await self._sealed(final), final) for final in finals]:
                    self._write(items, final)
        self._carrier.end()

    async def _sealed(self, final: _Final) -> list[Item] | None:
        """None where nobody gives us a key: in the clear it is written nowhere."""
        try:
            return await self._sealing.items(final.said)
        except VaultError as error:
            self.losses.add("no_key")
            self._state.no_key(error)
        except Exception as error:
            self._lose(error)
        return None

    def _lose(self, error: Exception) -> None:
        """A fault of ours: this final isn't kept. It is read all the same, and the next one is kept."""
        self.losses.add("internal")
        self._state.failed(fault(error))

    def _write(self, items: Sequence[Item] | None, final: _Final) -> None:
        if items is None:
            final.show()
            return

        def written(done: asyncio.Future[None]) -> None:
            if error := done.exception():
                self._held.hold(items)
                self._state.failed(error)
            else:
                self._written(items)
            self._carrier.arrived()
            final.show()

        try:
            self._spool.put(items).add_done_callback(written)
        except Exception as error:
            self._lose(error)
            final.show()

    def _written(self, items: Sequence[Item]) -> None:
        if self._spool.damaged != self._damaged:
            # Keys may be among what could not be read any more: from here on none of them is used.
            self._damaged = self._spool.damaged
            self._sealing.keys.forget_all()
        self._sealing.keys.arrived(items)
        self._state.written()
