"""A role that rotates keys and reads no record, and guards that keep a version while keys need it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).parent.parent / "sql" / "0004_who_rotates_keys.sql"


def upgrade() -> None:
    for statement in STATEMENTS.read_text().split("\n\n"):
        op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    op.execute("DROP TRIGGER version_guard ON vault_keys.data_key")
    op.execute("DROP TRIGGER tenant_key_guard ON vault_keys.tenant_key")
    op.execute("DROP TRIGGER tenant_keys_stay_whole ON vault_keys.tenant_key")
    op.execute("DROP FUNCTION vault_keys.version_guard, vault_keys.tenant_key_guard")
    op.execute("DROP OWNED BY dragoman_keys")
    # Another database of this server may use it still.
    op.execute("DO $$ BEGIN DROP ROLE dragoman_keys; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$")
