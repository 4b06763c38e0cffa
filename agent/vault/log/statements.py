"""What this room asks the database: every statement, with the question it answers."""

from __future__ import annotations

from sqlalchemy import ARRAY, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

# Which number does this line of the log get? The transaction ends only with it.
LOG = text("SELECT vault_audit.append(:action, :object, :outcome, :detail)").bindparams(
    bindparam("detail", type_=JSONB)
)

# Which lines are not what their hash says or do not follow the one before, where does the log end, and
# where should it?
CHAIN = text("""
    WITH forgotten AS (
        SELECT seq, hash, content, signature FROM vault_audit.checkpoint WHERE tenant_id = :tenant
        ORDER BY seq DESC LIMIT 1),
    line AS (
        SELECT e.seq, e.hash, lead(e.seq) OVER one_by_one IS NULL AS last,
            lag(e.seq, 1, coalesce((SELECT seq FROM forgotten), 0)) OVER one_by_one AS before,
            e.hash IS DISTINCT FROM vault_audit.digest(e) AS edited,
            e.prev IS DISTINCT FROM
                lag(e.hash, 1, coalesce((SELECT hash FROM forgotten), '\\x00')) OVER one_by_one AS loose
        FROM vault_audit.event e WHERE e.tenant_id = :tenant WINDOW one_by_one AS (ORDER BY e.seq))
    SELECT line.seq, line.before, line.edited, line.last, line.hash, line.loose, head.seq AS head,
        head.hash AS head_hash, forgotten.seq AS forgotten, forgotten.hash AS forgotten_hash,
        forgotten.content, forgotten.signature
    FROM (SELECT) AS always
    LEFT JOIN vault_audit.head ON head.tenant_id = :tenant
    LEFT JOIN forgotten ON true
    LEFT JOIN line ON line.edited OR line.loose OR line.last OR line.seq <> line.before + 1
    ORDER BY line.last DESC NULLS LAST, line.seq LIMIT :most
""")

# Which hash have the lines that were anchored, and which of them were forgotten?
ANCHORED = text("""
    SELECT a.seq, e.hash, a.seq <= c.seq IS TRUE AS forgotten FROM unnest(CAST(:seqs AS bigint[])) AS a (seq)
    CROSS JOIN (SELECT max(seq) AS seq FROM vault_audit.checkpoint WHERE tenant_id = :tenant) c
    LEFT JOIN vault_audit.event e ON e.tenant_id = :tenant AND e.seq = a.seq ORDER BY a.seq
""")

# Where does this log stand, and what time is it?
HEAD = text("SELECT seq, hash, clock_timestamp() AS at FROM vault_audit.head WHERE tenant_id = :tenant")

# Up to which line may the log be forgotten, and by which policies?
FORGETTABLE = text("SELECT seq, hash, policies, at FROM vault_audit.forgettable()")

# How many lines go where it is forgotten up to this one, as was signed?
FORGET = text("SELECT vault_audit.forget(:seq, :hash, :content, :signature)")

# Which of these keys, which were destroyed, does this database not know as destroyed?
MISSING = text("SELECT * FROM vault_keys.missing(:keys)").bindparams(bindparam("keys", type_=ARRAY(Uuid)))

# Is there a policy at all?
ANY_POLICY = text("SELECT true FROM vault.policy WHERE tenant_id = :tenant LIMIT 1")

# Which versions of policies are in force?
_IN_FORCE = (
    "SELECT name, version, source, translation, redacted, audit, redaction, effective_from FROM vault.policy"
    " WHERE tenant_id = :tenant AND effective_from <= {at} ORDER BY name, version"
)

# Which are now, for reading, and which surely are, for the sweep?
IN_FORCE_NOW, SURELY_IN_FORCE = (text(_IN_FORCE.format(at=at)) for at in ("vault.now()", "vault.surely()"))


# For how long may what follows wait for a lock, in milliseconds?
def patience(ms: int) -> TextClause:
    return text(f"SET LOCAL lock_timeout = {ms}")
