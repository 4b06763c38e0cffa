"""A text as it is matched: spoken numbers as digits, spoken signs as signs, and where each of them stood."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from text_to_num import find_numbers

from ...languages import base
from .kinds import MARK
from .spoken_signs import ALSO, FILLERS, LANGUAGES, LETTERS, LIKE, ONLY_AMONG_NUMBERS, SIGNS, TIMES

_WORD = re.compile(r"\w+|[^\w\s]")
_TWO_WAYS = re.compile(r"\bsoixante (?:dix|onze|douze|treize|quatorze|quinze|seize)\b", re.IGNORECASE)
_HALF = re.compile("[\ud800-\udfff]")
_GONE = "\ufffc"
"""Stands for what was masked before: it is nothing's neighbour and nothing's context."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A plain text and, for each of its characters, the characters of the original that it stands for."""

    plain: str = field(repr=False)
    starts: Sequence[int] = field(repr=False)
    ends: Sequence[int] = field(repr=False)
    opens: bool = False
    """It begins with a spoken sign, which belongs to what was said before."""
    closes: bool = False
    """It ends with a spoken sign, which belongs to what is said next."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Characters of the original for characters of the plain text."""
        return self.starts[start], max(self.ends[start:end])

    def within(self, start: int, end: int) -> str:
        """The plain text of characters of the original."""
        places = zip(self.plain, self.starts, self.ends, strict=True)
        return "".join(each for each, first, last in places if start <= first and last <= end)


def literal(text: str) -> Reading:
    """A text as it is written."""
    return Reading(_cleared(text), range(len(text)), range(1, len(text) + 1))


def spoken(text: str, language: str, *, apart: bool = False) -> Reading:
    """A text as it is meant if it was said; as it is written where the language's numbers are not known.

    With `apart`, "soixante onze" is 60 11 and not 71.
    """
    tongue = base(language)
    if tongue not in LANGUAGES:
        return literal(text)
    return _Reader(_cleared(text), tongue, apart).read()


def _cleared(text: str) -> str:
    """A text without marks and without halves of characters, at which text2num would fall."""
    return _HALF.sub(_GONE, MARK.sub(lambda mark: _GONE * len(mark[0]), text))


def readings(text: str, language: str) -> list[Reading]:
    """A text as it is written and, where those are others, as it was said, in each way that may be meant."""
    ways = [literal(text), spoken(text, language)]
    if base(language) == "fr" and _TWO_WAYS.search(text):
        ways.append(spoken(text, language, apart=True))
    return [reading for at, reading in enumerate(ways) if reading.plain not in {way.plain for way in ways[:at]}]


def joined(readings: Sequence[tuple[Reading, int]]) -> Reading:
    """One reading of several in a row, each with how many characters of the whole stand before its text."""
    plain, starts, ends = "", list[int](), list[int]()
    closes = False
    for reading, before in readings:
        if plain and (closes or reading.opens):
            while reading.opens and plain and plain[-1] in ".,…!?; ":
                plain = plain[:-1]
                del starts[-1], ends[-1]
        elif plain:
            plain += "\n"
            starts.append(before - 1)
            ends.append(before)
        plain += reading.plain
        starts += [at + before for at in reading.starts]
        ends += [at + before for at in reading.ends]
        closes = reading.closes
    return Reading(plain, starts, ends)


@dataclass(slots=True)
class _Token:
    """A word or a mark, as text2num asks for it."""

    said: str
    start: int
    end: int
    meant: str
    sign: bool = False
    alone: bool = False

    def text(self) -> str:
        return self.meant

    def nt_separated(self, previous: _Token) -> bool:
        return self.alone

    def not_a_number_part(self) -> bool:
        return self.sign


