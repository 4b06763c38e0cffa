"""What this room asks the database: every statement, with the question it answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Date, DateTime, Select, Text, TextClause, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB

from ..db import tables

_IDS, _TEXTS = ARRAY(Uuid), ARRAY(Text)
_LOCK = " FOR UPDATE OF k SKIP LOCKED"


def _and_locked(query: str, **types: ARRAY[Any]) -> tuple[TextClause, TextClause]:
    """The question as a dry run asks it, and as a sweep does, which takes only keys that nobody else has locked."""
    given = [bindparam(name, type_=type_) for name, type_ in types.items()]
    return text(query).bindparams(*given), text(query + _LOCK).bindparams(*given)


# The sweep

# Does nobody else sweep just now? Then this connection leads until it ends.
LEAD = text("SELECT pg_try_advisory_lock(hashtextextended('dragoman sweep', 7))")

# Whose contents are there?
TENANTS = text("SELECT id FROM vault.tenant ORDER BY id")

# What time is it, surely?
MOMENT = text("SELECT vault.surely()")

# Which kinds of which meetings are due, since when, and by which version of which policy?
# `infinity` is more than a program can compare; nothing is stored a day from now.
DUE = text("""
SELECT m.id, m.day, d.kind, least(d.since, CAST(:at AS timestamptz) + interval '1 day') AS since, d.policy, d.version
FROM vault.meeting m CROSS JOIN LATERAL (SELECT k AS kind, x.*
  FROM unnest(ARRAY['source', 'translation', 'redacted']) k, vault.due_by(m.tenant_id, m.id, k, :at) x) d
WHERE m.tenant_id = :tenant AND m.destroyed_at IS NULL AND d.since >= m.started_at
ORDER BY m.day, m.id""").bindparams(bindparam("at", type_=DateTime(timezone=True)))

# Which keys open only what is due, and which of them are held?
KEYS_DUE = _and_locked(
    """
SELECT k.id, k.meeting_id, k.speaker_id, k.kind,
  vault_keys.is_held(k.tenant_id, k.room, k.meeting_id, k.subject) AS held
FROM unnest(:meetings, :kinds, :sinces) AS d (meeting, kind, since)
JOIN vault_keys.data_key k ON k.tenant_id = :tenant AND k.meeting_id = d.meeting AND k.kind = d.kind
WHERE k.state = 'active' AND k.created_at <= d.since ORDER BY k.id""",
    meetings=_IDS,
    kinds=_TEXTS,
    sinces=ARRAY(DateTime(timezone=True)),
)

# Which meetings are over, and by which version of which policy?
OVER = text("""
SELECT m.id, m.day, m.policy, (vault.effective(m.tenant_id, m.policy, :at)).version AS version
FROM vault.meeting m WHERE m.tenant_id = :tenant AND m.destroyed_at IS NULL AND vault.ended(m, :at) IS NOT NULL
ORDER BY m.day, m.id""").bindparams(bindparam("at", type_=DateTime(timezone=True)))

# Which keys of names are the last of their speaker, and which of them are held?
NAMES_DUE = _and_locked(
    """
SELECT k.id, k.meeting_id, k.speaker_id, k.kind,
  vault_keys.is_held(k.tenant_id, k.room, k.meeting_id, k.subject) AS held
FROM vault_keys.data_key k WHERE k.tenant_id = :tenant AND k.meeting_id = ANY (:meetings) AND k.state = 'active'
  AND k.kind = 'name' AND NOT EXISTS (SELECT FROM vault_keys.data_key c WHERE c.tenant_id = k.tenant_id
    AND c.meeting_id = k.meeting_id AND c.speaker_id = k.speaker_id AND c.kind <> 'name' AND c.state = 'active')
