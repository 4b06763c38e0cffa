"""One job: from the call to a room to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import Protocol, runtime_checkable

from livekit.agents import AutoSubscribe, JobContext

from .aio import Supervisor
from .assembly import assemble
from .errors import DragomanError
from .settings import Settings

log = logging.getLogger(__name__)

OFFER = 5.0
"""Seconds between two looks at what voices can do."""
SETTLING = 20.0
"""Seconds in which a room that is over must have settled and delivered what was said."""


@runtime_checkable
class Closing(Protocol):
    """What holds connections of its own."""

    async def close(self) -> None: ...


class Interpreter:
    """Takes over from older interpreters of its room, runs all parts, and settles what was said."""

    def __init__(self, ctx: JobContext, settings: Settings) -> None:
        self._ctx = ctx
        self._parts = assemble(ctx, settings, self._replaced)
        self._main: asyncio.Task[None] | None = None
        self._over = True

    async def enter(self) -> None:
        """Connect, take over from older interpreters, and begin."""
        parts = self._parts
        if parts.keeping:
            await parts.keeping.begin()
        parts.sfu.attach()
        await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
        if not await parts.succession.take_over(parts.heartbeat.ask):
            self._ctx.shutdown("a newer interpreter is here")
            return
        parts.telling.begun(parts.key, parts.clock.zero)
        self._main = asyncio.create_task(self._run(), name="interpreter")
        self._main.add_done_callback(self._ended)

    async def leave(self) -> None:
        """Settle and deliver what was said, then let go."""
        parts = self._parts
        parts.room.close()
        if self._main:
            with contextlib.suppress(asyncio.CancelledError, Exception):  # `_ended` has logged it
                await asyncio.wait_for(self._main, SETTLING)
        elif parts.keeping:
            parts.keeping.close(over=False)
            await parts.keeping.run()
        await parts.engines.close()
        if isinstance(parts.recognizer, Closing):
            await parts.recognizer.close()

    async def _run(self) -> None:
        parts = self._parts
        keep = Supervisor(parts.room.failures.fell).keep  # without any of these a room is a room still
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(keep("heartbeat", parts.heartbeat.run)),
                group.create_task(keep("served", parts.served.run)),
                group.create_task(keep("offer", self._offer)),
            ]
            if parts.keeping:
                group.create_task(keep("keeping", parts.keeping.run, tries=1), name="keeping")
            room = group.create_task(parts.room.run())
            await parts.room.running.wait()
            beside.append(group.create_task(keep("sfu", partial(parts.sfu.run, parts.room.started))))
            await room
            await parts.outbound.captions.flush()
            if parts.keeping:
                parts.keeping.close(over=self._over)
            for task in beside:
                task.cancel()

    async def _offer(self) -> None:
        """Tell in which languages people may be dubbed in a voice like their own."""
        while True:
            with contextlib.suppress(DragomanError):  # the engines are away: asked again
                self._parts.telling.tell_alike(await self._parts.engines.voice.alike())
            await asyncio.sleep(OFFER)

    def _replaced(self) -> None:
        self._over = False
        self._ctx.shutdown("a newer interpreter is here")

    def _ended(self, main: asyncio.Task[None]) -> None:
        if not main.cancelled() and (error := main.exception()):
            log.error("the interpreter failed", exc_info=error)
        # Whatever it was: the process ends, and a clean one is sent for.
        self._ctx.shutdown("interpreting ended")
