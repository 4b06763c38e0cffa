"""What is in the spool, or held in memory, on its way to Postgres."""

from __future__ import annotations

import asyncio
from uuid import UUID

from ...errors import VaultError
from .data_keys import DataKeys
from .held_rows import HeldRows, batch_of
from .keeping_state import KeepingState, fault
from .spool import Spool
from .store import Store

Seconds = float

GATHER: Seconds = 0.2
"""For so long records gather before they go to Postgres together."""
PAUSES: tuple[Seconds, Seconds] = (0.2, 5.0)
"""Between two tries at Postgres: the first, and the longest that it doubles to."""


class Carrier:
    """Carries batch after batch, as long as there are any, and tries again where Postgres takes none.

    Postgres may say that a key was destroyed meanwhile: then that speaker's keys are used no more, and what they
    sealed is wiped out of the spool.
    """

    def __init__(self, spool: Spool, store: Store, keys: DataKeys, held: HeldRows, state: KeepingState) -> None:
        self._spool = spool
        self._store = store
        self._keys = keys
        self._held = held
        self._state = state
        self._arrived = asyncio.Event()
        self._hurried = False
        self._last = False

    def arrived(self) -> None:
        """Something may be there to be carried."""
        self._arrived.set()

    def hurry(self) -> None:
        """The meeting ends: let nothing gather."""
        self._hurried = True

    def end(self) -> None:
        """Nothing more will arrive; `run` ends when the rest is carried."""
        self._last = True
        self._arrived.set()

    async def run(self) -> None:
        """Carry what arrives, until the end."""
        pause = PAUSES[0]
        while not self._last or self._arrived.is_set():
            await self._arrived.wait()
            self._arrived.clear()
            try:
                while await self._carry():
                    pause = PAUSES[0]
            except Exception as error:
                self._failed(error)
                self._arrived.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSES[1])
                continue
            await asyncio.sleep(0 if self._hurried else GATHER)

    async def _carry(self) -> bool:
        """One batch. Answers whether there was one."""
        if self._held:
            await self._carry_held()
            return True
        taken = await self._spool.take()
        if not taken.batch:
            return False
        dead = await self._store.write(taken.batch)
        self._spool.acknowledge(taken)
        await self._carried(dead)
        return True

    async def _carry_held(self) -> None:
        """Straight from memory, whether or not the disk takes it by now."""
        rows = self._held.rows
        dead = await self._store.write(batch_of(rows))
        self._held.release(rows)
        self._keys.arrived(rows)
        await self._carried(dead)

    async def _carried(self, dead: frozenset[UUID]) -> None:
        if dead:
            self._keys.destroyed(dead)
            await self._spool.forget(dead)
        self._state.carried()

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, VaultError):
            error = fault(error)
        if error.code == "internal" or error.code.startswith("spool"):
            self._state.failed(error)
        else:
            self._state.database_away(error)
