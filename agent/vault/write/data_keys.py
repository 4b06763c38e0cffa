"""The data keys that a meeting's records are sealed under just now."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ..crypto.envelope import DataKey
from .spool_file import Item
from .store import Key

Seconds = float

KEY_LIFE: Seconds = 24 * 3600.0
"""A data key seals for so long at most."""


class Keys(Protocol):
    """What is asked of the tenant's keys. Both may raise `VaultError`."""

    async def fresh_data_key(self, meeting: UUID, speaker: UUID) -> tuple[DataKey, bytes, int]: ...

    async def subject(self, identity: str) -> UUID: ...


@dataclass(slots=True)
class KeyInUse:
    """A key, and its row: the row travels with what the key seals until it is on the disk or in Postgres."""

    key: DataKey
    row: Key
    made: Seconds
    arrived: bool = False

    def with_key(self, item: Item) -> list[Item]:
        """What it sealed, with the key's row where that has not arrived yet."""
        return [item] if self.arrived else [self.row, item]


class DataKeys:
    """One key for each speaker and each kind of text, made when it is first needed and once a day from then on.

    Bounded by the speakers that `Speakers` remembers, times the kinds.
    """

    def __init__(self, keys: Keys, meeting: UUID, now: Callable[[], Seconds] = time.monotonic) -> None:
        self._keys = keys
        self._meeting = meeting
        self._now = now
        self._in_use: dict[tuple[UUID, str], KeyInUse] = {}

    def __len__(self) -> int:
        return len(self._in_use)

    async def of(self, speaker: UUID, subject: UUID, kind: str) -> KeyInUse:
        """The key of that speaker and kind. Raises `VaultError` where a fresh one is needed and nobody gives it."""
        found = self._in_use.get((speaker, kind))
        if found is None or self._now() - found.made >= KEY_LIFE:
            key, wrapped, version = await self._keys.fresh_data_key(self._meeting, speaker)
            row = Key(key.id, speaker, subject, kind, version, wrapped)
            found = self._in_use[speaker, kind] = KeyInUse(key, row, self._now())
        return found

    def arrived(self, items: Sequence[Item]) -> None:
        """The keys among these needn't travel any more."""
        if keys := {item.id for item in items if isinstance(item, Key)}:
            for used in self._in_use.values():
                used.arrived = used.arrived or used.key.id in keys

    def destroyed(self, dead: Collection[UUID]) -> None:
        """Use none of those speakers' keys any more: the key of the name may be destroyed with the one that we know."""
        erased = {used.row.speaker for used in self._in_use.values() if used.key.id in dead}
        self.forget(erased)

    def forget(self, speakers: Collection[UUID]) -> None:
        """Use none of these speakers' keys any more."""
        self._in_use = {place: used for place, used in self._in_use.items() if used.row.speaker not in speakers}

    def forget_all(self) -> None:
        """Use none of them any more: a key's row may be lost with a damaged file."""
        self._in_use = {}
