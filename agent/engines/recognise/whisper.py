"""Whisper as a recognizer, and as an engine that carries speech into English directly."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from ...errors import EngineError
from ...languages import base
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, SPACELESS, Transcription, Word
from ...settings import Settings
from ...words import believable, rushed
from .. import LoadedDirect, LoadedRecognizer, Served, SoundRequest, Translation
from .whisper_model import LONGEST, PAD, SHORTEST, Model, Sound

MOMENT = 0.1
"""Seconds: in less no word is looked for."""
BEAM, BEAM_FINAL = 3, 5
"""Hypotheses followed. Over the same recordings as a stream, 1 gave an error rate of 0.167 and 3 gave 0.148."""
MOST = 64
"""Windows that are heard in one call on a GPU. On a CPU each has a thread of its own: there two to eight together
gained 1.0 to 1.3 times (base, int8, 4 s), for decoding was twice as quick and encoding a fifth slower; but all then
wait for the last."""
ALIKE = 1.25
"""How many times as long as the shortest the longest may be of windows that a CPU hears together: all are padded
to it."""
WER: Mapping[str, float] = {"en": 0.11, "es": 0.10, "pt": 0.21, "de": 0.22, "fr": 0.31}
"""Word error rate of Whisper base, whole FLEURS sentences, greedy, int8."""


DIRECT = Path(__file__).with_name("direct.json")
"""Written by `python -m bench.direct`."""

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Way:
    """How a kind of processor hears: `types` are the best numbers to compute in, best first.

    `beams` are of interims and of finals; for `most` see `LoadedRecognizer`, for `alike` see `ALIKE`.
    """

    device: str
    types: tuple[str, ...]
    most: int
    alike: float
    beams: tuple[int, int]


CPU = Way("cpu", ("int8",), 1, ALIKE, (BEAM, BEAM_FINAL))
GPU = Way("cuda", ("float16", "int8"), MOST, math.inf, (BEAM_FINAL, BEAM_FINAL))
"""On an H200 float16 was up to 1.4 times as quick as int8. A call costs more than padding does, and of 16 windows a
beam of 5 a fifth more than one of 3: so windows of all lengths, interims and finals, are one call. 95 % of the passes
of 64 speakers then took half as long (`bench/gpu.py`)."""

_loading = threading.Lock()
_loaded: WeakValueDictionary[tuple[Path, int], Whisper] = WeakValueDictionary()
"""A model is in memory once, however many stages ask it."""


def load(settings: Settings) -> Whisper:
    """The model in `DRAGOMAN_WHISPER_MODEL`. Raises `EngineError` where there is none."""
    if not (settings.whisper_model / "model.bin").is_file():
        raise EngineError("engine_failed", f"There is no Whisper model in {settings.whisper_model}.")
    key = (settings.whisper_model.resolve(), settings.threads)
    try:
        with _loading:
            model = _loaded.get(key) or Whisper(settings.whisper_model, settings.threads)
            _loaded[key] = model
            return model
    except (RuntimeError, ValueError, OSError) as error:
        # Whatever CTranslate2 and the tokenizer make of files that are no model.
        raise EngineError("engine_failed", f"There is no usable model in {settings.whisper_model}.") from error


def load_direct(settings: Settings) -> DirectWhisper:
    """The same model as a `Direct`. Raises `EngineError` where there is none, or one for English only."""
    return DirectWhisper(load(settings), json.loads(DIRECT.read_text())["pairs"])


class Whisper(LoadedRecognizer):
    """A `WindowRecognizer`. Stateless; may be asked from several tasks at once, and hears `width` windows at a time.

    A window by itself is a batch of one.
    """

    def __init__(self, folder: Path, threads: int = 2, way: Way | None = None) -> None:
        from ctranslate2 import get_cuda_device_count

        self.name = folder.name
        # Nothing to choose for who starts us.
        self._way = way or (GPU if get_cuda_device_count() else CPU)
        # A second thread makes one pass of base a tenth faster; a second pass beside it doubles what is heard. On a GPU
        # two calls at once wait for each other in Python, and both take twice as long.
        self.width = threads if self._way.device == "cpu" else 1
        self.most = self._way.most
        self._model = Model(folder, self._way.device, self._way.types, self.width)
        self._hands = ThreadPoolExecutor(self.width, thread_name_prefix="whisper")

    def served(self) -> Served:
        """All languages of the model, with the error rate where it was measured."""
        languages = {code: WER.get(code) if self.name == "whisper-base" else None for code in self._model.languages}
        return Served("recognise", self.name, f"Whisper weights are in {self.name}", "MIT", "wer", languages)

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        """See `WindowRecognizer`. Raises `EngineError` `not_served` for a language that Whisper does not know."""
        [heard] = await self.transcribe_batch([SoundRequest(pcm, language, prompt, prefix, final)])
        if isinstance(heard, EngineError):
            raise heard
        return heard

    async def transcribe_batch(self, requests: Sequence[SoundRequest]) -> Sequence[Transcription | EngineError]:
        """See `LoadedRecognizer`: windows about as long as each other are encoded and decoded together."""
        return await self._in_turn(lambda: self._hear(requests))

    async def carry(self, pcm: bytes, source: str) -> Transcription:
        """A clause in English, by the model's own speech translation; its words have no times."""
        code = self._known(source)
        return await self._in_turn(lambda: self._carry(pcm, code))

    @property
    def carries(self) -> Sequence[str]:
        """The languages that the model can translate into English."""
        return [code for code in self._model.languages if code != "en"] if self._model.multilingual else []

    async def _in_turn(self, work: Callable[[], A]) -> A:
        return await asyncio.get_running_loop().run_in_executor(self._hands, work)

    def _known(self, language: str) -> str:
        code = base(language)
        if code not in self._model.languages:
            raise EngineError("not_served", f"Whisper does not know {code}.")
        return code

    def _hear(self, requests: Sequence[SoundRequest]) -> list[Transcription | EngineError]:
        answers: dict[int, Transcription | EngineError] = {}
        windows: list[_Window] = []
        for at, request in enumerate(requests):
            try:
                windows.append(self._window(at, request))
            except EngineError as error:
                answers[at] = error
        for group in _alike(windows, self._way.alike):
            answers |= zip((window.at for window in group), self._hear_together(group), strict=True)
        return [answers[at] for at in range(len(requests))]

    def _window(self, at: int, request: SoundRequest) -> _Window:
        return _Window(
            at=at,
            samples=_samples(request.pcm),
            language=self._known(request.language) if request.language else None,
            before=self._model.tokens(request.prompt),
            prefix=request.prefix,
            known=len(self._model.tokens(request.prefix)),
            beam=self._way.beams[request.final],
        )

    def _hear_together(self, windows: Sequence[_Window]) -> list[Transcription]:
        """Windows that are about as long as each other, with as much said before them; their prefixes may differ."""
        encoded = self._model.encode([window.samples for window in windows])
        spoken = self._languages_of(windows, encoded)
        tokenizers = {language: self._model.tokenizer(language) for language, _ in spoken}
        asked = [
            self._model.asked(tokenizers[code], window.before, window.prefix)
            for window, (code, _) in zip(windows, spoken, strict=True)
        ]
        results = self._model.decode(encoded, asked, max(window.seconds for window in windows), windows[0].beam)
        aligned = self._aligned(windows, tokenizers, [code for code, _ in spoken], encoded, results)
        return [
            self._told(window, tokenizers[code], probability, result, pieces)
            for window, (code, probability), result, pieces in zip(windows, spoken, results, aligned, strict=True)
        ]

    def _languages_of(self, windows: Sequence[_Window], encoded: Any) -> list[tuple[str, float]]:
        """The language of each, and how sure that is."""
        if all(window.language for window in windows):
            return [(window.language or "", 1.0) for window in windows]
        found = self._model.detected(encoded)
        return [(one.language, 1.0) if one.language else other for one, other in zip(windows, found, strict=True)]

    def _aligned(
        self,
        windows: Sequence[_Window],
        tokenizers: Mapping[str, Any],
        languages: Sequence[str],
        encoded: Any,
        results: Sequence[Any],
    ) -> list[Sequence[Mapping[str, Any]]]:
        """The words of each window, those of its prefix among them; none where nothing comes after the prefix."""
        aligned: list[Sequence[Mapping[str, Any]]] = [()] * len(windows)
        texts = [
            _text(tokenizers[code], result, window)
            for window, code, result in zip(windows, languages, results, strict=True)
        ]
        seconds = [max(MOMENT, window.seconds) for window in windows]
        for code, tokenizer in tokenizers.items():
            said = [text if language == code else [] for text, language in zip(texts, languages, strict=True)]
            found = self._model.align(tokenizer, said, encoded, seconds)
            aligned = [pieces or before for pieces, before in zip(found, aligned, strict=True)]
        return aligned

    def _told(
        self, window: _Window, tokenizer: Any, probability: float, result: Any, aligned: Sequence[Mapping[str, Any]]
    ) -> Transcription:
        tokens: list[int] = result.sequences_ids[0]
        return Transcription(
            language=tokenizer.language_code,
            language_probability=probability,
            words=_after(aligned, window.known, window.seconds, tokenizer.language_code),
            no_speech=float(result.no_speech_prob),
            # The mean over the tokens that were chosen, the end among them: those of the prefix come back too, at no
            # loss.
            logprob=float(result.scores[0]) * (len(tokens) + 1) / max(1, len(tokens) + 1 - window.known),
            compression=_compression(tokenizer.decode(tokens[window.known :])),
            engine=self.name,
        )

    def _carry(self, pcm: bytes, source: str) -> Transcription:
        samples = _samples(pcm)
        seconds = len(samples) / SAMPLE_RATE
        tokenizer = self._model.tokenizer(source, "translate")
        asked = [self._model.asked(tokenizer)]
        [result] = self._model.decode(self._model.encode([samples]), asked, seconds, BEAM_FINAL)
        text = tokenizer.decode(result.sequences_ids[0]).strip()
        return Transcription(
            language="en",
            language_probability=1.0,
            words=tuple(Word(word, 0.0, seconds, 1.0) for word in text.split()),
            no_speech=float(result.no_speech_prob),
            logprob=float(result.scores[0]),
            compression=_compression(text),
            engine=self.name,
        )


