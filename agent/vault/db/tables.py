"""The tables of the vault, in SQLAlchemy; the functions, guards and grants around them are in `migrations/sql`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
CONTENT, KEYS, AUDIT = "vault", "vault_keys", "vault_audit"


def _must(name: str, kind: Any, **more: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **more)


def _id(name: str) -> Column[Any]:
    return Column(name, Uuid, primary_key=True)


def _at(name: str, **more: Any) -> Column[Any]:
    return Column(name, DateTime(timezone=True), **more)


tenant = Table(
    "tenant",
    metadata,
    _id("id"),
    _must("name", Text),
    Column("default_policy", Text, comment="what a room without a policy of its own keeps by; null: nothing"),
    _must(
        "stricter",
        Boolean,
        server_default="true",
        comment="whether the shorter of the room's and the default policy counts",
    ),
    _at("created_at", nullable=False, server_default=func.now()),
    UniqueConstraint("name"),
    schema=CONTENT,
)

policy = Table(
    "policy",
    metadata,
    _id("tenant_id"),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _must("source", Text, comment="a term: N days, meeting end + N days, forever, not at all"),
    _must("translation", Text),
    _must("redacted", Text),
    _must("audit", Text),
    _must("redaction", Text, server_default="off"),
    _must(
        "words",
        ARRAY(Text),
        server_default="{}",
        comment="what is redacted beside the kinds that are known; not what anybody said",
    ),
    _must("proposed_by", Text),
    _at("proposed_at", nullable=False, server_default=func.vault.now()),
    Column("approved_by", Text),
    _at("approved_at"),
    _at("effective_from"),
    schema=CONTENT,
)

meeting = Table(
    "meeting",
    metadata,
    _id("tenant_id"),
    _id("id"),
    _must("room", Text),
    _must("policy", Text),
    _must("day", Date, comment="in which partition its records stand, by the database's clock"),
    _at("started_at", nullable=False),
    _at("last_at", nullable=False),
    _at("ended_at"),
    _at("destroyed_at", comment="when the last of its keys was destroyed"),
    Index("ix_meeting_room", "tenant_id", "room", "started_at"),
    schema=CONTENT,
)

speaker = Table(
    "speaker",
    metadata,
    _id("tenant_id"),
    _id("id"),
    _must("meeting_id", Uuid),
    _must("subject", Uuid, comment="a pseudonym of the person, the same in all meetings"),
    Column("voice", Text),
    _must("key_id", Uuid),
    _must("sealed", LargeBinary, comment="identity and name, under the speaker's own key"),
    Index("ix_speaker_meeting_id", "tenant_id", "meeting_id"),
    Index("ix_speaker_subject", "tenant_id", "subject"),
    schema=CONTENT,
)

record = Table(
    "record",
    metadata,
    _id("tenant_id"),
    Column("day", Date, primary_key=True),
    _id("meeting_id"),
    _id("segment_id"),
    Column("kind", Text, primary_key=True),
    Column("lang", Text, primary_key=True),
    _must("rev", Integer),
    _must("speaker_id", Uuid),
    _must("key_id", Uuid),
    _at("said_at", nullable=False, comment="by the agent's clock: a label, it decides nothing"),
    _must("starts", Double, comment="seconds on the room's clock"),
    _must("ends", Double),
    _must("engine", Text),
    _must(
        "tags",
        Text,
        server_default="",
        comment="kinds of personal data that were found, comma-separated; never the data",
    ),
    _must("sealed", LargeBinary),
    _at("stored_at", nullable=False, server_default=func.vault.now()),
    schema=CONTENT,
    postgresql_partition_by="RANGE (day)",
)

room_grant = Table(
    "room_grant",
    metadata,
    _id("tenant_id"),
    Column("room", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("break_glass", Boolean, primary_key=True, server_default="false"),
    _must("can", ARRAY(Text), server_default="{read}"),
    _must("granted_by", Text),
    _at("granted_at", nullable=False, server_default=func.now()),
    Column("reason", Text),
    _at("expires_at"),
    schema=CONTENT,
)

erasure = Table(
    "erasure",
    metadata,
    _id("tenant_id"),
    _id("id"),
    Column("room", Text),
    Column("meeting_id", Uuid),
    Column("subject", Uuid),
    _must("requested_by", Text),
    _at("requested_at", nullable=False, server_default=func.vault.now()),
    _must("state", Text, server_default="requested"),
    _at("done_at"),
    Column("receipt", JSONB),
    schema=CONTENT,
)

residue = Table(
    "residue",
    metadata,
    _id("tenant_id"),
    _id("key_id"),
    _must("meeting_id", Uuid),
    _must("day", Date),
    _must("records", BigInteger),
    schema=CONTENT,
    comment="keys that are destroyed and whose rows still stand there; the sweep takes them away",
)

tenant_key = Table(
    "tenant_key",
    metadata,
    _id("tenant_id"),
    Column("purpose", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _must("wrapper_ref", Text),
    Column("wrapped", LargeBinary),
    _must("state", Text, server_default="active"),
    _at("created_at", nullable=False, server_default=func.now()),
    schema=KEYS,
)

data_key = Table(
    "data_key",
    metadata,
    _id("tenant_id"),
    _id("id"),
    _must("meeting_id", Uuid),
    _must("room", Text),
    _must("speaker_id", Uuid),
    _must("subject", Uuid),
    _must("kind", Text, comment="what it seals: each is forgotten in its own time"),
    _must("tenant_key_version", Integer),
    Column("wrapped", LargeBinary),
    _must("state", Text, server_default="active"),
    _at("created_at", nullable=False, server_default=func.vault.now()),
    _at("destroyed_at"),
    Index("ix_data_key_meeting_id", "tenant_id", "meeting_id"),
    Index("ix_data_key_subject", "tenant_id", "subject"),
    schema=KEYS,
)

tombstone = Table(
    "tombstone",
    metadata,
    _id("tenant_id"),
    _id("key_id"),
    _must("meeting_id", Uuid),
    _must("speaker_id", Uuid),
    _must("reason", Text, comment="policy NAME VERSION, or erasure ID"),
    _must("records", BigInteger),
    _at("at", nullable=False, server_default=func.vault.now()),
    schema=KEYS,
)

hold = Table(
    "hold",
    metadata,
    _id("tenant_id"),
    _id("id"),
    _must("matter", Text),
    Column("room", Text),
    Column("meeting_id", Uuid),
    Column("subject", Uuid),
    _must("placed_by", Text),
    _at("placed_at", nullable=False, server_default=func.vault.now()),
    Column("released_by", Text),
    _at("released_at"),
    _at("grace_until"),
    schema=KEYS,
    comment="covers what agrees with every scope that is given; without one, all of the tenant's",
)

event = Table(
    "event",
    metadata,
    _id("tenant_id"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _at("at", nullable=False),
    _must("actor", Text),
    _must("action", Text),
    _must("object", Text),
    _must("outcome", Text),
    _must("detail", JSONB),
    _must("prev", LargeBinary),
    _must("hash", LargeBinary),
    schema=AUDIT,
)

head = Table(
    "head",
    metadata,
    _id("tenant_id"),
    _must("seq", BigInteger),
    _must("hash", LargeBinary),
    schema=AUDIT,
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _id("tenant_id"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _must("hash", LargeBinary),
    _must("content", Text, comment="what the tenant's key signed: by which policies, and when"),
    _must("signature", LargeBinary),
    schema=AUDIT,
    comment="up to where the log was forgotten; its next line still chains to the hash",
)
