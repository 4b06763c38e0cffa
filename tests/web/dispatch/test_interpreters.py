"""Heartbeats: who may tell them, what they change, and when they are answered with leave."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import update

from tests.web.conftest import KEY, KEYS, SECRET, House, beat_token, code
from web.database import Database
from web.tables import interpreters

BEAT = {"room": "demo", "identity": "interpreter-AJ_1", "epoch": 1, "state": "listening"}


async def told(house: House, token: str, job: str = "AJ_1") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"}
    return await code(await house.client.post(f"/api/interpreters/{job}/beat", json=BEAT, headers=headers))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        beat_token("AJ_2"),
        beat_token("AJ_1", secret="another-secret-of-at-least-32-letters"),
        beat_token("AJ_1", key="another"),
        beat_token("AJ_1", life=-60),
        beat_token("AJ_1", ahead=-7200),
        beat_token("AJ_1", ahead=7200),
        beat_token("AJ_1", life=3600),
        beat_token("AJ_1", nonce="x"),
        jwt.encode({"iss": KEY, "sub": "AJ_1", "iat": time.time()}, SECRET, algorithm="HS256"),
        jwt.encode({"iss": KEY, "sub": "AJ_1", "exp": time.time() + 30}, SECRET, algorithm="HS256"),
        jwt.encode({"iss": KEY, "sub": "AJ_1", "iat": time.time(), "exp": time.time() + 30}, None, algorithm="none"),
        jwt.encode(
            {"iss": KEY, "sub": "AJ_1", "iat": time.time(), "exp": time.time() + 30}, SECRET + SECRET, algorithm="HS512"
        ),
    ],
    ids=[
        "none",
        "rubbish",
        "job",
        "secret",
        "key",
        "upside down",
        "expired",
        "future",
        "long",
        "answer",
        "endless",
        "undated",
        "unsigned",
        "algorithm",
    ],
)
async def test_a_beat_with_a_token_that_is_not_that_jobs_own_is_refused(house: House, token: str):
    assert await told(house, token) == (403, "not_allowed")
    assert await house.count("dragoman_web_beats_total") == 0
    assert await house.count("dragoman_web_beats_refused_total") == 1


@pytest.mark.parametrize("ahead", [-600, -35, 0, 35, 600])
async def test_an_interpreter_is_heard_whatever_its_clock_says_and_the_difference_is_told(
    house: House, caplog: pytest.LogCaptureFixture, ahead: float
):
    for _ in range(3):
        headers = {"Authorization": f"Bearer {beat_token('AJ_1', ahead=ahead)}"}
        answer = await house.client.post("/api/interpreters/AJ_1/beat", json=BEAT, headers=headers)
        assert (answer.status, await answer.json()) == (200, {"leave": False})

    assert await house.count("dragoman_web_clock_difference_seconds") == pytest.approx(ahead, abs=2)
    logged = [record for record in caplog.records if record.getMessage() == "a clock differs from ours"]
    assert len(logged) == (1 if ahead else 0)


async def test_refused_beats_are_in_the_log_once_and_not_as_often_as_they_come(
    house: House, caplog: pytest.LogCaptureFixture
):
    for _ in range(5):
        await told(house, "rubbish")

    assert [record.getMessage() for record in caplog.records].count("beats are refused") == 1
    assert await house.count("dragoman_web_beats_refused_total") == 5


async def test_a_guest_cannot_pass_for_an_interpreter_with_the_token_of_the_room(house: House):
    joined = await (await house.join()).json()

    assert await told(house, joined["token"], joined["identity"]) == (403, "not_allowed")
    short = beat_token(joined["identity"], video={"roomJoin": True})
    assert await told(house, short, joined["identity"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": "1"},
        {"epoch": -1},
        {"epoch": 2**63},
        {"state": "So what?"},
        {"room": ""},
        {"key": ""},
        {"key": "x" * 513},
    ],
)
async def test_a_beat_of_another_shape_is_refused(house: House, wrong: dict[str, object]):
    assert await code(await house.beat("AJ_1", **wrong)) == (400, "bad_json")


async def test_an_interpreters_own_word_is_what_the_room_says_of_it(house: House):
    house.livekit.enter_interpreter("demo", "AJ_1")

    answer = await house.beat("AJ_1", state="degraded")

    assert await answer.json() == {"leave": False}
    assert (await (await house.client.get("/api/rooms/demo")).json())["interpreter"] == "degraded"


async def test_how_many_rooms_are_interpreted_and_how_is_counted(house: House):
    await house.beat("AJ_1", state="degraded")

    assert await house.count('dragoman_web_interpreters{state="degraded"}') == 1
    assert await house.count('dragoman_web_interpreters{state="listening"}') == 0

    await house.beat("AJ_1", state="listening")

    assert await house.count('dragoman_web_interpreters{state="degraded"}') == 0
    assert await house.count('dragoman_web_interpreters{state="listening"}') == 1


async def test_an_older_interpreter_is_told_to_leave_and_the_newer_to_stay(house: House):
    for job in ("AJ_1", "AJ_2"):
        house.livekit.enter_interpreter("demo", job)
    await house.beat("AJ_1", epoch=100)

    newer = await house.beat("AJ_2", epoch=200)
    older = await house.beat("AJ_1", epoch=100)
    again = await house.beat("AJ_2", epoch=200)

    assert await newer.json() == {"leave": False}
    assert await older.json() == {"leave": True}
    assert await again.json() == {"leave": False}


async def test_interpreters_of_two_rooms_do_not_disturb_each_other(house: House):
    for room, job in (("demo", "AJ_1"), ("other", "AJ_2")):
        house.livekit.enter_interpreter(room, job)
    await house.beat("AJ_2", "other", epoch=200)

    assert await (await house.beat("AJ_1", epoch=100)).json() == {"leave": False}


async def believed(house: House, room: str = "demo") -> object:
    return await (await house.client.get(f"/api/rooms/{room}/interpreter")).json()


async def changed(database_url: str, **values: object) -> None:
    """What every interpreter's row says of it."""
    database = Database(SecretStr(database_url))
    async with database.transaction() as connection:
        await connection.execute(update(interpreters).values(values))
    await database.close()


