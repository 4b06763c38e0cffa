"""Each room's names and terms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    terms = "names and terms that the host gave"
    op.add_column("rooms", sa.Column("glossary", JSONB, nullable=False, server_default="[]", comment=terms))


def downgrade() -> None:
    op.drop_column("rooms", "glossary")
