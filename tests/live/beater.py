"""An interpreter that only comes, beats, says and goes: a real LiveKit worker without engines, for tests of attendance.

Ten times a second it says a number, by its own heartbeat's leave, as captions are sent. Everything else is the agent's
own: which rooms are taken, what the web server is told, how it answers who asks whether it lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Mapping
from typing import ClassVar

from livekit import api, rtc
from livekit.agents import AutoSubscribe, JobContext

from agent.heartbeat import Heartbeat, InterpreterId
from agent.intake import Intake, Presence, Worker
from agent.settings import Settings, read
from agent.standing import Standing
from agent.tokens import allow_for_clocks
from agent.wire_names import INTERPRETER

TOPIC = "said"


def wall() -> float:
    """The worker's clock, as far from the others as a test sets it."""
    return time.time() + float(os.environ.get("TEST_CLOCK_AHEAD", "0"))


def deaf() -> bool:
    """Whether a test wants an interpreter whose beats nobody hears."""
    return bool(os.environ.get("TEST_DEAF"))


async def enter(ctx: JobContext) -> None:
    """Connect, remove whoever is older, and beat until told to leave."""
    settings = read("livekit_api_key", "livekit_api_secret")
    await ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
    epoch = int((ctx.token_claims().attributes or {})["dragoman.epoch"])
    for identity, other in list(ctx.room.remote_participants.items()):
        if other.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT and identity.startswith(INTERPRETER):
            with contextlib.suppress(api.TwirpError):
                await ctx.api.room.remove_participant(
                    api.RoomParticipantIdentity(room=ctx.room.name, identity=identity)
                )
    standing = Standing()
    beating = heartbeat(ctx, settings, epoch, standing)

    async def alive(call: rtc.RpcInvocationData) -> str:
        return beating.answer(call.payload)

    ctx.room.local_participant.register_rpc_method("dragoman.alive", alive)
    tasks = [asyncio.create_task(beating.run()), asyncio.create_task(say(ctx.room, standing, epoch))]

    def gone(*_: object) -> None:
        for task in tasks:
            task.cancel()

    ctx.room.on("disconnected", gone)


class Subject:
    """Whose heart it is: nothing is refused, fails or is lost, and who is told to leave does."""

    state = "listening"
    refused: ClassVar[Mapping[str, int]] = {}
    failures: ClassVar[Mapping[str, int]] = {}
    lost: ClassVar[Mapping[str, float]] = {}
    not_kept: ClassVar[Mapping[str, int]] = {}

    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx

    def replaced(self) -> None:
        self._ctx.shutdown("told to leave")

    async def alone(self) -> bool:
        return deaf()


def heartbeat(ctx: JobContext, settings: Settings, epoch: int, standing: Standing) -> Heartbeat:
    if deaf():
        settings = settings.model_copy(update={"web": "http://127.0.0.1:9"})
    who = InterpreterId(ctx.job.id, ctx.room.name, ctx.room.local_participant.identity, epoch, "{}")
    return Heartbeat(settings, who, Subject(ctx), standing, wall)


async def say(room: rtc.Room, standing: Standing, epoch: int) -> None:
    """Numbers, as long as we may."""
    number = 0
    while True:
        await standing.hold()
        number += 1
        with contextlib.suppress(Exception):  # reconnecting
            await room.local_participant.publish_data(f"{epoch} {number}", reliable=True, topic=TOPIC)
        await asyncio.sleep(0.1)


async def run() -> None:
    allow_for_clocks()
    settings = read("livekit_api_key", "livekit_api_secret")
    worker = Worker(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret.get_secret_value(),
        host="127.0.0.1",
        port=settings.agent_port,
        num_idle_processes=1,
        load_fnc=lambda: intake.load,
        load_threshold=math.inf,
        max_retry=1_000_000,
    )
    intake = Intake(settings.rooms_limit, lambda: worker.running, wall)
    worker.rtc_session(agent_name=settings.agent_name, on_request=intake.accept)(enter)
    worker.on("worker_registered", lambda *_: print("registered", flush=True))
    async with asyncio.TaskGroup() as group:
        group.create_task(Presence(settings, worker, intake, wall).run())
        group.create_task(worker.run())


def main() -> None:
    asyncio.run(run())


if __name__ == "__main__":
    main()
