"""A room's own names and terms: how they are written, translated and said."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import DragomanError
from ..languages import base, is_shaped
from ..nouns import SPACELESS
from .name_correction import corrected

TERMS = 100
"""Terms of a room at most."""
LONGEST = 64
"""Characters of a term, of a translation and of how it is said."""
TAGS = 64
"""Languages of one term at most."""
ROOM = 200
"""Characters of the terms in a prompt. Whisper takes 223 tokens, a rare name one for 2 or 3 characters."""
PROMPT = "Glossary: "
"""What stands before the terms. With it, 13 names that nobody said added no error to 8 short recordings in four
languages (Whisper base, 63 words); as a bare list they added 3, in a sentence ("We talk about …") 10."""

STANDINS = (
    "Kowalski", "Nakamura", "Okonkwo", "Lindqvist", "Takahashi", "Novakovic", "Petrosyan", "Vandermeer",
)  # fmt: skip
"""Surnames that stand in for terms while a clause is translated: engines carry them over as they are."""

_MARKS = " .,;:!?…¿¡"
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Term:
    """A name or term as it is written; `language` is that of the clauses it is looked for in, None for any.

    `translations` is what it is called, by tag; languages that are not in it are left to the engine. `keep` means
    that it stays as it is written in all of them. `say` is its spelling for a voice, by the tag of the voice.
    """

    written: str = field(repr=False)
    language: str | None = None
    translations: Mapping[str, str] | Literal["keep"] = field(default="keep", repr=False)
    say: Mapping[str, str] = field(default_factory=dict, repr=False)

    def within(self, language: str) -> str | None:
        """What it is called in a language; None where that is left to the engine."""
        if self.translations == "keep":
            return self.written
        return _nearest(self.translations, language)

    def speaks(self, language: str) -> bool:
        """Whether it is looked for in clauses of a language."""
        return self.language is None or base(self.language) == base(language)


@dataclass(frozen=True, slots=True)
class Found:
    """Terms in one clause, in the order in which they stand, one as often as it is said."""

    text: str = field(repr=False)
    at: tuple[tuple[int, int, Term], ...] = field(repr=False)

    def into(self, language: str) -> Found:
        """Only those whose form in a language is known."""
        return Found(self.text, tuple(one for one in self.at if one[2].within(language)))

    @property
    def terms(self) -> tuple[Term, ...]:
        """Each once."""
        return tuple({term.written: term for _, _, term in self.at}.values())

    def times(self, term: Term) -> int:
        return sum(one.written == term.written for _, _, one in self.at)

    def stands(self, made: str, language: str) -> bool:
        """Whether every term stands in a translation as often as it was said."""
        wanted = Counter({form.casefold(): times for form, times in self._forms(language).items()})
        _, there = _put(made, {form: form for form in wanted}, language)
        return there == wanted

    def spelled(self, made: str, language: str) -> str:
        """A translation in which the terms stand, those with capitals as they are written."""
        names = {form: form for form in self._forms(language) if form != form.lower()}
        return _put(made, names, language)[0]

    def replaced(self, made: str, words: Mapping[str, str], language: str) -> str:
        """A translation with an engine's own words for terms (by term) replaced."""
        theirs = {
            words[term.written].strip(_MARKS): str(term.within(language))
            for term in self.terms
            if term.written in words
        }
        return _put(made, {word: form for word, form in theirs.items() if word}, language)[0]

    def _forms(self, language: str) -> Counter[str]:
        """What stands in a right translation, and how often."""
        return Counter(str(term.within(language)) for _, _, term in self.at)

    def shielded(self) -> Shielded | None:
        """The clause with names in the place of terms; None where there are more terms than names."""
        free = [name for name in STANDINS if name.lower() not in self.text.lower()]
        if len(self.terms) > len(free):
            return None
        names = {term.written: name for term, name in zip(self.terms, free, strict=False)}
        text, last = "", 0
        for start, end, term in self.at:
            text += self.text[last:start] + names[term.written]
            last = end
        return Shielded(text + self.text[last:], tuple((names[term.written], term) for term in self.terms), self)


@dataclass(frozen=True, slots=True)
class Shielded:
    """A clause whose terms an engine cannot touch, and what stands for which."""

    text: str = field(repr=False)
    names: tuple[tuple[str, Term], ...] = field(repr=False)
    found: Found = field(repr=False)

    def restored(self, made: str, language: str) -> str | None:
        """Its translation with the terms again; None unless each stand-in came back as often as it went."""
        restored, there = _put(made, {name: str(term.within(language)) for name, term in self.names}, language)
        wanted = Counter({name: self.found.times(term) for name, term in self.names})
        return restored if there == wanted else None


