"""Postgres as one of the vault's four roles: every transaction says whose it is, and carries nothing over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ...errors import VaultError
from ...postgres import Away, address
from . import statements

PATIENCE = 5.0
"""Seconds for a connection."""


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
                await connection.execute(statements.ACT_AS, said)
                yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncConnection]:
        """A connection of its own that commits every statement, of no tenant: for a lock that lasts, and for VACUUM."""
        with _away():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    await connection.execute(statements.ACT_AS_FOR_LONG, {"role": self._role})
                    yield connection
                finally:
                    await connection.invalidate()  # nobody else gets it

    async def close(self) -> None:
        await self._engine.dispose()


def _away() -> Away:
    return Away(partial(VaultError, "vault_away"), "The database of what is kept")
