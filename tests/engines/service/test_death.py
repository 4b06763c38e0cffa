"""A room over a real engine service that is killed while somebody speaks, and comes back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from ..killed import Process, a_room, address, speak

SAID = ["one", "two", "three", "five", "six", "seven", "nine", "ten"]


@pytest.mark.parametrize("kind", ["unix", "http"])
async def test_killed_in_mid_sentence_it_loses_no_final_and_is_met_within_two_seconds_of_its_return(
    kind: str, tmp_path: Path
) -> None:
    service = Process(address(kind, tmp_path))
    service.start()
    await service.ready()
    try:
        async with a_room(service.address) as (room, doors):
            speaking = asyncio.create_task(speak(room, time.monotonic(), "", *SAID, "", "", ""))
            async with asyncio.timeout(20):
                await doors.interims.wait()

            service.kill()
            await speaking
            room.stopped("t")
            away = doors.states[-1]
            service.start()
            back = await service.ready()
            async with asyncio.timeout(10):
                while doors.said("es") != " ".join(SAID):  # noqa: ASYNC110  another process answers
                    await asyncio.sleep(0.01)
    finally:
        service.kill()

    assert away == "engines_away"
    assert doors.states == ["listening", "engines_away", "listening"]
    assert doors.last - back < 2.0
    assert doors.said("en") == " ".join(SAID)
    assert [caption.seq for caption in doors.finals["es"]] == list(range(1, len(doors.finals["es"]) + 1))


async def test_with_another_service_nobody_notices_that_one_was_killed(tmp_path: Path) -> None:
    services = [Process(address("unix", tmp_path)), Process(address("http", tmp_path))]
    for service in services:
        service.start()
    for service in services:
        await service.ready()
    try:
        async with a_room(",".join(service.address for service in services)) as (room, doors):
            speaking = asyncio.create_task(speak(room, time.monotonic(), "", *SAID, "", "", ""))
            async with asyncio.timeout(20):
                await doors.interims.wait()

            services[0].kill()
            await speaking
    finally:
        for service in services:
            service.kill()

    assert doors.states == ["listening"]
    assert doors.said("es") == " ".join(SAID)
