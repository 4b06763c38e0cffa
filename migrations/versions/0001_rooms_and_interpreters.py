"""Rooms, and the interpreters that beat in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    now = sa.text("now()")
    beat = sa.text("clock_timestamp()")
    op.create_table(
        "rooms",
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("languages", sa.ARRAY(sa.Text), nullable=False, comment="tags the host named; empty means any"),
        sa.Column("secret_hash", sa.LargeBinary, comment="SHA-256 of the join link's secret; null: no link opens it"),
        sa.Column("keeps", sa.Text, nullable=False, server_default="nothing"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("called_at", sa.DateTime(timezone=True), comment="when an interpreter was last called into the room"),
        sa.Column("calls", sa.Integer, nullable=False, server_default="0", comment="calls since one last stayed"),
        sa.PrimaryKeyConstraint("slug", name="pk_rooms"),
    )
    op.create_table(
        "interpreters",
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("served", JSONB),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False, server_default=beat),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, server_default=beat),
        sa.Column("missing_at", sa.DateTime(timezone=True), comment="since when it beats but is not in the room"),
        sa.Column("dismissed", sa.Boolean, nullable=False, server_default="false", comment="replaced; told to leave"),
        sa.PrimaryKeyConstraint("job", name="pk_interpreters"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_interpreters_room", "interpreters", ["room"])


def downgrade() -> None:
    op.drop_table("interpreters")
    op.drop_table("rooms")
