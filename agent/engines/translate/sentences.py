"""A clause made fit for an engine that wants whole sentences, and its translation made fit for the clause."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from ...text import plain, sentences

ENDS = ".!?…"
"""What ends a sentence."""
HANGS = ",;:–—-"
"""What a clause may end with that goes on."""
CLOSES = "\"'»”’)]"

LETTERS = 400
"""Characters of a sentence, beyond which it is cut between words: what people say has 60 to 200."""

_FILLERS = re.compile(r"(?<![\w'-])(?:u+m+|u+h+|e+r+m*|h+m+|m+hm+)(?![\w'-])[,.…]*\s*", re.IGNORECASE)
_LOOPS = re.compile(r"([^\w\s])(?:\s*\1){3,}|\b(\w+)(?:\s+\2\b){3,}")
_QUOTES = str.maketrans("“”„‘’‚", '"""\'\'' + "'")
_SPACE_BEFORE = re.compile(r"\s+([,.])(?=\s|$)")


def whole(text: str, language: str) -> str:
    """A spoken clause as written sentences: plain, English fillers left out, and a full stop at its end.

    Without an end, rule-based engines take the last word for something else and neural ones ramble on.
    """
    # Curly quotes are rare in what small models were trained on: with them they lose words.
    text = plain(text).translate(_QUOTES)
    if language == "en":
        text = _FILLERS.sub("", text).strip() or text
    body = text.rstrip(HANGS + " ")
    return body if not body or _ended(body) else body + "."


def parts(text: str, language: str) -> list[str]:
    """The sentences of a spoken text that hold a letter or a digit, none longer than `LETTERS`: a model's fare."""
    cut = (textwrap.wrap(sentence, LETTERS, break_on_hyphens=False) for sentence in sentences(whole(text, language)))
    return [part for some in cut for part in some if any(map(str.isalnum, part))]


def fitted(made: str, said: str, target: str) -> str:
    """The translation of `whole(said)` with the ending and the first capital that `said` has."""
    made, said = _SPACE_BEFORE.sub(r"\1", plain(made)), plain(said)
    if not _LOOPS.search(said):
        made = _LOOPS.sub(r"\1\2", made)
    if not _ended(said):
        made = made.rstrip(".")
        made += said[len(said.rstrip(HANGS + " ")) :].rstrip() if made else ""
    return _inverted(_capital(made, said), target)


def _ended(text: str) -> bool:
    return text.rstrip(CLOSES + " ")[-1:] in tuple(ENDS)


def _capital(made: str, said: str) -> str:
    first = next((at for at, letter in enumerate(made) if letter.isalnum()), None)
    theirs = next((letter for letter in said if letter.isalnum()), "")
    if first is None or not theirs.isalpha():
        return made
    if theirs.isupper():
        return made[:first] + made[first].upper() + made[first + 1 :]
    # An acronym keeps its capitals; what the engine began as a sentence does not.
    if theirs.islower() and made[first].isupper() and not made[first + 1 : first + 2].isupper():
        return made[:first] + made[first].lower() + made[first + 1 :]
    return made


def _inverted(made: str, target: str) -> str:
    """Spanish opens a question and a shout; no other language here does."""
    if target != "es":
        return made.replace("¿", "").replace("¡", "")
    return " ".join(_opened(sentence) for sentence in sentences(made))


def _opened(sentence: str) -> str:
    core = sentence.rstrip(CLOSES)
    for end, start in (("?", "¿"), ("!", "¡")):
        if core.endswith(end) and start not in sentence:
            lead = re.match(r"[\"'«“‘(\s]*", sentence)
            at = lead.end() if lead else 0
            return sentence[:at] + start + sentence[at:]
    return sentence


def one_text(parts: Sequence[str]) -> str:
    """Sentences as one text again."""
    return " ".join(part for part in parts if part)
