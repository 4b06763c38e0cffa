"""The watch at work: real tables, real notices, and a LiveKit server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from tests.web.conftest import KEY, SECRET, House, Opening
from tests.web.livekit import FakeLiveKit

SOON = 10.0


async def until(true: Callable[[], bool], within: float = SOON) -> None:
    """Waits for what other processes and servers do."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - no event crosses HTTP
            await asyncio.sleep(0.02)


async def hint(url: str, room: str = "demo") -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT pg_notify('dragoman_look', $1)", room)
    await connection.close()


async def silence(url: str, job: str, seconds: float = 3) -> None:
    """As if a job had been silent for so long."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "UPDATE interpreters SET seen_at = seen_at - make_interval(secs => $2) WHERE job = $1", job, seconds
    )
    await connection.close()


@pytest.fixture
async def watching(house: House) -> House:
    """A house that has listened for long enough to believe in silence."""
    await asyncio.sleep(2.6)  # PULSE; the watch measures by its own clock
    return house


async def test_people_in_a_live_room_without_an_interpreter_get_one_at_a_hint(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")

    await hint(database_url)

    await until(lambda: house.livekit.rooms["demo"].called == ["interpreter"])


async def test_a_thousand_hints_call_one_interpreter(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")

    await asyncio.gather(*(hint(database_url) for _ in range(50)))
    await until(lambda: bool(house.livekit.rooms["demo"].called))
    await asyncio.gather(*(hint(database_url) for _ in range(50)))

    await asyncio.sleep(0.5)
    assert house.livekit.rooms["demo"].called == ["interpreter"]


async def test_a_room_that_was_not_made_here_is_left_to_whoever_made_it(house: House, database_url: str):
    house.livekit.enter("elsewhere", "guest-1")
    house.livekit.enter("demo", "guest-1")

    await hint(database_url, "elsewhere")
    await hint(database_url)

    await until(lambda: bool(house.livekit.rooms["demo"].called))
    assert house.livekit.rooms["elsewhere"].called == []


async def test_a_silent_interpreter_is_replaced_and_told_to_leave_if_it_comes_back(watching: House, database_url: str):
    watching.livekit.enter("demo", "guest-1")
    watching.livekit.enter_interpreter("demo", "AJ_1")
    await watching.beat("AJ_1")

    await silence(database_url, "AJ_1")

    await until(lambda: watching.livekit.removed == ["interpreter-AJ_1"])
    await until(lambda: watching.livekit.rooms["demo"].called == ["interpreter"])
    assert list(watching.livekit.rooms["demo"].dispatches.values()) == ["interpreter"]
    assert await (await watching.beat("AJ_1")).json() == {"leave": True}
    assert await watching.count("dragoman_web_beats_missed_total") == 1
    assert await watching.count('dragoman_web_removals_total{why="silent"}') == 1


async def test_an_interpreter_that_keeps_beating_is_never_touched(watching: House):
    watching.livekit.enter("demo", "guest-1")
    watching.livekit.enter_interpreter("demo", "AJ_1")

    for _ in range(4):
        await watching.beat("AJ_1")
        await asyncio.sleep(1)

    assert watching.livekit.removed == []
    assert watching.livekit.rooms["demo"].called == []


async def test_of_two_interpreters_the_older_goes(watching: House):
    watching.livekit.enter("demo", "guest-1")
    for job, epoch in (("AJ_1", 100), ("AJ_2", 200)):
        watching.livekit.enter_interpreter("demo", job)
        await watching.beat(job, epoch=epoch)

    await until(lambda: watching.livekit.removed == ["interpreter-AJ_1"])
    assert watching.livekit.rooms["demo"].called == []


async def test_two_web_servers_call_one_interpreter_and_one_goes_on_when_the_other_ends(
    open_house: Opening, database_url: str
):
    livekit = FakeLiveKit(KEY, SECRET)
    houses = [await open_house(livekit), await open_house(livekit)]
    livekit.enter("demo", "guest-1")

    for _ in range(10):
        await hint(database_url)
    await until(lambda: bool(livekit.rooms["demo"].called))

    leaders = [await house.count("dragoman_web_leader") for house in houses]
    assert sorted(leaders) == [0, 1]
    await houses[leaders.index(1)].client.close()
    livekit.enter(room := (await houses[leaders.index(0)].make())[0], "guest-2")
    await until(lambda: livekit.rooms[room].called == ["interpreter"])
    assert livekit.rooms["demo"].called == ["interpreter"]


async def test_a_livekit_server_that_was_away_finds_its_rooms_attended(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")
    house.livekit.away = True
    await hint(database_url)
    await asyncio.sleep(1.5)

    house.livekit.away = False

    await until(lambda: house.livekit.rooms["demo"].called == ["interpreter"])


async def test_an_interpreter_is_not_blamed_for_a_database_that_lost_our_connection(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")
    house.livekit.enter_interpreter("demo", "AJ_1")
    await house.beat("AJ_1")
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid != pg_backend_pid()"
    )
    await connection.close()

    await silence(database_url, "AJ_1", 600)
    await asyncio.sleep(1.5)
    answer = await house.beat("AJ_1")
    await asyncio.sleep(2)

    assert await answer.json() == {"leave": False}
    assert house.livekit.removed == []
