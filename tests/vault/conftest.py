"""A vault for each test: a tenant of its own beside others, or a database of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ..conftest import named
from .moved_clock import START, World, prepared
from .numbered_finals import prepare


@pytest.fixture(scope="session")
def vault_url(postgres: str) -> str:
    """A database with a settable clock, which tests share; each has a tenant of its own."""

    async def make() -> str:
        await _execute(postgres, "CREATE DATABASE vault_clock")
        await prepared(url := named(postgres, "vault_clock"))
        return url

    return asyncio.run(make())


@pytest.fixture
async def world(vault_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with World.open(vault_url, tmp_path / "ledger", migrate=False) as world:
        await world.set_clock(START)
        yield world


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database that each test gets a copy of."""

    async def make() -> None:
        await _execute(postgres, "CREATE DATABASE vault_template")
        await prepare(named(postgres, "vault_template"))

    asyncio.run(make())
    return "vault_template"


@pytest.fixture
async def kept_url(postgres: str, template: str) -> AsyncIterator[str]:
    """The address of a database with the vault's tables, one tenant and the starting policies."""
    name = f"vault_{secrets.token_hex(6)}"
    await _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield named(postgres, name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
