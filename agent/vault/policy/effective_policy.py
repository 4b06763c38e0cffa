"""What a room keeps: as its policy says, as people are shown it before they join, as its interpreter is told it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from . import statements
from .terms import Term, stricter

NOTHING = "nothing"
"""In a policy's place, that there is none."""
KINDS = ("source", "translation", "redacted")
_REDACTIONS = ("off", "tag", "mask")
"""From the loosest to the strictest."""


@dataclass(frozen=True, slots=True)
class Keeps:
    """A policy in force: how long each kind is kept, and what is done with personal data before.

    `words` are redacted beside the kinds that are known; they may be somebody's name, so they are shown nowhere.
    """

    tenant: UUID
    policy: str
    version: int
    source: Term
    translation: Term
    redacted: Term
    redaction: str
    words: tuple[str, ...] = field(default=(), repr=False)

    @property
    def terms(self) -> dict[str, Term]:
        """By kind; those that are kept."""
        return {kind: term for kind in KINDS if (term := getattr(self, kind)).kept}

    def within(self, other: Keeps) -> Keeps:
        """This policy, nowhere looser than `other`."""
        return replace(
            self,
            source=stricter(self.source, other.source),
            translation=stricter(self.translation, other.translation),
            redacted=stricter(self.redacted, other.redacted),
            redaction=max(self.redaction, other.redaction, key=_REDACTIONS.index),
            words=tuple(dict.fromkeys((*self.words, *other.words))),
        )

    def told(self) -> dict[str, Any]:
        """As JSON, for the interpreter."""
        return {
            "tenant": str(self.tenant),
            "policy": self.policy,
            "version": self.version,
            **{kind: str(getattr(self, kind)) for kind in KINDS},
            "redaction": self.redaction,
            "words": list(self.words),
        }

    @classmethod
    def heard(cls, told: Mapping[str, Any]) -> Keeps:
        """What `told` told. Raises `bad_keeps`: who can't tell what is kept keeps nothing."""
        try:
            keeps = cls(
                tenant=UUID(told["tenant"]),
                policy=str(told["policy"]),
                version=int(told["version"]),
                source=Term.parse(told["source"]),
                translation=Term.parse(told["translation"]),
                redacted=Term.parse(told["redacted"]),
                redaction=str(told["redaction"]),
                words=tuple(map(str, told["words"])),
            )
        except (KeyError, TypeError, ValueError, AttributeError, VaultError):
            raise _bad() from None
        if keeps.redaction not in _REDACTIONS:
            raise _bad()
        return keeps


_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


async def default(connection: AsyncConnection, tenant: UUID) -> str:
    """The name of the policy that counts where a room names none, or `nothing`."""
    found = (await connection.execute(statements.DEFAULT, {"tenant": tenant})).one_or_none()
    return NOTHING if found is None or found.default_policy is None else str(found.default_policy)


async def kept_by(connection: AsyncConnection, tenant: UUID, policy: str) -> Keeps | None:
    """What a room of that policy keeps just now, no longer than the tenant's default where that counts too.

    None where it keeps nothing. Raises `unknown_policy` where none of that name is in force.
    """
    if policy == NOTHING:
        return None
    keeps = await _one(connection, tenant, policy)
    ruling = (await connection.execute(statements.DEFAULT, {"tenant": tenant})).one_or_none()
    if ruling is None or not ruling.stricter or ruling.default_policy in (None, policy):
        return keeps
    return keeps.within(await _one(connection, tenant, ruling.default_policy))


async def offered(connection: AsyncConnection, tenant: UUID) -> list[Keeps]:
    """Every policy in force, by name."""
    names = sorted((await connection.execute(statements.NAMES, {"tenant": tenant})).scalars())
    found = [await kept_by(connection, tenant, name) for name in names]
    return [keeps for keeps in found if keeps]


async def _one(connection: AsyncConnection, tenant: UUID, name: str) -> Keeps:
    # Postgres takes no NUL; a policy's name has only letters, digits and hyphens.
    known = _NAME.fullmatch(name)
    row = (
        (await connection.execute(statements.IN_FORCE, {"tenant": tenant, "name": name})).one_or_none()
        if known
        else None
    )
    if row is None:
        raise VaultError("unknown_policy", "No policy of that name is in force.")
    source, translation, redacted = map(Term.parse, (row.source, row.translation, row.redacted))
    return Keeps(tenant, row.name, row.version, source, translation, redacted, row.redaction, tuple(row.words))


def _bad() -> VaultError:
    return VaultError("bad_keeps", "What is to be kept was told in a form that makes no sense.")
