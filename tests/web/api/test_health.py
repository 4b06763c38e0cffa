"""Whether captions can flow, and which part is missing where they can't."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from tests.web.conftest import SERVED, House, Opening, beat_token


async def ready(house: House) -> tuple[int, dict[str, Any]]:
    answer = await house.client.get("/readyz")
    return answer.status, await answer.json()


async def test_with_all_four_parts_there_captions_can_flow(house: House):
    await house.work()

    status, told = await ready(house)

    assert status == 200
    assert told["ready"] is True
    assert told["engines"]["ready"] is True
    assert [stage["engine"] for stage in told["engines"]["stages"]] == [stage["engine"] for stage in SERVED]
    assert told["engines"]["stages"][1]["languages"]["en>es"] == 52.9
    assert all(told[part]["ready"] for part in ("database", "sfu", "agent"))


async def test_engines_that_load_are_not_ready_and_the_last_we_know_of_them_is_told(house: House):
    house.neighbours.engines_ready = False

    status, told = await ready(house)

    assert status == 503
    assert (told["engines"]["ready"], told["engines"]["code"]) == (False, "engines_away")
    assert len(told["engines"]["stages"]) == 3
    seen = await (await house.client.get("/api/rooms/demo")).json()
    assert seen["engines"]["speak"]["engine"] == "espeak-ng"


async def test_a_livekit_server_that_is_away_is_named(house: House):
    house.livekit.away = True

    status, told = await ready(house)

    assert status == 503
    assert told["sfu"] == {"ready": False, "code": "sfu_away", "message": "The LiveKit server does not answer."}


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (None, "agent_away"),
        ({"agent": "another"}, "agent_other"),
        ({"registered": False}, "agent_starting"),
        ({"warm": 0}, "agent_starting"),
    ],
)
async def test_without_a_worker_that_could_take_a_room_at_once_nothing_is_ready(
    house: House, word: dict[str, Any] | None, code: str
):
    if word is not None:
        await house.work(**word)

    status, told = await ready(house)

    assert status == 503
    assert (told["agent"]["ready"], told["agent"]["code"]) == (False, code)


async def test_a_worker_whose_every_place_is_taken_is_ready_for_all_that(house: House):
    await house.work(warm=0, rooms=10)

    assert (await ready(house))[0] == 200


async def test_a_worker_that_has_fallen_silent_counts_no_longer(house: House, database_url: str):
    await house.work()
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE workers SET seen_at = seen_at - interval '3 seconds'")
    await connection.close()

    status, told = await ready(house)

    assert (status, told["agent"]["code"]) == (503, "agent_away")


@pytest.mark.parametrize("token", ["", beat_token("W_2"), beat_token("W_1", life=3600)])
async def test_a_word_with_another_token_than_that_workers_own_is_refused(house: House, token: str):
    word = {"agent": "interpreter", "registered": True, "warm": 1, "rooms": 0, "limit": 10}

    answer = await house.client.post("/api/workers/W_1/beat", json=word, headers={"Authorization": f"Bearer {token}"})

    assert answer.status == 403
    assert (await ready(house))[0] == 503


async def test_a_database_that_is_away_is_named_and_the_server_lives(open_house: Opening):
    house = await open_house(ready=False, database_url="postgresql://nobody@/nothing?host=/nowhere")

    status, told = await ready(house)

    assert status == 503
    assert told["database"]["code"] == "database_away"
    assert (await house.client.get("/healthz")).status == 200
    assert await house.count('dragoman_web_interpreters{state="listening"}') == 0


async def test_the_second_engine_service_is_asked_where_the_first_is_away(open_house: Opening):
    house = await open_house()
    both = await open_house(engines=f"unix:nobody.sock, {house.settings.engines}")

    _, told = await ready(both)

    assert told["engines"]["ready"] is True


async def test_the_metrics_count_what_was_answered(house: House):
    await house.join()

    line = 'dragoman_web_requests_total{method="POST",route="/api/rooms/{room}/join",status="200"}'
    assert await house.count(line) == 1
    assert await house.count("dragoman_web_joins_total") == 1
    assert await house.count('dragoman_web_dispatches_total{why="opened"}') == 1
