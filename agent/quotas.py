"""How much of a room's work one guest may take, and all together: languages and microphones."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Sequence

PEOPLE = 1_000
"""People whose use is remembered, those who left too; beyond that whoever asked longest ago is forgotten."""


class LanguageQuota:
    """Which languages a room makes: `limit` of them at a time for readers, and as many that are only spoken.

    Over its life a room makes `LIFE` times as many different ones, and one person asks for `PERSON` times as many: no
    few of them use up what the room has.
    A language that was given back counts on; who asks for it again gets it. The last number of its finals is
    remembered here, because a page takes a number that comes twice for one that it has.
    """

    LIFE, PERSON = 8, 2

    def __init__(self, limit: int, always: Iterable[str] = ()) -> None:
        self._limit = limit
        self._made: dict[str, int] = dict.fromkeys(always, 0)
        self._asked: OrderedDict[str, set[str]] = OrderedDict()

    @property
    def limit(self) -> int:
        """Languages for readers at a time."""
        return self._limit

    def refused(self, identity: str, tags: Sequence[str], wanted: Collection[str]) -> list[str]:
        """Of what somebody asks for, what they don't get; `wanted` is made for others already."""
        wanted, refused = set(wanted), []
        for tag in tags:
            if tag in wanted:
                continue
            if len(wanted) < self._limit and self._may_be_made(tag) and self._may_ask(identity, tag):
                wanted.add(tag)
                self._made.setdefault(tag, 0)
            else:
                refused.append(tag)
        return refused

    def admits_spoken(self, tag: str, spoken: Collection[str]) -> bool:
        """Whether a language in which somebody speaks gets captions, beside those `spoken` that nobody reads."""
        if len(spoken) >= self._limit or not self._may_be_made(tag):
            return False
        self._made.setdefault(tag, 0)
        return True

    def last(self, tag: str) -> int:
        """The number of the last final that a language had; 0 before the first."""
        return self._made.get(tag, 0)

    def give_back(self, tag: str, last: int) -> None:
        """A language is not made any more; its next final gets the number after `last`."""
        self._made[tag] = last

    def __len__(self) -> int:
        """Different languages in the room's life."""
        return len(self._made)

    def _may_be_made(self, tag: str) -> bool:
        return tag in self._made or len(self._made) < self.LIFE * self._limit

    def _may_ask(self, identity: str, tag: str) -> bool:
        mine = self._asked.pop(identity, set())
        self._asked[identity] = mine
        if len(self._asked) > PEOPLE:
            self._asked.popitem(last=False)
        if tag not in mine and len(mine) >= self.PERSON * self._limit:
            return False
        mine.add(tag)
        return True


class MicrophoneQuota:
    """Which microphones are listened to: `PERSON` of one person, `ROOM` in all. The others wait for a free place."""

    PERSON, ROOM = 2, 40

    def __init__(self) -> None:
        self._heard: dict[str, str] = {}
        self.refused = 0
        """Microphones that found no place when they came."""

    def take(self, identity: str, track: str) -> bool:
        """A place for somebody's track; one that has it keeps it."""
        if track in self._heard:
            return True
        if len(self._heard) >= self.ROOM or Counter(self._heard.values())[identity] >= self.PERSON:
            self.refused += 1
            return False
        self._heard[track] = identity
        return True

    def free(self, track: str) -> bool:
        """A track has ended. Whether there is a place now that there was not before."""
        return self._heard.pop(track, None) is not None

    def __contains__(self, track: object) -> bool:
        """Whether a track has a place."""
        return track in self._heard

    def keep(self, tracks: Collection[str]) -> None:
        """These are all the tracks there are: a reconnect may end some without a word."""
        self._heard = {track: identity for track, identity in self._heard.items() if track in tracks}

    def __len__(self) -> int:
        """Microphones that are listened to."""
        return len(self._heard)
