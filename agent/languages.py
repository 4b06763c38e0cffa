"""Language tags (BCP 47): their canonical form, and which of them can be read alike."""

from __future__ import annotations

import re

import langcodes
from langcodes.tag_parser import LanguageTagError

CACHED = 2_000
"""Tags that `langcodes` may remember."""
LONGEST = 35
"""Characters of a tag, as RFC 5646 (4.4.1) advises."""
PATTERN = r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"
"""What a tag looks like, whether or not there is such a language."""
ALIKE = 15
"""Distance below which two languages are told apart by nobody who only hears a few seconds of them."""
_SHAPE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{2,8})*")
"""Subtags of a language, no extensions: private ones (`en-x-…`) are as many as somebody can think of."""


def is_shaped(tag: str) -> bool:
    """Whether this looks like a tag."""
    return len(tag) <= LONGEST and re.fullmatch(PATTERN, tag) is not None


def canonical(tag: str) -> str:
    """A tag in its canonical form; empty where it is none."""
    if len(tag) > LONGEST or not _SHAPE.fullmatch(tag):
        return ""
    _bound_memory()
    try:
        return langcodes.standardize_tag(tag) if langcodes.tag_is_valid(tag) else ""
    except LanguageTagError:
        return ""


def base(tag: str) -> str:
    """The language alone: `pt` of `pt-BR`."""
    return tag.split("-", maxsplit=1)[0].lower()


def same_language(one: str, other: str) -> bool:
    """Whether text in `one` can be read by who reads `other`: `pt` and `pt-BR`, but not `zh-Hans` and `zh-Hant`."""
    a, b = one.lower().split("-"), other.lower().split("-")
    scripts = {part for part in a[1:2] + b[1:2] if len(part) == 4}
    return a[0] == b[0] and (len(scripts) < 2)


def alike(one: str, other: str) -> bool:
    """Whether two tags are one language for who only hears it: `nb` and `no`, `de-AT` and `gsw`, but not `ca` and `es`.

    By CLDR's distances (`langcodes.tag_distance`), in which a script costs 50 and a language of its own about 80.
    """
    _bound_memory()
    return base(one) == base(other) or langcodes.tag_distance(one, other) < ALIKE


def _bound_memory() -> None:
    # langcodes remembers every tag that it ever saw, in two dicts without a bound, and guests choose the tags.
    for cache in (langcodes.Language._PARSE_CACHE, langcodes.Language._INSTANCES):
        if len(cache) > CACHED:
            cache.clear()
