"""Languages as people tag them (BCP-47), and the names that models have for them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import langcodes
from langcodes.tag_parser import LanguageTagError

from ...languages import base

LanguageDetector = tuple[str, str]
"""A language and its script, as `langcodes` writes them: `("zh", "Hant")`."""

OTHERWISE = {
    "nob": "no", "nb": "no", "no": "nb", "pbt": "ps", "quy": "qu", "fuv": "ff", "knc": "kr", "azj": "az", "gaz": "om",
}  # fmt: skip
"""What a language is asked for by as well, beside what `langcodes` makes of its tag."""


class LanguageNames:
    """The languages that a model knows. `named` is its own name of each, by a tag; those that are no tags are left out.

    A macrolanguage stands for its main member: `ar` is Modern Standard Arabic, `fa` Iranian Persian. Of several
    names of one language (`es`, `es_MX`) the shortest is taken.
    """

    def __init__(self, named: Mapping[str, str]) -> None:
        self._names: dict[LanguageDetector, str] = {}
        shortest = sorted(named.items(), key=lambda item: (len(item[0]), item[0]))
        for read in (_as_is, _as_macro, _otherwise):
            for tag, name in shortest:
                with suppress(LanguageTagError):
                    if found := read(tag):
                        self._names.setdefault(found, name)

    def get(self, tag: str) -> str | None:
        """The model's name of the language of a tag; None where it knows it not, or the tag is none."""
        try:
            return self._names.get(tongue(tag))
        except LanguageTagError:
            return None

    def tags(self) -> list[str]:
        """One tag for each of the model's names, as short as can be: `zh`, `zh-Hant`, `sr`."""
        made: dict[str, str] = {}
        for (language, script), name in self._names.items():
            tag = language if tongue(language)[1] == script else f"{language}-{script}"
            made[name] = min(made.get(name, tag), tag, key=len)
        return [*made.values()]


def tongue(tag: str) -> LanguageDetector:
    """A tag's language and script; the script is the likely one where the tag names none.

    Raises `LanguageTagError` for what is no tag.
    """
    likely = langcodes.Language.get(tag).maximize()
    return likely.language or "und", likely.script or "Zyyy"


def _as_is(tag: str) -> LanguageDetector:
    return tongue(langcodes.standardize_tag(tag))


def _as_macro(tag: str) -> LanguageDetector:
    return tongue(langcodes.standardize_tag(tag, macro=True))


def _otherwise(tag: str) -> LanguageDetector | None:
    other = OTHERWISE.get(base(tag.replace("_", "-")).lower())
    return (other, _as_is(tag)[1]) if other else None
