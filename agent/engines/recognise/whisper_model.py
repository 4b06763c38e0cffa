"""A Whisper model on CTranslate2 (faster-whisper): windows encoded, decoded and aligned together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...nouns import SAMPLE_RATE

LONGEST = 30.0
"""Seconds: what Whisper was trained on; it hears no more at once."""
SHORTEST = 2.0
"""Seconds: shorter windows are padded to this."""
PAD, PAD_MOST = 2.0, 6.0
"""A window is padded with silence to this many times its length, by at most so many seconds. Word error rate of base
over 44 whole recordings, beam of 5: 0.132 at twice their length, 0.137 with 6 s more, 0.158 with 4 s more;
unpadded it makes twice the errors, and padded to 30 s no fewer at four times the cost."""
TAIL = 0.05
"""Seconds of silence after which a spectrogram shows nothing but silence: half of its frame is 0.0125 s."""
FRAMES = 100
"""Spectrogram frames a second."""
HOP = SAMPLE_RATE // FRAMES
"""Samples from one to the next."""
TOKENS = 9
"""Tokens a second at most; who speaks faster is a loop of the decoder's."""

Sound = np.ndarray[Any, Any]
"""Samples from -1 to 1, at most `LONGEST` seconds."""


class Model:
    """The model and its tokenizer. Each call blocks its thread; `at_once` threads may call.

    It computes in the first of `types` that the device knows.
    """

    def __init__(self, folder: Path, device: str, types: Sequence[str], at_once: int) -> None:
        from ctranslate2 import get_supported_compute_types
        from faster_whisper import WhisperModel
        from faster_whisper.transcribe import get_suppressed_tokens

        known = get_supported_compute_types(device)
        self._whisper = WhisperModel(
            str(folder),
            device=device,
            compute_type=next((kind for kind in types if kind in known), "default"),
            cpu_threads=1,
            num_workers=at_once,
        )
        self.languages: Sequence[str] = self._whisper.supported_languages
        self.multilingual: bool = self._whisper.model.is_multilingual
        self.compute_type: str = self._whisper.model.compute_type
        self._suppressed = get_suppressed_tokens(self.tokenizer("en"), [-1])

    def tokenizer(self, language: str, task: str = "transcribe") -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._whisper.hf_tokenizer, self.multilingual, task=task, language=language)

    def tokens(self, text: str) -> list[int]:
        """Of a text, in whatever language."""
        if not text:
            return []
        found: list[int] = self._whisper.hf_tokenizer.encode(" " + text.strip(), add_special_tokens=False).ids
        return found

    def asked(self, tokenizer: Any, before: Sequence[int] = (), prefix: str = "") -> list[int]:
        """What the decoder goes on from: tokens said before the window, and what its first words are known to be."""
        asked: list[int] = self._whisper.get_prompt(
            tokenizer, [*before], without_timestamps=True, prefix=prefix or None
        )
        return asked

    def features(self, samples: Sound, seconds: float) -> Sound:
        """The spectrogram of a window, padded as one of so many seconds is."""
        length = min(LONGEST, max(SHORTEST, min(seconds * PAD, seconds + PAD_MOST)))
        frames = int(length * SAMPLE_RATE) // HOP
        silence = np.zeros(min(int(TAIL * SAMPLE_RATE), max(0, frames * HOP - len(samples))), np.float32)
        features: Sound = self._whisper.feature_extractor(np.concatenate([samples, silence]), padding=0)
        # Silence after silence looks the same, and is not computed.
        return np.pad(features, ((0, 0), (0, max(0, frames - features.shape[1]))), "edge")[:, : int(LONGEST * FRAMES)]

    def encode(self, windows: Sequence[Sound]) -> Any:
        """What the encoder makes of windows, each padded as the longest is."""
        longest = max(map(len, windows)) / SAMPLE_RATE
        return self._whisper.encode(np.stack([self.features(samples, longest) for samples in windows]))

    def detected(self, encoded: Any) -> list[tuple[str, float]]:
        """The language of each window, and how probable it is."""
        return [(best[0][0][2:-2], float(best[0][1])) for best in self._whisper.model.detect_language(encoded)]

    def decode(self, encoded: Any, asked: Sequence[Sequence[int]], seconds: float, beam: int) -> Sequence[Any]:
        """CTranslate2's result for each window, of which the longest has so many seconds.

        `asked` are as long as each other before their prefixes.
        """
        results: Sequence[Any] = self._whisper.model.generate(
            encoded,
            [*asked],
            beam_size=beam,
            max_length=min(448, max(map(len, asked)) + int(seconds * TOKENS) + 6),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
        )
        return results

    def align(
        self, tokenizer: Any, texts: Sequence[list[int]], encoded: Any, seconds: Sequence[float]
    ) -> list[Sequence[Mapping[str, Any]]]:
        """The words of each window's tokens, with their times: words of nothing where there are no tokens.

        A call takes one language, the tokenizer's.
        """
        if not any(texts):
            return [()] * len(texts)
        # A window without a text takes part all the same; what is aligned for it is thrown away.
        stand_in = self.tokens("a")
        found = self._whisper.find_alignment(
            tokenizer, [text or stand_in for text in texts], encoded, [int(one * FRAMES) for one in seconds]
        )
        return [pieces if text else () for pieces, text in zip(found, texts, strict=True)]
