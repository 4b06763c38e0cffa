"""Start a worker; the only place of the agent that builds things."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from . import logs
from .engines.table import prepare
from .errors import SettingsError
from .settings import Settings, read
from .vault import Losses, Pool, Role, look_after

SETTLE = 12.0
"""Seconds that rooms have to deliver what was said, when we are told to stop."""


def main() -> int:
    """Run until a signal ends it. 2 where the settings are no good."""
    try:
        settings = read("livekit_url", "livekit_api_key", "livekit_api_secret")
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    logs.start(settings.log_level)
    # Before livekit-agents is imported: its end-of-turn model would cost 250 MB for nothing.
    os.environ["LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE"] = "0"
    try:
        if settings.recognise == "livekit":
            prepare("recognise", "livekit", settings)
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    from .worker import build

    asyncio.run(_run(*build(settings), settings))
    return 0


async def _run(worker, intake, settings: Settings) -> None:  # type: ignore[no-untyped-def]
    from .intake import Presence

    losses = Losses()
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, told.set)
    async with asyncio.TaskGroup() as group:
        beside = [
            group.create_task(Presence(settings, worker, intake, not_kept=lambda: losses.counts).run()),
            group.create_task(_replay(settings, losses)),
        ]
        running, ending = group.create_task(worker.run()), group.create_task(told.wait())
        await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
        intake.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE):
                await worker.aclose()
        for task in (running, ending, *beside):
            task.cancel()


async def _replay(settings: Settings, losses: Losses) -> None:
    """What killed jobs left on this machine goes to the database while we work; what can't be read is counted."""
    if not settings.vault.get_secret_value():
        return
    pool = Pool(settings.vault, Role.AGENT, size=1)
    try:
        await look_after(settings.spool, pool, losses)
    finally:
        await pool.close()


if __name__ == "__main__":
    sys.exit(main())
