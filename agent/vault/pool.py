"""Postgres as one of the vault's four roles: every transaction says whose it is, and carries nothing over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from uuid import UUID

from asyncpg import InterfaceError, PostgresConnectionError
from asyncpg.exceptions import OperatorInterventionError
from pydantic import SecretStr
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ..errors import VaultError

PATIENCE = 5.0
"""Seconds for a connection."""
_AWAY = (OSError, TimeoutError, PoolTimeout, PostgresConnectionError, OperatorInterventionError, InterfaceError)
_UNPREPARED = {"42P01", "3F000", "42883"}
"""No such table, schema or function: nobody has migrated it yet."""

_SAID = text(
    "SELECT set_config('role', :role, true), set_config('app.tenant', :tenant, true),"
    " set_config('app.room', :room, true), set_config('app.uid', :uid, true), set_config('app.ticket', :ticket, true)"
)


class Role(StrEnum):
    """What a process may do: add, read what was granted, destroy, look at the log, rotate keys."""

    AGENT = "dragoman_agent"
    WEB = "dragoman_web"
    RETENTION = "dragoman_retention"
    AUDITOR = "dragoman_auditor"
    KEYS = "dragoman_keys"


class Pool:
    """Connections that act as `role` and as nothing else, whoever signed in at `url`."""

    def __init__(self, url: SecretStr, role: Role, *, size: int = 5, statement: float = 60.0) -> None:
        self._role = role
        self._engine = create_async_engine(
            address(url),
            pool_pre_ping=True,
            pool_size=size,
            pool_timeout=PATIENCE,
            hide_parameters=True,
            connect_args={"timeout": PATIENCE, "command_timeout": statement},
        )

    @asynccontextmanager
    async def transaction(
        self, tenant: UUID, *, room: str = "", principal: str = "", ticket: int | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction of that tenant: committed at the end, rolled back at an error.

        Only database work belongs inside. Raises `VaultError` (`vault_away`, retried by who can wait).
        """
        said = {"tenant": str(tenant), "room": room, "uid": principal, "ticket": str(ticket or ""), "role": self._role}
        with _away():
            async with self._engine.begin() as connection:
                await connection.execute(_SAID, said)
                yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncConnection]:
        """A connection of its own that commits every statement, of no tenant: for a lock that lasts, and for VACUUM."""
        with _away():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    await connection.execute(text("SELECT set_config('role', :role, false)"), {"role": self._role})
                    yield connection
                finally:
                    await connection.invalidate()  # nobody else gets it

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
        raise VaultError("vault_away", sentence) from error


def _sentence(error: BaseException) -> str | None:
    """What to say of an error that means that the database is away; None of any other."""
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in _UNPREPARED:
        return "The database of what is kept is still being prepared."
    if isinstance(error, _AWAY) or (isinstance(error, DBAPIError) and _is_away(error)):
        return "The database of what is kept does not answer."
    return None


def _is_away(error: DBAPIError) -> bool:
    # 57: the operator stops it or it is starting; 53: out of connections, memory or disk; 08: the connection is lost.
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state[:2] in {"08", "53", "57"} or not state


def address(url: SecretStr) -> URL:
    """The address as SQLAlchemy wants it for asyncpg, which calls `sslmode` just `ssl`."""
    given = make_url(url.get_secret_value()).set(drivername="postgresql+asyncpg")
    if (mode := given.query.get("sslmode")) is None:
        return given
    return given.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
