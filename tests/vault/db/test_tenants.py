"""Tenants, the policies they start with, and what a room keeps by them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from agent.errors import VaultError
from agent.vault.db.pool import Pool, Role
from agent.vault.db.tenants import STARTING, ensure, tenant_id
from agent.vault.policy.effective_policy import Keeps, default, kept_by, offered
from agent.vault.policy.terms import Term
from web.database import Database

NAME = "tenants"


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    database = Database(SecretStr(database_url))
    yield database
    await database.close()


@pytest.fixture
async def tenant(owner: Database, database_url: str) -> AsyncIterator[UUID]:
    """A tenant with what everybody starts with, and without a default afterwards."""
    async with owner.transaction() as connection:
        tenant = await ensure(connection, NAME)
    yield tenant
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE vault.tenant SET default_policy = NULL, stricter = true WHERE id = $1", tenant)
    await connection.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = Pool(SecretStr(database_url), Role.WEB, size=1)
    yield pool
    await pool.close()


def test_a_tenants_id_hangs_on_its_name_alone() -> None:
    assert tenant_id("default") == UUID("959dc733-8a2e-58df-971c-c884f3f311aa")
    assert tenant_id("default") != tenant_id("Default")


async def test_servers_that_start_together_make_one_tenant(owner: Database, database_url: str) -> None:
    async def start() -> UUID:
        async with owner.transaction() as connection:
            return await ensure(connection, "together")

    made = await asyncio.gather(*(start() for _ in range(4)))

    connection = await asyncpg.connect(database_url)
    policies = await connection.fetch("SELECT name, version FROM vault.policy WHERE tenant_id = $1", made[0])
    await connection.close()
    assert set(made) == {tenant_id("together")}
    assert sorted(map(tuple, policies)) == sorted((name, 1) for name in STARTING)


async def test_a_start_leaves_a_policy_as_it_has_become(tenant: UUID, owner: Database, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE vault.tenant SET default_policy = 'source-7' WHERE id = $1", tenant)
    await _approve(connection, tenant, "source-7", 2, "14 days")

    async with owner.transaction() as again:
        await ensure(again, NAME)
        found = await kept_by(again, tenant, "source-7")
        named = await default(again, tenant)

    await connection.close()
    assert (str(found and found.source), found and found.version, named) == ("14 days", 2, "source-7")


async def test_what_is_offered_is_what_is_in_force(tenant: UUID, pool: Pool, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO vault.policy (tenant_id, name, version, source, translation, redacted, audit, proposed_by) "
        "VALUES ($1, 'proposed', 1, 'forever', 'forever', 'forever', 'forever', 'ana') ON CONFLICT DO NOTHING",
        tenant,
    )
    await _approve(connection, tenant, "tomorrow", 1, "forever", days=1)
    await connection.close()

    async with pool.transaction(tenant) as asking:
        names = [each.policy for each in await offered(asking, tenant)]

    assert set(names) == set(STARTING)


@pytest.mark.parametrize("name", ["proposed", "no-such", "for ever", "a\x00b", "x" * 1000, "", "'; --"])
async def test_a_policy_that_is_not_in_force_is_not_known(tenant: UUID, pool: Pool, name: str) -> None:
    async with pool.transaction(tenant) as connection:
        with pytest.raises(VaultError, match="unknown_policy"):
            await kept_by(connection, tenant, name)


async def test_another_tenants_policy_is_not_known(tenant: UUID, owner: Database, pool: Pool) -> None:
    async with owner.transaction() as connection:
        other = await ensure(connection, "another tenant")

    async with pool.transaction(tenant) as connection:
        assert await offered(connection, other) == []


async def test_the_tenants_default_is_nowhere_outlived(tenant: UUID, pool: Pool, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE vault.tenant SET default_policy = 'redacted-90' WHERE id = $1", tenant)

    async with pool.transaction(tenant) as asking:
        strict = await kept_by(asking, tenant, "minutes-30")
        await connection.execute("UPDATE vault.tenant SET stricter = false WHERE id = $1", tenant)
        own = await kept_by(asking, tenant, "minutes-30")

    await connection.close()
    assert strict is not None
    assert own is not None
    assert (strict.terms, strict.redaction) == ({}, "mask")
    assert (list(own.terms), own.redaction) == (["source", "translation"], "off")


def _keeps() -> Keeps:
    given = {"source": Term(days=30, from_end=True), "translation": Term(kept=False), "redacted": Term()}
    return Keeps(tenant_id(NAME), "p", 3, **given, redaction="tag", words=("Ana",))  # type: ignore[arg-type]


def test_what_is_told_is_heard() -> None:
    told = json.dumps(_keeps().told())

    assert Keeps.heard(json.loads(told)) == _keeps()
    assert json.loads(told) == {
        "tenant": str(tenant_id(NAME)),
        "policy": "p",
        "version": 3,
        "source": "meeting end + 30 days",
        "translation": "not at all",
        "redacted": "forever",
        "redaction": "tag",
        "words": ["Ana"],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": "x"},
        {"tenant": None},
        {"version": "x"},
        {"source": "0 days"},
        {"source": None},
        {"redaction": "some"},
        {"words": 7},
    ],
)
def test_what_makes_no_sense_is_not_guessed_at(wrong: dict[str, object]) -> None:
    with pytest.raises(VaultError, match="bad_keeps"):
        Keeps.heard({**_keeps().told(), **wrong})


def test_words_that_may_be_names_are_in_no_repr() -> None:
    assert "Ana" not in repr(_keeps())


async def _approve(
    connection: asyncpg.Connection, tenant: UUID, name: str, version: int, term: str, days: int = 0
) -> None:
    await connection.execute(
        "INSERT INTO vault.policy (tenant_id, name, version, source, translation, redacted, audit, proposed_by,"
        " approved_by, approved_at, effective_from) VALUES ($1, $2, $3, $4, $4, $4, 'forever', 'a', 'b', now(),"
        " now() + make_interval(days => $5)) ON CONFLICT DO NOTHING",
        tenant,
        name,
        version,
        term,
        days,
    )
