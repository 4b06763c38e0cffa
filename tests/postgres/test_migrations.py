"""Migrations: up, down, up again, and the same tables as the code's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg

ROOT = Path(__file__).parent.parent.parent


def alembic(url: str, *command: str) -> subprocess.CompletedProcess[str]:
    """As an operator runs it, with nothing but DATABASE_URL."""
    environment = {**os.environ, "DATABASE_URL": url}
    line = [sys.executable, "-m", "alembic", "-c", "migrations/alembic.ini", *command]
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


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


async def test_servers_that_start_together_migrate_once(empty_url: str):
    runs = [asyncio.to_thread(alembic, empty_url, "upgrade", "head") for _ in range(3)]

    results = await asyncio.gather(*runs)

    assert [run.returncode for run in results] == [0, 0, 0], results[0].stderr
    assert await tables(empty_url) >= {"rooms", "interpreters", "alembic_version"}


async def test_without_an_address_the_migration_says_what_is_missing():
    failed = alembic("", "upgrade", "head")

    assert failed.returncode != 0
    assert "DATABASE_URL" in failed.stderr
