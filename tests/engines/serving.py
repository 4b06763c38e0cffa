"""A real engine service on a socket, with whatever engines a test gives it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.engines.fake import FakeDirect, FakeRecognizer, FakeTranslator, FakeVoice
from agent.engines.service.api import Api
from agent.engines.service.server import application
from agent.engines.service.service import Service
from agent.settings import Settings

FAKES: dict[str, Any] = {
    "recognise": FakeRecognizer(),
    "direct": FakeDirect(),
    "translate": FakeTranslator(),
    "speak": FakeVoice(),
}


@asynccontextmanager
async def on_aiohttp(service: Service, path: Path) -> AsyncIterator[None]:
    runner = web.AppRunner(application(service), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def on_starlette(service: Service, path: Path) -> AsyncIterator[None]:
    """As Ray Serve serves it, without Ray. Starlette and its server come with the extra `ray`."""
    pytest.importorskip("starlette")
    uvicorn = pytest.importorskip("uvicorn")
    from agent.engines.replicas import asgi

    app = asgi.application(Api(service, service.figures))
    server = uvicorn.Server(uvicorn.Config(app, uds=str(path), log_config=None, lifespan="off"))
    async with service.running():
        task = asyncio.create_task(server.serve())
        while not (server.started or task.done()):  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            await task


@asynccontextmanager
async def serving(
    load: Callable[[str], Any] = FAKES.__getitem__,
    path: Path | None = None,
    ready: bool = True,
    on: Callable[[Service, Path], AbstractAsyncContextManager[None]] = on_aiohttp,
) -> AsyncIterator[tuple[Service, Path]]:
    """The service and its socket, by default once it has loaded."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(load)
        path = path or Path(folder) / "engines.sock"
        async with on(service, path):
            if ready:
                await asyncio.gather(*(stage.settled.wait() for stage in service.stages.values()))
            yield service, path


def at(*paths: object) -> Settings:
    """Settings that name these sockets."""
    return Settings(engines=",".join(f"unix:{path}" for path in paths))
