"""How the keeping of a meeting goes, in one word."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...errors import VaultError

log = logging.getLogger(__name__)


class KeepingState:
    """`ok`; `waiting`: the database is away, the disk keeps; `failing`: the disk takes nothing; `away`: no key.

    The worst of them is told, when it changes. Each trouble is logged when it begins, never with what was said.
    """

    def __init__(self, tell: Callable[[str], None] = lambda state: None) -> None:
        self.state = "ok"
        self._tell = tell
        self._no_key = False
        self._failing = False
        self._database_away = False

    def written(self) -> None:
        """Something was sealed and is on the disk."""
        self._failing = self._no_key = False
        self._told()

    def carried(self) -> None:
        """Something reached the database."""
        self._database_away = False
        self._told()

    def no_key(self, error: VaultError) -> None:
        """Nobody gives us a key for what a new speaker says."""
        if not self._no_key:
            log.error("what is said can't be sealed: %s", error)
        self._no_key = True
        self._told()

    def failed(self, error: BaseException) -> None:
        """The disk takes nothing, or a fault of ours cost something its keeping."""
        if not self._failing:
            log.error("what is said can't be written down: %s", error)
        self._failing = True
        self._told()

    def database_away(self, error: VaultError) -> None:
        """The database took nothing."""
        if not self._database_away:
            log.warning("what is kept waits on this machine: %s", error)
        self._database_away = True
        self._told()

    def _told(self) -> None:
        # Plain conditions: this runs once for every final.
        state = "away" if self._no_key else "failing" if self._failing else "waiting" if self._database_away else "ok"
        if state != self.state:
            self.state = state
            self._tell(state)


def fault(error: Exception) -> VaultError:
    """A fault of ours as an error that may be logged: its type alone, since its message may quote what was said."""
    return VaultError("internal", f"The keeper failed ({type(error).__name__}).")
