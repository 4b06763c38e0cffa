"""An interpreter that only comes, beats and goes: a real LiveKit worker without engines, for tests of attendance."""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiohttp
import jwt
from livekit import api, rtc
from livekit.agents import AgentServer, AutoSubscribe, JobContext, JobRequest

from agent.settings import read

PREFIX = "interpreter-"


async def accept(request: JobRequest) -> None:
    epoch = str(time.time_ns() // 1_000_000)
    await request.accept(identity=f"{PREFIX}{request.job.id}", attributes={"dragoman.epoch": epoch})


async def enter(ctx: JobContext) -> None:
    """Connect, remove whoever is older, and beat until told to leave."""
    await ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
    epoch = int((ctx.token_claims().attributes or {})["dragoman.epoch"])
    for identity, other in list(ctx.room.remote_participants.items()):
        if other.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT and identity.startswith(PREFIX):
            with contextlib.suppress(api.TwirpError):
                await ctx.api.room.remove_participant(
                    api.RoomParticipantIdentity(room=ctx.room.name, identity=identity)
                )
    beating = asyncio.create_task(beat(ctx, epoch))
    ctx.room.on("disconnected", lambda *_: beating.cancel())


async def beat(ctx: JobContext, epoch: int) -> None:
    settings = read("livekit_api_key", "livekit_api_secret")
    job, identity = ctx.job.id, ctx.room.local_participant.identity
    told = {"room": ctx.room.name, "identity": identity, "epoch": epoch, "state": "listening", "served": None}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        while True:
            claims = {"iss": settings.livekit_api_key, "sub": job, "exp": int(time.time()) + 30}
            token = jwt.encode(claims, settings.livekit_api_secret.get_secret_value(), algorithm="HS256")
            url = f"{settings.web}/api/interpreters/{job}/beat"
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.post(url, json=told, headers={"Authorization": f"Bearer {token}"}) as answer:
                    if answer.status == 200 and (await answer.json())["leave"]:
                        ctx.shutdown("told to leave")
                        return
            await asyncio.sleep(0.5)


def main() -> None:
    settings = read("livekit_api_key", "livekit_api_secret")
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret.get_secret_value(),
        host="127.0.0.1",
        port=settings.agent_port,
        num_idle_processes=1,
        load_fnc=lambda worker: min(0.6, len(worker.active_jobs) / 20),
        max_retry=1_000_000,
    )
    server.rtc_session(agent_name=settings.agent_name, on_request=accept)(enter)
    server.on("worker_registered", lambda *_: print("registered", flush=True))
    asyncio.run(server.run())


if __name__ == "__main__":
    main()
