"""Finds personal data in a text, as it is written and as it is said, and masks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...languages import base
from . import addresses, dates, numbers
from .context import Context
from .kinds import MARKS, Found, Hit, Kind, Value, masked, settled
from .names import Names, Words
from .reading import Reading, readings

ROUNDS = 8
"""Times that a text is searched again after masking: what was masked may have kept something else from being found."""
SHORTEST_REPEAT = 6
"""Characters of a value that is looked for again by itself."""


class Redactor:
    """What one meeting wants found: kinds, the names of those who take part, and a list of words.

    It has no state of a conversation, and nothing in it is loaded or fetched.
    """

    def __init__(
        self, names: Sequence[str] = (), words: Sequence[str] = (), kinds: frozenset[Kind] = frozenset(Kind)
    ) -> None:
        self._names = Names(names)
        self._words = Words(words)
        self._kinds = kinds
        numbers.load()

    def find(self, text: str, language: str) -> list[Found]:
        """Everything found in one text of a language, in order, none overlapping."""
        return self._search(text, language, ())

    def mask(self, text: str, language: str) -> tuple[str, list[Found]]:
        """The text with a visible mark such as `[card]` for everything found, and what was found in the text given."""
        found = self.find(text, language)
        return masked(text, found), found

    def values(self, readings: Iterable[Reading], found: Iterable[Found]) -> Iterator[Value]:
        """What was found in a text, to be looked for elsewhere."""
        readings = list(readings)
        return (value for one in found for reading in readings if (value := _value(reading, one)))

    def again(self, text: str, language: str, known: Iterable[Value]) -> list[Found]:
        """Everything found in one text, and values that were found elsewhere."""
        return self._search(text, language, known)

    def repeats(self, readings: Iterable[Reading], known: Iterable[Value]) -> list[Found]:
        """Only the values that were found elsewhere."""
        known = set(known)
        return settled([_located(reading, hit) for reading in readings for hit in _repeats(reading, known)])

    def through(self, reading: Reading, language: str, since: int) -> list[Found]:
        """What is found in a reading of several texts and ends after its first so many characters."""
        return settled([_located(reading, hit) for hit in self._in_reading(reading, base(language), since)])

    def _search(self, text: str, language: str, known: Iterable[Value]) -> list[Found]:
        known = set(known)
        texts = readings(text, language)
        found = self._once(texts, language, known)
        for _ in range(ROUNDS):
            known.update(self.values(texts, found))
            now = masked(text, found)
            more = self._once(readings(now, language), language, known)
            if not more:
                break
            found = settled(found + [_moved(one, found) for one in more])
        return found

    def _once(self, texts: Sequence[Reading], language: str, known: set[Value]) -> list[Found]:
        found = [
            _located(reading, hit)
            for reading in texts
            for hit in (*self._in_reading(reading, base(language)), *_repeats(reading, known))
        ]
        plain = texts[0].plain
        found += [Found(*hit) for hit in (*self._names.find(plain), *self._words.find(plain))]
        return settled([one for one in found if one.kind in self._kinds])

    def _in_reading(self, reading: Reading, language: str, since: int = 0) -> Iterator[Hit]:
        context = Context(reading.plain)
        hits = (
            *numbers.find(reading.plain, language, context, since),
            *addresses.emails(reading.plain),
            *addresses.links(reading.plain),
            *dates.births(reading.plain, context),
            *self._names.spelled(reading.plain),
        )
        return (hit for hit in hits if hit.kind in self._kinds and hit.end > since)


def _located(reading: Reading, hit: Hit) -> Found:
    return Found(hit.kind, *reading.span(hit.start, hit.end))


def _value(reading: Reading, found: Found) -> Value | None:
    plain = reading.within(found.start, found.end)
    digits = re.sub(r"[\W_]", "", plain)
    text = digits if digits.isdecimal() else " ".join(plain.casefold().split())
    usual = found.kind not in {Kind.name, Kind.custom}  # those are looked for everywhere as it is
    return Value(found.kind, text) if usual and len(digits) >= SHORTEST_REPEAT else None


def _repeats(reading: Reading, known: Iterable[Value]) -> Iterator[Hit]:
    rows = {value.text: value.kind for value in known if value.text.isdecimal()}
    if rows:
        yield from (Hit(rows[row], start, end) for row, start, end in numbers.same(reading.plain, rows))
    plain = "".join(each.casefold() if len(each.casefold()) == 1 else each for each in reading.plain)
    for value in known:
        if value.text not in rows and value.text in plain:
            for match in re.finditer(rf"(?<!\w){re.escape(value.text)}(?!\w)", plain):
                yield Hit(value.kind, *match.span())


def _moved(one: Found, before: Sequence[Found]) -> Found:
    """What was found in a masked text, in characters of the text before it was masked."""
    return replace(one, start=_original(one.start, before), end=_original(one.end, before))


def _original(place: int, before: Sequence[Found]) -> int:
    shift = 0
    for found in before:
        length = len(MARKS[found.kind])
        if found.start + shift + length > place:
            break
        shift += length - (found.end - found.start)
    return place - shift
