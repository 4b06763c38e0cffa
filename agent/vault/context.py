"""What the vault's commands work with: a tenant's keys, ledger and log, and Postgres in the role that each needs."""

from __future__ import annotations

from uuid import UUID

from ..settings import Settings
from .crypto.keys import TenantKeys
from .crypto.root_key import from_setting
from .crypto.wrapper import Wrapper
from .db.pool import Pool, Role
from .db.tenants import tenant_id
from .forget.erasure import Erasures
from .forget.holds import Holds
from .forget.sweep import Sweep
from .log.anchors import Anchors
from .log.ledger import Ledger
from .policy.policies import Policies
from .read.reader import Reader

LONG = 3600.0
"""Seconds for a statement: nobody waits behind these."""


class Context:
    """Opened by `async with`. Who signs in must be a member of the roles that a command needs; it connects by need."""

    def __init__(self, settings: Settings, tenant: str | None = None) -> None:
        self.settings = settings
        self.tenant = tenant_id(tenant or settings.tenant)
        self.wrapper: Wrapper = from_setting(settings.root_key)
        self._pools: dict[Role, Pool] = {}

    async def __aenter__(self) -> Context:
        return self

    async def __aexit__(self, *_: object) -> None:
        for pool in self._pools.values():
            await pool.close()

    def pool(self, role: Role) -> Pool:
        if role not in self._pools:
            self._pools[role] = Pool(self.settings.vault, role, statement=LONG)
        return self._pools[role]

    def keys(self, role: Role = Role.RETENTION, tenant: UUID | None = None) -> TenantKeys:
        """As retention they sign, and tell a person's pseudonym; as web they open too."""
        return TenantKeys(self.pool(role), self.wrapper, tenant or self.tenant)

    def ledger(self, tenant: UUID | None = None) -> Ledger:
        return Ledger(self.settings.ledger, tenant or self.tenant, self.keys(tenant=tenant))

    def anchors(self, tenant: UUID | None = None) -> Anchors:
        return Anchors(self.settings.anchors, tenant or self.tenant, self.keys(tenant=tenant))

    async def erasures(self, tenant: UUID | None = None) -> Erasures:
        whose, keys = tenant or self.tenant, self.keys(tenant=tenant)
        days = self.settings.key_backup_days
        return Erasures(self.pool(Role.RETENTION), whose, self.ledger(whose), keys, backups=days)

    def sweep(self) -> Sweep:
        return Sweep(self.pool(Role.RETENTION), self.erasures)

    def holds(self) -> Holds:
        return Holds(self.pool(Role.RETENTION), self.tenant, self.ledger())

    def policies(self) -> Policies:
        return Policies(self.pool(Role.RETENTION), self.tenant)

    def reader(self) -> Reader:
        return Reader(self.pool(Role.WEB), self.keys(Role.WEB), self.tenant)