ORDER BY k.id""",
    meetings=_IDS,
)


# Of which of these meetings is a key left?
ALIVE = text(
    "SELECT DISTINCT meeting_id FROM vault_keys.data_key"
    " WHERE tenant_id = :tenant AND meeting_id = ANY (:meetings) AND state = 'active'"
).bindparams(bindparam("meetings", type_=ARRAY(Uuid)))

# Which of these meetings are over and not closed?
# Locked before the keys are looked at: who stores meanwhile waits, and takes the mark away again.
CLOSING = text(
    "SELECT m.id FROM vault.meeting m WHERE m.tenant_id = :tenant AND m.id = ANY (:meetings) AND m.destroyed_at IS NULL"
    " AND vault.ended(m, vault.surely()) IS NOT NULL ORDER BY m.id FOR UPDATE"
).bindparams(bindparam("meetings", type_=ARRAY(Uuid)))

# When was the last key of these meetings destroyed? Now.
CLOSE = text(
    "UPDATE vault.meeting SET destroyed_at = vault.now() WHERE tenant_id = :tenant AND id = ANY (:meetings)"
).bindparams(bindparam("meetings", type_=ARRAY(Uuid)))

# Which days are past, so that their rows may go as a whole?
PAST_DAYS = text("SELECT d FROM vault.days() d WHERE d < vault.now()::date - 1")

# Is no key of that day left? Then its rows are gone as a whole.
DROP_DAY = text("SELECT vault.drop_day(:day)").bindparams(bindparam("day", type_=Date))

# Is there a place for the records of the days to come? There is from now on.
PREPARE_DAYS = text("SELECT vault.ensure_day(vault.now()::date + n) FROM generate_series(0, :ahead) n")

# Whose logs are there to be anchored?
EVERY_TENANT = select(tables.tenant.c.id)

# Keys that are destroyed

# How many records does each of these keys open, and when was the newest of them stored?
WEIGH = text(
    "SELECT key_id, count(*), max(stored_at) FROM vault.record WHERE tenant_id = :tenant AND day = ANY (:days)"
    " AND meeting_id = ANY (:meetings) AND key_id = ANY (:keys) GROUP BY key_id"
).bindparams(bindparam("days", type_=ARRAY(Date)), bindparam("meetings", type_=_IDS), bindparam("keys", type_=_IDS))

# When were these keys destroyed? Now: nothing opens what they sealed, from here on.
DESTROY = text(
    "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = vault.now()"
    " WHERE tenant_id = :tenant AND id = ANY (:keys)"
).bindparams(bindparam("keys", type_=_IDS))

# What went with each of these keys, and for which reason?
BURY = text(
    "INSERT INTO vault_keys.tombstone (tenant_id, key_id, meeting_id, speaker_id, reason, records)"
    " SELECT :tenant, * FROM unnest(:keys, :meetings, :speakers, :reasons, :records)"
    " ON CONFLICT DO NOTHING"
).bindparams(
    bindparam("keys", type_=_IDS),
    bindparam("meetings", type_=_IDS),
    bindparam("speakers", type_=_IDS),
    bindparam("reasons", type_=_TEXTS),
    bindparam("records", type_=ARRAY(BigInteger)),
)

# Of which destroyed keys do rows still stand there, and where?
LEAVE = text(
    "INSERT INTO vault.residue (tenant_id, key_id, meeting_id, day, records)"
    " SELECT :tenant, * FROM unnest(:keys, :meetings, :days, :records) ON CONFLICT DO NOTHING"
).bindparams(
    bindparam("keys", type_=_IDS),
    bindparam("meetings", type_=_IDS),
    bindparam("days", type_=ARRAY(Date)),
    bindparam("records", type_=ARRAY(BigInteger)),
)

# Which lines of the log say it, one a meeting?
LOG_DESTROYED = text(
    "SELECT min(seq), max(seq) FROM (SELECT vault_audit.append('destroy', meeting, 'done', detail) AS seq"
    " FROM unnest(:meetings, :details) AS u (meeting, detail)) AS lines"
).bindparams(bindparam("meetings", type_=_TEXTS), bindparam("details", type_=ARRAY(JSONB)))

# Their files and rows

# In which files does a destroyed key still stand? In none, once these have run one after the other.
VACUUM = tuple(
    text(step)
    for step in (
        "SET lock_timeout = '10s'",
        "VACUUM (FULL) vault_keys.data_key",
        "SELECT pg_switch_wal()",
        "CHECKPOINT",
    )
)

# Are the files of the write-ahead log written anew, instead of used again with old bytes in them?
RECYCLES = text("SHOW wal_recycle")

# Of which destroyed keys do rows still stand there?
LEFT = text("SELECT key_id FROM vault.residue WHERE tenant_id = :tenant")

# Which of them come next, so that about so many rows go at once?
NEXT_LEFT = text("""
SELECT key_id, meeting_id, day FROM (SELECT *, sum(records) OVER (ORDER BY day, meeting_id, key_id) - records AS before
  FROM vault.residue WHERE tenant_id = :tenant AND key_id = ANY (:keys)) r
