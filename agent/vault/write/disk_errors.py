"""SQLite's and the disk's many ways to fail, as one error."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...errors import VaultError
from . import spool_file


@contextmanager
def disk() -> Iterator[None]:
    """Raises `VaultError`: `spool_damaged` where the file is bad, `spool_failing` where the disk says no."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if spool_file.is_damage(error):
            raise VaultError("spool_damaged", "The spool's file can't be read.") from error
        raise VaultError("spool_failing", f"The disk does not take it ({error.sqlite_errorname}).") from error
    except OSError as error:
        raise VaultError("spool_failing", f"The disk does not take it ({error.strerror}).") from error


def attempt(work: Callable[[], object]) -> VaultError | None:
    """Do it, and answer why that failed; None where it didn't."""
    try:
        with disk():
            work()
    except VaultError as error:
        return error
    return None
