"""What this room asks the database: every statement, with the question it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import Insert, insert

from . import tables

# Act as which role, for whom, in this transaction?
ACT_AS = text(
    "SELECT set_config('role', :role, true), set_config('app.tenant', :tenant, true),"
    " set_config('app.room', :room, true), set_config('app.uid', :uid, true), set_config('app.ticket', :ticket, true)"
)

# Act as which role, for as long as this connection lasts?
ACT_AS_FOR_LONG = text("SELECT set_config('role', :role, false)")


# Is this tenant there? It is from now on.
def ensure_tenant(tenant: UUID, name: str) -> Insert:
    return insert(tables.tenant).values(id=tenant, name=name).on_conflict_do_nothing()


# Are these policies there? They are from now on, in force at once.
def ensure_policies(rows: Sequence[Mapping[str, object]]) -> Insert:
    clock = {"approved_at": func.now(), "effective_from": text("vault.now()")}
    return insert(tables.policy).values([{**row, **clock} for row in rows]).on_conflict_do_nothing()