NOBODY = {"identity": None, "epoch": None, "key": None}


@pytest.mark.parametrize("room", ["demo", "no-such-room", "a%00b"])
async def test_nobody_is_vouched_for_where_no_interpreter_told_its_key(house: House, room: str):
    await house.beat("AJ_1")

    assert await believed(house, room) == NOBODY


async def test_the_newest_interpreter_is_vouched_for_with_its_own_key(house: House):
    await house.beat("AJ_2", epoch=200, key=KEYS[1])
    await house.beat("AJ_1", epoch=100, key=KEYS[0])
    await house.beat("AJ_3", "other", epoch=300, key=KEYS[0])

    assert await believed(house) == {"identity": "interpreter-AJ_2", "epoch": 200, "key": KEYS[1]}


async def test_who_has_no_token_of_an_interpreter_is_not_vouched_for_whatever_it_claims(house: House):
    await house.beat("AJ_1", epoch=100, key=KEYS[0])
    rogue = {**BEAT, "identity": "interpreter-rogue", "epoch": 2**62, "key": KEYS[1]}
    forged = {"Authorization": f"Bearer {beat_token('AJ_1', secret='another-secret-of-at-least-32-letters')}"}

    answer = await house.client.post("/api/interpreters/AJ_1/beat", json=rogue, headers=forged)

    assert answer.status == 403
    assert await believed(house) == {"identity": "interpreter-AJ_1", "epoch": 100, "key": KEYS[0]}


async def test_one_that_was_dismissed_is_vouched_for_no_more(house: House, database_url: str):
    await house.beat("AJ_1", epoch=100, key=KEYS[0])
    await changed(database_url, dismissed=True)

    assert await believed(house) == NOBODY


