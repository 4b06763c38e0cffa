"""A clause made fit for an engine that wants whole sentences, and its translation made fit for the clause."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence

ENDS = ".!?…"
"""What ends a sentence."""
HANGS = ",;:–—-"
"""What a clause may end with that goes on."""
CLOSES = "\"'»”’)]"

LETTERS = 400
"""Characters of a sentence, beyond which it is cut between words: what people say has 60 to 200."""

_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060\ufeff]")
# A stop that is followed by a capital, a digit or a mark that opens; not after one letter (J. Smith) or a short title.
_BOUNDARY = re.compile(
    r"(?<=[.!?…])(?<!\b\w\.)(?<!\b(?:Mr|Ms|Dr|Sr|St|vs)\.)(?<!\b(?:Mrs|Sra|Dra|etc)\.)"
    r"[\"'»”’)]*\s+(?=[\"'«“‘(¿¡]*[^\W_])"
)
_FILLERS = re.compile(r"(?<![\w'-])(?:u+m+|u+h+|e+r+m*|h+m+|m+hm+)(?![\w'-])[,.…]*\s*", re.IGNORECASE)
_LOOPS = re.compile(r"([^\w\s])(?:\s*\1){3,}|\b(\w+)(?:\s+\2\b){3,}")
_QUOTES = str.maketrans("“”„‘’‚", '"""\'\'' + "'")
_SPACE_BEFORE = re.compile(r"\s+([,.])(?=\s|$)")


def plain(text: str) -> str:
    """One line in Unicode's composed form, without invisible characters or doubled spaces."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text).replace("\u200d", ""))).strip()


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, each with its punctuation."""
    found, at = [], 0
    for gap in _BOUNDARY.finditer(text):
        found.append(text[at : gap.end()].strip())
        at = gap.end()
    return [sentence for sentence in [*found, text[at:].strip()] if sentence]


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


def shortened(text: str, limit: int) -> list[str]:
    """A text as texts of at most `limit` characters, cut between sentences; one that is longer, between words."""
    if len(text) <= limit:
        return [text]
    pieces = [piece for one in sentences(plain(text)) for piece in textwrap.wrap(one, limit, break_on_hyphens=False)]
    made = pieces[:1]
    for piece in pieces[1:]:
        if len(made[-1]) + 1 + len(piece) <= limit:
            made[-1] += f" {piece}"
        else:
            made.append(piece)
    return made


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


def joined(parts: Sequence[str]) -> str:
    """Sentences as one text again."""
    return " ".join(part for part in parts if part)