@dataclass(frozen=True, slots=True)
class Glossary:
    """The terms of one room, the most important first."""

    terms: tuple[Term, ...] = field(default=(), repr=False)

    def prompt(self, language: str | None) -> str:
        """The terms as a recognizer's prompt; empty where there are none."""
        told = self.told(language)
        return f"{PROMPT}{', '.join(told)}." if told else ""

    def told(self, language: str | None) -> Sequence[str]:
        """The terms of a language (None: it isn't known yet), as many of the first as a recognizer has room for."""
        told: list[str] = []
        for term in self.terms:
            if language is None or term.speaks(language):
                if sum(map(len, told)) + 2 * len(told) + len(term.written) > ROOM:
                    break
                told.append(term.written)
        return told

    def found(self, text: str, language: str) -> Found:
        """The terms in a clause of a language; of two that overlap the longer one."""
        here = {term.written: term for term in reversed(self.terms) if term.speaks(language)}
        at = [(match.start(), match.end(), here[form]) for match, form in _places(text, here, language, exact=True)]
        return Found(text, tuple(at))

    def heard(self, text: str, language: str) -> str:
        """What a recognizer made of speech that was told nothing, with names that it misheard."""
        return corrected(text, [term.written for term in self.terms if term.speaks(language)], language)

    def carried(self, text: str, said: str, source: str, language: str) -> str:
        """What was made of speech in another language, with the names that are in what was said there."""
        names = [str(term.within(language)) for term in self.found(said, source).into(language).terms]
        return corrected(text, names, language)

    def pronounced(self, text: str, language: str) -> str:
        """A text as a voice of a language is to be given it."""
        return _put(text, self._sounds(language), language, exact=True)[0]

    def _sounds(self, language: str) -> Mapping[str, str]:
        """What may be written, in the clause's language or in this one → how it is said."""
        return {
            form: sound
            for term in reversed(self.terms)
            if (sound := _nearest(term.say, language))
            for form in (term.written, term.within(language))
            if form
        }


def parse(given: object) -> Glossary:
    """A glossary out of the parsed JSON of a host's `glossary`. Raises `bad_glossary`."""
    if not isinstance(given, list) or len(given) > TERMS:
        raise _bad(f"A glossary is a list of at most {TERMS} terms.")
    return Glossary(tuple(_term(one) for one in given))


def _term(given: object) -> Term:
    if not isinstance(given, dict):
        raise _bad("A term is an object.")
    language = given.get("language")
    translations = given.get("translations") or "keep"
    if language is not None and not (isinstance(language, str) and is_shaped(language)):
        raise _bad("The language of a term is a tag.")
    return Term(
        _text(given.get("term")),
        language,
        "keep" if translations == "keep" else _by_tag(translations),
        _by_tag(given.get("say") or {}),
    )


def _by_tag(given: object) -> Mapping[str, str]:
    if not isinstance(given, dict) or len(given) > TAGS:
        raise _bad(f"What a term is called or how it is said is an object of at most {TAGS} tags.")
    if not all(isinstance(tag, str) and is_shaped(tag) for tag in given):
        raise _bad("What a term is called or how it is said is given by language tags.")
    return {tag: _text(text) for tag, text in given.items()}


def _text(given: object) -> str:
    """One line of letters that can be read. Raises `bad_glossary`."""
    text = _composed(given) if isinstance(given, str) else ""
    control = any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in text)
    readable = any(map(str.isalnum, text))
    if control or not readable or _TURNING.search(text) or len(text) > LONGEST:
        raise _bad(f"A term has 1 to {LONGEST} characters, a letter or digit among them and no control characters.")
    return text


def _bad(sentence: str) -> DragomanError:
    return DragomanError("bad_glossary", sentence)


def _composed(text: str) -> str:
    return re.sub(r" +", " ", unicodedata.normalize("NFC", text)).strip()


def _nearest(by: Mapping[str, str], tag: str) -> str | None:
    """By the tag itself, by its language, or by the only region of it that is there."""
    same = [text for known, text in by.items() if base(known) == base(tag)]
    return by.get(tag) or by.get(base(tag)) or (same[0] if len(same) == 1 else None)


def _edged(form: str, edges: bool) -> str:
    """A pattern for a form, whatever the spaces in it; a word's letters before or after it make it another word."""
    words = r"\s+".join(map(re.escape, form.split()))
    if not edges:
        return words
    before, after = (r"(?<!\w)" if form[0].isalnum() else "", r"(?!\w)" if form[-1].isalnum() else "")
    return f"{before}{words}{after}"


def _places(text: str, forms: Iterable[str], language: str, *, exact: bool) -> Iterator[tuple[re.Match[str], str]]:
    """Where forms stand in a text, of two that overlap the longer one.

    An exact form with capitals stands only where it is written so: nobody wants every rose to be Rose.
    """
    edges = base(language) not in SPACELESS  # where words have no spaces, a term has no edges
    by = {form.casefold(): form for form in reversed(list(forms))}
    longest = sorted(by.values(), key=len, reverse=True)
    for match in re.finditer("|".join(_edged(form, edges) for form in longest) or r"(?!)", text, re.IGNORECASE):
        here = " ".join(match[0].split())
        form = by.get(here.casefold())
        if form and (not exact or form == form.lower() or form == here):
            yield match, form


def _put(text: str, others: Mapping[str, str], language: str, *, exact: bool = False) -> tuple[str, Counter[str]]:
    """A text with others in the place of forms, and how often each form stood in it."""
    put, last, there = "", 0, Counter[str]()
    for match, form in _places(text, others, language, exact=exact):
        put += text[last : match.start()] + others[form]
        last = match.end()
        there[form] += 1
    return put + text[last:], there
