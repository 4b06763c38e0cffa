"""One meeting's thread of talk: what was split over segments, said again or translated is masked everywhere."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.nouns import Segment

from . import dates, numbers
from .kinds import Found, Kind, Value, masked, settled
from .reading import Reading, joined, readings, spoken
from .redactor import Redactor

SEGMENTS = 8
"""Segments of one speaker in which a value may be spread; a card that is read out takes three or four."""
SECONDS = 60.0
"""Silence after which a speaker is not going on with a number."""
REMEMBERED = 256
"""Segments whose translations may still come, values that are looked for, and voices; beyond it the oldest goes."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A segment or one of its translations, masked: revision `rev` of it, in a language.

    `found` is in characters of the text that was given.
    """

    id: str
    language: str
    rev: int
    text: str = field(repr=False)
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """The newest segment, masked, and everything before it that must be masked anew."""

    newest: Masked
    anew: tuple[Masked, ...] = ()


@dataclass(slots=True)
class _Text:
    """A text in a language, and what was found in it so far."""

    id: str
    language: str
    rev: int
    text: str = field(repr=False)
    found: list[Found] = field(default_factory=list)

    def masked(self) -> Masked:
        return Masked(self.id, self.language, self.rev, masked(self.text, self.found), tuple(self.found))

    def add(self, found: Iterable[Found]) -> bool:
        """Whether that was news."""
        more = settled([*self.found, *found])
        news = more != self.found
        self.found = more
        return news


@dataclass(slots=True)
class _Line(_Text):
    """A segment that was said, as it is read, and its translations."""

    readings: list[Reading] = field(kw_only=True)
    end: float = field(kw_only=True)
    others: dict[str, _Text] = field(default_factory=dict, kw_only=True)

    @property
    def said(self) -> Reading:
        """As it is meant if it was said."""
        return self.readings[min(1, len(self.readings) - 1)]

    @property
    def goes_on(self) -> bool:
        """Whether it may go on with what was said before: it has a number, a letter or a sign in it."""
        return self.said.opens or _PART.search(self.said.plain) is not None


class Thread:
    """One meeting's segments and translations in, masked ones out.

    It holds the last segments of each speaker in memory, and the values that were found in the meeting; drop it when
    the meeting ends.
    """

    def __init__(self, redactor: Redactor, *, segments: int = SEGMENTS, seconds: float = SECONDS) -> None:
        self._redactor = redactor
        self._segments = segments
        self._seconds = seconds
        self._windows: dict[tuple[str, str, str | None], deque[_Line]] = {}
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self._known: OrderedDict[Value, None] = OrderedDict()

    def search_with(self, redactor: Redactor) -> None:
        """From here on, as when somebody has come whose name is to be found."""
        self._redactor = redactor

    def settle(self, segment: Segment) -> Settled:
        """A segment that is settled, masked, and what must be stored anew because of it, at a higher revision."""
        line = _Line(
            segment.id,
            segment.language,
            segment.rev,
            segment.text,
            readings=readings(segment.text, segment.language),
            end=segment.end,
        )
        window = self._window(segment)
        window.append(line)
        self._remember(line)
        line.add(self._redactor.again(line.text, line.language, self._known))
        changed = self._across(window)
        values = [value for each in (*changed, line) for value in self._values(each) if value not in self._known]
        if values:
            self._learn(values)
            changed += self._again(values)
        return Settled(line.masked(), tuple(self._anew(changed, line)))

    def translated(self, id: str, language: str, text: str, rev: int) -> Masked:
        """A translation of a segment, masked by itself and by what was found in the segment."""
        other = _Text(id, language, rev, text)
        other.add(self._redactor.again(text, language, self._known))
        if line := self._lines.get(id):
            line.others[language] = other
            other.add(_carried(line, other))
        return other.masked()

    def _window(self, segment: Segment) -> deque[_Line]:
        key = (segment.identity, segment.track, segment.speaker)
        window = self._windows[key] = self._windows.pop(key, deque(maxlen=self._segments))
        while len(self._windows) > REMEMBERED:
            del self._windows[next(iter(self._windows))]
        if window and segment.start - window[-1].end > self._seconds:
            window.clear()
        return window

    def _remember(self, line: _Line) -> None:
        self._lines[line.id] = line
        if len(self._lines) > REMEMBERED:
            self._lines.popitem(last=False)

    def _learn(self, values: Iterable[Value]) -> None:
        self._known.update(dict.fromkeys(values))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _across(self, window: deque[_Line]) -> list[_Line]:
        """Finds what is spread over a window; gives the lines where that is news."""
        if len(window) < 2 or not (window[-1].goes_on or window[-2].said.closes):
            return []
        places, before = [], 0
        for line in window:
            places.append((line, before))
            before += len(line.text) + 1
        whole = joined([(line.said, at) for line, at in places])
        since = len(whole.plain) - len(window[-1].said.plain)
        found = self._redactor.through(whole, window[-1].language, since)
        return [line for line, at in places if line.add(_part(found, at, len(line.text)))]

    def _values(self, line: _Line) -> Iterator[Value]:
        return self._redactor.values(line.readings, line.found)

    def _again(self, values: Iterable[Value]) -> list[_Line]:
        """Looks for new values in what everybody said before."""
        values = set(values)
        lines = [line for window in self._windows.values() for line in window]
        return [line for line in lines if line.add(self._redactor.repeats(line.readings, values))]

    def _anew(self, changed: Iterable[_Line], newest: _Line) -> Iterator[Masked]:
        for line in {id(line): line for line in changed}.values():
            if line is not newest:
                line.rev += 1
                yield line.masked()
            for other in line.others.values():
                if other.add(_carried(line, other)):
                    other.rev += 1
                    yield other.masked()


def _part(found: Iterable[Found], before: int, length: int) -> Iterator[Found]:
    """What of this lies in a text of a length that has so many characters before it."""
    for one in found:
        start, end = max(0, one.start - before), min(length, one.end - before)
        if start < end:
            yield Found(one.kind, start, end)


_NUMBERS = frozenset({Kind.card, Kind.iban, Kind.phone, Kind.national_id, Kind.ip})
_ADDRESSES = frozenset({Kind.email, Kind.secret_url})
_PART = re.compile(r"\d|@|(?<![^\W_])[^\W\d_](?![^\W_])")
_SITE = re.compile(r"(?:[^\W_]+[^\S\n]){0,3}[\w@-]+(?:\.[\w-]+)+(?:[/?=]\S*)*")


def _carried(line: _Line, other: _Text) -> list[Found]:
    """Where a translation has what was found in its segment: digits are alike in every language.

    Where they are not found alike, every number, date or address in it is taken for them: rather too much is masked
    than a card number kept.
    """
    reading = spoken(other.text, other.language)
    return [
        Found(one.kind, *reading.span(start, end))
        for one in line.found
        for start, end in _same(line, one, other, reading)
    ]


def _same(line: _Line, one: Found, other: _Text, reading: Reading) -> Iterator[tuple[int, int]]:
    there = any(each.kind == one.kind for each in other.found)
    if one.kind in _NUMBERS:
        digits = re.sub(r"\D", "", line.said.within(one.start, one.end))
        alike = [(start, end) for _, start, end in numbers.same(reading.plain, {digits})] if digits else []
        yield from alike or ([] if there else numbers.longest(reading.plain))
    elif one.kind == Kind.birth_date and not there:
        yield from dates.dates(reading.plain)
    elif one.kind in _ADDRESSES and not there:
        yield from (match.span() for match in _SITE.finditer(reading.plain))
