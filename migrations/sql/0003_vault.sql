-- What is kept, the keys that open it, and the log of who read it: three schemas.
-- Statements are separated by empty lines. No statement outside `vault_keys` joins with it but the guards and the list,
-- so that it can stand in a database of its own with its own short backups.

DO $$ DECLARE r text; BEGIN
  FOREACH r IN ARRAY ARRAY['dragoman_agent', 'dragoman_web', 'dragoman_retention', 'dragoman_auditor'] LOOP
    BEGIN
      -- Who may make no roles migrates where somebody made them before.
      IF to_regrole(r) IS NULL THEN EXECUTE format('CREATE ROLE %I NOLOGIN', r); END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server makes them just now
    END;
  END LOOP;
END $$

CREATE SCHEMA vault

CREATE SCHEMA vault_keys

CREATE SCHEMA vault_audit

GRANT USAGE ON SCHEMA vault, vault_keys, vault_audit TO dragoman_agent, dragoman_web, dragoman_retention

GRANT USAGE ON SCHEMA vault, vault_audit TO dragoman_auditor

-- Who is asking: set at the start of every transaction, empty without.

CREATE FUNCTION vault.tenant_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$

CREATE FUNCTION vault.principal() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('app.uid', true), '') $$

CREATE FUNCTION vault.room() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('app.room', true), '') $$

CREATE FUNCTION vault.ticket() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('app.ticket', true), '')::bigint $$

-- The one clock that decides what is due. A test may put another in its place; no role can.

CREATE FUNCTION vault.now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT clock_timestamp() $$

CREATE FUNCTION vault.surely() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT vault.now() - interval '25 minutes' $$

COMMENT ON FUNCTION vault.surely IS 'a time that has come, were the clock ten minutes slow at storing and ten fast now'

CREATE FUNCTION vault.is_term(term text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT term IN ('forever', 'not at all') OR term ~ '^(meeting end [+] )?[1-9][0-9]{0,4} days$'
    AND (regexp_match(term, '([0-9]+) days$'))[1]::int <= 36500 $$

-- What is kept

CREATE TABLE vault.tenant (
  id uuid NOT NULL,
  name text NOT NULL,
  default_policy text,
  stricter boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_tenant PRIMARY KEY (id),
  CONSTRAINT uq_tenant_name UNIQUE (name))

COMMENT ON COLUMN vault.tenant.default_policy IS 'what a room without a policy of its own keeps by; null: nothing'

COMMENT ON COLUMN vault.tenant.stricter IS 'whether the shorter of the room''s and the default policy counts'

CREATE TABLE vault.policy (
  tenant_id uuid NOT NULL,
  name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$' AND name <> 'nothing'),
  version int NOT NULL CHECK (version >= 1),
  source text NOT NULL CHECK (vault.is_term(source)),
  translation text NOT NULL CHECK (vault.is_term(translation)),
  redacted text NOT NULL CHECK (vault.is_term(redacted)),
  audit text NOT NULL CHECK (vault.is_term(audit)),
  redaction text NOT NULL DEFAULT 'off' CHECK (redaction IN ('off', 'tag', 'mask')),
  words text[] NOT NULL DEFAULT '{}',
  proposed_by text NOT NULL,
  proposed_at timestamptz NOT NULL DEFAULT vault.now(),
  approved_by text,
  approved_at timestamptz,
  effective_from timestamptz,
  CONSTRAINT pk_policy PRIMARY KEY (tenant_id, name, version),
  CHECK ((approved_by IS NULL) = (approved_at IS NULL) AND (approved_by IS NULL) = (effective_from IS NULL)),
  CHECK (audit <> 'not at all'))

COMMENT ON COLUMN vault.policy.source IS 'a term: N days, meeting end + N days, forever, not at all'

COMMENT ON COLUMN vault.policy.words IS 'what is redacted beside the kinds that are known; not what anybody said'

CREATE TABLE vault.meeting (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  room text NOT NULL,
  policy text NOT NULL,
  day date NOT NULL,
  started_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  ended_at timestamptz,
  destroyed_at timestamptz,
  CONSTRAINT pk_meeting PRIMARY KEY (tenant_id, id))

COMMENT ON COLUMN vault.meeting.day IS 'in which partition its records stand, by the database''s clock'

COMMENT ON COLUMN vault.meeting.destroyed_at IS 'when the last of its keys was destroyed'

CREATE INDEX ix_meeting_room ON vault.meeting (tenant_id, room, started_at)

CREATE TABLE vault.speaker (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  meeting_id uuid NOT NULL,
  subject uuid NOT NULL,
  voice text,
  key_id uuid NOT NULL,
  sealed bytea NOT NULL,
  CONSTRAINT pk_speaker PRIMARY KEY (tenant_id, id))

COMMENT ON COLUMN vault.speaker.subject IS 'a pseudonym of the person, the same in all meetings'

COMMENT ON COLUMN vault.speaker.sealed IS 'identity and name, under the speaker''s own key'

CREATE INDEX ix_speaker_meeting_id ON vault.speaker (tenant_id, meeting_id)

CREATE INDEX ix_speaker_subject ON vault.speaker (tenant_id, subject)

CREATE TABLE vault.record (
  tenant_id uuid NOT NULL,
  day date NOT NULL,
  meeting_id uuid NOT NULL,
  segment_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('source', 'translation', 'redacted')),
  lang text NOT NULL CHECK (length(lang) BETWEEN 1 AND 35),
  rev int NOT NULL,
  speaker_id uuid NOT NULL,
  key_id uuid NOT NULL,
  said_at timestamptz NOT NULL,
  starts double precision NOT NULL,
  ends double precision NOT NULL,
  engine text NOT NULL,
  tags text NOT NULL DEFAULT '',
  sealed bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 110 AND 66000),
  stored_at timestamptz NOT NULL DEFAULT vault.now(),
  CONSTRAINT pk_record PRIMARY KEY (tenant_id, day, meeting_id, segment_id, kind, lang)
) PARTITION BY RANGE (day)

