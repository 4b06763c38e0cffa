"""A vault for each test: a tenant of its own beside others, or a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ..conftest import execute, named, own_database
from .moved_clock import START, Tenant, prepared
from .numbered_finals import prepare


@pytest.fixture(scope="session")
def vault_url(postgres: str, all_tables: str) -> str:
    """A database with a settable clock, which tests share; each has a tenant of its own."""

    async def make() -> str:
        await execute(postgres, f"CREATE DATABASE vault_clock TEMPLATE {all_tables}")
        await prepared(url := named(postgres, "vault_clock"))
        return url

    return asyncio.run(make())


@pytest.fixture
async def tenant(vault_url: str, tmp_path: Path) -> AsyncIterator[Tenant]:
    async with Tenant.open(vault_url, tmp_path / "ledger", migrate=False) as tenant:
        await tenant.set_clock(START)
        yield tenant


@pytest.fixture(scope="session")
def template(postgres: str, all_tables: str) -> str:
    """The name of a database that each test gets a copy of."""

    async def make() -> None:
        await execute(postgres, f"CREATE DATABASE vault_template TEMPLATE {all_tables}")
        await prepare(named(postgres, "vault_template"))

    asyncio.run(make())
    return "vault_template"


@pytest.fixture
async def kept_url(postgres: str, template: str) -> AsyncIterator[str]:
    """The address of a database with the vault's tables, one tenant and the starting policies."""
    async with own_database(postgres, template) as url:
        yield url
