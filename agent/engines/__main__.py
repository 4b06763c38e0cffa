"""Start the engine service: choose what serves each stage, load it, and answer on a socket."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from ..errors import EngineError, SettingsError
from ..settings import Settings, read
from . import Served, load
from .service import Service, Stages

log = logging.getLogger(__name__)

AUTO = {"recognise": ("whisper",), "translate": ("routes",), "speak": ("espeak",)}
"""What `auto` tries, best first."""
PLACE = {"recognise": "ear", "translate": "translator", "speak": "voice"}
WARM = {"recognise": 0.5, "translate": 0.3, "speak": 0.3}
"""The share of a stage's start that is over when its engine is loaded."""


def main() -> int:
    """Run until a signal ends it. 2 where the settings are no good."""
    try:
        settings = read("engines")
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(settings))
    return 0


async def serve(settings: Settings) -> None:
    """Answer at once that we are loading, load everything, and serve until told to stop."""
    stages = Stages()
    runner = web.AppRunner(Service(stages).app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await _site(runner, settings.engines.split(",")[0].strip()).start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    loading = [asyncio.create_task(_load(stage, stages, settings)) for stage in AUTO]
    stopping = asyncio.create_task(stop.wait())
    try:
        # A stage that fails to load ends the service loudly; one that is not there is left out.
        done, _ = await asyncio.wait([stopping, *loading], return_when=asyncio.FIRST_EXCEPTION)
        for task in done - {stopping}:
            task.result()
        await stopping
    finally:
        for task in loading:
            task.cancel()
        await runner.cleanup()
        for engine in (stages.ear, stages.translator, stages.voice):
            if close := getattr(engine, "close", None):
                await close()


def _site(runner: web.AppRunner, address: str) -> web.BaseSite:
    if address.startswith("unix:"):
        path = Path(address.removeprefix("unix:"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return web.UnixSite(runner, str(path))
    host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    return web.TCPSite(runner, host, int(port))


async def _load(stage: str, stages: Stages, settings: Settings) -> None:
    asked: str = getattr(settings, stage)
    names: Sequence[str] = AUTO[stage] if asked == "auto" else (asked,)
    missing: list[str] = []
    for name in names:
        try:
            engine = await asyncio.to_thread(load, stage, name, settings)
        except (EngineError, ImportError) as error:
            missing.append(error.message if isinstance(error, EngineError) else f"{name} is not installed.")
            continue
        stages.loading[stage] = WARM[stage]
        await _warm(stage, engine)
        stages.served[stage] = _with_reason(engine.served(), asked, missing)
        setattr(stages, PLACE[stage], engine)
        break
    else:
        stages.served[stage] = Served(stage, "none", " ".join(missing), "", "", {})
    stages.loading.pop(stage)
    log.info("%s: %s (%s)", stage, stages.served[stage].engine, stages.served[stage].why)


def _with_reason(served: Served, asked: str, missing: Sequence[str]) -> Served:
    why = "chosen by name" if asked != "auto" else f"best on this machine: {served.why}"
    return replace(served, why=". ".join([why, *missing]))


async def _warm(stage: str, engine: Any) -> None:
    """One request of each kind, so that the first person waits no longer than the second."""
    if stage == "recognise":
        await engine.hear(bytes(32_000), "en", final=True)
    elif stage == "translate":
        pairs = [pair.split(">") for pair in engine.served().languages]
        sources = {source for source, _ in pairs} & {"en"}
        for source in sources:
            await engine.translate("Ready.", source, [target for from_, target in pairs if from_ == source])
    else:
        async for _ in engine.speak("Ready.", "en", None):
            pass


if __name__ == "__main__":
    sys.exit(main())
