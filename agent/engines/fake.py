"""A deterministic twin of each contract: small engines that really work, on tones instead of speech.

A spoken word is a tone of 320 ms whose loudness says which word it is, so sound made by
`spell` is heard as the same words by `FakeRecognizer`, whatever the window.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import numpy as np

from ..errors import EngineError
from ..languages import base
from ..nouns import SAMPLE_RATE, Chunk, Dub, Transcription, Turn, Word
from ..settings import Settings
from . import LoadedDirect, LoadedRecognizer, LoadedTranslator, LoadedVoice, Reference, Served, Translation

WORD = 5_120
"""Samples of a spoken word: 320 ms, ten frames of the gate."""
VOCABULARY = (
    "zero", "one", "two", "three", "four.", "five", "six", "seven", "eight,", "nine", "ten", "eleven."
)  # fmt: skip
LOUDEST = 24_000
QUIETEST = 2_000
LANGUAGES = ("en", "es", "fr", "de", "pt")


def load_ear(settings: Settings) -> FakeRecognizer:
    return FakeRecognizer()


def load_direct(settings: Settings) -> FakeDirect:
    return FakeDirect()


def load_translator(settings: Settings) -> FakeTranslator:
    return FakeTranslator()


def load_voice(settings: Settings) -> FakeVoice:
    return FakeVoice()


def spell(*words: str) -> bytes:
    """The sound of words of the `VOCABULARY`; an empty word is silence of the same length."""
    return b"".join(_tone(word) for word in words)


def _loudness(word: str) -> int:
    return QUIETEST + VOCABULARY.index(word) * (LOUDEST - QUIETEST) // (len(VOCABULARY) - 1)


def _tone(word: str) -> bytes:
    if not word:
        return bytes(WORD * 2)
    wave = np.sin(np.arange(WORD) * 2 * math.pi * 200 / SAMPLE_RATE)
    return (wave * _loudness(word)).astype(np.int16).tobytes()


class FakeDetector:
    """A `VoiceActivityDetector` that takes whatever is not silent for speech."""

    def speech(self, frame: bytes) -> float:
        return 1.0 if np.abs(np.frombuffer(frame, np.int16)).max(initial=0) > 500 else 0.0

    def reset(self) -> None:
        return None


class FakeRecognizer(LoadedRecognizer):
    """A `WindowRecognizer` that hears words made by `spell`, and of a word that was cut at least half to hear it."""

    def __init__(self, language: str = "en") -> None:
        self._language = language

    def served(self) -> Served:
        return Served("recognise", "fake", "asked for by name", "Apache-2.0", "wer", dict.fromkeys(LANGUAGES, 0.0))

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        known = base(language or self._language)
        if known not in LANGUAGES:
            raise EngineError("not_served", f"It does not hear {known}.")
        words = _words(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)))[len(prefix.split()) :]
        return Transcription(
            language=known,
            language_probability=0.95,
            words=words,
            no_speech=0.0 if words else 0.9,
            logprob=-0.1,
            compression=1.0,
            engine="fake",
        )


class FakeDirect(LoadedDirect):
    """A `Direct` that carries what `spell` made from Japanese into English."""

    PAIRS: Mapping[str, float | None] = {"ja>en": 40.0}

    def served(self) -> Served:
        return Served("direct", "fake", "asked for by name", "Apache-2.0", "chrf", self.PAIRS)

    async def pairs(self) -> Mapping[str, float | None]:
        return self.PAIRS

    async def carry(self, pcm: bytes, source: str, target: str) -> Translation | None:
        if f"{source.split('-', maxsplit=1)[0]}>{target.split('-', maxsplit=1)[0]}" not in self.PAIRS:
            raise EngineError("not_served", f"It does not carry {source} into {target}.")
        words = _words(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)))
        return Translation(" ".join(word.text for word in words), "direct:fake") if words else None


def _words(level: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> tuple[Word, ...]:
    step = SAMPLE_RATE // 100
    peaks = [int(level[at : at + step].max(initial=0)) for at in range(0, len(level), step)]
    spoken = [
        min(range(len(VOCABULARY)), key=lambda i: abs(_loudness(VOCABULARY[i]) - p)) if p > 500 else None for p in peaks
    ]
    words, at = [], 0
    while at < len(spoken):
        end = at
        while end < len(spoken) and spoken[end] == spoken[at] and end - at < WORD // step:
            end += 1
        if (which := spoken[at]) is not None and end - at > WORD // step // 2:
            words.append(Word(VOCABULARY[which], at / 100, end / 100, 1.0))
        at = end
    return tuple(words)


class FakeTranslator(LoadedTranslator):
    """A `Translator` that puts the language before the text; it knows five languages."""

    def served(self) -> Served:
        pairs = {f"{a}>{b}": None for a in LANGUAGES for b in LANGUAGES if a != b}
        return Served(
            "translate", "fake", "asked for by name", "Apache-2.0", "chrf", pairs, dict.fromkeys(pairs, "fake")
        )

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        known = [target for target in targets if base(target) in LANGUAGES]
        return {target: Translation(f"[{target}] {text}", "fake") for target in known}


class FakeVoice(LoadedVoice):
    """A `Voice` that hums: 60 ms a character at a pitch that is the language's own, or somebody's (`Likeness`)."""

    RATE = 16_000

    def served(self) -> Served:
        why = "asked for by name"
        return Served("speak", "fake", why, "Apache-2.0", "", dict.fromkeys(LANGUAGES), alike=(*LANGUAGES,))

    async def alike(self) -> Sequence[str]:
        return LANGUAGES

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        primary = base(language)
        if primary not in LANGUAGES:
            raise EngineError("not_served", "It hums in five languages.")
        for dub in self._hummed(text, language, 300 + 100 * LANGUAGES.index(primary), speed):
            yield dub

    async def speak_as(
        self, text: str, language: str, reference: Reference, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        if not (reference.consent.identity and reference.consent.meeting and reference.consent.given):
            raise EngineError("no_consent", "It hums like nobody who does not want it.")
        if base(language) not in LANGUAGES:
            raise EngineError("not_served", "It hums in five languages.")
        for dub in self._hummed(text, language, pitch(reference.pcm), speed):
            yield dub

    def _hummed(self, text: str, language: str, pitch: float, speed: float) -> Iterator[Dub]:
        wave = hum(pitch, len(text) * 0.06 / speed)
        for at in range(0, len(wave), self.RATE // 5 * 2):
            yield Dub(language, self.RATE, wave[at : at + self.RATE // 5 * 2], "fake")


def hum(pitch: float, seconds: float = 1.0) -> bytes:
    """A hum of so many Hz, 16 kHz mono int16."""
    wave = np.sin(np.arange(int(seconds * SAMPLE_RATE)) * 2 * math.pi * pitch / SAMPLE_RATE)
    return (wave * 8_000).astype(np.int16).tobytes()


def pitch(pcm: bytes) -> float:
    """How high a hum of 16 kHz mono int16 is, in Hz."""
    wave = np.frombuffer(pcm, np.int16)
    return float(np.count_nonzero((wave[:-1] < 0) & (wave[1:] >= 0)) * SAMPLE_RATE / len(wave))


class FakeDiarizer:
    """A `Diarizer` for which loud sound is voice A and quiet sound voice B."""

    def follow(self, track: str) -> FakeDiarizer:
        return self

    async def push(self, chunk: Chunk) -> Sequence[Turn]:
        peak = np.abs(np.frombuffer(chunk.pcm, np.int16)).max(initial=0)
        return [Turn(chunk.track, "A" if peak > 12_000 else "B", chunk.start, chunk.end)] if peak > 500 else []
