"""A meeting is kept as agreed once keys, disk and database are there; until then nothing is, and people see that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from ..errors import VaultError
from ..nouns import Caption, Segment
from ..settings import Settings
from .keeper import Keeper, Redaction
from .keeps import NOTHING, Keeps
from .keys import TenantKeys
from .pool import Pool, Role
from .spool import Spool
from .store import Meeting, Store
from .wrappers import from_setting

log = logging.getLogger(__name__)

Seconds = float

FIRST: Seconds = 3.0
"""For so long a meeting's start waits for its keeping."""
AGAIN: Seconds = 5.0
"""Between two tries to begin."""
REST: Seconds = 5.0
"""For so long what is left may take to Postgres at the end; what doesn't get there is replayed later."""

Tell = Callable[[str, str], None]
"""What is kept (a policy's name, or `nothing`), and how that goes: `ok`, `waiting`, `failing` or `away`."""


class Keeping:
    """One meeting's keeper, as soon as there can be one."""

    def __init__(
        self,
        keeps: Keeps,
        meeting: Meeting,
        settings: Settings,
        *,
        zero: float,
        name_of: Callable[[str], str],
        redaction: Redaction | None = None,
        tell: Tell = lambda keeps, state: None,
    ) -> None:
        self._keeps = keeps
        self._meeting = meeting
        self._settings = settings
        self._zero = zero
        self._name_of = name_of
        self._redaction = redaction
        self._tell = tell
        self._tried = asyncio.Event()
        self._closing = asyncio.Event()
        self._over = False
        self._keeper: Keeper | None = None

    def keep(self, said: Segment | Caption) -> asyncio.Future[None] | None:
        """As `Keeper.keep`; None, too, while there is no keeper."""
        return self._keeper.keep(said) if self._keeper else None

    async def tried(self) -> None:
        """Keeping has begun, or not at once: then the meeting begins without."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._tried.wait(), FIRST)

    async def run(self) -> None:
        """Begin, again and again until it works, and keep until closed."""
        pool, spool = Pool(self._settings.vault, Role.AGENT), None
        try:
            while not self._closing.is_set() and not (spool := await self._begun(pool)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), AGAIN)
            if spool and self._keeper:
                await self._kept(pool, spool, self._keeper)
        finally:
            await pool.close()

    def close(self, *, over: bool) -> None:
        """Nothing more is to be kept; `over` says that the meeting has ended and nobody goes on with it."""
        self._over = over
        self._closing.set()

    async def _begun(self, pool: Pool) -> Spool | None:
        try:
            keys = TenantKeys(pool, from_setting(self._settings.root_key), self._meeting.tenant)
            await keys.ready()
            spool = await Spool.create(self._settings.spool, self._meeting)
        except VaultError as error:
            log.error("nothing is kept yet: %s", error)
            self._tell(NOTHING, "away")
            return None
        finally:
            self._tried.set()
        self._keeper = Keeper(
            self._keeps,
            self._meeting,
            keys,
            spool,
            Store(pool, self._meeting),
            zero=self._zero,
            name_of=self._name_of,
            redaction=self._redaction,
            tell=lambda state: self._tell(self._keeps.policy, state),
        )
        self._tell(self._keeps.policy, "ok")
        return spool

    async def _kept(self, pool: Pool, spool: Spool, keeper: Keeper) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(keeper.run())
                await self._closing.wait()
                keeper.close()
                if self._over:
                    await spool.over()
                await asyncio.wait([running], timeout=REST)
                if running.done() and self._over:
                    await self._finish(pool, spool)
                running.cancel()
        finally:
            await spool.close()

    async def _finish(self, pool: Pool, spool: Spool) -> None:
        with suppress(VaultError):  # whoever replays the spool says it
            await Store(pool, self._meeting).finish()
            await spool.said_over()
