"""The eight things that pass through the house, and nothing else.

Times are float seconds on the room's clock, languages are BCP-47 tags. Every
field that holds speech or what was said is ``repr=False``: a transcript cannot
reach a log by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

SAMPLE_RATE = 16_000
"""Hz of every `Chunk`; what speech recognizers are trained on."""

SAMPLE_BYTES = 2
"""Bytes of one mono int16 sample."""

SPACELESS = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages whose words are written without spaces between them; those that Whisper's tokenizer cuts by characters."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of 16 kHz mono int16 PCM from one track, on the room's clock."""

    track: str
    start: float
    pcm: bytes = field(repr=False)

    @property
    def duration(self) -> float:
        """Seconds of sound."""
        return len(self.pcm) / (SAMPLE_RATE * SAMPLE_BYTES)

    @property
    def end(self) -> float:
        """When its last sample was spoken."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class Turn:
    """One voice holding the floor on one track. `voice` is `A`, `B`, or a given name."""

    track: str
    voice: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its times and confidence (0 to 1)."""

    text: str = field(repr=False)
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What we think is being said; replaced whole by the next one of the same id, never patched.

    The first `stable` characters of `text` will not change.
    """

    id: str
    rev: int
    track: str
    language: str
    text: str = field(repr=False)
    stable: int
    start: float
    end: float
    engine: str
    identity: str = ""
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A clause that was said; settled, never changed, only attributed, translated or kept.

    `id` is that of the hypotheses it settles, `rev` is higher than theirs.
    `identity` is the participant, `speaker` a voice within the track (None where there is one).
    """

    id: str
    rev: int
    track: str
    language: str
    text: str = field(repr=False)
    start: float
    end: float
    engine: str
    words: tuple[Word, ...] = field(default=(), repr=False)
    identity: str = ""
    speaker: str | None = None
    speakable: bool = True
    """False where the text is good enough to show but not sure enough to be said aloud."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A segment, or the hypothesis that will become one, in one language.

    `seq` counts the finals of one language from 1; it is None for interims.
    """

    id: str
    rev: int
    seq: int | None
    lang: str
    source: str
    identity: str
    track: str
    speaker: str | None
    text: str = field(repr=False)
    stable: int
    final: bool
    start: float
    end: float
    engine: str
    speakable: bool = True


@dataclass(frozen=True, slots=True)
class Dub:
    """A piece of a caption spoken aloud in its language: mono int16 PCM at `rate` Hz."""

    lang: str
    rate: int
    pcm: bytes = field(repr=False)
    engine: str
    caption: str = ""

    @property
    def duration(self) -> float:
        """Seconds of sound."""
        return len(self.pcm) / (self.rate * SAMPLE_BYTES)


@dataclass(frozen=True, slots=True)
class Record:
    """A segment or translation at rest: sealed, and due to be forgotten.

    `kind` is `source`, `translation` or `redacted`. `said_at` is by the agent's clock: a label, it decides nothing.
    """

    segment: UUID
    kind: str
    lang: str
    rev: int
    speaker: UUID
    key: UUID
    said_at: datetime
    start: float
    end: float
    engine: str
    tags: tuple[str, ...]
    """The kinds of personal data that were found in it; never the data."""
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Transcription:
    """One pass of a window recognizer over a stretch of sound.

    Word times are seconds from the start of the window. `no_speech` is the model's
    probability that nobody spoke; `logprob` the mean log probability of its tokens;
    `compression` the ratio of text to compressed text (above 2.4 it loops, by Whisper's own rule).
    """

    language: str
    language_probability: float
    words: tuple[Word, ...] = field(repr=False)
    no_speech: float
    logprob: float
    compression: float
    engine: str
