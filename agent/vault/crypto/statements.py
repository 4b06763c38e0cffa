"""What this room asks the database: every statement, with the question it answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Update, func, select, text, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningUpdate

from ..db.tables import data_key, tenant_key

_t, _d = tenant_key.c, data_key.c

# Who has keys?
TENANTS = select(_t.tenant_id).distinct().order_by(_t.tenant_id)

# Which tenant keys are not destroyed, of everybody?
ALL_TENANT_KEYS = select(_t.tenant_id, _t.purpose, _t.version, _t.wrapped).where(_t.wrapped.is_not(None))

# How many keys are not destroyed: those of tenants, and those that seal?
LIVE_TENANT_KEYS, LIVE_DATA_KEYS = (
    select(func.count()).select_from(table).where(table.c.wrapped.is_not(None)) for table in (tenant_key, data_key)
)

# Where do these newly wrapped keys stand? Where the old ones did, from now on.
# All of a batch at once: a statement for each key would take five times as long.
REWRAP = text("""
    UPDATE vault_keys.data_key AS d SET wrapped = u.wrapped, tenant_key_version = u.version
    FROM unnest(CAST(:ids AS uuid[]), CAST(:wrapped AS bytea[]), CAST(:versions AS int[])) AS u (id, wrapped, version)
    WHERE d.tenant_id = :tenant AND d.id = u.id""")


# Which version of a tenant's key is this one, or the newest that wraps?
def tenant_key_of(tenant: UUID, purpose: str, version: int | None) -> Select[Any]:
    which = _t.state == "active" if version is None else _t.version == version
    query = select(_t.version, _t.wrapped).where(_t.tenant_id == tenant, _t.purpose == purpose, which)
    return query.order_by(_t.version.desc()).limit(1)


# Has the tenant a key that another could be held against?
def any_tenant_key(tenant: UUID) -> Select[Any]:
    return select(_t.purpose, _t.version).where(_t.tenant_id == tenant, _t.wrapped.is_not(None)).limit(1)


# Is this version there? It is from now on, unless another process was first.
def add_tenant_key(row: Mapping[str, object]) -> Insert:
    return insert(tenant_key).values(row).on_conflict_do_nothing()


# Which is the newest version that wraps?
def newest_version(tenant: UUID) -> Select[Any]:
    return select(func.max(_t.version)).where(_t.tenant_id == tenant, _t.purpose == "wrap", _t.state == "active")


# Which versions up to this one wrap no more from now on?
def retire(tenant: UUID, newest: int) -> Update:
    older = (_t.tenant_id == tenant, _t.purpose == "wrap", _t.state == "active", _t.version <= newest)
    return update(tenant_key).where(*older).values(state="retired")


# Which versions before this one are not destroyed?
def older_versions(tenant: UUID, version: int) -> Select[Any]:
    return select(_t.version).where(
        _t.tenant_id == tenant, _t.purpose == "wrap", _t.version < version, _t.wrapped.is_not(None)
    )


# Was a second version, or a later one, made so lately?
def renewed_within(tenant: UUID, recent: timedelta) -> Select[Any]:
    young = _t.created_at > func.now() - recent
    query = select(_t.version).where(_t.tenant_id == tenant, _t.purpose == "wrap", _t.version > 1, young)
    return query.limit(1)


# How many data keys are still under a version before this one?
def count_older(tenant: UUID, version: int) -> Select[Any]:
    return select(func.count()).where(_d.tenant_id == tenant, _d.tenant_key_version < version, _d.wrapped.is_not(None))


# Which of them come next, of those that nobody else has locked?
def next_older(tenant: UUID, version: int, after: UUID, most: int) -> Select[Any]:
    older = (_d.tenant_id == tenant, _d.tenant_key_version < version, _d.wrapped.is_not(None), _d.id > after)
    query = select(_d.id, _d.meeting_id, _d.speaker_id, _d.wrapped, _d.tenant_key_version).where(*older)
    return query.order_by(_d.id).limit(most).with_for_update(skip_locked=True)


# Does somebody hand in a data key of this tenant just now? Then wait for them, and they for us: the guard of
# `data_key` shares this lock.
def lock(tenant: UUID) -> Select[Any]:
    return select(func.pg_advisory_xact_lock(func.hashtextextended(str(tenant), 8)))


# Which versions were replaced so long ago, and does no data key need? They are destroyed.
def destroy_retired(tenant: UUID, linger: timedelta) -> ReturningUpdate[Any]:
    following = tenant_key.alias()
    replaced = select(func.min(following.c.created_at)).where(
        following.c.tenant_id == _t.tenant_id, following.c.purpose == _t.purpose, following.c.version > _t.version
    )
    needed = select(_d.id).where(
        _d.tenant_id == _t.tenant_id, _d.tenant_key_version == _t.version, _d.wrapped.is_not(None)
    )
    which = (
        _t.tenant_id == tenant,
        _t.purpose == "wrap",
        _t.state == "retired",
        replaced.scalar_subquery() <= func.now() - linger,
        ~needed.exists(),
    )
    return update(tenant_key).where(*which).values(state="destroyed", wrapped=None).returning(_t.version)


# Does this tenant key still stand as it was read? Then it stands newly wrapped from now on.
def replace_tenant_key(
    tenant: UUID, purpose: str, version: int, wrapped: bytes, *, again: bytes, wrapper_ref: str
) -> Update:
    same = (_t.tenant_id == tenant, _t.purpose == purpose, _t.version == version, _t.wrapped == wrapped)
    return update(tenant_key).where(*same).values(wrapped=again, wrapper_ref=wrapper_ref)
