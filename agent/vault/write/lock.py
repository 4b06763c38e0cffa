"""Whose a spool is: a lock that the kernel takes back from a process that dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TextIO


class Lock:
    """The lock of one spool: a file beside it."""

    def __init__(self, spool: Path) -> None:
        self.path = spool.with_suffix(".lock")
        self._held: TextIO | None = None

    def take(self) -> bool:
        """Take it. False where another process has it."""
        held = self.path.open("a")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last owner may have removed it between our two steps: then this is a lock that nobody else sees.
            ours = os.path.samestat(os.fstat(held.fileno()), self.path.stat())
        except OSError:
            ours = False
        if not ours:
            held.close()
            return False
        self._held = held
        return True

    def release(self, *, remove: bool) -> None:
        if self._held:
            if remove:
                self.path.unlink(missing_ok=True)
            self._held.close()
            self._held = None
