"""The watch at work: real tables, real notices, and a LiveKit server in memory."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg
import jwt
import pytest

from agent.errors import DragomanError
from tests.web.conftest import KEY, QUICK, SECRET, House, Opening, code
from tests.web.livekit import FakeLiveKit
from web.database import DATABASE
from web.dispatch.livekit import Person
from web.dispatch.looker import Sightings
from web.dispatch.rules import GRACE, PULSE
from web.dispatch.watcher import Hints

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


def alive(job: str, secret: str = SECRET, **changes: Any) -> Callable[[str], str]:
    """How an interpreter that lives answers; `changes` are claims that a good one wouldn't make."""

    def answer(nonce: str) -> str:
        told = {"room": "demo", "identity": f"interpreter-{job}", "epoch": 1, "state": "listening"}
        claims = {"iss": KEY, "sub": job, "iat": time.time(), "nonce": nonce, "beat": told, **changes}
        return jwt.encode(claims, secret, algorithm="HS256")

    return answer


async def row(url: str, query: str) -> asyncpg.Record:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchrow(query)
    finally:
        await connection.close()


@pytest.fixture
async def house(open_house: Opening) -> House:
    return await open_house(rhythm=QUICK)


@pytest.fixture
async def watching(house: House) -> House:
    """A house that has listened for long enough to believe in silence."""
    await house.wait(PULSE + 0.5)
    return house


async def test_people_in_a_live_room_without_an_interpreter_get_one_at_a_hint(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")

    await hint(database_url)

    await until(lambda: house.livekit.rooms["demo"].called == ["interpreter"])


async def test_a_hundred_hints_call_one_interpreter(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")

    await asyncio.gather(*(hint(database_url) for _ in range(50)))
    await until(lambda: bool(house.livekit.rooms["demo"].called))
    await asyncio.gather(*(hint(database_url) for _ in range(50)))

    await house.looks(10)
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
        await watching.wait(1.2)

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
    houses = [await open_house(livekit, rhythm=QUICK) for _ in range(2)]
    livekit.enter("demo", "guest-1")

    for _ in range(10):
        await hint(database_url)
    await until(lambda: bool(livekit.rooms["demo"].called))

    leaders = [await house.count("dragoman_web_leader") for house in houses]
    assert sorted(leaders) == [0, 1]
    await houses[leaders.index(1)].client.close()
    livekit.enter(room := (await houses[leaders.index(0)].make())[0], "guest-2")
    await hint(database_url, room)  # heard, or not needed: who takes over looks at every room
    await until(lambda: livekit.rooms[room].called == ["interpreter"])
    assert livekit.rooms["demo"].called == ["interpreter"]


async def test_a_livekit_server_that_was_away_finds_its_rooms_attended(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")
    house.livekit.away = True
    await hint(database_url)
    await house.wait(1.5)

    house.livekit.away = False

    await until(lambda: house.livekit.rooms["demo"].called == ["interpreter"])


async def test_an_interpreter_is_not_blamed_for_a_database_that_lost_our_connection(watching: House, database_url: str):
    watching.livekit.enter("demo", "guest-1")
    watching.livekit.enter_interpreter("demo", "AJ_1")
    await watching.beat("AJ_1")
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid != pg_backend_pid()"
    )
    await connection.close()

    await silence(database_url, "AJ_1", 30)  # longer, and it would be forgotten
    await watching.looks(8)  # by another connection
    await watching.wait(1.2)
    answer = await watching.beat("AJ_1")
    await watching.wait(1.2)

    assert await answer.json() == {"leave": False}
    assert watching.livekit.removed == []


async def test_a_silent_interpreter_that_answers_a_call_stays_and_its_answer_counts_as_a_beat(
    watching: House, database_url: str
):
    watching.livekit.enter("demo", "guest-1")
    watching.livekit.enter_interpreter("demo", "AJ_1")
    watching.livekit.answers["interpreter-AJ_1"] = alive("AJ_1")
    await watching.beat("AJ_1")

    await silence(database_url, "AJ_1", 600)

    await until(lambda: bool(watching.livekit.asked))
    await watching.wait(0.6)
    assert watching.livekit.asked == ["interpreter-AJ_1"]
    assert watching.livekit.removed == []
    assert watching.livekit.rooms["demo"].called == []
    assert (await (await watching.client.get("/api/rooms/demo")).json())["interpreter"] == "listening"
    assert await watching.count('dragoman_web_asked_total{outcome="answered"}') == 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda nonce: "yes",
        lambda nonce: alive("AJ_1")("an older question"),
        alive("AJ_2"),
        alive("AJ_1", secret="another-secret-of-at-least-32-letters"),
        alive("AJ_1", beat={}),
    ],
    ids=["no token", "replayed", "another's", "forged", "no beat"],
)
async def test_an_answer_that_only_the_interpreter_could_not_have_given_saves_nobody(
    watching: House, database_url: str, answer: Callable[[str], str]
):
    watching.livekit.enter("demo", "guest-1")
    watching.livekit.enter_interpreter("demo", "AJ_1")
    watching.livekit.answers["interpreter-AJ_1"] = answer
    await watching.beat("AJ_1")

    await silence(database_url, "AJ_1")

    await until(lambda: watching.livekit.removed == ["interpreter-AJ_1"])


@pytest.mark.parametrize("skew", [-600, 600])
async def test_livekits_clock_decides_nothing(watching: House, database_url: str, skew: float):
    watching.livekit.enter("demo", "guest-1", joined_at=time.time() + skew)
    watching.livekit.enter_interpreter("demo", "AJ_1", joined_at=time.time() + skew)

    await hint(database_url)
    await watching.wait(1)

    assert watching.livekit.removed == []
    assert watching.livekit.asked == []
    assert watching.livekit.rooms["demo"].called == []


