"""Cards, IBANs, phones, IP addresses and national numbers: what a checksum or a numbering plan vouches for."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import phonenumbers
from stdnum import iban
from stdnum.br import cpf
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.pt import cc, nif
from stdnum.us import ssn

from .context import Context
from .kinds import Hit, Kind

_DIGITS = re.compile(r"\d+", re.ASCII)
_BETWEEN = re.compile(r"[\s\xa0\u202f.,;/()·…–-]{0,8}")
_DATE = re.compile(
    r"(?<!\d)(?<!\d[./-])(?:\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})|\d{4}([./-])\d{1,2}\2\d{1,2})(?![./-]?\d)", re.ASCII
)
_AMOUNT = re.compile(r"\d{1,3}(?:([.,\xa0\u202f ])\d{3})(?:\1\d{3})*(?:[.,]\d{1,2})?", re.ASCII)
_PIECE = re.compile(r"[^\W_]+")
_PIECES_BETWEEN = re.compile(r"[\s\xa0\u202f.,;\-–…]{0,4}")

REGIONS = {"en": ("US", "GB"), "es": ("ES", "MX"), "fr": ("FR",), "de": ("DE", "AT", "CH"), "pt": ("PT", "BR")}
"""Whose numbers without a country code are looked for in a language; with words such as "call me", all of these."""
EVERYWHERE = tuple(region for regions in REGIONS.values() for region in regions)
TRUNKED = frozenset({"GB", "FR", "DE", "AT", "CH"})
"""Where a number without a country code begins with 0."""

LONGEST_IBAN = 34
SHORTEST_CODE = 9
"""Characters of an IBAN at most (ISO 13616), and of a national number with letters in it at least."""
NO_ACCIDENT = 12
"""Digits that do not stand in a longer number by accident."""
_CARD_LENGTHS = {"2": (16,), "3": (14, 15, 16), "4": (13, 16, 19), "5": (16,), "6": (16, 17, 18, 19)}
"""Digits of a card, by the first one (ISO/IEC 7812: 3 to 6 are banks and travel, and 2 in part)."""
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Run:
    """Digits in groups with nothing but spaces and marks between them."""

    plain: str = field(repr=False)
    groups: Sequence[tuple[int, int]]
    digits: str = field(repr=False)
    cuts: Sequence[int]
    """How many digits stand before each group, and in the end how many there are."""
    counting: bool
    """Somebody counts: one, two, three …; 20, 25, 30 …"""

    def parts(self, lengths: range | Sequence[int]) -> Iterator[tuple[int, int]]:
        """Groups `first` to `last` (exclusive) that together have so many digits."""
        for first in range(len(self.groups)):
            for last in range(first + 1, len(self.groups) + 1):
                length = self.cuts[last] - self.cuts[first]
                if length > lengths[-1]:
                    break
                if length in lengths:
                    yield first, last

    def number(self, first: int, last: int) -> str:
        return self.digits[self.cuts[first] : self.cuts[last]]

    def place(self, first: int, last: int) -> tuple[int, int]:
        return self.groups[first][0], self.groups[last - 1][1]

    def written(self, first: int, last: int) -> str:
        start, end = self.place(first, last)
        return self.plain[start:end]

    def shape(self, first: int, last: int) -> list[int]:
        """Digits of each group."""
        return [end - start for start, end in self.groups[first:last]]


def _runs(plain: str) -> Iterator[_Run]:
    groups: list[tuple[int, int]] = []
    for match in _DIGITS.finditer(plain):
        if groups and not _BETWEEN.fullmatch(plain, groups[-1][1], match.start()):
            yield _run(plain, groups)
            groups = []
        groups.append(match.span())
    if groups:
        yield _run(plain, groups)


def _run(plain: str, groups: list[tuple[int, int]]) -> _Run:
    digits = "".join(plain[start:end] for start, end in groups)
    cuts = [0, *accumulate(end - start for start, end in groups)]
    return _Run(plain, groups, digits, cuts, _counts([plain[start:end] for start, end in groups]))


def _counts(groups: Sequence[str]) -> bool:
    """Whether nearly all of some short numbers are apart by the same."""
    if len(groups) < 6 or max(map(len, groups)) > 6:
        return False
    steps = Counter(after - before for before, after in pairwise(map(int, groups)))
    step, times = steps.most_common(1)[0]
    return step != 0 and times >= 0.8 * (len(groups) - 1)


def find(plain: str, language: str, context: Context, since: int = 0) -> Iterator[Hit]:
    """Every number of a kind in a plain text that ends after its first so many characters."""
    for run in _runs(plain):
        if run.groups[-1][1] <= since:
            continue
        yield from _cards(run, context)
        yield from _ids(run, language, context)
        yield from _phones(run, language, context)
    yield from _coded(plain, context, since)
    yield from _addresses(plain, context)


def same(plain: str, wanted: Collection[str]) -> Iterator[tuple[str, int, int]]:
    """Which of these rows of digits stand in a text, and where, however they are grouped.

    Long ones are no accident, so they are found within longer ones too.
    """
    lengths = sorted({len(row) for row in wanted})
    for run in _runs(plain):
        for part in run.parts(lengths):
            if (row := run.number(*part)) in wanted:
                yield row, *run.place(*part)
        for row in wanted:
            if len(row) >= NO_ACCIDENT and row in run.digits:
                for at in re.finditer(row, run.digits):
                    first, last = bisect_right(run.cuts, at.start()) - 1, bisect_left(run.cuts, at.end())
                    yield row, *run.place(first, last)


def longest(plain: str) -> Iterator[tuple[int, int]]:
    """Every run of digits, whole."""
    return (run.place(0, len(run.groups)) for run in _runs(plain))


# Cards


def _cards(run: _Run, context: Context) -> Iterator[Hit]:
    if len(run.digits) < 13:
        return
    place = run.place(0, len(run.groups))
    told = context.of(*place)
    if len(run.digits) <= 15 and (told in {Kind.phone, Kind.national_id} or _plus(run.plain, place[0])):
        return
    found = False
    sums = [_luhn_sums(run.digits, parity) for parity in (0, 1)]
    for first, last in run.parts(range(13, 20)):
        start, end = run.cuts[first], run.cuts[last]
        by = sums[end % 2]
        if _is_issued(run.digits[start:end]) and (by[end] - by[start]) % 10 == 0:
            found = True
            yield Hit(Kind.card, *run.place(first, last))
    if not found and _may_be_card(run, told):
        yield Hit(Kind.card, *place)


def _may_be_card(run: _Run, told: str) -> bool:
    """Whether a run is taken for a card that was misheard: "soixante onze" is 6011 as well as 71."""
    if told == Kind.card:
        return len(run.digits) <= 23
    shape = run.shape(0, len(run.groups))
    said = (len(shape) > 6 and max(shape) <= 4) or max(shape) >= 13
    return told == "" and said and not run.counting and len(run.digits) <= 19 and run.digits[0] in "3456"


def _luhn_sums(digits: str, parity: int) -> list[int]:
    """Sums of Luhn's digits up to each place, doubled at places of one parity."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return [
        0,
        *accumulate(doubled[int(digit)] if at % 2 == parity else int(digit) for at, digit in enumerate(digits)),
    ]


