"""Text in general: one line of it, its sentences, and as much of it as fits."""

from __future__ import annotations

import re
import textwrap
import unicodedata

_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060\ufeff]")
# A stop that is followed by a capital, a digit or a mark that opens; not after one letter (J. Smith) or a short title.
_BOUNDARY = re.compile(
    r"(?<=[.!?…])(?<!\b\w\.)(?<!\b(?:Mr|Ms|Dr|Sr|St|vs)\.)(?<!\b(?:Mrs|Sra|Dra|etc)\.)"
    r"[\"'»”’)]*\s+(?=[\"'«“‘(¿¡]*[^\W_])"
)


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
