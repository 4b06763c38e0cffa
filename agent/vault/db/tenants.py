"""Whose the vault's contents are, and the policies that everybody starts with."""

from __future__ import annotations

from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from . import statements

_NAMES = UUID("c45f4d4a-a674-56cb-9554-c029828d1211")
"""uuid5 of `dragoman` as a DNS name. Every id in every database hangs on it, so it never changes."""
SYSTEM = "system"
"""Who proposed and approved what everybody starts with."""
STARTING = {
    "minutes-30": {
        "source": "meeting end + 30 days",
        "translation": "meeting end + 30 days",
        "redacted": "not at all",
        "redaction": "off",
    },
    "source-7": {
        "source": "7 days",
        "translation": "not at all",
        "redacted": "not at all",
        "redaction": "off",
    },
    "redacted-90": {
        "source": "not at all",
        "translation": "not at all",
        "redacted": "meeting end + 90 days",
        "redaction": "mask",
    },
}
"""By name; all of their audit is kept for ever. What changes here changes nothing where they are already."""


def tenant_id(name: str) -> UUID:
    """The same for a name in every process and every database."""
    return uuid5(_NAMES, name)


async def ensure(connection: AsyncConnection, name: str) -> UUID:
    """The tenant of that name with the policies to start with, where they aren't there yet; as the tables' owner.

    A tenant starts without a default: rooms keep nothing. Another server may do the same at the same time.
    """
    tenant = tenant_id(name)
    await connection.execute(statements.ensure_tenant(tenant, name))
    rows = [
        {
            "tenant_id": tenant,
            "name": policy,
            "version": 1,
            **terms,
            "audit": "forever",
            "proposed_by": SYSTEM,
            "approved_by": SYSTEM,
        }
        for policy, terms in STARTING.items()
    ]
    await connection.execute(statements.ensure_policies(rows))
    return tenant
