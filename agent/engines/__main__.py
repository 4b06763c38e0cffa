"""The engine service: loads the engines that the settings name, and serves them until a signal ends it.

`python -m agent.engines models …` is the catalogue instead: it loads no engine but to measure it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from .. import logs
from ..errors import DragomanError, SettingsError
from ..settings import Settings, read
from .models import commands
from .service.server import application
from .service.service import Service, build
from .table import TABLE, chosen, prepare

log = logging.getLogger("agent.engines")


def main() -> int:
    """Run until SIGINT or SIGTERM. 2 where the settings are no good."""
    if sys.argv[1:2] == ["models"]:
        return commands.main(sys.argv[2:])
    try:
        settings = read()
        names = {stage: chosen(stage, settings) for stage in TABLE}
        logs.start(settings.log_level)
        for stage, name in names.items():
            prepare(stage, name, settings)
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    try:
        asyncio.run(_run(settings))
    except DragomanError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings) -> None:
    stopped = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stopped.set)
    service = build(settings)
    # A request whose asker is gone is not worked on; one that is being worked on at the end is not waited for.
    runner = web.AppRunner(application(service), handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        address = settings.engines.split(",")[0].strip()
        await _listen(runner, address)
        log.info("listening on %s", address)
        telling = asyncio.create_task(_tell(service))
        await stopped.wait()
        telling.cancel()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, address: str) -> None:
    try:
        if address.startswith("unix:"):
            path = Path(address.removeprefix("unix:"))
            path.parent.mkdir(parents=True, exist_ok=True)
            if _answers(path):
                raise DragomanError("occupied", f"Another engine service answers at {address}.")
            await web.UnixSite(runner, str(path)).start()
            os.chmod(path, 0o600)
        else:
            url = urlsplit(address)
            await web.TCPSite(runner, url.hostname, url.port).start()
    except (OSError, ValueError) as error:
        raise DragomanError("occupied", f"Cannot listen on {address}: {error}.") from None


def _answers(path: Path) -> bool:
    """Whether somebody listens there; what a killed service left behind does not count."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(str(path)) == 0


async def _tell(service: Service) -> None:
    """Say which engines serve, and why, when all are loaded."""
    for stage in service.stages.values():
        await stage.settled.wait()
        served = stage.served()
        log.info("%s: %s, %d languages or pairs (%s)", stage.name, served.engine, len(served.languages), served.why)


if __name__ == "__main__":
    sys.exit(main())
