"""Rooms: made by hosts, looked at before joining, joined by guests with least rights."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import asyncpg
import jwt
import pytest

from agent.terms.glossary import parse
from tests.web.conftest import HOST, KEY, KEYS, SECRET, House, Opening, code
from web.api.rooms import NAME_LIMIT, TITLE_LIMIT
from web.database import DATABASE
from web.dispatch.interpreters import announce
from web.languages import CHRF_GRADES, WER_GRADES

BEARER = {"Authorization": f"Bearer {HOST}"}


async def test_a_host_makes_a_room_and_gets_a_link_whose_secret_is_behind_the_hash(house: House):
    answer = await house.client.post("/api/rooms", json={"title": " Standup ", "languages": ["pt-br"]}, headers=BEARER)

    made = await answer.json()
    assert answer.status == 201
    assert re.fullmatch(r"[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}", made["room"])
    assert re.fullmatch(rf"http://127.0.0.1:8080/room/{made['room']}#[\w-]{{22}}", made["join"])


async def test_the_table_holds_no_secret_that_opens_a_room(house: House, database_url: str):
    _, secret = await house.make()

    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT rooms::text FROM rooms")
    await connection.close()
    assert len(rows) == 2
    assert not any(secret in row[0] for row in rows)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": HOST}])
async def test_who_does_not_hold_the_host_secret_makes_no_room(house: House, header: dict[str, str]):
    answer = await house.client.post("/api/rooms", json={"title": "Standup"}, headers=header)

    assert await code(answer) == (401, "host_secret_wrong")


async def test_two_rooms_of_one_title_share_neither_name_nor_secret(house: House):
    one, other = await house.make(), await house.make()

    assert one[0] != other[0]
    assert one[1] != other[1]


async def test_a_room_tells_before_joining_what_a_person_may_know(house: House):
    room, _ = await house.make(title="Standup", languages=["es", "pt-BR"])
    house.livekit.enter(room, "guest-1")
    house.livekit.enter_interpreter(room, "AJ_1")

    seen = await (await house.client.get(f"/api/rooms/{room}")).json()

    languages = seen.pop("languages")
    engines = seen.pop("engines")
    grades = seen.pop("grades")
    assert seen == {
        "room": room,
        "title": "Standup",
        "keeps": {
            "policy": "nothing",
            "version": None,
            "source": None,
            "translation": None,
            "redacted": None,
            "redaction": "off",
        },
        "secret_needed": True,
        "people": 1,
        "limit": 50,
        "interpreter": "absent",
    }
    assert [language["tag"] for language in languages] == ["es", "pt-BR"]
    assert languages[0] == {
        "tag": "es",
        "speak": {"grade": "good", "figure": 0.1, "measure": "wer"},
        "read": {
            "from": {
                "es": {"grade": "good", "figure": 0.1, "measure": "wer", "route": "whisper-base"},
                "en": {"grade": "rough", "figure": 52.9, "measure": "chrf", "route": "bergamot en>pt, apertium pt>es"},
            }
        },
        "hear": {"grade": "rough", "engine": "espeak-ng"},
    }
    assert grades == {"wer": dict(WER_GRADES), "chrf": dict(CHRF_GRADES)}
    assert engines["recognise"] == {
        "engine": "whisper-base",
        "why": "its weights are here",
        "licence": "MIT",
        "leaves": {"whisper-base": "ears.example"},
    }


async def test_engines_that_were_never_seen_are_null_and_the_room_is_told_all_the_same(open_house: Opening):
    house = await open_house(engines="unix:nobody.sock")

    seen = await (await house.client.get("/api/rooms/demo")).json()

    assert seen["engines"] is None
    assert seen["languages"] == []


async def test_the_demo_room_needs_no_secret_at_this_machine(house: House):
    seen = await (await house.client.get("/api/rooms/demo")).json()
    answer = await house.join("demo")

    assert seen["secret_needed"] is False
    assert answer.status == 200


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
        {"Host": "rebound.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_the_demo_room_stays_shut_to_who_comes_from_elsewhere(house: House, header: dict[str, str]):
    wish = {"name": "Ada", "speaks": "en", "reads": "", "hears": ""}

    seen = await (await house.client.get("/api/rooms/demo", headers=header)).json()
    answer = await house.client.post("/api/rooms/demo/join", json=wish, headers=header)

    assert seen["secret_needed"] is True
    assert await code(answer) == (403, "link_invalid")


async def test_a_token_gives_the_least_that_a_guest_needs(house: House):
    room, secret = await house.make()

    answer = await house.join(room, name="  Ada ", speaks="en", reads="pt-br", hears="", secret=secret)

    joined = await answer.json()
    claims = jwt.decode(joined["token"], SECRET, algorithms=["HS256"], issuer=KEY)
    assert joined["server"] == "wss://livekit.example"
    assert re.fullmatch(r"guest-[0-9a-f-]{36}", joined["identity"])
    assert claims["sub"] == joined["identity"]
    assert claims["name"] == "Ada"
    assert claims["exp"] - time.time() <= 300
    assert claims["attributes"] == {"dragoman.speaks": "en", "dragoman.reads": "pt-BR", "dragoman.hears": ""}
    assert claims["video"] == {
        "roomJoin": True,
        "room": room,
        "canPublish": True,
        "canPublishSources": ["camera", "microphone", "screen_share", "screen_share_audio"],
        "canSubscribe": True,
        "canPublishData": True,
        "canUpdateOwnMetadata": False,
    }
    assert claims.keys() == {"iss", "sub", "name", "exp", "attributes", "video"}


async def test_whoever_tells_the_host_secret_is_a_host_in_the_room_and_nobody_else_is(house: House):
    room, secret = await house.make()
    wish = {"name": "Ada", "speaks": "en", "reads": "", "hears": "", "secret": secret}

    async def attributes(**headers: str) -> dict[str, str]:
        answer = await house.client.post(f"/api/rooms/{room}/join", json=wish, headers=headers)
        return dict(jwt.decode((await answer.json())["token"], options={"verify_signature": False})["attributes"])

    wrong = {"Authorization": "Bearer not-the-secret"}
    refused = await house.client.post(f"/api/rooms/{room}/join", json=wish, headers=wrong)

    assert (await attributes(Authorization=f"Bearer {HOST}"))["dragoman.host"] == "true"
    assert "dragoman.host" not in await attributes()
    assert await code(refused) == (401, "host_secret_wrong")


async def test_who_joins_is_told_which_interpreter_to_believe(house: House):
    before = await (await house.join()).json()
    await house.beat("AJ_1", key=KEYS[0])

    after = await (await house.join()).json()

    assert before["interpreter"] is None
    assert after["interpreter"] == {"identity": "interpreter-AJ_1", "epoch": 1, "key": KEYS[0]}


async def test_a_person_who_sends_an_identity_gets_another(house: House):
    answer = await house.join(identity="interpreter-AJ_1", kind="agent", metadata="x", attributes={"a": "b"})

    assert (await answer.json())["identity"].startswith("guest-")


@pytest.mark.parametrize("secret", ["", "wrong", "x" * 10_000, "ü"])
async def test_a_wrong_link_opens_no_room(house: House, secret: str):
    room, _ = await house.make()

    assert await code(await house.join(room, secret=secret)) == (403, "link_invalid")
    assert room not in house.livekit.rooms


async def test_the_link_of_one_room_opens_no_other(house: House):
    _, secret = await house.make()
    other, _ = await house.make()

    assert await code(await house.join(other, secret=secret)) == (403, "link_invalid")


@pytest.mark.parametrize("room", ["nowhere", "DEMO", "..", "%00", "demo%00", "%ff", "a" * 5000, "demo'--", "日本"])
async def test_an_unknown_room_is_said_to_be_unknown(house: House, room: str):
    seen = await house.client.get(f"/api/rooms/x{room}")
    joined = await house.join(f"x{room}")

    assert await code(seen) == (404, "room_not_found")
    assert await code(joined) == (404, "room_not_found")


@pytest.mark.parametrize(
    "name",
    ["", "   ", "a" * 65, "a" * 10_000, "Ada\nLovelace", "Ada\u0000", "\u202eadA", "\u2067x", "\u200b\u200b", "\u2028"],
    ids=ascii,
)
async def test_a_name_that_nobody_could_read_is_refused(house: House, name: str):
    assert await code(await house.join(name=name)) == (400, "bad_name")


@pytest.mark.parametrize("name", ["A", "a" * 64, "José", "ஞானம்", "علی‌رضا", "👩‍👩‍👧‍👦", "O'Neil-Müller <b>"])
async def test_a_name_in_any_script_is_welcome(house: House, name: str):
    assert (await house.join(name=name)).status == 200


@pytest.mark.parametrize("field", ["speaks", "reads", "hears"])
@pytest.mark.parametrize("tag", ["xx", "english", "en-", "zz-ZZ", "und", "x-private", "en\n", "e" * 10_000, "en, es"])
async def test_a_tag_that_is_no_language_is_refused(house: House, field: str, tag: str):
    assert await code(await house.join(**{field: tag})) == (400, "unknown_language")


@pytest.mark.parametrize("field", ["reads", "hears"])
async def test_only_the_spoken_language_may_be_found_out(house: House, field: str):
    assert await code(await house.join(**{field: "auto"})) == (400, "unknown_language")


async def test_a_room_of_too_many_languages_is_refused_by_name(house: House):
    thirteen = ["de", "en", "es", "fr", "it", "pt", "ca", "gl", "nl", "pl", "sv", "tr", "uk"]
    wish = {"title": "Babel", "languages": thirteen}

    answer = await house.client.post("/api/rooms", json=wish, headers=BEARER)

    assert await code(answer) == (400, "too_many_languages")


@pytest.mark.parametrize("title", ["", "  ", "a\u0000b", "\u202etitle", "t" * (TITLE_LIMIT + 1)], ids=ascii)
async def test_a_title_that_nobody_could_read_is_refused_as_a_title(house: House, title: str):
    answer = await house.client.post("/api/rooms", json={"title": title}, headers=BEARER)

    assert await code(answer) == (400, "bad_title")


async def test_a_title_as_long_as_it_may_be_is_taken_whole(house: House):
    room, _ = await house.make(title="t" * TITLE_LIMIT)

    assert (await (await house.client.get(f"/api/rooms/{room}")).json())["title"] == "t" * TITLE_LIMIT


@pytest.mark.parametrize(("name", "limit"), [("TITLE_LIMIT", TITLE_LIMIT), ("NAME_LIMIT", NAME_LIMIT)])
def test_the_pages_fields_end_where_the_server_does(name: str, limit: int):
    page = (Path(__file__).parents[3] / "web" / "client" / "src" / "core" / "api.ts").read_text()

    assert re.findall(rf"export const {name} = (\d+)\n", page) == [str(limit)]


async def test_the_api_tells_how_long_a_title_may_be(house: House):
    told = await (await house.client.get("/openapi.json")).json()

    assert told["components"]["schemas"]["RoomWish"]["properties"]["title"]["maxLength"] == TITLE_LIMIT


async def test_the_first_to_join_makes_the_room_live_with_an_interpreter_called(house: House):
    room, secret = await house.make()

    await house.join(room, secret=secret)

    assert house.livekit.rooms[room].called == ["interpreter"]
    assert house.livekit.rooms[room].limit == 50
    seen = await (await house.client.get(f"/api/rooms/{room}")).json()
    assert seen["interpreter"] == "starting"


async def test_ten_who_join_at_once_call_one_interpreter(house: House):
    room, secret = await house.make()

    answers = await asyncio.gather(*(house.join(room, secret=secret) for _ in range(10)))

    assert {answer.status for answer in answers} == {200}
    assert house.livekit.rooms[room].called == ["interpreter"]


GLOSSARY = [
    {"term": " Sintra ", "language": "pt-pt", "translations": {"es-mx": "Cintra"}, "say": {"en": "Seen-tra"}},
    {"term": "Dragoman"},
]
TOLD = {
    "glossary": [
        {"term": "Sintra", "language": "pt-PT", "translations": {"es-MX": "Cintra"}, "say": {"en": "Seen-tra"}},
        {"term": "Dragoman", "translations": "keep", "say": {}},
    ]
}


async def test_an_interpreter_is_told_the_names_and_terms_of_the_room(house: House):
    room, secret = await house.make(glossary=GLOSSARY)

    await house.join(room, secret=secret)

    [told] = house.livekit.rooms[room].told
    assert json.loads(told).items() >= TOLD.items()
    assert [term.written for term in parse(json.loads(told)["glossary"]).terms] == ["Sintra", "Dragoman"]


async def test_an_interpreter_that_is_called_again_is_told_them_too(house: House):
    room, _ = await house.make(glossary=GLOSSARY)
    house.livekit.enter(room, "guest-1")

    async with asyncio.timeout(15):
        while not house.livekit.rooms[room].told:
            await announce(house.client.app[DATABASE], room)
            await asyncio.sleep(0.05)

    assert json.loads(house.livekit.rooms[room].told[0]).items() >= TOLD.items()


async def test_an_interpreter_of_a_room_without_them_is_told_nothing(house: House):
    await house.join()

    assert json.loads(house.livekit.rooms["demo"].told[0]).keys() == {"epoch"}


async def test_nobody_is_told_a_rooms_names_before_they_are_said(house: House):
    room, _ = await house.make(glossary=GLOSSARY)

    assert "Sintra" not in await (await house.client.get(f"/api/rooms/{room}")).text()


@pytest.mark.parametrize(
    ("glossary", "why"),
    [
        ([{"term": "x"}] * 101, "bad_glossary"),
        ([{"term": "x" * 65}], "bad_glossary"),
        ([{"term": "..."}], "bad_glossary"),
        ([{"term": "a\nb"}], "bad_glossary"),
        ([{"term": "\u202eab"}], "bad_glossary"),
        ([{"term": "x", "translations": {"es": ""}}], "bad_glossary"),
        ([{"term": "x", "say": {"es": "\u0000"}}], "bad_glossary"),
        (
            [{"term": "x" * 64, "say": dict.fromkeys(["de", "en", "es", "fr", "it", "pt", "ca"], "x" * 64)}] * 70,
            "bad_glossary",
        ),
        ([{"term": "x", "translations": {"nowhere": "y"}}], "unknown_language"),
        ([{"term": "x", "language": "xx"}], "unknown_language"),
        ([{"term": 7}], "bad_json"),
        ([{}], "bad_json"),
        ({"term": "x"}, "bad_json"),
        ([{"term": "x", "translations": "drop"}], "bad_json"),
    ],
    ids=range(14),
)
async def test_names_and_terms_that_make_no_sense_are_refused(house: House, glossary: object, why: str):
    answer = await house.client.post("/api/rooms", json={"title": "Standup", "glossary": glossary}, headers=BEARER)

    assert await code(answer) == (400, why)


async def test_a_full_room_says_so_and_its_interpreter_takes_no_seat(open_house: Opening):
    house = await open_house(room_limit=2)
    house.livekit.enter("demo", "guest-1")
    house.livekit.enter_interpreter("demo", "AJ_1")

    first = await house.join()
    house.livekit.enter("demo", "guest-2")
    second = await house.join()

    assert first.status == 200
    assert await code(second) == (409, "room_full")


async def test_a_livekit_server_that_is_away_is_said_to_be_away(house: House):
    house.livekit.away = True

    assert await code(await house.join()) == (503, "sfu_away")
    assert await code(await house.client.get("/api/rooms/demo")) == (503, "sfu_away")


async def test_who_asks_too_often_is_asked_to_wait(open_house: Opening):
    house = await open_house(joins_per_minute=2)

    answers = [await house.join() for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert await code(answers[2]) == (429, "too_many_requests")
    assert answers[2].headers["Retry-After"] == "5"


@pytest.mark.parametrize("ahead", [-600, 600])
async def test_a_guests_token_counts_its_minutes_by_livekits_clock(house: House, ahead: float):
    house.livekit.ahead = ahead

    joined = await (await house.join()).json()

    claims = jwt.decode(joined["token"], SECRET, algorithms=["HS256"], leeway=1200)
    assert claims["exp"] == pytest.approx(time.time() + ahead + 300, abs=4)
    assert "nbf" not in claims
    assert await house.count("dragoman_web_clock_difference_seconds") == pytest.approx(ahead, abs=2)
