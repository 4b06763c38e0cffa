"""What a streaming recognizer decides: pure objects over words and probabilities, without I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from ..nouns import Word
from ..words import folded

OLD = 5.0
"""Seconds after which a word is committed as it was last heard, whether or not two passes agree."""


class Policy(Protocol):
    """Whether a word that was just heard will not change any more."""

    def __call__(self, before: Word | None, now: Word, until: float) -> bool:
        """`before` is what the last pass heard in its place; `until` (seconds) where the sound is still too fresh."""
        ...


def local_agreement(before: Word | None, now: Word, until: float) -> bool:
    """Two passes in a row say the same (LocalAgreement-2).

    Liu et al. 2020 (Interspeech, "Low-latency sequence-to-sequence speech recognition and
    translation by partial hypothesis selection"); for Whisper: Macháček et al. 2023
    (arXiv 2307.14743).
    """
    return before is not None and now.end <= until and folded(before.text) == folded(now.text)


@dataclass(frozen=True, slots=True)
class Alignment:
    """The model's own alignment ends the word safely before the end of the sound, and the model is sure of it.

    One pass is enough for such a word; of one that it is less sure of, two have to say the same. After AlignAtt
    (Papi et al. 2023, arXiv 2305.11408; for Whisper: Wang et al. 2024, arXiv 2406.10052), which
    stops decoding where attention reaches the end of the sound.
    """

    sure: float = 0.6
    """Confidence from which one pass is enough. Lower, and words come sooner and more of them are wrong."""

    def __call__(self, before: Word | None, now: Word, until: float) -> bool:
        return now.end <= until and (now.confidence >= self.sure or local_agreement(before, now, until))


class Commitment:
    """What is committed of what is being said, and the tail that isn't.

    `committed` only grows, until its front is settled.
    """

    def __init__(self, policy: Policy) -> None:
        self.committed: tuple[Word, ...] = ()
        self.tail: tuple[Word, ...] = ()
        self._policy = policy

    def hear(self, words: Sequence[Word], until: float = math.inf, old: float = -math.inf) -> None:
        """A pass over what follows the committed words.

        No word that ends after `until` is committed; one that ends before `old` is, whatever the policy says.
        """
        count = 0
        for before, now in zip_longest(self.tail, words):
            if now is None or not (now.end < old or self._policy(before, now, until)):
                break
            count += 1
        self.committed += tuple(words[:count])
        self.tail = tuple(words[count:])

    def take(self, count: int) -> tuple[Word, ...]:
        """Settle the first `count` committed words."""
        taken, self.committed = self.committed[:count], self.committed[count:]
        return taken

    def leave(self) -> tuple[Word, ...]:
        """Forget everything. Answers what was committed."""
        left, self.committed, self.tail = self.committed, (), ()
        return left

    def take_all(self) -> tuple[Word, ...]:
        """Settle everything, the tail too: nothing more will be heard."""
        taken, self.committed, self.tail = (*self.committed, *self.tail), (), ()
        return taken
