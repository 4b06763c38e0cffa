"""The spool's file: SQL over SQLite, without threads or clocks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from ..nouns import Record
from .store import Batch, Key, Meeting, Speaker

Item = Key | Speaker | Record

_TABLES: tuple[tuple[str, type[Any]], ...] = (("key", Key), ("speaker", Speaker), ("record", Record))
_SIDES = ("", "-wal", "-shm")
_LARGEST = 66_000
"""Bytes of a sealed body, as the table in Postgres has it too."""


class Upto(NamedTuple):
    """The last row of each table that was acknowledged."""

    key: int = 0
    speaker: int = 0
    record: int = 0


NOTHING = Upto()


@dataclass(frozen=True, slots=True)
class Salvage:
    """What could be read of a damaged file."""

    meeting: Meeting | None
    over: bool
    items: list[Item]
    unreadable: int


def open_(path: Path) -> sqlite3.Connection:
    """Write-ahead log, an fsync at every commit, and what is deleted is overwritten."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "secure_delete=ON", "cell_size_check=ON"):
        connection.execute(f"PRAGMA {pragma}")
    wait_for_disk(connection, True)
    return connection


def wait_for_disk(connection: sqlite3.Connection, wait: bool) -> None:
    """Whether a commit waits for its fsync; without, whoever commits calls `sync` soon."""
    connection.execute(f"PRAGMA synchronous={'FULL' if wait else 'NORMAL'}")


