"""The spool's file: rows in SQLite and out of it, without threads or clocks.

What can go wrong, and what is done about it here:

- **Bytes stay that were deleted.** `secure_delete` overwrites them. The write-ahead log has the bytes from before,
  until `truncate`.
- **The process is killed in the middle of a write.** SQLite takes a transaction as a whole or not at all.
- **The file is damaged.** `check` finds it, and so does any row that makes no sense: each value is compared with the
  type of its field, and a body is no longer than Postgres would take. `salvage` reads from the front to the damage,
  and from the end back to it. Numbers are given in a row, so gaps tell how many rows are lost.
- **A number is given twice.** Then an acknowledgement would delete what was never carried. `AUTOINCREMENT` gives each
  number once in the life of a file.
- **Others read it.** It is made with mode 0600, before SQLite opens it.

What is in it is sealed or wrapped, but for ids, languages, times and the room's name.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from ...nouns import Record
from . import statements
from .store import Batch, Key, Meeting, Speaker

Item = Key | Speaker | Record


class _Table:
    """A table with a column for each field of what stands in it, which is never asked for its fields again."""

    def __init__(self, name: str, kind: type[Any]) -> None:
        self.name, self.kind = name, kind
        self.types = tuple(str(field.type) for field in fields(kind))
        names = [field.name for field in fields(kind)]
        self.columns = ", ".join(f'"{each}"' for each in names)
        self.insert = statements.insert(name, self.columns, len(names))
        self.values = attrgetter(*names)

    def after(self, order: str = "ASC") -> str:
        return statements.after(self.name, self.columns, order)


_TABLES = (_Table("key", Key), _Table("speaker", Speaker), _Table("record", Record))
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


def open_(path: Path, *, wait: bool = True) -> sqlite3.Connection:
    """Write-ahead log, an fsync at every commit unless nobody is to wait, and what is deleted is overwritten."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for setting in statements.SETTINGS:
        connection.execute(setting)
    wait_for_disk(connection, wait)
    return connection


def wait_for_disk(connection: sqlite3.Connection, wait: bool) -> None:
    """Whether a commit waits for its fsync; without, whoever commits calls `sync` soon."""
    connection.execute(statements.WAITS if wait else statements.DOES_NOT_WAIT)


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
        connection.execute(statements.MEETING_TABLE)
        for table in _TABLES:
            connection.execute(statements.create(table.name, table.columns))
        connection.execute(statements.ONE_OF_EACH_KEY)
        row = (meeting.tenant.bytes, meeting.id.bytes, meeting.room, meeting.policy, 0)
        connection.execute(statements.ADD_MEETING, row)


def check(connection: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` where the file is damaged."""
    found = connection.execute(statements.CHECK).fetchone()
    if found != ("ok",):
        raise _damage()


def meeting(connection: sqlite3.Connection) -> Meeting:
    row = connection.execute(statements.WHICH_MEETING).fetchone()
    if row is None:
        raise _damage()
    return Meeting(UUID(bytes=row[0]), UUID(bytes=row[1]), str(row[2]), str(row[3]))


def is_over(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute(statements.IS_OVER).fetchone()[0])


def set_over(connection: sqlite3.Connection, over: bool) -> None:
    connection.execute(statements.SET_OVER, (int(over),))


def insert(connection: sqlite3.Connection, items: Sequence[Item]) -> None:
    """A key that is there already stays as it is."""
    for table in _TABLES:
        if rows := [tuple(map(_stored, table.values(item))) for item in items if isinstance(item, table.kind)]:
            connection.executemany(table.insert, rows)


def read(connection: sqlite3.Connection, done: Upto, most: int) -> tuple[Batch, Upto]:
    """What was not acknowledged: all keys and speakers, and the oldest records."""
    keys, speakers, records = (
        connection.execute(table.after(), (at, most if table.kind is Record else -1)).fetchall()
        for table, at in zip(_TABLES, done, strict=True)
    )
    found = (
        tuple(_item(table, row[1:]) for row in rows)
        for table, rows in zip(_TABLES, (keys, speakers, records), strict=True)
    )
    batch = Batch(*found)
    last = (rows[-1][0] if rows else at for rows, at in zip((keys, speakers, records), done, strict=True))
    return batch, Upto(*last)


def delete(connection: sqlite3.Connection, done: Upto) -> None:
    """What was acknowledged."""
    for table, at in zip(_TABLES, done, strict=True):
        connection.execute(statements.delete_upto(table.name), (at,))


def forget(connection: sqlite3.Connection, dead: Iterable[UUID]) -> None:
    """Keys and what they seal."""
    for key in dead:
        for table, column in (("key", "id"), ("speaker", "key"), ("record", "key")):
            connection.execute(statements.delete_of(table, column), (key.bytes,))


def is_empty(connection: sqlite3.Connection) -> bool:
    """Nothing is left to be said to Postgres."""
    queries = (statements.any_row(table.name) for table in _TABLES)
    return not is_over(connection) and not any(connection.execute(query).fetchone() for query in queries)


def holds_keys(connection: sqlite3.Connection) -> bool:
    return connection.execute(statements.ANY_KEY).fetchone() is not None


def truncate(connection: sqlite3.Connection) -> None:
    """Empties the write-ahead log, which holds what rows were before they were overwritten."""
    connection.execute(statements.EMPTY_LOG)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute(statements.BEGIN_WRITING)
    try:
        yield
        connection.execute(statements.COMMIT)
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute(statements.ROLLBACK)  # unless SQLite has done so itself
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
    for table, at in zip(_TABLES, done, strict=True):
        rows, lost = _readable(connection, table, at)
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


def _readable(connection: sqlite3.Connection, table: _Table, done: int) -> tuple[list[Item], int]:
    rows: dict[int, Item | None] = {}
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            for row in connection.execute(table.after(order), (done, -1)):
                if row[0] in rows:
                    break
                rows[row[0]] = _sound(table, row[1:])
    # Numbers are given in a row, so a gap is a row that is lost.
    gaps = max(rows) - max(min(rows) - 1, done) - len(rows) if rows else 0
    found = [item for _, item in sorted(rows.items(), key=lambda each: each[0]) if item]
    return found, gaps + len(rows) - len(found)


def _sound(table: _Table, row: Sequence[Any]) -> Item | None:
    try:
        item: Item = _item(table, row)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None
    return item


def _stored(value: Any) -> Any:
    match value:
        case UUID():
            return value.bytes
        case datetime():
            return value.isoformat()
        case tuple():
            return ",".join(value)
    return value


def _item(table: _Table, row: Sequence[Any]) -> Any:
    """Raises `TypeError` or `ValueError` for what is no such thing."""
    return table.kind(*(_read(type_, value) for type_, value in zip(table.types, row, strict=True)))


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
