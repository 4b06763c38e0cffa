"""What is kept, its keys and its log, and the four roles that may touch them."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).parent.parent / "sql" / "0003_vault.sql"
ROLES = ("dragoman_agent", "dragoman_web", "dragoman_retention", "dragoman_auditor")


def upgrade() -> None:
    for statement in STATEMENTS.read_text().split("\n\n"):
        op.execute(statement.replace(":", r"\:"))


def downgrade() -> None:
    for schema in ("vault_audit", "vault_keys", "vault"):
        op.execute(f"DROP SCHEMA {schema} CASCADE")
    for role in ROLES:
        op.execute(f"DROP OWNED BY {role}")
        # Another database of this server may use it still.
        op.execute(f"DO $$ BEGIN DROP ROLE {role}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$")
