"""From joining to being heard, in rooms that were not live before: `python -m bench.joining`.

The whole of Dragoman is started, and a room entered the moment it says that it is ready. Then come

- *warm*: rooms one after the other, each when a process waits for it;
- *cold*: rooms several at once, of which one finds a process that waits.

The clock starts when a person asks for their token, and stops when they see an interpreter that listens: its own
attribute, which it sets once it hears them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence

import aiohttp
import numpy as np
from livekit import rtc

from infra.stack import Stack
from tests.conftest import dragoman

LONGEST = 30.0
"""Seconds after which a room is given up."""


async def made(stack: Stack, session: aiohttp.ClientSession) -> tuple[str, str]:
    """A new room's name and its secret."""
    headers = {"Authorization": f"Bearer {stack.env['DRAGOMAN_HOST_SECRET']}"}
    async with session.post(f"{stack.url}/api/rooms", json={"title": "Bench"}, headers=headers) as answer:
        join = str((await answer.json())["join"])
    room, _, secret = join.rpartition("/")[2].partition("#")
    return room, secret


async def heard_after(stack: Stack, session: aiohttp.ClientSession, room: str, secret: str) -> float:
    """Seconds until somebody who joins this room sees an interpreter that listens; they leave then."""
    wish = {"name": "Ada", "speaks": "en", "reads": "en", "hears": "", "secret": secret}
    began = time.monotonic()
    async with session.post(f"{stack.url}/api/rooms/{room}/join", json=wish) as answer:
        joined = await answer.json()
    person = rtc.Room()
    await person.connect(joined["server"], joined["token"], rtc.RoomOptions(auto_subscribe=False))
    try:
        async with asyncio.timeout(LONGEST):
            while not listens(person):  # noqa: ASYNC110 - attributes come by the SDK's own thread
                await asyncio.sleep(0.01)
        return time.monotonic() - began
    finally:
        await person.disconnect()


def listens(person: rtc.Room) -> bool:
    agents = (one for one in person.remote_participants.values() if one.identity.startswith("interpreter-"))
    return any(one.attributes.get("dragoman.state") == "listening" for one in agents)


async def measure(stack: Stack, rooms: int, at_once: int) -> dict[str, list[float]]:
    async with aiohttp.ClientSession() as session:
        first = [await heard_after(stack, session, *await made(stack, session))]
        one_by_one: list[float] = []
        for _ in range(rooms):
            await asyncio.sleep(3)  # a process takes one to two seconds to be warm
            one_by_one.append(await heard_after(stack, session, *await made(stack, session)))
        together: list[float] = []
        for _ in range(max(1, rooms // at_once // 2)):
            await asyncio.sleep(5)
            places = [await made(stack, session) for _ in range(at_once)]
            together += await asyncio.gather(*(heard_after(stack, session, *place) for place in places))
    return {"at the ready line": first, "warm": one_by_one, f"cold, {at_once} at once": together}


def shown(name: str, seconds: Sequence[float]) -> str:
    p50, p95 = np.percentile(seconds, [50, 95])
    return f"| {name} | {len(seconds)} | {p50:.2f} | {p95:.2f} | {max(seconds):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", type=int, default=20, help="how many are entered one after the other")
    parser.add_argument("--at-once", type=int, default=3, help="how many are entered at once")
    parser.add_argument("--json", action="store_true", help="every measured second")
    asked = parser.parse_args()
    with dragoman({"DRAGOMAN_ROOMS_LIMIT": "40"}) as stack:
        found = asyncio.run(measure(stack, asked.rooms, asked.at_once))
    if asked.json:
        print(json.dumps({name: [round(each, 3) for each in seconds] for name, seconds in found.items()}))
        return
    print("| | rooms | p50, s | p95, s | longest, s |\n|---|---|---|---|---|")
    for name, seconds in found.items():
        print(shown(name, seconds))


if __name__ == "__main__":
    main()
