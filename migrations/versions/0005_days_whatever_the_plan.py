"""The days of records are read off their tables' names alone, also where the planner looks at every table first."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DAYS = """
CREATE OR REPLACE FUNCTION vault.days() RETURNS SETOF date LANGUAGE sql STABLE AS $$
  SELECT {day} FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'vault.record'\\:\\:regclass ORDER BY 1 $$
"""
ANY_NAME = "to_date(right(c.relname, 8), 'YYYYMMDD')"
# A condition on the day may be asked of every table there is, before the join: of all others it is null.
A_DAYS = f"CASE WHEN c.relname ~ '^record_[0-9]{{8}}$' THEN {ANY_NAME} END"


def upgrade() -> None:
    op.execute(DAYS.format(day=A_DAYS))


def downgrade() -> None:
    op.execute(DAYS.format(day=ANY_NAME))
