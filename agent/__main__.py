"""Start a worker; the only place of the agent that builds things."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable

from .engines import prepare
from .errors import SettingsError
from .settings import Settings, read
from .vault.pool import Pool, Role
from .vault.replay import look_after


def main() -> int:
    """Run until a signal ends it. 2 where the settings are no good."""
    try:
        settings = read("livekit_url", "livekit_api_key", "livekit_api_secret")
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Before livekit-agents is imported: its end-of-turn model would cost 250 MB for nothing.
    os.environ["LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE"] = "0"
    try:
        if settings.recognise == "livekit":
            prepare("recognise", "livekit", settings)
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    from .worker import build

    asyncio.run(_run(build(settings), settings))
    return 0


async def _run(server, settings: Settings) -> None:  # type: ignore[no-untyped-def]
    loop, running = asyncio.get_running_loop(), asyncio.ensure_future(_with_replay(server.run(), settings))
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        await server.aclose()


async def _with_replay(work: Awaitable[None], settings: Settings) -> None:
    """What killed jobs left on this machine goes to the database while we work."""
    if not settings.vault.get_secret_value():
        return await work
    pool = Pool(settings.vault, Role.AGENT, size=1)
    try:
        async with asyncio.TaskGroup() as group:
            replaying = group.create_task(look_after(settings.spool, pool))
            await work
            replaying.cancel()
    finally:
        await pool.close()


if __name__ == "__main__":
    sys.exit(main())
