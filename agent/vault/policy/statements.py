"""What this room asks the database: every statement, with the question it answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, Update, bindparam, select, text, update

from ..db.tables import policy
from ..db.tables import tenant as tenants

# What does the policy of this name that is in force say?
IN_FORCE = text(
    "SELECT p.name, p.version, p.source, p.translation, p.redacted, p.redaction, p.words "
    "FROM vault.effective(:tenant, :name) p WHERE p.name IS NOT NULL"
)

# Which policy counts where a room names none, and does it shorten the others'?
DEFAULT = text("SELECT default_policy, stricter FROM vault.tenant WHERE id = :tenant")

# Of which names is a policy in force?
NAMES = text("SELECT DISTINCT name FROM vault.policy WHERE tenant_id = :tenant AND effective_from <= vault.now()")

# Does somebody else propose for this tenant just now? Then wait for them.
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant, 9))")

# Which number does this new version get?
PROPOSE = text(
    "INSERT INTO vault.policy (tenant_id, name, version, source, translation, redacted, audit, redaction, words,"
    " proposed_by) SELECT :tenant, :name, coalesce(max(version), 0) + 1, :source, :translation, :redacted, :audit,"
    " :redaction, :words, :by FROM vault.policy WHERE tenant_id = :tenant AND name = :name RETURNING *"
).bindparams(
    *(
        bindparam(name, type_=Text)
        for name in ("name", "source", "translation", "redacted", "audit", "redaction", "by")
    ),
    bindparam("words", type_=ARRAY(Text)),
)

# From when on is this version in force?
# The guard moves `effective_from` a day away where something is forgotten earlier, and refuses the same person.
APPROVE = text(
    "UPDATE vault.policy SET approved_by = :by, approved_at = vault.now(), effective_from = vault.now()"
    " WHERE tenant_id = :tenant AND name = :name AND version = :version RETURNING *"
)

# Which version of this name is in force, with all that was said of it?
CURRENT = text("SELECT * FROM vault.effective(:tenant, :name) p WHERE p.name IS NOT NULL")

# How much would this version make due that is not due without it, and when?
PREVIEW = text("""
WITH v AS MATERIALIZED (SELECT * FROM vault.policy p WHERE tenant_id = :tenant AND name = :name AND version = :version),
moment AS MATERIALIZED (SELECT coalesce(v.effective_from, vault.now()
  + CASE WHEN vault.shortens(v) THEN interval '24 hours' ELSE interval '0' END) AS at FROM v),
touched AS MATERIALIZED (
  SELECT m.id, m.day, m.room, kind, vault.due_since(m.tenant_id, m.id, kind, at) AS before,
    greatest(vault.since(vault.term(v, kind), vault.ended(m, at), at),
      CASE WHEN m.policy <> v.name OR n.stricter AND n.default_policy <> v.name THEN
        vault.since(vault.term(vault.effective(n.id,
          CASE m.policy WHEN v.name THEN n.default_policy ELSE m.policy END, at), kind), vault.ended(m, at), at)
      END) AS after
  FROM v, moment, vault.meeting m JOIN vault.tenant n ON n.id = m.tenant_id,
    unnest(ARRAY['source', 'translation', 'redacted']) kind
  WHERE m.tenant_id = :tenant AND m.destroyed_at IS NULL
    AND (m.policy = v.name OR n.stricter AND n.default_policy = v.name)),
by_person AS (
  SELECT t.kind, t.id, count(*) AS n, min(r.stored_at) AS oldest,
    vault_keys.is_held(:tenant, t.room, t.id, s.subject) AS held
  FROM touched t JOIN vault.record r ON r.tenant_id = :tenant AND r.day = t.day AND r.meeting_id = t.id
    AND r.kind = t.kind AND r.stored_at > t.before AND r.stored_at <= t.after
  LEFT JOIN vault.speaker s ON s.tenant_id = r.tenant_id AND s.id = r.speaker_id
  GROUP BY t.kind, t.id, t.room, s.subject)
SELECT kind, count(DISTINCT id) AS meetings, sum(n)::bigint AS records, min(oldest) AS oldest,
  coalesce(sum(n) FILTER (WHERE held), 0)::bigint AS held, (SELECT at FROM moment) AS at
FROM by_person GROUP BY kind ORDER BY kind
""")


# Which policy counts from now on where a room names none?
def make_default(tenant: UUID, name: str | None, stricter: bool) -> Update:
    return update(tenants).where(tenants.c.id == tenant).values(default_policy=name, stricter=stricter)


# Which versions of policies are there?
def versions(tenant: UUID) -> Select[Any]:
    return select(policy).where(policy.c.tenant_id == tenant).order_by(policy.c.name, policy.c.version)