class _Phrases:
    """What phrases of a language mean, by their first word, the longest first."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._by: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for phrase in sorted(table, key=len, reverse=True):
            words = tuple(phrase.split())
            self._by.setdefault(words[0], []).append((words, table[phrase]))

    def at(self, tokens: Sequence[_Token], place: int) -> tuple[str, int] | None:
        """What the phrase at a place means and the place after it."""
        for words, meaning in self._by.get(tokens[place].meant, ()):
            if (end := _after(tokens, place, words)) is not None:
                return meaning, end
        return None


def _after(tokens: Sequence[_Token], place: int, words: Sequence[str]) -> int | None:
    """The place after these words, whatever hyphens and apostrophes stand between them; None if others stand there."""
    for number, word in enumerate(words):
        while number and place < len(tokens) and tokens[place].meant in "-'’":
            place += 1
        if place >= len(tokens) or tokens[place].meant != word:
            return None
        place += 1
    return place


_SIGNS = {tongue: _Phrases(table) for tongue, table in SIGNS.items()}
_LETTERS = {tongue: _Phrases(table) for tongue, table in LETTERS.items()}
_LIKE = {tongue: _Phrases(dict.fromkeys(table, "")) for tongue, table in LIKE.items()}


class _Reader:
    """Reads one text once."""

    def __init__(self, text: str, tongue: str, apart: bool) -> None:
        self._tongue = tongue
        self._tokens = [_Token(m[0], m.start(), m.end(), m[0].casefold()) for m in _WORD.finditer(text)]
        for before, here in pairwise(self._tokens) if apart else ():
            here.alone = before.meant == "soixante"
        self._signs = dict(self._find_signs())
        self._numbers = self._find_numbers()
        self._plain: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._last = 0
        self._glued = False

    def read(self) -> Reading:
        place = 0
        while place < len(self._tokens):
            place = self._step(place)
        return Reading("".join(self._plain), self._starts, self._ends, 0 in self._signs, self._glued)

    def _step(self, place: int) -> int:
        """Puts what stands at a place and gives the place after it."""
        if place in self._signs:
            sign, end = self._signs[place]
            return self._sign(sign, place, end)
        token = self._tokens[place]
        if token.meant in TIMES[self._tongue] and (after := self._times(place)):
            return after
        if place in self._numbers:
            digits, end = self._numbers[place]
            self._put(digits, token.start, self._tokens[end - 1].end)
            return end
        if letter := self._letter(place):
            self._put(letter[0], token.start, self._tokens[letter[1] - 1].end)
            return self._like(letter[0], letter[1])
        if token.meant in FILLERS[self._tongue] or (self._glued and token.said == ","):
            return place + 1
        self._write(token)
        return place + 1

    def _find_signs(self) -> Iterator[tuple[int, tuple[str, int]]]:
        place = 0
        while place < len(self._tokens):
            found = _SIGNS[self._tongue].at(self._tokens, place)
            if found and (found[0] != "+" or self._number_follows(found[1])):
                for token in self._tokens[place : found[1]]:
                    token.sign = True
                yield place, found
                place = found[1]
            else:
                place += 1

    def _number_follows(self, place: int) -> bool:
        here = self._tokens[place : place + 2]
        return bool(here) and (here[0].said.isdigit() or bool(find_numbers(here[:1], self._tongue, 0.0)))

    def _find_numbers(self) -> dict[int, tuple[str, int]]:
        """Spoken numbers: where each begins, its digits, and the place after it."""
        others = ALSO[self._tongue]
        for token in self._tokens:
            if token.meant in others and token.meant not in ONLY_AMONG_NUMBERS:
                token.meant = others[token.meant]
        unsure = [token for token in self._tokens if token.meant in ONLY_AMONG_NUMBERS and token.meant in others]
        if unsure:
            for token in unsure:
                token.sign = True
            self._admit(others)
        found = find_numbers(self._tokens, self._tongue, 0.0)
        return {one.start: (one.text, one.end) for one in found}

    def _admit(self, others: Mapping[str, str]) -> None:
        """Takes words that are numbers only among numbers for what they are there."""
        known = {at for one in find_numbers(self._tokens, self._tongue, 0.0) for at in range(one.start, one.end)}
        places = [at for at, token in enumerate(self._tokens) if token.meant not in {",", "-"}]
        for row in (places, places[::-1]):
            for before, here in pairwise(row):
                token = self._tokens[here]
                if token.meant in ONLY_AMONG_NUMBERS and token.meant in others and self._is_number(before, known):
                    token.meant, token.sign = others[token.meant], False
                    known.add(here)

    def _is_number(self, place: int, known: set[int]) -> bool:
        return place in known or self._tokens[place].said.isdecimal()

    def _times(self, place: int) -> int | None:
        """Puts a digit that is said once and stands more often, and gives the place after it."""
        times = TIMES[self._tongue][self._tokens[place].meant]
        at = place + 1
        if at < len(self._tokens) and self._tokens[at].said == "-":
            at += 1
        if at >= len(self._tokens):
            return None
        token = self._tokens[at]
        digits, end = self._numbers.get(at, (token.said, at + 1))
        if not digits.isdecimal() or not (len(digits) == 1 or digits[0] == "0"):
            return None
        self._put(digits[0] * (times - 1) + digits, self._tokens[place].start, self._tokens[end - 1].end)
        return end

    def _letter(self, place: int) -> tuple[str, int] | None:
        """A letter that is said, and the place after it."""
        token = self._tokens[place]
        if len(token.said) == 1 and token.said.isalpha():
            return token.said, place + 1
        found = _LETTERS[self._tongue].at(self._tokens, place)
        return found if found and (self._spelled(place - 1) or self._spelled(found[1])) else None

    def _spelled(self, place: int) -> bool:
        """Whether a letter or a number stands at a place, or next to a comma or hyphen there."""
        if not 0 <= place < len(self._tokens):
            return False
        token = self._tokens[place]
        alone = len(token.said) == 1 and token.said.isalnum()
        number = place in self._numbers or any(end == place + 1 for _, end in self._numbers_before(place))
        return alone or number or token.said.isdecimal() or _LETTERS[self._tongue].at(self._tokens, place) is not None

    def _numbers_before(self, place: int) -> Iterator[tuple[str, int]]:
        """Numbers that may end after a place: a number has at most nine words."""
        return (self._numbers[at] for at in range(max(0, place - 8), place + 1) if at in self._numbers)

    def _like(self, letter: str, place: int) -> int:
        """The place after "as in November", where that follows an N; the same place where it doesn't."""
        if place >= len(self._tokens):
            return place
        found = _LIKE[self._tongue].at(self._tokens, place)
        if found and found[1] < len(self._tokens) and self._tokens[found[1]].meant.startswith(letter.casefold()):
            return found[1] + 1 if len(self._tokens[found[1]].said) > 1 else place
        return place

    def _sign(self, sign: str, place: int, end: int) -> int:
        while self._plain and self._plain[-1] == ",":
            del self._plain[-1], self._starts[-1], self._ends[-1]
        self._glued = sign != "+"
        self._put(sign, self._tokens[place].start, self._tokens[end - 1].end)
        self._glued = True
        return end

    def _write(self, token: _Token) -> None:
        self._space(token.start)
        self._plain += token.said
        self._starts += range(token.start, token.end)
        self._ends += range(token.start + 1, token.end + 1)
        self._last = token.end

    def _put(self, what: str, start: int, end: int) -> None:
        """What stands for all of these characters."""
        self._space(start)
        self._plain += what
        self._starts += [start] * len(what)
        self._ends += [end] * len(what)
        self._last = end

    def _space(self, start: int) -> None:
        if self._plain and start > self._last and not self._glued:
            self._plain.append(" ")
            self._starts.append(self._last)
            self._ends.append(start)
        self._glued = False
