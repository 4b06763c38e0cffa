"""How Postgres is reached, and the many ways in which it says that it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asyncpg import InterfaceError, PostgresConnectionError
from asyncpg.exceptions import OperatorInterventionError
from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from .errors import DragomanError

ASYNCPG_AWAY = (PostgresConnectionError, OperatorInterventionError, InterfaceError)
"""Lost or refused; told to stop or not up yet; closed while it was being used."""
_UNPREPARED = {"42P01", "3F000", "42883"}
"""No such table, schema or function: nobody has migrated it yet."""


class Away:
    """Turns whatever says inside that a database is away into one error, which `failure` makes of a sentence."""

    def __init__(self, failure: Callable[[str], DragomanError], what: str) -> None:
        self._failure = failure
        self._what = what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or (how := _away(error)) is None:
            return
        # A task that is told to end meets a broken connection on its way out: it must still end.
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError from error
        raise self._failure(f"{self._what} {how}.") from error


def _away(error: BaseException) -> str | None:
    """How an error says that the database is away; None of any other."""
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in _UNPREPARED:
        return "is still being prepared"
    # asyncpg says so itself before SQLAlchemy has a connection to wrap, and to who listens on its own connection.
    direct = isinstance(error, (OSError, TimeoutError, PoolTimeout, *ASYNCPG_AWAY))
    if direct or (isinstance(error, DBAPIError) and _is_away(error)):
        return "does not answer"
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
