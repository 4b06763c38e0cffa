"""Epochs by the database's clock, when an interpreter first heard, and what workers can take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    given = "the highest epoch given to an interpreter, Unix ms"
    op.add_column("rooms", sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0", comment=given))
    moment = sa.DateTime(timezone=True)
    op.add_column("interpreters", sa.Column("hearing_at", moment, comment="when it first said that it hears"))
    op.create_table(
        "workers",
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False, comment="the name that calls go by"),
        sa.Column("registered", sa.Boolean, nullable=False, comment="LiveKit sends it rooms"),
        sa.Column("warm", sa.Integer, nullable=False, comment="processes that wait for a room"),
        sa.Column("rooms", sa.Integer, nullable=False),
        sa.Column("places", sa.Integer, nullable=False, comment="rooms that it takes at once"),
        sa.Column("seen_at", moment, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.PrimaryKeyConstraint("worker", name="pk_workers"),
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    op.drop_table("workers")
    op.drop_column("interpreters", "hearing_at")
    op.drop_column("rooms", "epoch")
