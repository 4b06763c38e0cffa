"""Postgres, or the honest answer that it is away."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from aiohttp import web
from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from agent.errors import DragomanError
from agent.postgres import Away, address

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent.parent / "migrations" / "alembic.ini"
PATIENCE = 3.0
"""Seconds for a connection or a statement; people wait behind it."""


class Database:
    """A pool of connections. Whatever says that Postgres is away becomes `database_away`.

    Within `patience`, in seconds, it must give a connection or answer a statement.
    """

    def __init__(self, url: SecretStr, connections: int = 10, patience: float = PATIENCE) -> None:
        self._engine = create_async_engine(
            address(url),
            pool_pre_ping=True,
            pool_size=connections,
            pool_timeout=patience,
            hide_parameters=True,
            connect_args={"timeout": patience, "command_timeout": patience},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction: committed at the end, rolled back at an error.

        Only database work belongs inside: an `OSError` from elsewhere would be taken for the database's.
        """
        with _away():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncConnection]:
        """A connection of its own that commits every statement: for locks and notices that last."""
        with _away():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    yield connection
                finally:
                    # What the session held (its lock, its LISTEN) must not go back to the pool.
                    await connection.invalidate()

    async def migrate(self) -> None:
        """Bring the tables up to date; servers that start together wait for one another."""

        def upgrade(connection: Connection) -> None:
            config = Config(MIGRATIONS)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

        # A pool of its own: a migration may take longer than people wait, and so may its turn.
        engine = create_async_engine(self._engine.url, poolclass=NullPool, hide_parameters=True)
        with _away():
            async with engine.begin() as connection:
                await connection.run_sync(upgrade)

    async def close(self) -> None:
        await self._engine.dispose()


def _away() -> Away:
    return Away(partial(DragomanError, "database_away"), "The database")


DATABASE = web.AppKey("database", Database)
BEATS = web.AppKey("beats", Database)
"""The same database, by connections that only beats use: people who wait for theirs silence no interpreter."""
