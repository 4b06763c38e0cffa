"""How alembic reaches the database: on the connection it is handed, or at DATABASE_URL."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from agent.postgres import address
from agent.settings import read
from agent.vault.db import tables as vault
from web.tables import metadata

LOCK = 0x64726167_6D696772
"""Any number of servers may start at once; one of them migrates while the others wait."""
TABLES = [metadata, vault.metadata]
SCHEMAS = {None, vault.CONTENT, vault.KEYS, vault.AUDIT}


def ours(name: str | None, kind: str, parents: object) -> bool:
    """Whether alembic compares it: not the partitions, which come and go by the day."""
    return name in SCHEMAS if kind == "schema" else not (kind == "table" and str(name).startswith("record_"))


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=TABLES,
        compare_server_default=True,
        include_schemas=True,
        include_name=ours,
    )
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def connect_and_migrate() -> None:
    engine = create_async_engine(address(read("database_url").database_url), hide_parameters=True)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


if (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
elif context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=TABLES, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(connect_and_migrate())
