"""Postgres, or the honest answer that it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from alembic import command
from alembic.config import Config
from asyncpg import InterfaceError, PostgresConnectionError
from asyncpg.exceptions import OperatorInterventionError
from pydantic import SecretStr
from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from agent.errors import DragomanError

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent.parent / "migrations" / "alembic.ini"
PATIENCE = 3.0
"""Seconds for a connection or a statement; people wait behind it."""
ASYNCPG_AWAY = (PostgresConnectionError, OperatorInterventionError, InterfaceError)
"""Lost or refused; told to stop or not up yet; closed while it was being used."""


class Database:
    """A pool of connections. Whatever says that Postgres is away becomes `database_away`."""

    def __init__(self, url: SecretStr) -> None:
        self._engine = create_async_engine(
            address(url),
            pool_pre_ping=True,
            pool_size=10,
            pool_timeout=PATIENCE,
            hide_parameters=True,
            connect_args={"timeout": PATIENCE, "command_timeout": PATIENCE},
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


class _away:
    """Turns the many ways in which Postgres is away into one error."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or (sentence := _sentence(error)) is None:
            return
        # A task that is told to end meets a broken connection on its way out: it must still end.
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError from error
        raise DragomanError("database_away", sentence) from error


def _sentence(error: BaseException) -> str | None:
    """What to say of an error that means that the database is away; None of any other."""
    if isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", "") == "42P01":
        return "The database is still being prepared."
    # asyncpg says so itself before SQLAlchemy has a connection to wrap, and to who listens on its own connection.
    direct = isinstance(error, (OSError, TimeoutError, PoolTimeout, *ASYNCPG_AWAY))
    if direct or (isinstance(error, DBAPIError) and _is_away(error)):
        return "The database does not answer."
    return None


def _is_away(error: DBAPIError) -> bool:
    # 57: the operator stops it or it is starting; 53: it is out of connections; 08: the connection is lost.
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state[:2] in {"08", "53", "57"} or not state


def address(url: SecretStr) -> URL:
    """The address as SQLAlchemy wants it for asyncpg, which calls `sslmode` just `ssl`."""
    given = make_url(url.get_secret_value()).set(drivername="postgresql+asyncpg")
    if (mode := given.query.get("sslmode")) is None:
        return given
    return given.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


DATABASE = web.AppKey("database", Database)
