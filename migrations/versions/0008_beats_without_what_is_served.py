"""A beat says no longer what is served: the web server asks the engines themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("interpreters", "served")


def downgrade() -> None:
    op.add_column("interpreters", sa.Column("served", JSONB))
