"""What this room asks Postgres and a spool's SQLite file: every statement, with the question it answers."""

from __future__ import annotations

from sqlalchemy import text

# Is this meeting there, under this policy? It is from now on.
BEGIN = text("SELECT vault.begin(:meeting, :policy)")

# Which of these keys were destroyed meanwhile? The others are there from now on.
ADD_KEYS = text(
    "SELECT id FROM unnest(CAST(:id AS uuid[]), CAST(:speaker AS uuid[]), CAST(:subject AS uuid[]), "
    "CAST(:kind AS text[]), CAST(:version AS int[]), CAST(:wrapped AS bytea[])) "
    "AS key (id, speaker, subject, kind, version, wrapped) "
    "WHERE vault_keys.add(:meeting, id, speaker, subject, kind, version, wrapped) <> 'active'"
)

# Who speaks? These voices are there from now on, under these sealed names.
NAME_SPEAKERS = text(
    "SELECT vault.name_speaker(:meeting, id, subject, voice, key, sealed) FROM unnest(CAST(:id AS uuid[]), "
    "CAST(:subject AS uuid[]), CAST(:voice AS text[]), CAST(:key AS uuid[]), CAST(:sealed AS bytea[])) "
    "AS speaker (id, subject, voice, key, sealed)"
)

# Under which key that was destroyed is this record? Under none: then it is stored, unless a newer revision is.
STORE = text(
    "SELECT vault.store(:meeting, :segment, :kind, :lang, :rev, :speaker, :key, :said_at, :start, :end, :engine, "
    ":tags, :sealed)"
)

# When did this meeting end? Now.
FINISH = text("SELECT vault.finish(:meeting)")


# A spool's file. Names of tables and columns are our own, from dataclasses: nothing that anybody said or chose.

# What makes the file durable, overwrites what is deleted, and notices damage early?
SETTINGS = ("PRAGMA journal_mode=WAL", "PRAGMA secure_delete=ON", "PRAGMA cell_size_check=ON")

# Does a commit wait for its fsync?
WAITS, DOES_NOT_WAIT = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"

# Is the file as SQLite left it?
CHECK = "PRAGMA quick_check"

# What was in the write-ahead log? Nothing from now on.
EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"

# Where does a transaction begin, count, or come to nothing?
BEGIN_WRITING, COMMIT, ROLLBACK = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"

# Where does it stand whose file this is?
MEETING_TABLE = "CREATE TABLE meeting (tenant, id, room, policy, over)"

# Whose file is this, from its beginning on?
ADD_MEETING = "INSERT INTO meeting VALUES (?, ?, ?, ?, ?)"

# Whose file is this?
WHICH_MEETING = "SELECT tenant, id, room, policy FROM meeting"

# Has Postgres still to be told that the meeting is over?
IS_OVER = "SELECT over FROM meeting"

# Has it to be told from now on, or no more?
SET_OVER = "UPDATE meeting SET over = ?"

# Is a key in the file already? Then it stays as it is.
ONE_OF_EACH_KEY = "CREATE UNIQUE INDEX key_id ON key (id)"

# Is a key in the file?
ANY_KEY = "SELECT 1 FROM key LIMIT 1"


# Where do rows of one kind stand?
def create(table: str, columns: str) -> str:
    # AUTOINCREMENT: a number is never given twice, so "up to here" means the same for ever.
    return f'CREATE TABLE "{table}" (at INTEGER PRIMARY KEY AUTOINCREMENT, {columns})'


# Is this row there? It is from now on.
def insert(table: str, columns: str, count: int) -> str:
    return f'INSERT OR IGNORE INTO "{table}" ({columns}) VALUES ({", ".join("?" * count)})'  # noqa: S608


# Which rows come after this one, the oldest or the newest first?
def after(table: str, columns: str, order: str) -> str:
    return f'SELECT at, {columns} FROM "{table}" WHERE at > ? ORDER BY at {order} LIMIT ?'  # noqa: S608


# Which rows up to this one does Postgres have? They go.
def delete_upto(table: str) -> str:
    return f'DELETE FROM "{table}" WHERE at <= ?'  # noqa: S608


# Which rows belong to a key that was destroyed? They go.
def delete_of(table: str, column: str) -> str:
    return f'DELETE FROM "{table}" WHERE "{column}" = ?'  # noqa: S608


# Is a row left?
def any_row(table: str) -> str:
    return f'SELECT 1 FROM "{table}" LIMIT 1'  # noqa: S608
