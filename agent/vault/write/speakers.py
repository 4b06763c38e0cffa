"""Who speaks in a meeting: the pseudonym of each voice, and under which name it was written down."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ...nouns import Caption, Segment
from ..crypto.ids import speaker_id
from .data_keys import DataKeys, Keys

MOST = 1_000
"""Voices whose pseudonym, name and keys are remembered; one that spoke before as many others gets new keys."""


@dataclass(frozen=True, slots=True)
class Who:
    """A voice: its id in this meeting, its person's pseudonym, and which voice of that person's microphone it is."""

    id: UUID
    subject: UUID
    voice: str | None


class Speakers:
    """Remembers `MOST` voices, and gives up the one that was met first, with its keys, for another.

    What of theirs is on its way has its key with it, in the database or beside it.
    """

    def __init__(self, meeting: UUID, keys: Keys, data_keys: DataKeys) -> None:
        self._meeting = meeting
        self._keys = keys
        self._data_keys = data_keys
        self._known: dict[tuple[str, str | None], Who] = {}
        self._named: dict[UUID, tuple[UUID, str]] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def who(self, said: Segment | Caption) -> Who:
        """Who said it. Raises `VaultError` where nobody gives us the pseudonym."""
        who = self._known.get((said.identity, said.speaker))
        if who is None:
            subject = await self._keys.subject(said.identity)
            who = Who(speaker_id(self._meeting, subject, said.speaker), subject, said.speaker)
            self._known[said.identity, said.speaker] = who
            if len(self._known) > MOST:
                self._forget_first()
        return who

    def newly_named(self, who: Who, key: UUID, name: str) -> bool:
        """Whether this name, or the key that seals it, is another one than was written down before."""
        if self._named.get(who.id) == (key, name):
            return False
        self._named[who.id] = (key, name)
        return True

    def _forget_first(self) -> None:
        who = self._known.pop(next(iter(self._known)))
        self._named.pop(who.id, None)
        self._data_keys.forget({who.id})
