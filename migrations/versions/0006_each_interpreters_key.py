"""Each interpreter's public key, so that pages learn it from the web server and from nobody in the room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interpreters", sa.Column("key", sa.Text, comment="its public key, a JWK; null until it is told"))


def downgrade() -> None:
    op.drop_column("interpreters", "key")
