"""A vault of its own for each test, in one database with a clock that a test may set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ..conftest import named
from .world import START, World, prepared


@pytest.fixture(scope="session")
def vault_url(postgres: str) -> str:
    """A database with a settable clock, which tests share; each has a tenant of its own."""

    async def make() -> str:
        connection = await asyncpg.connect(postgres)
        await connection.execute("CREATE DATABASE vault_clock")
        await connection.close()
        await prepared(url := named(postgres, "vault_clock"))
        return url

    return asyncio.run(make())


@pytest.fixture
async def world(vault_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with World.open(vault_url, tmp_path / "ledger", migrate=False) as world:
        await world.set_clock(START)
        yield world
