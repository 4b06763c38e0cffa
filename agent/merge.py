"""Clauses of one speaker as one, and its translation shared out over them again; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from .languages import base
from .nouns import SPACELESS, Segment

SENTENCE, CLAUSE = ".!?…。！？", ",;:、，；："
"""Where a text is rather cut."""
PULL = {SENTENCE: 0.5, CLAUSE: 0.25}
"""How far from its place a cut is moved to such an end, in lengths of a part."""


def merged(segments: Sequence[Segment]) -> Segment:
    """Clauses of one speaker as one clause, from the first's beginning to the last's end.

    Its id is all of theirs.
    """
    first = segments[0]
    if len(segments) == 1:
        return first
    between = " " if _spaced(first.language) else ""
    return replace(
        first,
        id="+".join(segment.id for segment in segments),
        text=between.join(segment.text for segment in segments),
        end=segments[-1].end,
        words=tuple(word for segment in segments for word in segment.words),
        speakable=all(segment.speakable for segment in segments),
    )


def shared(text: str, language: str, lengths: Sequence[int]) -> list[str]:
    """A text in as many parts as there are lengths, in their proportion.

    It is cut between words, and rather where a sentence or a clause ends. Nothing is lost: the parts are
    the text. None where it is too short to give each a part.
    """
    text = " ".join(text.split())
    cuts = [at for at in range(1, len(text)) if not _spaced(language) or text[at].isspace()]
    places = [len(text) * until / sum(lengths) for until in accumulate(lengths[:-1])]
    if not text or len(cuts) < len(places):
        return []
    chosen, part = [0], len(text) / len(lengths)
    for after, place in zip(range(len(places) - 1, -1, -1), places, strict=True):
        free = [at for at in cuts if at > chosen[-1]]
        free = free[: len(free) - after]  # a place is left for each cut that follows
        chosen.append(min(free, key=lambda at: abs(at - place) / part - _pull(text[at - 1])))
    return [text[start:end].strip() for start, end in zip(chosen, [*chosen[1:], None], strict=True)]


def _spaced(language: str) -> bool:
    # Khmer spaces phrases, as Whisper's words of it do; a text to be cut has none at most of its words.
    return base(language) not in SPACELESS | {"km"}


def _pull(mark: str) -> float:
    return next((pull for marks, pull in PULL.items() if mark in marks), 0.0)
