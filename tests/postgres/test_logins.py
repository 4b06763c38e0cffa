"""Our own Postgres makes a login for each role in what is kept, whoever made the roles and however old the data is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from agent.vault.db.pool import Pool, Role
from infra.logins import ROLES, address_of, login, password_of
from infra.settings import on_free_ports
from infra.stack import Stack
from web.database import Database

WITHIN = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Dragoman of which only the database runs, brought up to date."""
    with Stack(on_free_ports(tmp_path_factory.mktemp("own"), {}), say=lambda line: None) as stack:
        start(stack)
        asyncio.run(migrate(stack))
        yield stack


def start(stack: Stack) -> None:
    stack.start("postgres")
    until = time.monotonic() + WITHIN
    while not asyncio.run(answers(stack.env["DATABASE_URL"])):
        assert time.monotonic() < until, stack.log("postgres")
        time.sleep(0.05)


async def answers(url: str) -> bool:
    try:
        await (await asyncpg.connect(url)).close()
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def migrate(stack: Stack) -> None:
    database = Database(SecretStr(stack.env["DATABASE_URL"]))
    await database.migrate()
    await database.close()


async def may_be(stack: Stack, role: str) -> set[str]:
    """The roles that a login can take on."""
    connection = await asyncpg.connect(stack.env[address_of(role)])
    taken = set()
    for wanted in (*Role, "dragoman", "pg_read_all_data", *(login(other) for other in ROLES if other != role)):
        try:
            await connection.execute(f"SET ROLE {wanted}")
            taken.add(str(wanted))
        except asyncpg.InsufficientPrivilegeError:
            continue
    await connection.close()
    return taken


def told(pid: int) -> str:
    """A process's words and environment; nothing of one that has ended meanwhile, as the server's do all the time."""
    try:
        return "".join(Path(f"/proc/{pid}/{file}").read_text(errors="replace") for file in ("cmdline", "environ"))
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def test_each_login_has_its_own_role_and_no_other(stack: Stack):
    taken = {role: await may_be(stack, role) for role in ROLES}

    assert taken == {role: {f"dragoman_{role}"} for role in ROLES}


async def test_a_login_can_do_nothing_before_it_says_as_what(stack: Stack):
    for role in ROLES:
        connection = await asyncpg.connect(stack.env[address_of(role)])
        for table in ("vault.record", "vault_keys.data_key", "vault_audit.event", "public.rooms", "pg_authid"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"SELECT FROM {table}")
        for statement in ("CREATE TABLE public.mine ()", "CREATE SCHEMA mine", "ALTER ROLE dragoman_agent BYPASSRLS"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()


async def test_a_login_reaches_what_is_kept_through_its_pool(stack: Stack):
    pool = Pool(SecretStr(stack.env[address_of("retention")]), Role.RETENTION, size=1)

    async with pool.transaction(uuid4()) as connection:
        found = (await connection.exec_driver_sql("SELECT count(*) FROM vault.meeting")).scalar()

    await pool.close()
    assert found == 0


async def test_retention_may_vacuum_the_log(stack: Stack):
    connection = await asyncpg.connect(stack.env[address_of("retention")])

    await connection.execute("SET ROLE dragoman_retention")
    switched = await connection.fetchval("SELECT pg_switch_wal() IS NOT NULL")
    await connection.execute("CHECKPOINT")

    await connection.close()
    assert switched


def test_a_database_that_is_older_than_its_logins_gets_them_at_its_next_start(stack: Stack):
    async def grow_old() -> bool:
        owner = await asyncpg.connect(stack.env["DATABASE_URL"])
        for role in ROLES:
            await owner.execute(f"DROP ROLE {login(role)}")
        await owner.close()
        return await answers(stack.env[address_of("agent")])

    async def taken() -> list[set[str]]:
        return [await may_be(stack, role) for role in ROLES]

    before = asyncio.run(grow_old())
    stack.stop("postgres")
    start(stack)

    assert not before
    assert asyncio.run(taken()) == [{f"dragoman_{role}"} for role in ROLES]


def test_no_password_is_in_the_servers_environment_or_log(stack: Stack):
    secrets = [stack.env[password_of(role)] for role in ROLES]

    seen = stack.log("postgres") + "".join(map(told, stack.pids("postgres")))

    assert "DRAGOMAN_VAR" in seen
    assert not [secret for secret in secrets if secret in seen]
