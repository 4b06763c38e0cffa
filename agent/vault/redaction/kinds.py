"""What is looked for, and what is found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """A kind of personal data; where two overlap, the earlier one of this list stands."""

    iban = "iban"
    secret_url = "secret_url"  # noqa: S105  (the name of a kind)
    email = "email"
    card = "card"
    ip = "ip"
    national_id = "national_id"
    birth_date = "birth_date"
    phone = "phone"
    custom = "custom"
    name = "name"


RANK = {kind: place for place, kind in enumerate(Kind)}

MARKS = {
    Kind.card: "[card]",
    Kind.iban: "[IBAN]",
    Kind.email: "[e-mail]",
    Kind.secret_url: "[link]",
    Kind.national_id: "[ID number]",
    Kind.birth_date: "[date of birth]",
    Kind.phone: "[phone]",
    Kind.ip: "[IP address]",
    Kind.custom: "[removed]",
    Kind.name: "[name]",
}
"""What stands where something was masked."""

MARK = re.compile("|".join(map(re.escape, MARKS.values())))


@dataclass(frozen=True, slots=True)
class Found:
    """Something found: characters `start` to `end` (exclusive) of the text that was given."""

    kind: Kind
    start: int
    end: int


class Hit(NamedTuple):
    """Something found in a reading: characters `start` to `end` of its plain text."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Value:
    """What was found, in the form in which it can be told again: digits and letters alone, in small letters."""

    kind: Kind
    text: str = field(repr=False)


def settled(found: list[Found]) -> list[Found]:
    """Those found, in order, none overlapping: of some that do, one from the first to the last, of the first kind."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda each: (each.start, -each.end)):
        if kept and one.start < kept[-1].end:
            last = kept.pop()
            one = Found(min(last.kind, one.kind, key=RANK.__getitem__), last.start, max(last.end, one.end))
        kept.append(one)
    return kept


def masked(text: str, found: list[Found]) -> str:
    """The text with a mark in the place of each; they are in order and do not overlap."""
    made, last = "", 0
    for one in found:
        made += text[last : one.start] + MARKS[one.kind]
        last = one.end
    return made + text[last:]
