-- Who rotates keys sees all wrapped keys, and of what they open nothing. Statements are separated by empty lines.

DO $$ BEGIN
  -- Who may make no roles migrates where somebody made it before.
  IF to_regrole('dragoman_keys') IS NULL THEN CREATE ROLE dragoman_keys NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server makes it just now
END $$

GRANT USAGE ON SCHEMA vault_keys, vault_audit, vault TO dragoman_keys

GRANT EXECUTE ON FUNCTION vault_audit.append TO dragoman_keys

GRANT SELECT, INSERT, UPDATE (wrapper_ref, wrapped, state) ON vault_keys.tenant_key TO dragoman_keys

GRANT SELECT (tenant_id, id, meeting_id, speaker_id, tenant_key_version, wrapped, state),
  UPDATE (tenant_key_version, wrapped) ON vault_keys.data_key TO dragoman_keys

CREATE POLICY every_tenant ON vault_keys.tenant_key TO dragoman_keys USING (true) WITH CHECK (true)

CREATE POLICY every_tenant ON vault_keys.data_key TO dragoman_keys USING (true) WITH CHECK (true)

-- A version is destroyed only once no data key needs it, and then none is added under it: whoever destroys takes
-- this lock first, alone; whoever adds shares it.

CREATE FUNCTION vault_keys.tenant_key_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'keys are destroyed, not deleted' USING ERRCODE = 'P0K01'; END IF;
  IF OLD.state = 'destroyed' THEN RAISE EXCEPTION 'this key is destroyed' USING ERRCODE = 'P0K02'; END IF;
  IF NEW.state = 'destroyed' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(OLD.tenant_id::text, 8));
    IF OLD.purpose = 'wrap' AND EXISTS (SELECT FROM vault_keys.data_key d WHERE d.tenant_id = OLD.tenant_id
      AND d.tenant_key_version = OLD.version AND d.wrapped IS NOT NULL) THEN
      RAISE EXCEPTION 'data keys need this version' USING ERRCODE = 'P0K07'; END IF;
  END IF;
  RETURN NEW;
END $$

CREATE TRIGGER tenant_key_guard BEFORE UPDATE OR DELETE ON vault_keys.tenant_key FOR EACH ROW EXECUTE FUNCTION vault_keys.tenant_key_guard()

CREATE TRIGGER tenant_keys_stay_whole BEFORE TRUNCATE ON vault_keys.tenant_key FOR EACH STATEMENT EXECUTE FUNCTION vault_audit.frozen()

CREATE FUNCTION vault_keys.version_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault_keys, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.tenant_id::text, 8));
  IF EXISTS (SELECT FROM vault_keys.tenant_key k WHERE k.tenant_id = NEW.tenant_id AND k.purpose = 'wrap'
    AND k.version = NEW.tenant_key_version AND k.state = 'destroyed')
    -- A key that is handed in again stands here already, under the version that it was rewrapped for.
    AND NOT EXISTS (SELECT FROM vault_keys.data_key d WHERE d.tenant_id = NEW.tenant_id AND d.id = NEW.id) THEN
    RAISE EXCEPTION 'the version that wraps this key is destroyed' USING ERRCODE = 'P0K06'; END IF;
  RETURN NEW;
END $$

CREATE TRIGGER version_guard BEFORE INSERT ON vault_keys.data_key FOR EACH ROW EXECUTE FUNCTION vault_keys.version_guard()

REVOKE ALL ON FUNCTION vault_keys.tenant_key_guard, vault_keys.version_guard FROM PUBLIC