def _is_issued(number: str) -> bool:
    if len(number) not in _CARD_LENGTHS.get(number[0], ()):
        return False
    return number[0] != "2" or "2221" <= number[:4] <= "2720"


# National numbers of digits alone


def _ids(run: _Run, language: str, context: Context) -> Iterator[Hit]:
    found = False
    if _plus(run.plain, run.groups[0][0]):
        return
    for first, last in run.parts((9, 11, 13, 15)):
        number, place = run.number(first, last), run.place(first, last)
        told = context.of(*place) == Kind.national_id
        if not told and run.counting:
            continue
        if _is_id(number, run.shape(first, last), run.written(first, last), language, told):
            found = True
            yield Hit(Kind.national_id, *place)
    place = run.place(0, len(run.groups))
    if not found and 8 <= len(run.digits) <= 16 and context.of(*place) == Kind.national_id:
        yield Hit(Kind.national_id, *place)


def _is_id(number: str, shape: Sequence[int], written: str, language: str, told: bool) -> bool:
    match len(number):
        case 9 if ssn.is_valid(number) and (told or (shape == [3, 2, 4] and re.fullmatch(r"\d+-\d+-\d+", written))):
            return True
        case 9:
            spread = language == "pt" and number[0] in "13" and len(shape) > 1
            return nif.is_valid(number) and (told or spread)
        case 11 if idnr.is_valid(number) and (told or language == "de"):
            return True
        case 11:
            marked = re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d{2}", written) is not None
            return cpf.is_valid(number) and (told or marked or language == "pt")
        case 13:
            return told and re.fullmatch(r"[12]\d{12}", number) is not None
        case _:
            return nir.is_valid(number) and number[0] in "12"


# Numbers with letters in them


def _coded(plain: str, context: Context, since: int) -> Iterator[Hit]:
    """IBANs and national numbers whose pieces hold digits, letters or both."""
    pieces = [(m.start(), m.end(), m[0]) for m in _PIECE.finditer(plain)]
    rows: list[list[tuple[int, int, str]]] = [[]]
    for at, piece in enumerate(pieces):
        code = _is_code(piece[2], pieces[at + 1][2] if at + 1 < len(pieces) else "")
        if rows[-1] and not (code and _PIECES_BETWEEN.fullmatch(plain, rows[-1][-1][1], piece[0])):
            rows.append([])
        if code:
            rows[-1].append(piece)
    for row in rows:
        if row and row[-1][1] > since:
            yield from _in_row(row, context)


def _is_code(piece: str, following: str) -> bool:
    if len(piece) == 1 or any(map(str.isdecimal, piece)) or (piece.isupper() and len(piece) <= 6):
        return True
    return len(piece) == 2 and piece.isascii() and following[:1].isdecimal()


