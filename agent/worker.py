"""LiveKit job in, Room out."""

from __future__ import annotations

import math

from livekit.agents import JobContext

from .intake import Intake, Worker
from .interpreter import Interpreter
from .settings import Settings, read
from .tokens import allow_for_clocks


def build(settings: Settings) -> tuple[Worker, Intake]:
    """The worker: explicit dispatch, a process a room; and how many rooms it takes."""
    allow_for_clocks()
    intake = Intake(settings.rooms_limit, lambda: server.running)
    server: Worker = Worker(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret.get_secret_value(),
        host="127.0.0.1",
        port=settings.agent_port,
        num_idle_processes=1,
        # What a job needs is imported once, in the process that all of them are forked from.
        preload_modules=["agent.worker"],
        load_fnc=lambda: intake.load,
        # The library would refuse a second room while the first is on its way: how many there may be is our rule.
        load_threshold=math.inf,
        # The SFU may be away for hours: we wait for it.
        max_retry=1_000_000,
    )
    server.rtc_session(agent_name=settings.agent_name, on_request=intake.accept, on_session_end=leave)(enter)
    return server, intake


async def enter(ctx: JobContext) -> None:
    """Interpret a room until it ends."""
    allow_for_clocks()
    settings = read("livekit_api_key", "livekit_api_secret")
    interpreter = Interpreter(ctx, settings)
    ctx.proc.userdata["interpreter"] = interpreter
    await interpreter.enter()


async def leave(ctx: JobContext) -> None:
    """The room is still connected: what was settled is delivered."""
    interpreter: Interpreter | None = ctx.proc.userdata.get("interpreter")
    if interpreter:
        await interpreter.leave()
