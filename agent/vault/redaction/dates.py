"""Dates of birth: a day and a month, with or without a year, that somebody is said to be born on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .context import Context
from .kinds import Hit, Kind
from .spoken_signs import MONTHS

_MONTH = "|".join(sorted({month for months in MONTHS.values() for month in months}, key=len, reverse=True))
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:\ ?(?:st|nd|rd|th|er|ère|ro|º|ª|°|\.))?"
_YEAR = r"(?:(?:1[89]|20)00\ \d\d?|(?:18|19|20)\d\d|(?:18|19|20)[ -]\d\d?|'?\d\d)"
_OF = r"[\s,]*(?:\b(?:of|on|de|del|du|in|the|do|im|d')\b)?\s*"
_NAMED = (
    rf"(?<!\d)(?:(?:\bthe\ )?{_DAY}{_OF}(?:{_MONTH})\b\.?(?:{_OF}(?:del\ año\ |ano\ de\ |year\ )?{_YEAR}(?!\d))?"
    rf"|\b(?:{_MONTH})\b\.?{_OF}{_DAY}(?![\d])(?:[\s,]*(?:of\s)?{_YEAR}(?!\d))?)"
)
_SEP = r"(?:\ ?[./-]\ ?|\ |,\ |\ of\ |\ de\ |\ del\ |\ of\ the\ )"
_FIGURES = (
    rf"(?<![\d.])(?:{_DAY}{_SEP}{_DAY}(?:{_SEP}{_YEAR})|{_YEAR}(?:\ ?[./-]\ ?|\ )(?:0?[1-9]|1[0-2])(?:\ ?[./-]\ ?|\ )"
    r"(?:0?[1-9]|[12]\d|3[01]))(?!\d)"
)
_DATES = re.compile(f"{_NAMED}|{_FIGURES}", re.IGNORECASE)


def births(plain: str, context: Context) -> Iterator[Hit]:
    """Dates near words of birth."""
    return (
        Hit(Kind.birth_date, *match.span())
        for match in _DATES.finditer(plain)
        if context.near(Kind.birth_date, *match.span())
    )


def dates(plain: str) -> Iterator[tuple[int, int]]:
    """Every date, whoever was born then or not."""
    return (match.span() for match in _DATES.finditer(plain))