async def test_one_whose_beats_are_late_is_vouched_for_until_another_lives(house: House, database_url: str):
    await house.beat("AJ_2", epoch=200, key=KEYS[1])
    await changed(database_url, seen_at=datetime.now(UTC) - timedelta(seconds=20))
    late = await believed(house)
    await house.beat("AJ_1", epoch=100, key=KEYS[0])

    assert late == {"identity": "interpreter-AJ_2", "epoch": 200, "key": KEYS[1]}
    assert await believed(house) == {"identity": "interpreter-AJ_1", "epoch": 100, "key": KEYS[0]}


async def test_what_guests_were_refused_is_counted_by_codes_that_we_know(house: House):
    headers = {"Authorization": f"Bearer {beat_token('AJ_1')}"}
    for refused in ({"too_many_calls": 20, "too_soon": 2}, {"too_many_calls": 1, "what somebody said": 4}, {}):
        answer = await house.client.post(
            "/api/interpreters/AJ_1/beat", json={**BEAT, "refused": refused}, headers=headers
        )
        assert answer.status == 200

    assert await house.count('dragoman_web_guests_refused_total{code="too_many_calls"}') == 21
    assert await house.count('dragoman_web_guests_refused_total{code="too_soon"}') == 2
    assert await house.count('dragoman_web_guests_refused_total{code="other"}') == 4


async def test_parts_that_failed_are_counted_by_kind_and_by_no_name_that_an_interpreter_makes_up(house: House):
    headers = {"Authorization": f"Bearer {beat_token('AJ_1')}"}
    for failures in ({"captions": 2, "dub": 1}, {"captions": 3}, {"x" * 50: 1}, {}):
        beat = {**BEAT, "failures": failures}
        answer = await house.client.post("/api/interpreters/AJ_1/beat", json=beat, headers=headers)
        assert answer.status == 200
    bad = await house.client.post(
        "/api/interpreters/AJ_1/beat", json={**BEAT, "failures": {"dub": -1}}, headers=headers
    )

    assert await code(bad) == (400, "bad_json")
    text = await (await house.client.get("/metrics")).text()
    counted = {line for line in text.splitlines() if line.startswith("dragoman_web_interpreter_failures_total")}
    assert counted == {
        'dragoman_web_interpreter_failures_total{part="captions"} 5.0',
        'dragoman_web_interpreter_failures_total{part="dub"} 1.0',
        'dragoman_web_interpreter_failures_total{part="other"} 1.0',
    }


async def test_what_was_lost_is_counted_by_what_it_was(house: House):
    headers = {"Authorization": f"Bearer {beat_token('AJ_1')}"}
    for lost in ({"sound_seconds": 1.25, "captions": 2}, {"sound_seconds": 0.5}, {"y" * 50: 1}, {}):
        answer = await house.client.post("/api/interpreters/AJ_1/beat", json={**BEAT, "lost": lost}, headers=headers)
        assert answer.status == 200

    assert await house.count('dragoman_web_interpreter_lost_total{what="sound_seconds"}') == 1.75
    assert await house.count('dragoman_web_interpreter_lost_total{what="captions"}') == 2
    assert await house.count('dragoman_web_interpreter_lost_total{what="other"}') == 1


async def test_what_could_not_be_kept_is_counted_by_cause_whoever_tells_it(house: House):
    for lost in ({"no_key": 2}, {"no_key": 1, "memory": 5}, {"what somebody said": 4}, {}):
        assert (await house.beat("AJ_1", not_kept=lost)).status == 200
    assert (await house.work(not_kept={"unreadable": 9})).status == 200
    assert (await house.work()).status == 200

    bad = await house.beat("AJ_1", not_kept={"no_key": -1})

    assert await code(bad) == (400, "bad_json")
    causes = ("no_key", "memory", "unreadable", "other")
    counted = [await house.count(f'dragoman_web_keeping_lost_total{{cause="{cause}"}}') for cause in causes]
    assert counted == [3, 5, 9, 4]