def sync(path: Path) -> None:
    """Brings the write-ahead log to the disk. Raises `OSError`."""
    opened = os.open(f"{path}-wal", os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def begin(connection: sqlite3.Connection, meeting: Meeting) -> None:
    """The tables, and whose they are."""
    with transaction(connection):
        connection.execute("CREATE TABLE meeting (tenant, id, room, policy, over)")
        for table, kind in _TABLES:
            columns = ", ".join(field.name for field in fields(kind))
            # AUTOINCREMENT: a number is never given twice, so "up to here" means the same for ever.
            connection.execute(f'CREATE TABLE "{table}" (at INTEGER PRIMARY KEY AUTOINCREMENT, {_quoted(columns)})')
        connection.execute("CREATE UNIQUE INDEX key_id ON key (id)")
        row = (meeting.tenant.bytes, meeting.id.bytes, meeting.room, meeting.policy, 0)
        connection.execute("INSERT INTO meeting VALUES (?, ?, ?, ?, ?)", row)


def check(connection: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` where the file is damaged."""
    found = connection.execute("PRAGMA quick_check").fetchone()
    if found != ("ok",):
        raise _damage()


def meeting(connection: sqlite3.Connection) -> Meeting:
    row = connection.execute("SELECT tenant, id, room, policy FROM meeting").fetchone()
    if row is None:
        raise _damage()
    return Meeting(UUID(bytes=row[0]), UUID(bytes=row[1]), str(row[2]), str(row[3]))


def is_over(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT over FROM meeting").fetchone()[0])


def set_over(connection: sqlite3.Connection, over: bool) -> None:
    connection.execute("UPDATE meeting SET over = ?", (int(over),))


def insert(connection: sqlite3.Connection, items: Sequence[Item]) -> None:
    """A key that is there already stays as it is."""
    for table, kind in _TABLES:
        rows = [_row(item) for item in items if isinstance(item, kind)]
        if rows:
            columns = ", ".join(field.name for field in fields(kind))
            marks = ", ".join("?" * len(fields(kind)))
            connection.executemany(f'INSERT OR IGNORE INTO "{table}" ({_quoted(columns)}) VALUES ({marks})', rows)  # noqa: S608


def read(connection: sqlite3.Connection, done: Upto, most: int) -> tuple[Batch, Upto]:
    """What was not acknowledged: all keys and speakers, and the oldest records."""
    keys, speakers, records = (
        connection.execute(_after(table, kind), (at, most if kind is Record else -1)).fetchall()
        for (table, kind), at in zip(_TABLES, done, strict=True)
    )
    batch = Batch(
        tuple(_item(Key, row[1:]) for row in keys),
        tuple(_item(Speaker, row[1:]) for row in speakers),
        tuple(_item(Record, row[1:]) for row in records),
    )
    last = (rows[-1][0] if rows else at for rows, at in zip((keys, speakers, records), done, strict=True))
    return batch, Upto(*last)


def delete(connection: sqlite3.Connection, done: Upto) -> None:
    """What was acknowledged."""
    for (table, _), at in zip(_TABLES, done, strict=True):
        connection.execute(f'DELETE FROM "{table}" WHERE at <= ?', (at,))  # noqa: S608


def forget(connection: sqlite3.Connection, dead: Iterable[UUID]) -> None:
    """Keys and what they seal."""
    for key in dead:
        for table, column in (("key", "id"), ("speaker", "key"), ("record", "key")):
            connection.execute(f'DELETE FROM "{table}" WHERE "{column}" = ?', (key.bytes,))  # noqa: S608


def is_empty(connection: sqlite3.Connection) -> bool:
    """Nothing is left to be said to Postgres."""
    queries = (f'SELECT 1 FROM "{table}" LIMIT 1' for table, _ in _TABLES)  # noqa: S608
    return not is_over(connection) and not any(connection.execute(query).fetchone() for query in queries)


def holds_keys(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM key LIMIT 1").fetchone() is not None


def truncate(connection: sqlite3.Connection) -> None:
    """Empties the write-ahead log, which holds what rows were before they were overwritten."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")  # unless SQLite has done so itself
        raise


def is_damage(error: sqlite3.Error) -> bool:
    """The file itself is bad, so that no patience helps."""
    code = getattr(error, "sqlite_errorcode", None)
    # Without a code: our own finding, or a table that isn't there.
    return code is None or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def salvage(path: Path, connection: sqlite3.Connection | None, done: Upto) -> Salvage:
    """Every row that can still be read: from the front to the damage, and from the end back to it."""
    with suppress(sqlite3.Error, OSError):
        connection = connection or open_(path)
    found = Salvage(None, False, [], 0)
    if connection is None:
        return found
    items: list[Item] = []
    unreadable = 0
    for (table, kind), at in zip(_TABLES, done, strict=True):
        rows, lost = _readable(connection, table, kind, at)
        items += rows
        unreadable += lost
    whose, over = None, False
    with suppress(sqlite3.Error, TypeError, ValueError):
        whose, over = meeting(connection), is_over(connection)
    with suppress(sqlite3.Error):
        connection.close()
    return Salvage(whose, over, items, unreadable)


def rename(path: Path, to: Path) -> None:
    """The file with what belongs to it; nothing where it is gone."""
    for side in _SIDES:
        with suppress(FileNotFoundError):
            Path(f"{path}{side}").rename(f"{to}{side}")


def remove(path: Path) -> None:
    for side in _SIDES:
        Path(f"{path}{side}").unlink(missing_ok=True)


def _readable(connection: sqlite3.Connection, table: str, kind: type[Any], done: int) -> tuple[list[Item], int]:
    rows: dict[int, Item | None] = {}
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            for row in connection.execute(f"{_after(table, kind, order)}", (done, -1)):
                if row[0] in rows:
                    break
                rows[row[0]] = _sound(kind, row[1:])
    # Numbers are given in a row, so a gap is a row that is lost.
    gaps = max(rows) - max(min(rows) - 1, done) - len(rows) if rows else 0
    found = [item for _, item in sorted(rows.items(), key=lambda each: each[0]) if item]
    return found, gaps + len(rows) - len(found)


def _sound(kind: type[Any], row: Sequence[Any]) -> Item | None:
    try:
        item: Item = _item(kind, row)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None
    return item


def _after(table: str, kind: type[Any], order: str = "ASC") -> str:
    columns = _quoted(", ".join(field.name for field in fields(kind)))
    return f'SELECT at, {columns} FROM "{table}" WHERE at > ? ORDER BY at {order} LIMIT ?'  # noqa: S608


def _quoted(columns: str) -> str:
    return ", ".join(f'"{name}"' for name in columns.split(", "))


def _row(item: Item) -> tuple[Any, ...]:
    return tuple(_stored(getattr(item, field.name)) for field in fields(item))


def _stored(value: Any) -> Any:
    match value:
        case UUID():
            return value.bytes
        case datetime():
            return value.isoformat()
        case tuple():
            return ",".join(value)
    return value


def _item(kind: type[Any], row: Sequence[Any]) -> Any:
    """Raises `TypeError` or `ValueError` for what is no such thing."""
    return kind(*(_read(str(field.type), value) for field, value in zip(fields(kind), row, strict=True)))


def _read(type_: str, value: Any) -> Any:
    match type_:
        case "UUID":
            return UUID(bytes=value)
        case "datetime":
            return datetime.fromisoformat(value)
        case "tuple[str, ...]":
            return tuple(each for each in value.split(",") if each)
        case "bytes" if not (isinstance(value, bytes) and len(value) <= _LARGEST):
            raise ValueError
        case "int" if not isinstance(value, int):
            raise ValueError
        case "float":
            return float(value)
        case "str" if not isinstance(value, str):
            raise ValueError
    return value


def _damage() -> sqlite3.DatabaseError:
    return sqlite3.DatabaseError("the file is damaged")
