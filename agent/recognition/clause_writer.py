"""What a track's recognition says: the words of one clause after the other, as hypotheses and segments."""

from __future__ import annotations

from collections.abc import Sequence

from uuid_utils import uuid7

from ..nouns import Hypothesis, Segment, Transcription, Word
from ..words import joined, speakable
from .commit import Commitment

HEARD_AFTER = 0.1
"""Seconds after the last speech at which a word may still end."""


class ClauseWriter:
    """Gives each clause its id, and each state of it a revision; what was written waits for `taken`."""

    def __init__(self, track: str) -> None:
        self._track = track
        self._out: list[Hypothesis | Segment] = []
        self._begin()

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._out)

    def taken(self) -> list[Hypothesis | Segment]:
        """What was written since the last time."""
        taken, self._out = self._out, []
        return taken

    def hypothesis(self, words: Commitment, language: str, voiced_until: float, heard: Transcription | None) -> bool:
        """What is being said as known now; False where there is no word yet. `heard` is the last pass."""
        every = [*words.committed, *words.tail]
        if not (text := joined(every, language)):
            return False
        self._rev += 1
        start = every[0].start
        self._out.append(
            Hypothesis(
                id=self._id,
                rev=self._rev,
                track=self._track,
                language=language,
                text=text,
                stable=len(joined(words.committed, language)),
                start=start,
                end=max(start, voiced_until),
                engine=heard.engine if heard else "",
            )
        )
        return True

    def segment(self, words: Sequence[Word], language: str, voiced_until: float, heard: Transcription | None) -> None:
        """A clause is over; the next one begins."""
        self._out.append(
            Segment(
                id=self._id,
                rev=self._rev + 1,
                track=self._track,
                language=language,
                text=joined(words, language),
                start=words[0].start,
                end=max(words[0].start, min(words[-1].end, voiced_until + HEARD_AFTER)),
                engine=heard.engine if heard else "",
                words=tuple(words),
                speakable=heard is None or speakable(heard, words),
            )
        )
        self._begin()

    def _begin(self) -> None:
        self._id = str(uuid7())
        self._rev = 0
