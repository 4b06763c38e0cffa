"""A process that dies at its n-th statement: nothing of it runs after, and the server rolls back."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from sqlalchemy import event

from agent.vault.db.pool import Pool, Role


class Crash(BaseException):
    """Not an Exception: nobody can catch it by accident."""


class Fuse:
    """A pool as `role` that dies when the n-th statement or commit is about to be sent."""

    def __init__(self, url: str, role: Role, at: int) -> None:
        self.pool = Pool(SecretStr(url), role, size=8)
        self.sent = 0
        self._at = at
        engine = self.pool._engine.sync_engine
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)

    def _statement(self, *_: Any) -> None:
        self._count()

    def _commit(self, *_: Any) -> None:
        self._count()

    def _count(self) -> None:
        self.sent += 1
        if self.sent >= self._at:
            raise Crash