def _in_row(row: Sequence[tuple[int, int, str]], context: Context) -> Iterator[Hit]:
    for first in range(len(row)):
        start, code = row[first][0], ""
        for _, end, piece in row[first:]:
            code += piece.upper()
            if len(code) > LONGEST_IBAN:
                break
            kind = _coded_kind(code) if len(code) >= SHORTEST_CODE else None
            if kind or (end == row[-1][1] and _IBAN_LIKE.fullmatch(code) and context.of(start, end) == Kind.iban):
                yield Hit(kind or Kind.iban, start, end)


_IBAN_LIKE = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
_WITH_LETTERS: Sequence[tuple[re.Pattern[str], Callable[[str], bool]]] = (
    (re.compile(r"\d{8}[A-Z]", re.ASCII), dni.is_valid),
    (re.compile(r"[XYZ]\d{7}[A-Z]", re.ASCII), nie.is_valid),
    (_NINO, lambda code: True),
    (re.compile(r"\d{9}[A-Z0-9]{2}\d", re.ASCII), lambda code: not code.isdecimal() and cc.is_valid(code)),
    (re.compile(r"[12]\d{4}2[AB]\d{8}", re.ASCII), nir.is_valid),
)


def _coded_kind(code: str) -> Kind | None:
    if any(shape.fullmatch(code) and check(code) for shape, check in _WITH_LETTERS):
        return Kind.national_id
    if _IBAN_LIKE.fullmatch(code) and iban.is_valid(code):
        return Kind.iban
    return None


# Phones


def _phones(run: _Run, language: str, context: Context) -> Iterator[Hit]:
    whole = run.place(0, len(run.groups))
    if len(run.digits) < 7:
        return
    told, plus = context.of(*whole), _plus(run.plain, whole[0])
    if told not in {"", Kind.phone} and not plus:
        return
    if told != Kind.phone and not plus and (len(run.digits) > 18 or _is_other(run, context)):
        return
    dates = [match.span() for match in _DATE.finditer(run.plain, *whole)]
    found = False
    for first, last in run.parts(range(8, 16)):
        start, end = run.place(first, last)
        if any(start < date_end and date_start < end for date_start, date_end in dates):
            continue
        if _is_phone(run, first, last, language, told == Kind.phone, plus and first == 0):
            found = True
            yield Hit(Kind.phone, start - (plus and first == 0), end)
    if not found and not dates and told == Kind.phone and len(run.digits) <= 15 and not _is_other(run, context):
        yield Hit(Kind.phone, whole[0] - plus, whole[1])  # heard wrong, or short


def _plus(plain: str, start: int) -> bool:
    return plain[start - 1 : start] == "+"


def _is_other(run: _Run, context: Context) -> bool:
    """Whether a run is an amount or somebody counting."""
    whole = run.place(0, len(run.groups))
    amount = _AMOUNT.fullmatch(run.written(0, len(run.groups)))
    return context.amount(*whole) or (amount is not None and amount[1] == ",") or run.counting


def _is_phone(run: _Run, first: int, last: int, language: str, told: bool, plus: bool) -> bool:
    number = run.number(first, last)
    if plus or (number.startswith("00") and len(number) > 10):
        return _is_possible(number.removeprefix("00"), None)
    if told:
        return any(_in_plan(number, region) for region in EVERYWHERE)
    shape = run.shape(first, last)
    spread = len(shape) > 1 and max(shape) <= 8 and len(number) > 8
    return spread and any(
        _in_plan(number, region) and (region != "US" or _american(shape)) for region in REGIONS.get(language, ())
    )


def _american(shape: Sequence[int]) -> bool:
    return max(shape) <= 2 or list(shape[-3:]) == [3, 3, 4]


def _in_plan(number: str, region: str) -> bool:
    if region in TRUNKED:
        return number[0] == "0" and number[1:2] != "0" and len(number) > 9 and _is_possible(number, region)
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def _is_possible(number: str, region: str | None) -> bool:
    """Whether a plan has numbers of this length; not every one of them is given out."""
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(f"+{number}" if region is None else number, region))
    except phonenumbers.NumberParseException:
        return False


def load() -> None:
    """Reads the plans of the regions, which would take the first segment 0.1 s."""
    for region in EVERYWHERE:
        _in_plan("0612345678", region)


# IP addresses

_V4 = re.compile(r"(?<![\d.])\d(?: ?\d){0,2}(?:\.\d(?: ?\d){0,2}){3}(?!\d)(?!\.\d)", re.ASCII)
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,39}(?![\w:])", re.ASCII)


def _addresses(plain: str, context: Context) -> Iterator[Hit]:
    for match in _V4.finditer(plain):
        if _is_ip(match[0].replace(" ", "")) and context.of(*match.span()) != "version":
            yield Hit(Kind.ip, *match.span())
    for match in _V6.finditer(plain):
        if match[0].count(":") > 1 and max(map(len, match[0].split(":"))) > 2 and _is_ip(match[0]):
            yield Hit(Kind.ip, *match.span())


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