@dataclass(frozen=True, slots=True)
class _Window:
    """A request of a batch, and where it stands in it."""

    at: int
    samples: Sound = field(repr=False)
    language: str | None
    before: Sequence[int] = field(repr=False)
    """The prompt's tokens."""
    prefix: str = field(repr=False)
    known: int
    """Tokens of the prefix."""
    beam: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def kind(self) -> tuple[int, int]:
        """What must be the same in windows that are heard together.

        CTranslate2 wants one beam, and as many tokens of a prompt before each window.
        """
        return self.beam, len(self.before)


class DirectWhisper(LoadedDirect):
    """A `Direct`: Whisper was trained to translate speech in any of its languages into English text, and only that.

    What it makes passes the same bar as a transcript does (`policy.believable`): nothing is told where there probably
    was no speech, where it is less sure than a final has to be, or where there is more text than anybody says in the
    time; and a text ends where it begins to repeat itself.
    """

    def __init__(self, model: Whisper, measured: Mapping[str, Mapping[str, float | None]]) -> None:
        if not model.carries:
            raise EngineError("not_served", f"{model.name} knows English only.")
        self._model = model
        self._pairs = {f"{code}>en": (measured.get(f"{code}>en") or {}).get("direct") for code in model.carries}
        found = {pair: one.get("cascade") for pair, one in measured.items()}
        self._cascade = {pair: figure for pair, figure in found.items() if figure is not None}
        if model.name != "whisper-base":
            self._pairs, self._cascade = dict.fromkeys(self._pairs), {}

    def served(self) -> Served:
        """Every language into English, with chrF where it was measured on speech."""
        why = f"{self._model.name} translates speech into English itself, for languages whose text nothing translates"
        return Served("direct", self._model.name, why, "MIT", "chrf", self._pairs, cascade=self._cascade)

    async def pairs(self) -> Mapping[str, float | None]:
        return self._pairs

    async def carry(self, pcm: bytes, source: str, target: str) -> Translation | None:
        """See `Direct`."""
        if f"{source.split('-', maxsplit=1)[0]}>{target.split('-', maxsplit=1)[0]}" not in self._pairs:
            raise EngineError("not_served", f"Whisper does not carry {source} into {target}.")
        heard = await self._model.carry(pcm, source)
        seconds = len(pcm) / (SAMPLE_RATE * SAMPLE_BYTES)
        words = believable(heard, seconds)
        if not words or rushed(words, (), seconds):
            return None
        return Translation(" ".join(word.text for word in words), f"direct:{heard.engine}")