WHERE before < :rows ORDER BY before LIMIT 1000""").bindparams(bindparam("keys", type_=ARRAY(Uuid)))

# Which rows did these keys open? They go, and with them the note that they are left.
CLEAR = tuple(
    text(statement).bindparams(bindparam("keys", type_=ARRAY(Uuid)))
    for statement in (
        "DELETE FROM vault.record WHERE tenant_id = :tenant AND day = ANY (:days) AND meeting_id = ANY (:meetings)"
        " AND key_id = ANY (:keys)",
        "DELETE FROM vault.speaker WHERE tenant_id = :tenant AND key_id = ANY (:keys)",
        "DELETE FROM vault.residue WHERE tenant_id = :tenant AND key_id = ANY (:keys)",
    )
)

# Erasures

# What is to be erased, and who asked for it?
REQUEST = text(
    "INSERT INTO vault.erasure (tenant_id, id, room, meeting_id, subject, requested_by)"
    " VALUES (:tenant, :id, :room, :meeting, :subject, :by)"
)

# Which requests are not done?
WAITING = text("SELECT id FROM vault.erasure WHERE tenant_id = :tenant AND state <> 'done' ORDER BY requested_at, id")

# What does this request say, and what time is it?
# The lock makes keys wait that are being handed in: they are here before it, or refused after it.
TAKE_REQUEST = text(
    "SELECT *, vault.now() AS at, pg_advisory_xact_lock(hashtextextended(tenant_id::text, 8)) FROM vault.erasure"
    " WHERE tenant_id = :tenant AND id = :id FOR UPDATE"
)

# Which keys does it take, and which of them are held?
KEYS_ERASED = text(
    "SELECT id, meeting_id, speaker_id, kind, vault_keys.is_held(tenant_id, room, meeting_id, subject) AS held"
    " FROM vault_keys.data_key WHERE tenant_id = :tenant AND state = 'active' AND (:room IS NULL OR room = :room)"
    " AND (:meeting IS NULL OR meeting_id = :meeting) AND (:subject IS NULL OR subject = :subject)"
    " ORDER BY id FOR UPDATE"
).bindparams(bindparam("room", type_=Text), bindparam("meeting", type_=Uuid), bindparam("subject", type_=Uuid))

# On which day, and by which policy, are these meetings kept?
MEETINGS_ERASED = text(
    "SELECT id, day, policy, (vault.effective(tenant_id, policy)).version FROM vault.meeting"
    " WHERE tenant_id = :tenant AND id = ANY (:meetings)"
).bindparams(bindparam("meetings", type_=ARRAY(Uuid)))

# For which meetings of that room, or which one, is nothing taken any more?
CLOSE_ERASED = text(
    "UPDATE vault.meeting SET destroyed_at = vault.now() WHERE tenant_id = :tenant AND destroyed_at IS NULL"
    " AND (:room IS NULL OR room = :room) AND (:meeting IS NULL OR id = :meeting)"
).bindparams(bindparam("room", type_=Text), bindparam("meeting", type_=Uuid))

# Does this request wait for a hold? It does from now on.
REQUEST_HELD = text(
    "UPDATE vault.erasure SET state = 'held' WHERE tenant_id = :tenant AND id = :id AND state <> 'done'"
)

# When was this request done, and which receipt says so?
REQUEST_DONE = text(
    "UPDATE vault.erasure SET state = 'done', done_at = :at, receipt = :receipt WHERE tenant_id = :tenant AND id = :id"
).bindparams(bindparam("receipt", type_=JSONB))

# Holds

# What is held from now on, for which matter, and by whom?
PLACE = text(
    "INSERT INTO vault_keys.hold (tenant_id, id, matter, room, meeting_id, subject, placed_by)"
    " VALUES (:tenant, :id, :matter, :room, :meeting, :subject, :by) RETURNING *"
)

# How much of it was destroyed before?
# A statement of its own, after the guard's lock: it sees all that was destroyed before.
GONE = text("SELECT keys, records FROM vault_keys.gone(:room, :meeting, :subject)").bindparams(
    bindparam("room", type_=Text), bindparam("meeting", type_=Uuid), bindparam("subject", type_=Uuid)
)

# Until when does this hold keep, now that it is released?
RELEASE = text("SELECT * FROM vault_keys.release(:id, :by)")


# Which holds were there ever, the newest first?
def holds(tenant: UUID) -> Select[Any]:
    hold = tables.hold
    return select(hold).where(hold.c.tenant_id == tenant).order_by(hold.c.placed_at.desc(), hold.c.id)


# A database that was restored

# Which holds does this database know, and which of them are released?
KNOWN_HOLDS = text("SELECT id, released_at IS NOT NULL FROM vault_keys.hold WHERE tenant_id = :tenant")

# Does this hold stand? It does again.
HOLD_AGAIN = text(
    "INSERT INTO vault_keys.hold (tenant_id, id, matter, room, meeting_id, subject, placed_by, placed_at)"
    " VALUES (:tenant, :id, :matter, :room, :meeting, :subject, :by, :at) ON CONFLICT DO NOTHING"
)

# Is this hold released? It is again, since then.
RELEASE_AGAIN = text("SELECT vault_keys.release_again(:id, :by, :at)")

# Which of these keys, which were destroyed, are back?
KEYS_BACK = text(
    "SELECT id FROM vault_keys.data_key WHERE tenant_id = :tenant AND id = ANY (:keys) AND state = 'active'"
    " ORDER BY id FOR UPDATE"
).bindparams(bindparam("keys", type_=ARRAY(Uuid)))

# On which day are these meetings kept?
DAYS = text("SELECT id, day FROM vault.meeting WHERE tenant_id = :tenant AND id = ANY (:meetings)").bindparams(
    bindparam("meetings", type_=ARRAY(Uuid))
)

# Was anything ever kept?
ANY_MEETING = text("SELECT true FROM vault.meeting WHERE tenant_id = :tenant LIMIT 1")

# Is this erasure still to be carried out?
IS_REQUESTED = text("SELECT true FROM vault.erasure WHERE tenant_id = :tenant AND id = :id AND state <> 'done'")

# Which rows did these keys open that no residue names? It names them from now on.
LEAVE_AGAIN = text(
    "INSERT INTO vault.residue (tenant_id, key_id, meeting_id, day, records)"
    " SELECT :tenant, key_id, meeting_id, day, sum(records) FROM (SELECT key_id, meeting_id, day, 1 AS records"
    " FROM vault.record WHERE tenant_id = :tenant AND key_id = ANY (:keys)"
    " UNION ALL SELECT s.key_id, s.meeting_id, m.day, 0 FROM vault.speaker s JOIN vault.meeting m"
    " ON m.tenant_id = s.tenant_id AND m.id = s.meeting_id WHERE s.tenant_id = :tenant AND s.key_id = ANY (:keys)) r"
    " GROUP BY key_id, meeting_id, day ON CONFLICT DO NOTHING RETURNING records"
).bindparams(bindparam("keys", type_=ARRAY(Uuid)))

# Which key was destroyed that this database never had?
BURY_UNKNOWN = text(
    "INSERT INTO vault_keys.tombstone (tenant_id, key_id, meeting_id, speaker_id, reason, records)"
    " VALUES (:tenant, :key, :meeting, :speaker, :reason, :records) ON CONFLICT DO NOTHING"
)
