"""What may be kept here: the policies in force, and what a room keeps by them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from agent.settings import Settings
from agent.vault import Pool, Role, Term, effective_policy, grant, tenants

from .schemas import reply

HOST = "host"
"""The principal in the vault that whoever holds the host secret is."""


class Lasts(BaseModel):
    """How long one kind is kept: for so many days (null: for ever), from when it was said or from the meeting's end."""

    days: int | None
    since: Literal["said", "end"]


class Keeps(BaseModel):
    """What is kept of a meeting: a policy, how long each kind lasts (null: not kept), what becomes of personal data.

    `redaction` is `mask` where it is taken out before anything is stored, `tag` where its kinds are noted beside it.
    """

    policy: str
    version: int | None = None
    source: Lasts | None = None
    translation: Lasts | None = None
    redacted: Lasts | None = None
    redaction: Literal["off", "tag", "mask"] = "off"


class Offered(BaseModel):
    """The policies in force, and the one by which a room keeps that names none."""

    default: str = Field(effective_policy.NOTHING)
    policies: list[Keeps]


class Policies:
    """The tenant's policies, read as the vault's web role. Raises `vault_away`."""

    def __init__(self, settings: Settings) -> None:
        self.tenant: UUID = tenants.tenant_id(settings.tenant)
        self._pool = Pool(settings.vault, Role.WEB, size=2)

    async def offered(self) -> Offered:
        async with self._pool.transaction(self.tenant) as connection:
            found = await effective_policy.offered(connection, self.tenant)
            default = await effective_policy.default(connection, self.tenant)
        return Offered(default=default, policies=[shown(each) for each in found])

    async def of(self, policy: str) -> effective_policy.Keeps | None:
        """What a room of that policy keeps; None: nothing. Raises `unknown_policy`."""
        if policy == effective_policy.NOTHING:
            return None
        async with self._pool.transaction(self.tenant) as connection:
            return await effective_policy.kept_by(connection, self.tenant, policy)

    async def take(self, room: str, wanted: str | None) -> str:
        """The policy of a room that is being made, the default where none is wanted; its host may read what it keeps.

        Raises `unknown_policy`, `audit_away`.
        """
        if wanted == effective_policy.NOTHING:
            return wanted
        async with self._pool.transaction(self.tenant, principal=HOST) as connection:
            policy = await effective_policy.default(connection, self.tenant) if wanted is None else wanted
            if await effective_policy.kept_by(connection, self.tenant, policy):
                await grant(connection, self.tenant, room, HOST, by=HOST)
        return policy

    async def close(self) -> None:
        await self._pool.close()


POLICIES = web.AppKey("policies", Policies)


async def show(request: web.Request) -> web.Response:
    """`GET /api/policies`."""
    return reply(await request.app[POLICIES].offered())


def shown(kept: effective_policy.Keeps | None) -> Keeps:
    """What people are told before they join; never the words that are redacted."""
    if kept is None:
        return Keeps(policy=effective_policy.NOTHING)
    lasts = {kind: _lasts(term) for kind, term in kept.terms.items()}
    return Keeps.model_validate({"policy": kept.policy, "version": kept.version, "redaction": kept.redaction, **lasts})


def _lasts(term: Term) -> Lasts:
    return Lasts(days=term.days, since="end" if term.from_end else "said")
