"""The tables of the web half, in SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_name)s"})

rooms = Table(
    "rooms",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("languages", ARRAY(Text), nullable=False, comment="tags the host named; empty means any"),
    Column("secret_hash", LargeBinary, comment="SHA-256 of the join link's secret; null: no link opens it"),
    Column("keeps", Text, nullable=False, server_default="nothing"),
    Column("glossary", JSONB, nullable=False, server_default="[]", comment="names and terms that the host gave"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("called_at", DateTime(timezone=True), comment="when an interpreter was last called into the room"),
    Column("calls", Integer, nullable=False, server_default="0", comment="calls since one last stayed"),
    Column(
        *("epoch", BigInteger),
        nullable=False,
        server_default="0",
        comment="the highest epoch given to an interpreter, Unix ms",
    ),
)

# A beat a second for every room: not worth the write-ahead log. After a crash of
# the database the table is empty, and full again one second later.
interpreters = Table(
    "interpreters",
    metadata,
    Column("job", Text, primary_key=True),
    Column("room", Text, nullable=False, index=True),
    Column("identity", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("key", Text, comment="its public key, a JWK; null until it is told"),
    Column("first_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("missing_at", DateTime(timezone=True), comment="since when it beats but is not in the room"),
    Column("dismissed", Boolean, nullable=False, server_default="false", comment="replaced; told to leave"),
    Column("hearing_at", DateTime(timezone=True), comment="when it first said that it hears"),
    prefixes=["UNLOGGED"],
)

# The same: full again a second after a crash.
workers = Table(
    "workers",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("agent", Text, nullable=False, comment="the name that calls go by"),
    Column("registered", Boolean, nullable=False, comment="LiveKit sends it rooms"),
    Column("warm", Integer, nullable=False, comment="processes that wait for a room"),
    Column("rooms", Integer, nullable=False),
    Column("places", Integer, nullable=False, comment="rooms that it takes at once"),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    prefixes=["UNLOGGED"],
)
