"""Language tags (BCP 47): their canonical form, and which of them can be read alike."""

from __future__ import annotations

import langcodes
from langcodes.tag_parser import LanguageTagError


def canonical(tag: str) -> str:
    """A tag in its canonical form; empty where it is none."""
    try:
        return langcodes.standardize_tag(tag) if 2 <= len(tag) <= 35 and langcodes.tag_is_valid(tag) else ""
    except LanguageTagError:
        return ""


def base(tag: str) -> str:
    """The language alone: `pt` of `pt-BR`."""
    return tag.split("-", maxsplit=1)[0]


def same_language(one: str, other: str) -> bool:
    """Whether text in `one` can be read by who reads `other`: `pt` and `pt-BR`, but not `zh-Hans` and `zh-Hant`."""
    a, b = one.lower().split("-"), other.lower().split("-")
    scripts = {part for part in a[1:2] + b[1:2] if len(part) == 4}
    return a[0] == b[0] and (len(scripts) < 2)
