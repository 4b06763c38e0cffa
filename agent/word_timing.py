"""A transcript that came without times, as words: pure functions over text and its sound."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from .languages import base
from .nouns import SAMPLE_RATE, SPACELESS, Word
from .words import folded

FRAME = SAMPLE_RATE // 100
"""Samples of a frame: 10 ms."""
SOFT = 20.0
"""dB that a softly spoken word may be below the loudest."""
GAP = 0.15
"""Seconds: a shorter silence is inside a word."""
MARKS = ".,;:!?…。、，！？；：—–)"
HESITATION = 0.15
"""What a pause after a word without a mark costs, beside the squares of deviating seconds."""
UNTOLD = 0.55
"""The confidence of words whose engine tells none: enough to be said aloud, and no more. It is below
`policy.Alignment.sure`, so that such words are committed where two passes say the same, and not by the first guess."""


def tokens(text: str, language: str) -> list[str]:
    """The words of a text, marks of punctuation at the word before them."""
    found: list[str] = []
    for part in text.split():
        for piece in list(part) if base(language) in SPACELESS else [part]:
            if found and not folded(piece):
                found[-1] += piece
            else:
                found.append(piece)
    return found


def timed(text: str, language: str, pcm: bytes, confidence: float = UNTOLD) -> tuple[Word, ...]:
    """Words with times, found by where the sound pauses and how many letters each word has.

    `pcm` is 16 kHz mono int16; times are seconds from its start. Over 182 words in ten recordings that Whisper base
    aligned, half begin within 0.2 s of its times and nine in ten within 0.8 s.
    """
    said, stretches = tokens(text, language), _stretches(pcm)
    words: list[Word] = []
    for count, (start, end) in zip(_shared(said, stretches), stretches, strict=True):
        mine = said[len(words) : len(words) + count]
        edges = start + (end - start) * np.cumsum([0.0, *map(_length, mine)]) / max(1.0, sum(map(_length, mine)))
        words += [Word(*one, confidence) for one in zip(mine, edges.tolist(), edges[1:].tolist(), strict=False)]
    return tuple(words)


def after(words: Sequence[Word], known: str, language: str) -> tuple[Word, ...]:
    """The words that follow `known`, which was heard again, perhaps a little differently.

    Where the two part is where their edit distance is least (Levenshtein, over words, a
    substitution costing as much as the two differ).
    """
    row = [float(at) for at in range(len(words) + 1)]
    heard = [folded(word.text) for word in words]
    for expected in map(folded, tokens(known, language)):
        before, row = row, [row[0] + 1.0]
        for at, found in enumerate(heard):
            row.append(min(before[at + 1] + 1.0, row[at] + 1.0, before[at] + _difference(expected, found)))
    least = min(row)
    return tuple(words[max(at for at, distance in enumerate(row) if distance <= least + 1e-9) :])


def compression(text: str) -> float:
    """How often a text repeats itself, as Whisper measures it."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0


def _difference(one: str, other: str) -> float:
    return 0.0 if one == other else 1.0 - SequenceMatcher(None, one, other, autojunk=False).ratio() / 2


def _length(token: str) -> float:
    """How long a word is, in letters."""
    return len(folded(token)) + 1.0


def _stretches(pcm: bytes) -> list[tuple[float, float]]:
    """When somebody speaks, in seconds: what is louder, in dB, than the middle between background and speech."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], np.int16).astype(np.float64)
    frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
    level = np.convolve(20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) + 1), np.ones(3) / 3, mode="same")
    quiet, speech = np.percentile(level, [5, 98])
    loud = np.flatnonzero(level > min((quiet + speech) / 2, speech - SOFT))
    if not loud.size:
        return [(0.0, len(samples) / SAMPLE_RATE)]
    breaks = np.flatnonzero(np.diff(loud) > GAP * SAMPLE_RATE / FRAME)
    starts, ends = loud[[0, *(breaks + 1)]], loud[[*breaks, -1]] + 1
    last = len(samples) / SAMPLE_RATE
    return [(float(start) / 100, min(last, float(end) / 100)) for start, end in zip(starts, ends, strict=True)]


def _shared(said: Sequence[str], stretches: Sequence[tuple[float, float]]) -> list[int]:
    """How many words fall in each stretch, so that all are spoken about equally fast and pauses are where marks are."""
    passed = np.cumsum([0.0, *map(_length, said)])
    lasts = [end - start for start, end in stretches]
    pace = sum(lasts) / max(1.0, float(passed[-1]))
    # A pause inside a sentence is a hesitation: it happens, and a mark is the likelier place.
    unlikely = np.array([0.0, *(0.0 if word[-1] in MARKS else HESITATION for word in said)])
    best, choices = np.where(np.arange(len(passed)) == 0, 0.0, np.inf), []
    for last in lasts:
        # cost[i, j]: words i to j are spoken in this stretch
        letters = passed[None, :] - passed[:, None]
        cost = (letters * pace - last) ** 2 / (last + 0.1) + np.where(letters < 0, np.inf, 0.0)
        total = best[:, None] + cost
        choices.append(total.argmin(axis=0))
        best = total.min(axis=0) + unlikely
    at, shares = len(said), []
    for choice in reversed(choices):
        shares.append(at - int(choice[at]))
        at = int(choice[at])
    return shares[::-1]
