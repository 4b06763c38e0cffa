"""Policies: how long each kind of text is kept, in versions that somebody proposed and somebody approved."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from ...errors import VaultError
from ..db.db_errors import refusals
from ..db.pool import Pool
from ..log.statements import LOG
from . import statements
from .terms import FOREVER, NOT_AT_ALL, Term


@dataclass(frozen=True, slots=True)
class Rules:
    """What a policy says: for how long each kind of text and the log are kept, and what is done with personal data.

    `redaction` is `off`, `tag` or `mask`. `words` are redacted beside the kinds of personal data that are known; they
    may be somebody's name.
    """

    source: Term = NOT_AT_ALL
    translation: Term = NOT_AT_ALL
    redacted: Term = NOT_AT_ALL
    audit: Term = FOREVER
    redaction: str = "off"
    words: tuple[str, ...] = field(default=(), repr=False)

    @property
    def parameters(self) -> dict[str, Any]:
        """For a statement."""
        terms = {name: str(getattr(self, name)) for name in ("source", "translation", "redacted", "audit")}
        return {**terms, "redaction": self.redaction, "words": list(self.words)}


@dataclass(frozen=True, slots=True)
class Policy:
    """One version; `effective_from` is None until it is approved."""

    name: str
    version: int
    source: Term
    translation: Term
    redacted: Term
    audit: Term
    redaction: str
    words: tuple[str, ...]
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    effective_from: datetime | None


@dataclass(frozen=True, slots=True)
class Loss:
    """What a version would make due, of one kind, that is not due without it."""

    kind: str
    meetings: int
    records: int
    oldest: datetime
    held: int
    """How many of the records a hold keeps for now. Nobody can read them, but they are not destroyed."""
    at: datetime
    """When they become due, if the version is approved now."""


class Policies:
    """The policies of one tenant. The pool acts as web or as retention; only retention may preview."""

    def __init__(self, pool: Pool, tenant: UUID) -> None:
        self._pool = pool
        self._tenant = tenant

    async def propose(self, name: str, rules: Rules, *, by: str) -> Policy:
        """Writes down the next version of that name. It counts once it is approved. Raises `bad_term`, `bad_values`."""
        if rules.audit == NOT_AT_ALL:
            raise VaultError("bad_term", "The log is kept for some time.")
        given = {"tenant": self._tenant, "name": name, "by": by, **rules.parameters}
        async with self._pool.transaction(self._tenant, principal=by) as connection:
            await connection.execute(statements.ONE_AT_A_TIME, {"tenant": str(self._tenant)})
            with refusals():
                row = (await connection.execute(statements.PROPOSE, given)).one()
            await connection.execute(LOG, _line(row, "proposed"))
        return _policy(row)

    async def approve(self, name: str, version: int, *, by: str) -> Policy:
        """Puts it in force: at once, or in a day where it forgets anything earlier than what is or will be in force.

        Raises `unknown_policy`, `approved`, `superseded`, and `second_person` where that needs another one.
        """
        given = {"tenant": self._tenant, "name": name, "version": version, "by": by}
        async with self._pool.transaction(self._tenant, principal=by) as connection:
            with refusals():
                row = (await connection.execute(statements.APPROVE, given)).first()
            if row is None:
                raise VaultError("unknown_policy", "There is no such version of a policy.")
            await connection.execute(LOG, _line(row, "approved"))
        return _policy(row)

    async def make_default(self, name: str | None, *, stricter: bool = True, by: str) -> None:
        """Sets the policy of rooms that name none. With `stricter` it also shortens the policies of other rooms.

        Raises `unknown_policy`, and `second_person` where it would shorten what is kept now.
        """
        change = statements.make_default(self._tenant, name, stricter)
        async with self._pool.transaction(self._tenant, principal=by) as connection:
            with refusals():
                await connection.execute(change)
            detail = {"policy": name, "stricter": stricter}
            await connection.execute(LOG, {"action": "policy", "object": "default", "outcome": "set", "detail": detail})

    async def current(self, name: str) -> Policy:
        """The version that is in force. Raises `unknown_policy`."""
        async with self._pool.transaction(self._tenant) as connection:
            row = (await connection.execute(statements.CURRENT, {"tenant": self._tenant, "name": name})).first()
        if row is None:
            raise VaultError("unknown_policy", "No policy of that name is in force.")
        return _policy(row)

    async def list(self) -> list[Policy]:
        """Every version of every name."""
        async with self._pool.transaction(self._tenant) as connection:
            return [_policy(row) for row in await connection.execute(statements.versions(self._tenant))]

    async def preview(self, name: str, version: int) -> builtins.list[Loss]:
        """How much this version would make due, and when; empty where that is nothing. It may be approved already."""
        given = {"tenant": self._tenant, "name": name, "version": version}
        async with self._pool.transaction(self._tenant) as connection:
            return [Loss(*row) for row in await connection.execute(statements.PREVIEW, given)]


def _line(row: Row[Any], outcome: str) -> dict[str, Any]:
    detail = {name: getattr(row, name) for name in ("source", "translation", "redacted", "audit", "redaction")}
    if row.effective_from:
        detail["effective_from"] = row.effective_from.isoformat()
    return {"action": "policy", "object": f"policy {row.name} {row.version}", "outcome": outcome, "detail": detail}


def _policy(row: Row[Any]) -> Policy:
    return Policy(
        row.name,
        row.version,
        Term.parse(row.source),
        Term.parse(row.translation),
        Term.parse(row.redacted),
        Term.parse(row.audit),
        row.redaction,
        tuple(row.words),
        row.proposed_by,
        row.proposed_at,
        row.approved_by,
        row.approved_at,
        row.effective_from,
    )