def _samples(pcm: bytes) -> Sound:
    """The last `LONGEST` seconds, from -1 to 1."""
    samples: Sound = np.frombuffer(pcm, np.int16)[-int(LONGEST * SAMPLE_RATE) :].astype(np.float32)
    return samples / 32_768.0


def _alike(windows: Iterable[_Window], ratio: float) -> list[list[_Window]]:
    """Groups that are decoded in the same way, and whose longest is at most so many times as long as the shortest."""
    groups: list[list[_Window]] = []
    for window in sorted(windows, key=lambda window: (window.kind, window.seconds)):
        first = groups[-1][0] if groups else None
        if first and first.kind == window.kind and window.seconds <= max(SHORTEST / PAD, first.seconds) * ratio:
            groups[-1].append(window)
        else:
            groups.append([window])
    return groups


def _text(tokenizer: Any, result: Any, window: _Window) -> list[int]:
    """The tokens to be aligned: none where no word comes after the prefix, or the window is too short for one."""
    text = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
    return text if len(text) > window.known and window.seconds >= MOMENT else []


def _after(aligned: Sequence[Mapping[str, Any]], known: int, seconds: float, language: str) -> tuple[Word, ...]:
    """The words after the first `known` tokens, which are the prefix."""
    pieces: list[Mapping[str, Any]] = []
    for piece in aligned:
        if known <= 0:
            pieces.append(piece)
        known -= len(piece["tokens"])
    return _as_words(pieces, seconds, spaced=language not in SPACELESS)


def _as_words(aligned: Sequence[Mapping[str, Any]], seconds: float, spaced: bool) -> tuple[Word, ...]:
    """Aligned pieces as words: what does not begin with a space belongs to the word before it."""
    words: list[Word] = []
    for piece in aligned:
        text = str(piece["word"])
        start, end = (min(seconds, float(piece[name])) for name in ("start", "end"))
        letters = any(map(str.isalnum, text))
        if words and not text.startswith(" ") and (spaced or not letters):
            last = words[-1]
            words[-1] = Word(last.text + text, last.start, max(last.end, end) if letters else last.end, last.confidence)
        elif text.strip():
            words.append(Word(text.strip(), start, max(start, end), float(piece["probability"])))
    return tuple(words)


def _compression(text: str) -> float:
    from faster_whisper.transcribe import get_compression_ratio

    return float(get_compression_ratio(text)) if text.strip() else 0.0