COMMENT ON COLUMN vault.record.said_at IS 'by the agent''s clock: a label, it decides nothing'

COMMENT ON COLUMN vault.record.starts IS 'seconds on the room''s clock'

COMMENT ON COLUMN vault.record.tags IS 'kinds of personal data that were found, comma-separated; never the data'

CREATE TABLE vault.room_grant (
  tenant_id uuid NOT NULL,
  room text NOT NULL,
  principal text NOT NULL,
  break_glass boolean NOT NULL DEFAULT false,
  can text[] NOT NULL DEFAULT '{read}',
  granted_by text NOT NULL,
  granted_at timestamptz NOT NULL DEFAULT now(),
  reason text,
  expires_at timestamptz,
  CONSTRAINT pk_room_grant PRIMARY KEY (tenant_id, room, principal, break_glass),
  CHECK (NOT break_glass OR (expires_at IS NOT NULL AND expires_at <= granted_at + interval '60 minutes'
    AND reason IS NOT NULL AND length(reason) >= 20)))

CREATE TABLE vault.erasure (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  room text,
  meeting_id uuid,
  subject uuid,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT vault.now(),
  state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'held', 'done')),
  done_at timestamptz,
  receipt jsonb,
  CONSTRAINT pk_erasure PRIMARY KEY (tenant_id, id),
  CHECK (num_nonnulls(room, meeting_id, subject) >= 1))

CREATE TABLE vault.residue (
  tenant_id uuid NOT NULL,
  key_id uuid NOT NULL,
  meeting_id uuid NOT NULL,
  day date NOT NULL,
  records bigint NOT NULL,
  CONSTRAINT pk_residue PRIMARY KEY (tenant_id, key_id))

COMMENT ON TABLE vault.residue IS 'keys that are destroyed and whose rows still stand there; the sweep takes them away'

-- The keys that open it, what forbids to destroy them, and what was destroyed

CREATE TABLE vault_keys.tenant_key (
  tenant_id uuid NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('wrap', 'index', 'sign')),
  version int NOT NULL,
  wrapper_ref text NOT NULL,
  wrapped bytea,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired', 'destroyed')),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_tenant_key PRIMARY KEY (tenant_id, purpose, version),
  CHECK ((state = 'destroyed') = (wrapped IS NULL)))

CREATE TABLE vault_keys.data_key (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  meeting_id uuid NOT NULL,
  room text NOT NULL,
  speaker_id uuid NOT NULL,
  subject uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('source', 'translation', 'redacted', 'name')),
  tenant_key_version int NOT NULL,
  wrapped bytea,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'destroyed')),
  created_at timestamptz NOT NULL DEFAULT vault.now(),
  destroyed_at timestamptz,
  CONSTRAINT pk_data_key PRIMARY KEY (tenant_id, id),
  CHECK ((state = 'destroyed') = (wrapped IS NULL)))

COMMENT ON COLUMN vault_keys.data_key.kind IS 'what it seals: each is forgotten in its own time'

CREATE INDEX ix_data_key_meeting_id ON vault_keys.data_key (tenant_id, meeting_id)

CREATE INDEX ix_data_key_subject ON vault_keys.data_key (tenant_id, subject)

CREATE TABLE vault_keys.tombstone (
  tenant_id uuid NOT NULL,
  key_id uuid NOT NULL,
  meeting_id uuid NOT NULL,
  speaker_id uuid NOT NULL,
  reason text NOT NULL,
  records bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT vault.now(),
  CONSTRAINT pk_tombstone PRIMARY KEY (tenant_id, key_id))

COMMENT ON COLUMN vault_keys.tombstone.reason IS 'policy NAME VERSION, or erasure ID'

CREATE TABLE vault_keys.hold (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  matter text NOT NULL CHECK (length(matter) BETWEEN 1 AND 200),
  room text,
  meeting_id uuid,
  subject uuid,
  placed_by text NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT vault.now(),
  released_by text,
  released_at timestamptz,
  grace_until timestamptz,
  CONSTRAINT pk_hold PRIMARY KEY (tenant_id, id),
  CHECK ((released_at IS NULL) = (released_by IS NULL) AND (released_at IS NULL) = (grace_until IS NULL)))

COMMENT ON TABLE vault_keys.hold IS 'covers what agrees with every scope that is given; without one, all of the tenant''s'

-- The log

CREATE TABLE vault_audit.event (
  tenant_id uuid NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  object text NOT NULL,
  outcome text NOT NULL,
  detail jsonb NOT NULL,
  prev bytea NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT pk_event PRIMARY KEY (tenant_id, seq))

CREATE TABLE vault_audit.head (
  tenant_id uuid NOT NULL,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT pk_head PRIMARY KEY (tenant_id))

CREATE TABLE vault_audit.checkpoint (
  tenant_id uuid NOT NULL,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  content text NOT NULL,
  signature bytea NOT NULL,
  CONSTRAINT pk_checkpoint PRIMARY KEY (tenant_id, seq))

COMMENT ON TABLE vault_audit.checkpoint IS 'up to where the log was forgotten; its next line still chains to the hash'

COMMENT ON COLUMN vault_audit.checkpoint.content IS 'what the tenant''s key signed: by which policies, and when'

CREATE FUNCTION vault_audit.digest(e vault_audit.event) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(e.prev || convert_to(jsonb_build_array(e.tenant_id, e.seq,
    round(extract(epoch FROM e.at)::numeric, 6)::text, e.actor, e.action, e.object, e.outcome, e.detail)::text, 'UTF8')) $$

