"""Replicas that die, are renewed, become more, or have more to do than they can."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import pytest

from agent.engines.service.client import Remote
from agent.settings import Settings
from tests.engines.service.test_service import GOOD, post
from tests.live.people import until

from . import odd
from .cluster import Cluster

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("told")]


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def lasting(seconds: int, room: str = "") -> dict[str, Any]:
    """What the slow translator of `odd` takes so long for."""
    return {"text": str(seconds), "source": "en", "targets": ["es"], "room": room}


async def test_a_request_whose_replica_is_killed_is_answered_by_the_next_one(
    cluster: Cluster, client: aiohttp.ClientSession, odds: str
) -> None:
    [victim] = cluster.replicas("odds", "translate")
    asked = [asyncio.create_task(post(client, f"{odds}/translate", lasting(2))) for _ in range(3)]
    await _begun(client, odds)

    os.kill(victim, signal.SIGKILL)
    answers = await asyncio.wait_for(asyncio.gather(*asked), 90)

    assert {status for status, _ in answers} == {200}
    assert victim not in cluster.replicas("odds", "translate")


async def test_one_room_that_asks_for_too_much_is_told_so_and_others_are_served(
    client: aiohttp.ClientSession, odds: str
) -> None:
    crowd = [asyncio.create_task(post(client, f"{odds}/translate", lasting(1, "greedy"))) for _ in range(50)]
    await _begun(client, odds)
    status, _ = await post(client, f"{odds}/translate", GOOD["/translate"] | {"room": "modest"})
    answers = await asyncio.gather(*crowd)

    refused = [said for status, said in answers if status != 200]
    assert status == 200
    assert 0 < len(refused) < len(answers)
    assert {(said["code"], said["retryable"]) for said in refused} == {("overloaded", True)}


async def test_a_crowd_before_a_stage_brings_a_second_replica(
    cluster: Cluster, client: aiohttp.ClientSession, odds: str
) -> None:
    crowd = [asyncio.create_task(_again_and_again(client, f"{odds}/translate", lasting(1))) for _ in range(12)]
    try:
        await until(lambda: len(cluster.replicas("odds", "translate")) > 1, 90)
    finally:
        for one in crowd:
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)


async def test_who_stops_listening_in_the_middle_leaves_nothing_open(fakes: str) -> None:
    remote = Remote(Settings(engines=fakes))
    for _ in range(5):
        async for _ in remote.voice.speak("Hello, everybody.", "en", None):
            break

    spoken = await asyncio.wait_for(_spoken(remote), 10)
    await remote.close()

    assert spoken > 0


async def test_an_update_puts_new_replicas_in_place_of_old_ones_and_drops_no_request(
    cluster: Cluster, client: aiohttp.ClientSession
) -> None:
    from agent.engines.replicas.app import arranged

    address = cluster.run(arranged(partial(odd.named, "old")), "renewed")
    answers: Counter[tuple[int, str]] = Counter()
    update = asyncio.create_task(asyncio.to_thread(cluster.run, arranged(partial(odd.named, "new")), "renewed"))
    while not update.done() or answers.total() < 10:
        await asyncio.sleep(0.05)  # at a room's pace: those that start need the machine too
        status, said = await post(client, f"{address}/translate", GOOD["/translate"])
        answers[status, said["translations"]["es"]["engine"] if status == 200 else said["code"]] += 1
    await update
    _, after = await post(client, f"{address}/translate", GOOD["/translate"])
    await asyncio.to_thread(cluster.delete, "renewed")

    assert answers.keys() == {(200, "old"), (200, "new")}
    assert after["translations"]["es"]["engine"] == "new"


async def _spoken(remote: Remote) -> float:
    return sum([dub.duration async for dub in remote.voice.speak("Hi.", "en", None)])


async def _begun(client: aiohttp.ClientSession, address: str) -> None:
    """Until requests wait before the translator, so that others are with it."""
    while True:
        async with client.get(f"{address}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        waiting = [line for line in lines if line.startswith("dragoman_engine_waiting{") and '"translate"' in line]
        if any(float(line.rpartition(" ")[2]) for line in waiting):
            return


async def _again_and_again(client: aiohttp.ClientSession, address: str, body: Any) -> None:
    while True:
        await post(client, address, body)
