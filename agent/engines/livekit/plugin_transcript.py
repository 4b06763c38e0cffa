"""What a plugin that takes streams has heard on one track, as hypotheses and segments of ours."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from livekit.agents import stt
from uuid_utils import uuid7

from ...languages import base
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Hypothesis, Segment, Transcription, Word
from ...words import believable, clause, joined, speakable, without_loops
from .ear import KNOWN, heard, language_of, words_of
from .plugin import Plugin

MOST = 28.0
"""Seconds of unsettled sound that are kept for a stream that is opened again."""


class UnsettledSound:
    """The sound after the last settled word, at most `MOST` seconds of it."""

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._chunks)

    @property
    def end(self) -> float:
        """Where the last chunk ends; there must be one."""
        return self._chunks[-1].end

    def keep(self, chunk: Chunk, settled: float) -> None:
        """Add a chunk, and drop those before it that are settled or too old."""
        self._chunks.append(chunk)
        while len(self._chunks) > 1 and self._chunks[0].end < max(settled, chunk.end - MOST):
            self._chunks.popleft()

    def after(self, settled: float) -> tuple[float, bytes]:
        """When what is not settled begins, and its samples, with silence where nothing was sent."""
        start, pcm = self._chunks[0].start, bytearray()
        for chunk in self._chunks:
            pcm += bytes(max(0, round((chunk.start - start) * SAMPLE_RATE) * SAMPLE_BYTES - len(pcm))) + chunk.pcm
        done = max(0, round((settled - start) * SAMPLE_RATE)) if math.isfinite(settled) else 0
        return start + done / SAMPLE_RATE, bytes(pcm[done * SAMPLE_BYTES :])

    def clear(self) -> None:
        self._chunks.clear()


class PluginTranscript:
    """The words of one track. Those of a final are settled, clause by clause; others may still change.

    `named` puts names right in a text of a language. `speech` is for how many seconds somebody has spoken: what is
    more than anybody says in that time is not believed.
    """

    def __init__(self, plugin: Plugin, track: str, language: str | None, named: Callable[[str, str], str]) -> None:
        self._plugin = plugin
        self._track = track
        self._asked = language
        self._named = named
        self._language = base(language or plugin.offer.languages[0])
        self._interim: tuple[Word, ...] = ()
        self._id, self._rev = str(uuid7()), 0
        self._out: list[Hypothesis | Segment] = []
        self.settled = -math.inf
        """Where the last settled word ends."""

    def hear(self, data: stt.SpeechData, sound: UnsettledSound, speech: float, *, final: bool) -> None:
        """What the plugin says of the sound, on the room's clock."""
        self._language = language_of(data, self._asked, self._plugin)
        start, pcm = sound.after(self.settled)
        words = _between(words_of(data, self._language, pcm, start), self.settled, sound.end)
        if final:
            self._settle(words, speech)
        elif words and words != self._interim and self._believed(words, speech, final=False):
            self._interim, self._rev = words, self._rev + 1
            self._out.append(self._hypothesis(words))

    def settle_interim(self, speech: float) -> None:
        """The last hypothesis is all that will come of it."""
        self._settle(self._interim, speech)

    def take(self) -> Sequence[Hypothesis | Segment]:
        """What is new since it was last asked."""
        said, self._out = self._out, []
        return said

    def _settle(self, words: tuple[Word, ...], speech: float) -> None:
        for said in _clauses(words):
            if self._believed(said, speech):
                self._out.append(self._segment(said))
            self.settled = said[-1].end
            self._id, self._rev = str(uuid7()), 0
        self._interim = ()

    def _heard(self, words: tuple[Word, ...]) -> Transcription:
        return heard(self._plugin.name, words, self._language, KNOWN)

    def _believed(self, words: tuple[Word, ...], speech: float, *, final: bool = True) -> bool:
        return bool(believable(self._heard(words), speech, final=final))

    def _hypothesis(self, words: tuple[Word, ...]) -> Hypothesis:
        return Hypothesis(
            id=self._id,
            rev=self._rev,
            track=self._track,
            language=self._language,
            text=self._named(joined(words, self._language), self._language),
            stable=0,  # a plugin promises nothing of what is not final
            start=words[0].start,
            end=words[-1].end,
            engine=self._plugin.name,
        )

    def _segment(self, words: tuple[Word, ...]) -> Segment:
        return Segment(
            id=self._id,
            rev=self._rev + 1,
            track=self._track,
            language=self._language,
            text=self._named(joined(words, self._language), self._language),
            start=words[0].start,
            end=words[-1].end,
            engine=self._plugin.name,
            words=words,
            speakable=speakable(self._heard(words), words) and without_loops(words) == words,
        )


def _between(words: Sequence[Word], earliest: float, latest: float) -> tuple[Word, ...]:
    """Words whose times are in order and within what was heard."""
    found: list[Word] = []
    for word in words:
        start = min(latest, max(earliest, word.start))
        earliest = start
        found.append(replace(word, start=start, end=min(latest, max(start, word.end))))
    return tuple(found)


def _clauses(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """A final transcript, which may be as long as a turn, as the clauses that it would have come in."""
    begun = 0
    for at in range(1, len(words) + 1):
        if count := clause(words[begun:at], (), words[at - 1].end):
            yield words[begun : begun + count]
            begun += count
    if words[begun:]:
        yield words[begun:]