CREATE FUNCTION vault_audit.append(p_action text, p_object text, p_outcome text, p_detail jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_audit, pg_temp AS $$
DECLARE h vault_audit.head; e vault_audit.event; t uuid := vault.tenant_id();
BEGIN
  INSERT INTO vault_audit.head VALUES (t, 0, '\x00') ON CONFLICT DO NOTHING;
  SELECT * INTO h FROM vault_audit.head WHERE tenant_id = t FOR UPDATE;
  e := ROW(t, h.seq + 1, clock_timestamp(), coalesce(vault.principal(), session_user), p_action, p_object, p_outcome,
    coalesce(p_detail, '{}'), h.hash, NULL)::vault_audit.event;
  e.hash := vault_audit.digest(e);
  INSERT INTO vault_audit.event SELECT e.*;
  UPDATE vault_audit.head SET seq = e.seq, hash = e.hash WHERE tenant_id = t;
  RETURN e.seq;
END $$

CREATE FUNCTION vault_audit.frozen() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'this is only ever added to' USING ERRCODE = 'P0A01'; END $$

CREATE FUNCTION vault_audit.event_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_audit, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM vault_audit.checkpoint WHERE tenant_id = OLD.tenant_id AND seq >= OLD.seq) THEN
    RETURN OLD; END IF;
  RAISE EXCEPTION 'this is only ever added to' USING ERRCODE = 'P0A01';
END $$

CREATE TRIGGER event_stays BEFORE UPDATE OR DELETE ON vault_audit.event FOR EACH ROW EXECUTE FUNCTION vault_audit.event_guard()

CREATE TRIGGER event_stays_whole BEFORE TRUNCATE ON vault_audit.event FOR EACH STATEMENT EXECUTE FUNCTION vault_audit.frozen()

CREATE TRIGGER checkpoint_stays BEFORE UPDATE OR DELETE ON vault_audit.checkpoint FOR EACH ROW EXECUTE FUNCTION vault_audit.frozen()

CREATE TRIGGER checkpoint_stays_whole BEFORE TRUNCATE ON vault_audit.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION vault_audit.frozen()

CREATE TRIGGER tombstone_stays BEFORE UPDATE OR DELETE ON vault_keys.tombstone FOR EACH ROW EXECUTE FUNCTION vault_audit.frozen()

CREATE TRIGGER tombstone_stays_whole BEFORE TRUNCATE ON vault_keys.tombstone FOR EACH STATEMENT EXECUTE FUNCTION vault_audit.frozen()

-- Holds beat deletion: who places one waits for those who destroy, and they for it. A hold may cover many rooms,
-- so the lock is the tenant's; those who destroy share it. The guard needs the snapshot that comes after the lock.

CREATE FUNCTION vault_keys.is_held(t uuid, r text, m uuid, s uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = vault_keys, pg_temp AS $$
  SELECT EXISTS (SELECT FROM vault_keys.hold h WHERE h.tenant_id = t AND (h.room IS NULL OR h.room = r)
    AND (h.meeting_id IS NULL OR h.meeting_id = m) AND (h.subject IS NULL OR h.subject = s)
    AND (h.released_at IS NULL OR h.grace_until > vault.surely())) $$

CREATE FUNCTION vault_keys.key_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'keys are destroyed, not deleted' USING ERRCODE = 'P0K01'; END IF;
  IF OLD.state = 'destroyed' THEN RAISE EXCEPTION 'this key is destroyed' USING ERRCODE = 'P0K02'; END IF;
  IF NEW.state = 'destroyed' THEN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'keys are destroyed at READ COMMITTED only' USING ERRCODE = 'P0K03'; END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(OLD.tenant_id::text, 7));
    IF vault_keys.is_held(OLD.tenant_id, OLD.room, OLD.meeting_id, OLD.subject) THEN
      RAISE EXCEPTION 'a hold keeps this key' USING ERRCODE = 'P0H01'; END IF;
  ELSIF NEW.wrapped <> OLD.wrapped AND NEW.tenant_key_version = OLD.tenant_key_version THEN
    RAISE EXCEPTION 'a key is only ever wrapped anew under another version' USING ERRCODE = 'P0K05';
  END IF;
  RETURN NEW;
END $$

CREATE TRIGGER key_guard BEFORE UPDATE OR DELETE ON vault_keys.data_key FOR EACH ROW EXECUTE FUNCTION vault_keys.key_guard()

CREATE TRIGGER keys_stay_whole BEFORE TRUNCATE ON vault_keys.data_key FOR EACH STATEMENT EXECUTE FUNCTION vault_audit.frozen()

CREATE FUNCTION vault_keys.hold_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.tenant_id::text, 7));
  IF TG_OP = 'UPDATE' AND OLD.released_at IS NOT NULL THEN
    RAISE EXCEPTION 'this hold is released' USING ERRCODE = 'P0H02'; END IF;
  RETURN NEW;
END $$

CREATE TRIGGER hold_guard BEFORE INSERT OR UPDATE ON vault_keys.hold FOR EACH ROW EXECUTE FUNCTION vault_keys.hold_guard()

CREATE TRIGGER hold_stays BEFORE DELETE ON vault_keys.hold FOR EACH ROW EXECUTE FUNCTION vault_audit.frozen()

CREATE TRIGGER holds_stay_whole BEFORE TRUNCATE ON vault_keys.hold FOR EACH STATEMENT EXECUTE FUNCTION vault_audit.frozen()

CREATE FUNCTION vault_keys.release(p_id uuid, p_by text) RETURNS SETOF vault_keys.hold
LANGUAGE sql SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
  UPDATE vault_keys.hold SET released_by = p_by, released_at = vault.now(), grace_until = vault.now() + interval '30 days'
  WHERE tenant_id = vault.tenant_id() AND id = p_id RETURNING * $$

