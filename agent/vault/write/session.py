"""A meeting is kept as agreed once keys, disk and database are there; until then nothing is, and people see that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from ...errors import VaultError
from ...nouns import Caption, Segment
from ...settings import Settings
from ..crypto.cached_keys import Remembering
from ..crypto.root_key import from_setting
from ..db.pool import Pool, Role
from ..policy.effective_policy import NOTHING
from .agreement import Agreement, Names
from .losses import Losses
from .recorder import Recorder
from .sealing import Sealing
from .spool import Spool
from .store import Store

log = logging.getLogger(__name__)

Seconds = float

FIRST: Seconds = 3.0
"""A meeting's start waits for so long for its keeping."""
AGAIN: Seconds = 5.0
"""The time between two tries to begin."""
REST: Seconds = 5.0
"""What is left at the end has so long to reach Postgres. What doesn't get there is replayed later."""

Tell = Callable[[str, str], None]
"""What is kept (a policy's name, or `nothing`), and how that goes: `ok`, `waiting`, `failing` or `away`."""


class Keeping:
    """Keeps one meeting, as soon as keys, disk and database are there."""

    def __init__(
        self,
        agreement: Agreement,
        settings: Settings,
        names: Names | None = None,
        tell: Tell = lambda keeps, state: None,
    ) -> None:
        self._agreement = agreement
        self._settings = settings
        self._names = names or Names()
        self._tell = tell
        self._pool = Pool(settings.vault, Role.AGENT)
        self._losses = Losses()
        self._beginning: asyncio.Task[Spool | None] | None = None
        self._closing = asyncio.Event()
        self._over = False
        self._keeper: Recorder | None = None

    def keep(self, said: Segment | Caption) -> asyncio.Future[None] | None:
        """The same as `Recorder.keep`. None also while nothing is kept."""
        return self._keeper.keep(said) if self._keeper else None

    @property
    def lost(self) -> Mapping[str, int]:
        """How much was to be kept and could not be, by cause (`losses.CAUSES`)."""
        return self._losses.counts

    async def begin(self) -> None:
        """Begin before the meeting does. This waits `FIRST` at most; `run` goes on with it."""
        self._beginning = asyncio.create_task(self._begun(), name="begin keeping")
        await asyncio.wait([self._beginning], timeout=FIRST)
        if not self._keeper:
            self._tell(NOTHING, "away")

    async def run(self) -> None:
        """Begin, again and again until it works, and keep until closed."""
        try:
            spool = await self._beginning if self._beginning else None
            while not spool and not self._closing.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), AGAIN)
                    break
                spool = await self._begun()
            if spool and self._keeper:
                await self._kept(spool, self._keeper)
        except Exception:
            self._tell(NOTHING, "away")
            raise
        finally:
            self._keeper = None
            await self._pool.close()

    def close(self, *, over: bool) -> None:
        """Nothing more is to be kept; `over` says that the meeting has ended and nobody goes on with it."""
        self._over = over
        self._closing.set()

    async def _begun(self) -> Spool | None:
        meeting, settings = self._agreement.meeting, self._settings
        try:
            root = from_setting(settings.root_key)
            keys = Remembering(self._pool, root, meeting.tenant, settings.spool)
            await keys.ready()
            after = settings.spool_sync == "after"
            spool = await Spool.create(settings.spool, meeting, sync_after=after, losses=self._losses)
        except VaultError as error:
            log.error("nothing is kept yet: %s", error)
            return None
        policy = self._agreement.keeps.policy
        sealing, store = Sealing(self._agreement, keys, self._names), Store(self._pool, meeting)
        told = partial(self._tell, policy)
        self._keeper = Recorder(sealing, spool, store, tell=told)
        told("ok")
        return spool

    async def _kept(self, spool: Spool, keeper: Recorder) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(keeper.run())
                await self._closing.wait()
                keeper.close()
                if self._over:
                    await spool.over()
                await asyncio.wait([running], timeout=REST)
                if running.done() and self._over:
                    await self._finish(spool)
                running.cancel()
        finally:
            keeper.give_up()
            await spool.close()

    async def _finish(self, spool: Spool) -> None:
        with suppress(VaultError):  # whoever replays the spool says it
            await Store(self._pool, self._agreement.meeting).finish()
            await spool.said_over()
