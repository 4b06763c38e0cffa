"""A real engine service on a socket, with whatever engines a test gives it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from agent.engines.fake import FakeDirect, FakeRecognizer, FakeTranslator, FakeVoice
from agent.engines.service.service import Service
from agent.settings import Settings

FAKES: dict[str, Any] = {
    "recognise": FakeRecognizer(),
    "direct": FakeDirect(),
    "translate": FakeTranslator(),
    "speak": FakeVoice(),
}


@asynccontextmanager
async def serving(
    load: Callable[[str], Any] = FAKES.__getitem__, path: Path | None = None, ready: bool = True
) -> AsyncIterator[tuple[Service, Path]]:
    """The service and its socket, by default once it has loaded."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(load)
        runner = web.AppRunner(service.app(), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        path = path or Path(folder) / "engines.sock"
        await web.UnixSite(runner, str(path)).start()
        try:
            if ready:
                await asyncio.gather(*(stage.settled.wait() for stage in service.stages.values()))
            yield service, path
        finally:
            await runner.cleanup()


def at(*paths: object) -> Settings:
    """Settings that name these sockets."""
    return Settings(engines=",".join(f"unix:{path}" for path in paths))