CREATE FUNCTION vault_keys.release_again(p_id uuid, p_by text, p_at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
  UPDATE vault_keys.hold SET released_by = p_by, released_at = p_at, grace_until = p_at + interval '30 days'
  WHERE tenant_id = vault.tenant_id() AND id = p_id AND released_at IS NULL $$

COMMENT ON FUNCTION vault_keys.release_again IS 'for a database that was restored: the release is in the ledger'

-- Records go after their keys. Where the keys stand in another database this finds none and lets them go.

CREATE FUNCTION vault.record_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM gone g JOIN vault_keys.data_key k ON k.tenant_id = g.tenant_id AND k.id = g.key_id
    WHERE k.state <> 'destroyed') THEN
    RAISE EXCEPTION 'the key of these records is not destroyed' USING ERRCODE = 'P0K04'; END IF;
  RETURN NULL;
END $$

CREATE TRIGGER record_guard AFTER DELETE ON vault.record REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION vault.record_guard()

CREATE TRIGGER speaker_guard AFTER DELETE ON vault.speaker REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION vault.record_guard()

-- Functions that are handed a tenant run as who calls them, so that a role is answered for its own alone.
-- What is due. A term says until when: records that were stored at or before `since` are due.

CREATE FUNCTION vault.since(term text, ended timestamptz, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN term IS NULL OR term = 'forever' THEN timestamptz '-infinity'
    WHEN term ~ '^[0-9]+ days$' THEN at - make_interval(days => split_part(term, ' ', 1)::int)
    WHEN term ~ '^meeting end [+] [0-9]+ days$' AND (ended + make_interval(days => split_part(term, ' ', 4)::int) <= at) IS NOT TRUE
      THEN timestamptz '-infinity'
    ELSE timestamptz 'infinity' END $$

CREATE FUNCTION vault.ended(m vault.meeting, at timestamptz DEFAULT vault.now()) RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(m.ended_at, CASE WHEN m.last_at + interval '24 hours' <= at THEN m.last_at + interval '24 hours' END) $$

COMMENT ON FUNCTION vault.ended IS 'when a meeting ended; one that nobody ended is over 24 hours after its last record'

CREATE FUNCTION vault.effective(t uuid, p text, at timestamptz DEFAULT vault.now()) RETURNS vault.policy
LANGUAGE sql VOLATILE SET search_path = vault, pg_temp AS $$
  SELECT * FROM vault.policy WHERE tenant_id = t AND name = p AND effective_from <= at
  ORDER BY version DESC LIMIT 1 $$

CREATE FUNCTION vault.term(p vault.policy, kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE kind WHEN 'source' THEN p.source WHEN 'translation' THEN p.translation WHEN 'redacted' THEN p.redacted END $$

CREATE FUNCTION vault.due_by(t uuid, meeting uuid, kind text, at timestamptz, OUT since timestamptz, OUT policy text, OUT version int)
LANGUAGE sql VOLATILE SET search_path = vault, pg_temp AS $$
  SELECT vault.since(vault.term(p, kind), vault.ended(m, at), at) AS since, p.name, p.version
  FROM vault.meeting m JOIN vault.tenant n ON n.id = m.tenant_id
    CROSS JOIN LATERAL (SELECT * FROM vault.effective(t, m.policy, at)
      UNION ALL SELECT * FROM vault.effective(t, n.default_policy, at) WHERE n.stricter AND n.default_policy IS NOT NULL) p
  WHERE m.tenant_id = t AND m.id = meeting ORDER BY since DESC LIMIT 1 $$

COMMENT ON FUNCTION vault.due_by IS 'records of this kind that were stored at or before `since` are due, and by which policy; nothing is, without one'

CREATE FUNCTION vault.due_since(t uuid, meeting uuid, kind text, at timestamptz DEFAULT vault.now()) RETURNS timestamptz
LANGUAGE sql VOLATILE SET search_path = vault, pg_temp AS $$
  SELECT (vault.due_by(t, meeting, kind, at)).since $$

COMMENT ON FUNCTION vault.due_since IS 'records of this kind that were stored at or before it are due'

-- Forgetting the log: what is older than the longest term of it that is in force, while nothing is held.

CREATE FUNCTION vault_audit.forgettable(OUT seq bigint, OUT hash bytea, OUT policies jsonb, OUT at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_audit, pg_temp AS $$
DECLARE t uuid := vault.tenant_id(); since timestamptz; until bigint;
BEGIN
  at := vault.surely();
  SELECT min(CASE WHEN p.audit ~ '^[0-9]+ days$' THEN vault.since(p.audit, NULL, at) ELSE '-infinity' END),
    jsonb_object_agg(p.name || ' ' || p.version, p.audit) INTO since, policies
    FROM (SELECT DISTINCT name FROM vault.policy WHERE tenant_id = t) n, vault.effective(t, n.name) p WHERE p.name IS NOT NULL;
  IF since IS NULL OR EXISTS (SELECT FROM vault_keys.hold WHERE tenant_id = t AND (released_at IS NULL OR grace_until > vault.surely())) THEN
    RETURN; END IF;
  SELECT e.seq INTO until FROM vault_audit.event e WHERE e.tenant_id = t AND e.at > since ORDER BY e.seq LIMIT 1;
  SELECT e.seq, e.hash INTO seq, hash FROM vault_audit.event e
    WHERE e.tenant_id = t AND (until IS NULL OR e.seq < until) ORDER BY e.seq DESC LIMIT 1;
END $$

CREATE FUNCTION vault_audit.forget(p_seq bigint, p_hash bytea, p_content text, p_signature bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_audit, pg_temp AS $$
DECLARE t uuid := vault.tenant_id(); n bigint;
BEGIN
  IF (vault_audit.forgettable()).seq >= p_seq IS NOT TRUE
    OR NOT EXISTS (SELECT FROM vault_audit.event WHERE tenant_id = t AND seq = p_seq AND hash = p_hash) THEN
    RAISE EXCEPTION 'the log is not to be forgotten up to there' USING ERRCODE = 'P0A02'; END IF;
  INSERT INTO vault_audit.checkpoint VALUES (t, p_seq, p_hash, p_content, p_signature);
  DELETE FROM vault_audit.event WHERE tenant_id = t AND seq <= p_seq;
  GET DIAGNOSTICS n = ROW_COUNT;
  PERFORM vault_audit.append('forget', 'audit', 'done', jsonb_build_object('through', p_seq, 'lines', n));
  RETURN n;
END $$

-- A policy that was approved is never changed; a new version is. What forgets earlier needs a second person and a day.

CREATE FUNCTION vault.shorter(a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN a = b OR a = 'forever' OR b = 'not at all' THEN false
    WHEN a = 'not at all' OR b = 'forever' THEN true
    WHEN a LIKE 'meeting%' OR b NOT LIKE 'meeting%'
      THEN (regexp_match(a, '([0-9]+) days$'))[1]::int < (regexp_match(b, '([0-9]+) days$'))[1]::int
    ELSE true END $$

COMMENT ON FUNCTION vault.shorter IS 'whether term a may forget something earlier than term b does'

CREATE FUNCTION vault.shorter(a vault.policy, b vault.policy) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT vault.shorter(a.source, b.source) OR vault.shorter(a.translation, b.translation)
    OR vault.shorter(a.redacted, b.redacted) OR vault.shorter(a.audit, b.audit) $$

CREATE FUNCTION vault.shortens(p vault.policy) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = vault, pg_temp AS $$
  SELECT EXISTS (SELECT FROM vault.policy o WHERE o.tenant_id = p.tenant_id AND o.name = p.name AND o.version < p.version
    AND o.version >= coalesce((vault.effective(p.tenant_id, p.name)).version, 1) AND o.approved_at IS NOT NULL
    AND vault.shorter(p, o)) $$

COMMENT ON FUNCTION vault.shortens IS 'whether this version forgets something earlier than one that is or will be in force'

CREATE FUNCTION vault.policy_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND OLD.approved_at IS NOT NULL THEN
    RAISE EXCEPTION 'a policy stays as it was approved' USING ERRCODE = 'P0P01'; END IF;
  IF NEW.approved_at IS NULL OR TG_OP = 'INSERT' AND EXISTS (SELECT FROM vault.policy o WHERE o.tenant_id = NEW.tenant_id
    AND o.name = NEW.name AND o.version = NEW.version) THEN RETURN NEW; END IF; -- nothing is approved, or nothing inserted
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.tenant_id::text, 9));
  IF EXISTS (SELECT FROM vault.policy o WHERE o.tenant_id = NEW.tenant_id AND o.name = NEW.name
    AND o.version > NEW.version AND o.approved_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a newer version is approved' USING ERRCODE = 'P0P04'; END IF;
  IF vault.shortens(NEW) THEN
    IF NEW.approved_by = NEW.proposed_by THEN
      RAISE EXCEPTION 'what shortens a policy needs a second person' USING ERRCODE = 'P0P03'; END IF;
    NEW.approved_at := vault.now();
    NEW.effective_from := greatest(NEW.effective_from, NEW.approved_at + interval '24 hours');
  END IF;
  RETURN NEW;
END $$

CREATE TRIGGER policy_guard BEFORE INSERT OR UPDATE OR DELETE ON vault.policy FOR EACH ROW EXECUTE FUNCTION vault.policy_guard()

CREATE FUNCTION vault.default_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE d vault.policy := vault.effective(NEW.id, NEW.default_policy);
BEGIN
  IF NEW.default_policy IS NULL THEN RETURN NEW; END IF;
  IF d.name IS NULL THEN RAISE EXCEPTION 'no such policy is in force' USING ERRCODE = 'P0P02'; END IF;
  IF NOT NEW.stricter OR (OLD.default_policy, OLD.stricter) IS NOT DISTINCT FROM (NEW.default_policy, NEW.stricter)
    OR d.approved_by <> d.proposed_by AND d.approved_at <= vault.now() - interval '24 hours' THEN RETURN NEW; END IF;
  IF EXISTS (SELECT FROM (SELECT DISTINCT policy FROM vault.meeting WHERE tenant_id = NEW.id AND destroyed_at IS NULL) m
    WHERE vault.shorter(d, vault.effective(NEW.id, m.policy))) THEN
    RAISE EXCEPTION 'it would shorten others: a second person must have approved it a day ago' USING ERRCODE = 'P0P05'; END IF;
  RETURN NEW;
END $$

CREATE TRIGGER default_guard BEFORE UPDATE ON vault.tenant FOR EACH ROW EXECUTE FUNCTION vault.default_guard()

-- Writing: the agent has no right to the tables, only to these, and only for its own room.

CREATE FUNCTION vault.ensure_day(d date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE part text := 'record_' || to_char(d, 'YYYYMMDD');
BEGIN
  IF d - vault.now()::date > 31 THEN RAISE EXCEPTION 'that day is too far away' USING ERRCODE = 'P0D01'; END IF;
  IF to_regclass('vault.' || part) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('vault.record', 7));
  IF to_regclass('vault.' || part) IS NULL THEN
    EXECUTE format('CREATE TABLE vault.%I PARTITION OF vault.record FOR VALUES FROM (%L) TO (%L)', part, d, d + 1);
    EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', part); END IF;
END $$

CREATE FUNCTION vault.days() RETURNS SETOF date LANGUAGE sql STABLE AS $$
  SELECT to_date(right(c.relname, 8), 'YYYYMMDD') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'vault.record'::regclass ORDER BY 1 $$

CREATE FUNCTION vault.drop_day(d date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  IF d >= vault.now()::date - 1 OR EXISTS (SELECT FROM vault.meeting WHERE day = d AND destroyed_at IS NULL) THEN RETURN false; END IF;
  LOCK TABLE vault.record IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM vault.meeting WHERE day = d AND destroyed_at IS NULL) OR EXISTS (SELECT FROM vault.meeting m
    JOIN vault_keys.data_key k ON k.tenant_id = m.tenant_id AND k.meeting_id = m.id WHERE m.day = d AND k.state <> 'destroyed') THEN
    RETURN false; END IF;
  EXECUTE format('DROP TABLE IF EXISTS vault.%I', 'record_' || to_char(d, 'YYYYMMDD'));
  UPDATE vault.residue SET records = 0 WHERE day = d;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN RETURN false;
END $$

COMMENT ON FUNCTION vault.drop_day IS 'takes away the rows of a day of which no key is left, of all tenants; false if it may not, or not now'

CREATE FUNCTION vault.begin(p_meeting uuid, p_policy text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE m vault.meeting; t timestamptz := vault.now();
BEGIN
  SELECT * INTO m FROM vault.meeting WHERE tenant_id = vault.tenant_id() AND id = p_meeting;
  IF NOT FOUND THEN
    IF (vault.effective(vault.tenant_id(), p_policy)).name IS NULL THEN
      RAISE EXCEPTION 'no such policy is in force' USING ERRCODE = 'P0P02'; END IF;
    PERFORM vault.ensure_day(t::date);
    INSERT INTO vault.meeting VALUES (vault.tenant_id(), p_meeting, vault.room(), p_policy, t::date, t, t)
      ON CONFLICT DO NOTHING;
  ELSIF m.room <> vault.room() THEN
    RAISE EXCEPTION 'that meeting is of another room' USING ERRCODE = 'P0R01';
  END IF;
END $$

CREATE FUNCTION vault.finish(p_meeting uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
  UPDATE vault.meeting SET ended_at = greatest(last_at, vault.now())
  WHERE tenant_id = vault.tenant_id() AND id = p_meeting AND room = vault.room() AND ended_at IS NULL $$

CREATE FUNCTION vault.name_speaker(p_meeting uuid, p_id uuid, p_subject uuid, p_voice text, p_key uuid, p_sealed bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
  PERFORM vault.own_meeting(p_meeting);
  PERFORM FROM vault_keys.data_key WHERE tenant_id = vault.tenant_id() AND id = p_key AND state = 'active' FOR SHARE;
  IF NOT FOUND THEN RETURN; END IF; -- a replay brings nobody back who was erased
  INSERT INTO vault.speaker VALUES (vault.tenant_id(), p_id, p_meeting, p_subject, p_voice, p_key, p_sealed)
  ON CONFLICT (tenant_id, id) DO UPDATE SET key_id = p_key, sealed = p_sealed
    WHERE speaker.meeting_id = p_meeting AND speaker.subject = p_subject;
END $$

CREATE FUNCTION vault.own_meeting(p_meeting uuid) RETURNS date
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE d date;
BEGIN
  SELECT day INTO d FROM vault.meeting WHERE tenant_id = vault.tenant_id() AND id = p_meeting AND room = vault.room();
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such meeting in this room' USING ERRCODE = 'P0R01'; END IF;
  RETURN d;
END $$

CREATE FUNCTION vault.erased(t uuid, r text, m uuid, s uuid) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
  SELECT EXISTS (SELECT FROM vault.erasure e WHERE e.tenant_id = t AND e.state = 'done' AND (e.room IS NULL OR e.room = r)
    AND (e.meeting_id IS NULL OR e.meeting_id = m) AND (e.subject IS NULL OR e.subject = s)
    AND (e.meeting_id IS NOT NULL OR e.done_at >= (SELECT started_at FROM vault.meeting WHERE tenant_id = t AND id = m))) $$

COMMENT ON FUNCTION vault.erased IS 'whether an erasure covers this person in this meeting: what a spool still holds of it is not taken'

CREATE FUNCTION vault_keys.add(p_meeting uuid, p_id uuid, p_speaker uuid, p_subject uuid, p_kind text,
  p_version int, p_wrapped bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(vault.tenant_id()::text, 8)); -- an erasure waits, and we for it
  IF EXISTS (SELECT FROM vault_keys.tombstone WHERE tenant_id = vault.tenant_id() AND key_id = p_id)
    OR vault.erased(vault.tenant_id(), vault.room(), p_meeting, p_subject) THEN RETURN 'destroyed'; END IF;
  INSERT INTO vault_keys.data_key (tenant_id, id, meeting_id, room, speaker_id, subject, kind, tenant_key_version, wrapped)
    VALUES (vault.tenant_id(), p_id, p_meeting, vault.room(), p_speaker, p_subject, p_kind, p_version, p_wrapped)
    ON CONFLICT DO NOTHING;
  RETURN (SELECT state FROM vault_keys.data_key WHERE tenant_id = vault.tenant_id() AND id = p_id);
END $$

COMMENT ON FUNCTION vault_keys.add IS 'the same key may be handed in again; answers active, or destroyed'

CREATE FUNCTION vault.store(p_meeting uuid, p_segment uuid[], p_kind text[], p_lang text[], p_rev int[], p_speaker uuid[],
  p_key uuid[], p_said timestamptz[], p_starts float8[], p_ends float8[], p_engine text[], p_tags text[], p_sealed bytea[])
RETURNS SETOF uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE d date := vault.own_meeting(p_meeting); t uuid := vault.tenant_id(); dead uuid[];
BEGIN
  PERFORM vault.ensure_day(d);
  PERFORM FROM vault_keys.data_key WHERE tenant_id = t AND id = ANY (p_key) ORDER BY id FOR SHARE;
  SELECT coalesce(array_agg(id), '{}') INTO dead FROM vault_keys.data_key
    WHERE tenant_id = t AND id = ANY (p_key) AND state = 'destroyed';
  INSERT INTO vault.record AS r
    SELECT DISTINCT ON (segment, kind, lang) t, d, p_meeting, segment, kind, lang, rev, speaker, key, said, starts, ends, engine, tags, sealed
    FROM unnest(p_segment, p_kind, p_lang, p_rev, p_speaker, p_key, p_said, p_starts, p_ends, p_engine, p_tags, p_sealed)
      AS u (segment, kind, lang, rev, speaker, key, said, starts, ends, engine, tags, sealed)
    WHERE key <> ALL (dead) ORDER BY segment, kind, lang, rev DESC
  ON CONFLICT (tenant_id, day, meeting_id, segment_id, kind, lang) DO UPDATE SET rev = excluded.rev, speaker_id = excluded.speaker_id,
    key_id = excluded.key_id, said_at = excluded.said_at, starts = excluded.starts, ends = excluded.ends, engine = excluded.engine,
    tags = excluded.tags, sealed = excluded.sealed
    WHERE r.rev < excluded.rev;
  UPDATE vault.meeting SET last_at = greatest(last_at, vault.now()), ended_at = NULL, destroyed_at = NULL WHERE tenant_id = t AND id = p_meeting;
  RETURN QUERY SELECT unnest(dead);
END $$

COMMENT ON FUNCTION vault.store IS 'the newest revision stays; answers the keys that are destroyed, whose records were not taken'

-- Reading: who was granted the room, and only what a committed line of the log says they open now.

CREATE FUNCTION vault.opened() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = vault, vault_audit, pg_temp AS $$
  SELECT m.id FROM vault_audit.event e
    JOIN vault.meeting m ON m.tenant_id = e.tenant_id AND m.id::text = e.object
    JOIN vault.room_grant g ON g.tenant_id = m.tenant_id AND g.room = m.room AND g.principal = e.actor
  WHERE e.tenant_id = vault.tenant_id() AND e.seq = vault.ticket() AND e.actor = vault.principal() AND e.action = 'read'
    AND e.outcome = 'allowed' AND e.at > clock_timestamp() - interval '5 minutes' AND e.at < transaction_timestamp()
    AND 'read' = ANY (g.can) AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp()) LIMIT 1 $$

COMMENT ON FUNCTION vault.opened IS 'the meeting that the log''s line in app.ticket opens; null without one'

CREATE FUNCTION vault.opened_since(kind text) RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
  SELECT coalesce(vault.due_since(vault.tenant_id(), vault.opened(), kind), 'infinity') $$

CREATE FUNCTION vault.readable(p_meeting uuid, p_subject uuid, p_lang text) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
  SELECT m.id FROM vault.meeting m
  WHERE m.tenant_id = vault.tenant_id() AND (p_meeting IS NULL OR m.id = p_meeting) AND EXISTS (
    SELECT FROM vault.room_grant g WHERE g.tenant_id = m.tenant_id AND g.room = m.room AND g.principal = vault.principal()
      AND 'read' = ANY (g.can) AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp()))
  AND EXISTS (SELECT FROM (SELECT k AS kind, vault.due_since(m.tenant_id, m.id, k) AS since
      FROM unnest(ARRAY['source', 'translation', 'redacted']) k OFFSET 0) due
    JOIN vault.record r ON r.tenant_id = m.tenant_id AND r.day = m.day AND r.meeting_id = m.id AND r.kind = due.kind
      AND r.stored_at > due.since
    JOIN vault_keys.data_key d ON d.tenant_id = r.tenant_id AND d.id = r.key_id AND d.state = 'active'
    WHERE (p_lang IS NULL OR r.lang = p_lang OR starts_with(r.lang, p_lang || '-')) AND (p_subject IS NULL OR d.subject = p_subject)) $$

COMMENT ON FUNCTION vault.readable IS 'granted meetings of which something can be read, of that person and in that language where they are given'

CREATE FUNCTION vault.opened_names() RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
  SELECT m.id FROM vault.meeting m WHERE m.tenant_id = vault.tenant_id() AND m.id = vault.opened()
    AND least(vault.opened_since('source'), vault.opened_since('translation'), vault.opened_since('redacted')) < m.last_at $$

COMMENT ON FUNCTION vault.opened_names IS 'the opened meeting, while something of it is not due'

CREATE FUNCTION vault_keys.gone(p_room text, p_meeting uuid, p_subject uuid, OUT keys bigint, OUT records bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
  SELECT count(*), coalesce(sum(t.records), 0) FROM vault_keys.data_key k
    JOIN vault_keys.tombstone t ON t.tenant_id = k.tenant_id AND t.key_id = k.id
  WHERE k.tenant_id = vault.tenant_id() AND k.state = 'destroyed' AND (p_room IS NULL OR k.room = p_room)
    AND (p_meeting IS NULL OR k.meeting_id = p_meeting) AND (p_subject IS NULL OR k.subject = p_subject) $$

COMMENT ON FUNCTION vault_keys.gone IS 'what of this was destroyed already'

CREATE FUNCTION vault_keys.missing(p_keys uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
  SELECT k FROM unnest(p_keys) k WHERE NOT EXISTS (SELECT FROM vault_keys.tombstone WHERE tenant_id = vault.tenant_id() AND key_id = k) $$

COMMENT ON FUNCTION vault_keys.missing IS 'which of the keys that the ledger calls destroyed this database knows nothing of'

DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('vault', 'vault_keys', 'vault_audit') AND c.relkind IN ('r', 'p') LOOP
    EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', r.nspname, r.relname);
    EXECUTE format('CREATE POLICY own_tenant ON %I.%I TO dragoman_agent, dragoman_web, dragoman_retention, dragoman_auditor
      USING (%s = vault.tenant_id()) WITH CHECK (%2$I.%3$s = vault.tenant_id())',
      r.nspname, r.relname, CASE r.relname WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END);
  END LOOP;
END $$

CREATE POLICY every_tenant ON vault.tenant FOR SELECT TO dragoman_retention USING (true)

CREATE POLICY granted ON vault.record AS RESTRICTIVE FOR SELECT TO dragoman_web USING (
  meeting_id = (SELECT vault.opened()) AND stored_at > CASE kind WHEN 'source' THEN (SELECT vault.opened_since('source'))
    WHEN 'translation' THEN (SELECT vault.opened_since('translation')) ELSE (SELECT vault.opened_since('redacted')) END)

CREATE POLICY granted ON vault.speaker AS RESTRICTIVE FOR SELECT TO dragoman_web USING (meeting_id = (SELECT vault.opened_names()))

CREATE POLICY granted ON vault_keys.data_key AS RESTRICTIVE FOR SELECT TO dragoman_web USING (meeting_id = (SELECT vault.opened()))

CREATE POLICY granted ON vault.meeting AS RESTRICTIVE FOR SELECT TO dragoman_web USING (room = ANY (ARRAY(
  SELECT g.room FROM vault.room_grant g WHERE g.tenant_id = vault.tenant_id() AND g.principal = vault.principal()
    AND 'read' = ANY (g.can) AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp()))))

CREATE POLICY never_unwraps ON vault_keys.tenant_key AS RESTRICTIVE TO dragoman_retention
  USING (purpose IN ('sign', 'index')) WITH CHECK (purpose IN ('sign', 'index'))

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vault, vault_keys, vault_audit FROM PUBLIC

GRANT EXECUTE ON FUNCTION vault.tenant_id, vault.principal, vault.room, vault.ticket, vault.now, vault_keys.missing
  TO dragoman_agent, dragoman_web, dragoman_retention, dragoman_auditor

GRANT EXECUTE ON FUNCTION vault_audit.append TO dragoman_agent, dragoman_web, dragoman_retention

GRANT EXECUTE ON FUNCTION vault_audit.digest TO dragoman_auditor

GRANT EXECUTE ON FUNCTION vault.begin, vault.finish, vault.name_speaker, vault.store, vault_keys.add TO dragoman_agent

GRANT EXECUTE ON FUNCTION vault.opened, vault.opened_since, vault.opened_names, vault.readable TO dragoman_web

GRANT EXECUTE ON FUNCTION vault_audit.forgettable, vault_audit.forget TO dragoman_retention

GRANT EXECUTE ON FUNCTION vault.surely, vault.since, vault.ended, vault.effective, vault.term, vault.due_by, vault.due_since, vault.ensure_day,
  vault.days, vault.drop_day, vault_keys.is_held, vault_keys.release_again TO dragoman_retention

GRANT EXECUTE ON FUNCTION vault.is_term, vault.shorter(text, text), vault.shorter(vault.policy, vault.policy), vault.shortens,
  vault_keys.release, vault_keys.gone TO dragoman_web, dragoman_retention

GRANT EXECUTE ON FUNCTION vault.effective TO dragoman_agent, dragoman_web

GRANT SELECT ON vault.tenant, vault.policy TO dragoman_agent, dragoman_web, dragoman_retention

GRANT SELECT, INSERT ON vault_keys.tenant_key TO dragoman_agent, dragoman_web

GRANT SELECT, INSERT ON vault_keys.tenant_key TO dragoman_retention

GRANT SELECT ON vault.meeting, vault.speaker, vault.record, vault_keys.data_key TO dragoman_web

GRANT SELECT, INSERT, DELETE ON vault.room_grant TO dragoman_web

GRANT INSERT ON vault.policy TO dragoman_web, dragoman_retention

GRANT UPDATE (approved_by, approved_at, effective_from) ON vault.policy TO dragoman_web, dragoman_retention

GRANT UPDATE (default_policy, stricter) ON vault.tenant TO dragoman_web, dragoman_retention

GRANT SELECT, INSERT ON vault_keys.hold, vault.erasure TO dragoman_web, dragoman_retention

GRANT UPDATE (state, done_at, receipt) ON vault.erasure TO dragoman_retention

GRANT SELECT ON vault.meeting TO dragoman_retention

GRANT SELECT, INSERT, UPDATE, DELETE ON vault.residue TO dragoman_retention

GRANT UPDATE (ended_at, destroyed_at) ON vault.meeting TO dragoman_retention

GRANT SELECT (tenant_id, id, meeting_id, subject, voice, key_id), DELETE ON vault.speaker TO dragoman_retention

GRANT SELECT (tenant_id, day, meeting_id, segment_id, kind, lang, rev, speaker_id, key_id, said_at, stored_at), DELETE ON vault.record TO dragoman_retention

GRANT SELECT (tenant_id, id, meeting_id, room, speaker_id, subject, kind, tenant_key_version, state, created_at, destroyed_at),
  UPDATE (state, wrapped, destroyed_at) ON vault_keys.data_key TO dragoman_retention

GRANT SELECT, INSERT ON vault_keys.tombstone TO dragoman_retention

GRANT SELECT ON vault_audit.event, vault_audit.head, vault_audit.checkpoint TO dragoman_auditor

GRANT SELECT ON vault_audit.head TO dragoman_retention

-- What was overwritten stands in the table's file and in the WAL until both are renewed. A server may not let us.

DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 170000 THEN
    EXECUTE 'GRANT MAINTAIN ON vault_keys.data_key TO dragoman_retention'; END IF;
END $$

DO $$ BEGIN
  GRANT pg_checkpoint TO dragoman_retention;
  GRANT EXECUTE ON FUNCTION pg_switch_wal() TO dragoman_retention;
EXCEPTION WHEN insufficient_privilege OR undefined_object THEN
  RAISE WARNING 'dragoman_retention may not make checkpoints: what is destroyed leaves the files later';
END $$
