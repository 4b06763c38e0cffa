"""What we ask of engines.

A new engine is one file in the folder of its stage, one line in `table.TABLE` and the contract
tests in ``tests/engines``, which ask every engine the same questions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ..errors import EngineError
from ..nouns import Chunk, Dub, Hypothesis, Segment, Transcription, Turn

A = TypeVar("A")


class Recognition(Protocol):
    """One track being listened to. Holds all the state there is."""

    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        """Hear more; say what changed. Raises `EngineError`; the audio pushed is not lost by it."""
        ...

    async def finish(self) -> Sequence[Segment]:
        """Settle what was heard: the track was muted, lost, or its speaker left."""
        ...


class Recognizer(Protocol):
    """A loaded model, shared by every track in the process."""

    def listen(self, track: str, language: str | None) -> Recognition:
        """Begin to listen. `language` None means: find out, and follow a change."""
        ...


class WindowRecognizer(Protocol):
    """A model that hears a whole window at once, without state (Whisper is one)."""

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        """Recognise 16 kHz mono int16 `pcm`, at most 30 s.

        `prompt` is what was said before the window, `prefix` what its first words are known to
        be: the answer's words begin after it. A `final` pass is never dropped for
        being late; others may be answered `EngineError('overloaded')`.
        """
        ...


@dataclass(frozen=True, slots=True)
class SoundRequest:
    """What `WindowRecognizer.transcribe` is asked for, as a value: several of them make a batch."""

    pcm: bytes = field(repr=False)
    language: str | None
    prompt: str = field(default="", repr=False)
    prefix: str = field(default="", repr=False)
    final: bool = False


class VoiceActivityDetector(Protocol):
    """Tells speech from everything else, on one track. Holds the state of that track."""

    def speech(self, frame: bytes) -> float:
        """Probability that this frame (512 samples, 32 ms) holds speech."""
        ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Translation:
    """A text in another language, and what made it (`bergamot`, `bergamot+apertium`, …)."""

    text: str = field(repr=False)
    engine: str


class Translator(Protocol):
    """Text into several languages at once."""

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """Every target that is served; a target that isn't is absent. Raises `EngineError`.

        `context` is the clauses before this one, oldest first, in the source language.
        """
        ...


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What `Translator.translate` is asked for, as a value: several of them make a batch."""

    text: str = field(repr=False)
    source: str
    targets: tuple[str, ...]
    context: tuple[str, ...] = field(default=(), repr=False)


class Direct(Protocol):
    """Speech in one language as text of another, with no transcript between."""

    async def pairs(self) -> Container[str]:
        """The pairs `source>target` that are better carried so than by text. Raises `EngineError`."""
        ...

    async def carry(self, pcm: bytes, source: str, target: str) -> Translation | None:
        """A clause of 16 kHz mono int16 `pcm`, at most 30 s, in `target`; None where nothing could be made out.

        Raises `EngineError`, `not_served` for a pair that it doesn't know.
        """
        ...


class Voice(Protocol):
    """Text aloud."""

    def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """Pieces of at most 200 ms as they are made. `speed` is 1.0 to 1.25.

        `voice` is any stable name of the speaker, of which the engine makes a distinct stock voice where it
        has several. Names before it, parted by blanks, are of those who have their voices already, in the
        order in which they got them: see `stock_voices.assign`. Raises `EngineError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Consent:
    """The record of an opt-in: who, for which meeting, when (Unix seconds). It ends with the meeting."""

    identity: str
    meeting: str
    given: float


@dataclass(frozen=True, slots=True)
class Reference:
    """Sound of somebody who wants to be spoken for in a voice like their own: 16 kHz mono int16, from 3 s up.

    It is held in memory until the answer was given, and written nowhere.
    """

    pcm: bytes = field(repr=False)
    consent: Consent


class Likeness(Protocol):
    """What a `Voice` has that can speak like somebody."""

    async def alike(self) -> Container[str]:
        """The languages in which it can. Raises `EngineError`."""
        ...

    def speak_as(self, text: str, language: str, reference: Reference, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """As `Voice.speak`. Raises `EngineError`: `no_consent` where the record of it says nothing, `not_served`
        where it speaks like nobody in this language.
        """
        ...


class Diarization(Protocol):
    """One track whose voices are told apart."""

    async def push(self, chunk: Chunk) -> Sequence[Turn]: ...


class Diarizer(Protocol):
    """Tells the voices on one track apart."""

    def follow(self, track: str) -> Diarization: ...


@dataclass(frozen=True, slots=True)
class Served:
    """What one stage can do here.

    `languages` maps a tag (for translation `source>target`) to a measured figure in `measure`
    (`wer`, `chrf`) or None where nobody measured it; `route` the engines behind a pair.
    """

    stage: str
    engine: str
    why: str
    licence: str
    measure: str
    languages: Mapping[str, float | None]
    route: Mapping[str, str] = field(default_factory=dict)
    cascade: Mapping[str, float] = field(default_factory=dict)
    """Of a direct engine's pairs: what the same sound gave by recognition and translation."""
    alike: Sequence[str] = ()
    """Of a voice's languages: those in which it can speak like somebody."""
    loading: bool = False
    """Whether it isn't known yet what it can do: ask again."""
    leaves: Mapping[str, str] = field(default_factory=dict)
    """Of its engines: those that hand on what they are given to a host elsewhere, and to which."""


class Engine(Protocol):
    """What the engine service loads, of whatever stage. Who inherits this has what it says."""

    width: int | None = None
    """Calls that it takes at a time; None where its stage knows better."""
    most: int = 1
    """Requests that are worth asking for in one call; with 1 it is asked one by one."""

    def served(self) -> Served:
        """What it can do here."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        return None


class LoadedRecognizer(Engine, WindowRecognizer, Protocol):
    """An ear of the engine service. It may hear the windows of several rooms in one call of its model."""

    async def transcribe_batch(self, requests: Sequence[SoundRequest]) -> Sequence[Transcription | EngineError]:
        """An answer to each request, in their order, as `transcribe` gives it or the error that it would raise."""
        calls = (
            self.transcribe(one.pcm, one.language, one.prompt, prefix=one.prefix, final=one.final) for one in requests
        )
        return [await answered(call) for call in calls]


class LoadedDirect(Engine, Direct, Protocol):
    """What carries speech directly in the engine service."""


class LoadedTranslator(Engine, Translator, Protocol):
    """A translator of the engine service. It may take the texts of several rooms in one call of its model."""

    async def translate_batch(
        self, requests: Sequence[TextRequest]
    ) -> Sequence[Mapping[str, Translation] | EngineError]:
        """An answer to each request, in their order, as `translate` gives it or the error that it would raise.

        What fails for one request fails for it alone. Raises `EngineError` where all of them failed by one cause.
        """
        return [await answered(self.translate(one.text, one.source, one.targets, one.context)) for one in requests]


class LoadedVoice(Engine, Voice, Likeness, Protocol):
    """A voice of the engine service; one that speaks like somebody overrides the last two."""

    async def alike(self) -> Container[str]:
        return self.served().alike

    async def speak_as(
        self, text: str, language: str, reference: Reference, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        raise EngineError("not_served", "The voice here speaks like nobody.")
        yield  # it is a generator, as `speak` is


async def answered(asked: Awaitable[A]) -> A | EngineError:
    """The answer, or the `EngineError` that was raised instead."""
    try:
        return await asked
    except EngineError as error:
        return error
