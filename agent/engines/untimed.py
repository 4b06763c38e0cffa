"""A transcript that came without times, as words: pure functions over text and its sound."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from ..nouns import SAMPLE_RATE, Word
from .policy import plain

SPACELESS = {"zh", "ja", "th", "lo", "my", "yue"}
"""Languages written without spaces between words: here every letter is a word."""
FRAME = SAMPLE_RATE // 100
"""Samples of a frame: 10 ms."""
QUIET = -30.0
"""dB below the loudest frame: what is under it is a pause. Background in meetings lies 35 dB and more below speech."""
UNTOLD = 0.6
"""The confidence of words whose engine tells none: enough to be said aloud, and no more."""


def tokens(text: str, language: str) -> list[str]:
    """The words of a text, marks of punctuation at the word before them."""
    found: list[str] = []
    for part in text.split():
        for piece in list(part) if language.split("-", maxsplit=1)[0] in SPACELESS else [part]:
            if found and not plain(piece):
                found[-1] += piece
            else:
                found.append(piece)
    return found


def timed(text: str, language: str, pcm: bytes, confidence: float = UNTOLD) -> tuple[Word, ...]:
    """Words with times: each lasts as its letters do, and while nobody speaks no time passes.

    `pcm` is 16 kHz mono int16; times are seconds from its start. Over forty recordings whose words Whisper
    aligned, half of the words so timed begin within 0.1 s of its times.
    """
    said = tokens(text, language)
    lengths = [len(plain(token)) + 1.0 for token in said]
    ends = np.cumsum(lengths) / max(1.0, sum(lengths))
    spoken = _spoken(pcm)
    # At a pause a word ends before it and the next one begins after it.
    stops = np.searchsorted(spoken, ends - 1e-9, side="left") + 1
    starts = np.searchsorted(spoken, np.concatenate([[0.0], ends[:-1]]) + 1e-9, side="right")
    last = len(pcm) / 2 / SAMPLE_RATE
    words = []
    for token, start, stop in zip(said, starts, stops, strict=True):
        begin = min(last, float(start) / 100)
        words.append(Word(token, begin, max(begin, min(last, float(stop) / 100)), confidence))
    return tuple(words)


def after(words: Sequence[Word], known: str, language: str) -> tuple[Word, ...]:
    """The words that follow `known`, which was heard again, perhaps a little differently.

    Where the two part is where their edit distance is least (Levenshtein, over words, a
    substitution costing as much as the two differ).
    """
    row = [float(at) for at in range(len(words) + 1)]
    heard = [plain(word.text) for word in words]
    for expected in map(plain, tokens(known, language)):
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


def _spoken(pcm: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Of every frame, what share of the speech has passed at its end."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], np.int16).astype(np.float64)
    frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
    level = np.sqrt(np.mean(frames**2, axis=1))
    loud = level > max(1.0, level.max(initial=0.0) * 10 ** (QUIET / 20))
    passed = np.cumsum(loud if loud.any() else np.ones(len(level)))
    share: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = passed / max(1.0, float(passed[-1:].sum()))
    return share