def test_how_long_an_interpreter_is_there_is_measured_from_our_first_sight_of_it():
    now = [100.0]
    sightings = Sightings(lambda: now[0])
    people = [Person("guest-1", human=True, interpreter=False), Person("interpreter-1", human=False, interpreter=True)]

    first = dict(sightings.of("demo", people))
    now[0] += GRACE
    later = dict(sightings.of("demo", people))
    sightings.of("demo", people[:1])
    back = dict(sightings.of("demo", people))

    assert (first, later, back) == ({"interpreter-1": 0}, {"interpreter-1": GRACE}, {"interpreter-1": 0})


def test_what_was_seen_in_rooms_that_are_over_is_forgotten():
    now = [100.0]
    sightings = Sightings(lambda: now[0])
    interpreter = [Person("interpreter-1", human=False, interpreter=True)]
    for room in range(1_000):
        sightings.of(str(room), interpreter)

    sightings.keep(["7"])
    now[0] += 5

    assert [sightings.of(room, interpreter)["interpreter-1"] for room in ("6", "7")] == [0, 5]


async def test_a_call_that_livekit_did_not_take_is_not_noted_and_made_again(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")
    house.livekit.refused.add("CreateDispatch")
    await hint(database_url)
    await house.wait(1)
    before = await row(database_url, "SELECT called_at, calls FROM rooms WHERE slug = 'demo'")

    house.livekit.refused.clear()

    await until(lambda: house.livekit.rooms["demo"].called == ["interpreter"])
    assert tuple(before) == (None, 0)


async def test_while_livekit_hangs_neither_a_row_nor_a_connection_is_held(house: House, database_url: str):
    house.livekit.enter("demo", "guest-1")
    async with house.livekit.busy:
        await hint(database_url)
        joins = [asyncio.create_task(house.join((await house.make())[0])) for _ in range(15)]
        await asyncio.sleep(0.5)

        connection = await asyncpg.connect(database_url)
        await connection.execute("SET lock_timeout = '500ms'")
        await connection.fetch("SELECT slug FROM rooms FOR UPDATE")
        open_ = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
        await connection.close()

    assert open_ == 0
    await asyncio.gather(*joins)


async def test_beats_are_heard_while_people_have_every_connection(open_house: Opening):
    house = await open_house(patience=0.3)
    database = house.client.app[DATABASE]  # type: ignore[union-attr]
    async with AsyncExitStack() as held:
        with suppress(DragomanError):  # once no more are given
            for _ in range(30):
                await held.enter_async_context(database.transaction())
        assert await code(await house.client.get("/api/rooms/demo")) == (503, "database_away")

        answer = await house.beat("AJ_1")

    assert answer.status == 200


async def test_a_call_that_no_worker_took_is_made_again_as_soon_as_one_is_there(house: House):
    house.livekit.workers = False
    await house.join()
    house.livekit.enter("demo", "guest-1")
    await house.wait(2)
    seen = (await (await house.client.get("/api/rooms/demo")).json())["interpreter"]
    assert house.livekit.rooms["demo"].called == ["interpreter"]

    house.livekit.workers = True
    came = time.monotonic()
    await house.work()

    await until(lambda: house.livekit.rooms["demo"].called == ["interpreter"] * 2)
    assert seen == "no_worker_free"
    assert time.monotonic() - came < 2
    assert (await (await house.client.get("/api/rooms/demo")).json())["interpreter"] == "starting"


async def test_a_call_that_was_taken_is_not_made_again_while_workers_are_free(house: House):
    await house.join()
    house.livekit.enter("demo", "guest-1")

    for _ in range(4):
        await house.work()
        await house.wait(1)

    assert house.livekit.rooms["demo"].called == ["interpreter"]


async def test_every_call_has_a_higher_epoch_than_all_interpreters_that_the_room_had(
    watching: House, database_url: str
):
    ahead = round((time.time() + 600) * 1000)  # a worker's own clock, as another program's call leaves it
    watching.livekit.enter("demo", "guest-1")
    watching.livekit.enter_interpreter("demo", "AJ_1")
    await watching.beat("AJ_1", epoch=ahead)

    await silence(database_url, "AJ_1")
    await until(lambda: len(watching.livekit.rooms["demo"].called) == 1)
    watching.livekit.enter_interpreter("demo", "AJ_2")
    [first] = watching.livekit.rooms["demo"].told
    await watching.beat("AJ_2", epoch=json.loads(first)["epoch"])
    await silence(database_url, "AJ_2")
    await until(lambda: len(watching.livekit.rooms["demo"].called) == 2)

    epochs = [ahead, *(json.loads(told)["epoch"] for told in watching.livekit.rooms["demo"].told)]
    assert epochs == sorted(set(epochs))


async def test_how_long_people_wait_until_they_are_heard_is_measured_once_for_each_interpreter(house: House):
    await house.join()

    for state in ("starting", "engines_away", "listening", "degraded", "listening"):
        await house.beat("AJ_1", state=state)

    assert await house.count("dragoman_web_hearing_seconds_count") == 1
    assert 0 < await house.count("dragoman_web_hearing_seconds_sum") < 5


async def test_a_room_that_is_looked_at_waits_for_its_next_turn():
    hints = Hints()
    hints.add("a")
    assert hints.begin(hints.take()) == {"a"}

    hints.add("a")
    hints.add("b")
    await hints.wait(10)  # somebody pointed: at once
    assert hints.take() == {"b"}
    assert hints.begin({"a", "b"}) == {"b"}

    hints.end("a")
    assert hints.take() == {"a"}
    hints.later("c")
    await hints.wait(0.01)  # nobody did
    assert hints.take() == {"c"}
