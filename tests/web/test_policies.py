"""What a room keeps: chosen by its host, said before joining, told to its interpreter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from agent.vault.db.tenants import tenant_id
from agent.vault.policy.effective_policy import Keeps
from tests.web.conftest import HOST, House, Opening, code
from web.database import DATABASE
from web.dispatch.interpreters import announce

BEARER = {"Authorization": f"Bearer {HOST}"}
MINUTES = {
    "policy": "minutes-30",
    "version": 1,
    "source": {"days": 30, "since": "end"},
    "translation": {"days": 30, "since": "end"},
    "redacted": None,
    "redaction": "off",
}
NOTHING = {
    "policy": "nothing",
    "version": None,
    "source": None,
    "translation": None,
    "redacted": None,
    "redaction": "off",
}


REDACTED = {
    **NOTHING,
    "policy": "redacted-90",
    "version": 1,
    "redacted": {"days": 90, "since": "end"},
    "redaction": "mask",
}


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_the_policies_in_force_are_offered(open_house: Opening):
    house = await open_house(tenant="fresh")

    offered = await (await house.client.get("/api/policies")).json()

    assert offered["default"] == "nothing"
    assert offered["policies"] == [
        MINUTES,
        REDACTED,
        {**NOTHING, "policy": "source-7", "version": 1, "source": {"days": 7, "since": "said"}},
    ]


async def test_a_room_keeps_nothing_where_its_host_says_nothing(house: House, sql: asyncpg.Connection):
    room, _ = await house.make()

    seen = await (await house.client.get(f"/api/rooms/{room}")).json()

    assert seen["keeps"] == NOTHING
    assert await sql.fetchval("SELECT count(*) FROM vault.room_grant WHERE room = $1", room) == 0


async def test_what_a_room_keeps_is_said_before_joining(house: House):
    room, _ = await house.make(keep="minutes-30")

    seen = await (await house.client.get(f"/api/rooms/{room}")).json()

    assert seen["keeps"] == MINUTES


async def test_a_room_without_a_choice_keeps_by_the_tenants_default(open_house: Opening, sql: asyncpg.Connection):
    house = await open_house(tenant="with a default")
    await sql.execute("UPDATE vault.tenant SET default_policy = 'source-7' WHERE name = 'with a default'")

    room, _ = await house.make()
    explicit, _ = await house.make(keep="nothing")
    seen = await (await house.client.get(f"/api/rooms/{room}")).json()
    other = await (await house.client.get(f"/api/rooms/{explicit}")).json()

    assert (seen["keeps"]["policy"], other["keeps"]["policy"]) == ("source-7", "nothing")


async def test_what_is_said_before_joining_is_no_longer_than_the_default_allows(
    open_house: Opening, sql: asyncpg.Connection
):
    house = await open_house(tenant="strict")
    room, _ = await house.make(keep="minutes-30")
    await sql.execute("UPDATE vault.tenant SET default_policy = 'source-7' WHERE name = 'strict'")

    seen = await (await house.client.get(f"/api/rooms/{room}")).json()

    assert seen["keeps"] == {**MINUTES, "source": {"days": 7, "since": "said"}, "translation": None}


@pytest.mark.parametrize("keep", ["for ever", "minutes-31", "", "MINUTES-30", "a\u0000b", "x" * 10_000])
async def test_a_policy_that_is_not_in_force_is_refused_and_no_room_is_made(
    house: House, sql: asyncpg.Connection, keep: str
):
    answer = await house.client.post("/api/rooms", json={"title": "Standup", "keep": keep}, headers=BEARER)

    assert await code(answer) == (400, "unknown_policy")
    assert await sql.fetchval("SELECT count(*) FROM rooms") == 1


async def test_the_host_may_read_what_the_room_keeps(house: House, sql: asyncpg.Connection):
    room, _ = await house.make(keep="minutes-30")

    granted = await sql.fetch("SELECT tenant_id, principal, can FROM vault.room_grant WHERE room = $1", room)

    assert [tuple(row) for row in granted] == [(tenant_id("default"), "host", ["read"])]


async def test_the_interpreter_is_told_what_to_keep(house: House):
    room, secret = await house.make(keep="redacted-90", glossary=[{"term": "Sintra"}])

    await house.join(room, secret=secret)

    [told] = house.livekit.rooms[room].told
    heard = Keeps.heard(json.loads(told)["keeps"])
    assert [term["term"] for term in json.loads(told)["glossary"]] == ["Sintra"]
    assert (heard.tenant, heard.policy, heard.version) == (tenant_id("default"), "redacted-90", 1)
    assert {kind: str(term) for kind, term in heard.terms.items()} == {"redacted": "meeting end + 90 days"}


async def test_an_interpreter_that_comes_instead_is_told_what_to_keep(house: House):
    room, _ = await house.make(keep="minutes-30")
    house.livekit.enter(room, "guest-1")

    while not house.livekit.rooms[room].told:
        await announce(house.client.app[DATABASE], room)

    assert json.loads(house.livekit.rooms[room].told[0])["keeps"]["policy"] == "minutes-30"


async def test_words_to_be_redacted_are_told_to_the_interpreter_alone(open_house: Opening, sql: asyncpg.Connection):
    house = await open_house(tenant="worded")
    await sql.execute(
        "INSERT INTO vault.policy (tenant_id, name, version, source, translation, redacted, audit, redaction, words,"
        " proposed_by, approved_by, approved_at, effective_from) VALUES ($1, 'worded', 1, '1 days', '1 days',"
        " 'not at all', 'forever', 'mask', '{Zanzibar}', 'a', 'b', now(), now())",
        tenant_id("worded"),
    )
    room, secret = await house.make(keep="worded")

    await house.join(room, secret=secret)

    assert "Zanzibar" in house.livekit.rooms[room].told[0]
    for address in ("/api/policies", f"/api/rooms/{room}"):
        assert "Zanzibar" not in await (await house.client.get(address)).text()


async def test_nobody_is_let_in_where_nobody_knows_what_is_kept(house: House, sql: asyncpg.Connection):
    room, secret = await house.make()
    await sql.execute("UPDATE rooms SET keeps = 'gone' WHERE slug = $1", room)

    seen = await house.client.get(f"/api/rooms/{room}")
    joined = await house.join(room, secret=secret)

    assert await code(seen) == (400, "unknown_policy")
    assert await code(joined) == (400, "unknown_policy")


async def test_a_vault_that_is_away_stops_no_room_that_keeps_nothing(open_house: Opening):
    house = await open_house(vault_url=SecretStr("postgresql://nobody@127.0.0.1:1/nowhere"))

    joined = await house.join("demo")
    policies = await house.client.get("/api/policies")
    made = await house.client.post("/api/rooms", json={"title": "Standup", "keep": "minutes-30"}, headers=BEARER)

    assert joined.status == 200
    assert await code(policies) == (503, "vault_away")
    assert await code(made) == (503, "vault_away")
