"""A room's names and terms: as a host gives them, as the table has them, as an interpreter is told them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from agent.errors import DragomanError

from ..dispatch.job_metadata import told
from ..languages import tag
from ..schemas import Body

TERMS = 100
"""Terms of a room at most."""
LONGEST = 64
"""Characters of a term, of a translation and of how it is said."""
TOLD = 32_000
"""Bytes of it all at most: LiveKit carries it to the interpreter."""


class Entry(Body):
    """A term: what it is called in other languages (`keep`: the same in all), and how voices spell it, by tag.

    `language` is that of the clauses in which it is looked for; without one, it is looked for in all.
    """

    term: str = Field(repr=False)
    language: str | None = None
    translations: dict[str, str] | Literal["keep"] = Field("keep", repr=False)
    say: dict[str, str] = Field(default_factory=dict, repr=False)


def kept(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """A glossary as it is stored and told. Raises `bad_glossary` and `unknown_language`."""
    if len(entries) > TERMS:
        raise _bad(f"A room has at most {TERMS} names and terms.")
    glossary = [_stored(entry) for entry in entries]
    if len(told({"glossary": glossary}).encode()) > TOLD:
        raise _bad(f"The names and terms of a room, with all that belongs to them, have at most {TOLD:,} bytes.")
    return glossary


def _stored(entry: Entry) -> dict[str, Any]:
    language = {"language": tag(entry.language)} if entry.language else {}
    translations = entry.translations if isinstance(entry.translations, str) else _by_tag(entry.translations)
    return {"term": _text(entry.term), **language, "translations": translations, "say": _by_tag(entry.say)}


def _by_tag(given: Mapping[str, str]) -> dict[str, str]:
    return {tag(each): _text(text) for each, text in given.items()}


def _text(given: str) -> str:
    """One readable line, without characters that turn the direction of what stands around it. Raises `bad_glossary`."""
    text = unicodedata.normalize("NFC", " ".join(given.split(" "))).strip()
    turning = any("\u202a" <= each <= "\u202e" or "\u2066" <= each <= "\u2069" for each in text)
    control = any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in text)
    if turning or control or not any(map(str.isalnum, text)) or len(text) > LONGEST:
        raise _bad(
            f"A name or term has 1 to {LONGEST} characters, a letter or digit among them and no control characters."
        )
    return text


def _bad(sentence: str) -> DragomanError:
    return DragomanError("bad_glossary", sentence)
