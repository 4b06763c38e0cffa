"""When each word of a recording was committed, counted from when it had been said.

A timeline is what anybody's recognizer told: seconds, and all text that it had committed by then. The words
of its last entry are laid against the reference (fewest edits); those that are right have a latency, from the
end of the word in the recording to the first entry that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from agent.nouns import SAMPLE_RATE

Timeline = Sequence[tuple[float, str]]


def plain(text: str) -> str:
    """Text as it is scored: lower case, no punctuation, single spaces."""
    return " ".join(re.sub(r"[^\w\s']", " ", text.lower()).split())


def committed_at(timeline: Timeline) -> list[float]:
    """For each word of the last entry, when the first entry came that held it and all words before it."""
    final = plain(timeline[-1][1]).split() if timeline else []
    times: list[float] = []
    for at, text in timeline:
        shown = plain(text).split()
        while len(times) < min(len(shown), len(final)) and shown[: len(times) + 1] == final[: len(times) + 1]:
            times.append(at)
    return times


def latencies(timeline: Timeline, ends: Sequence[tuple[str, float]]) -> list[float]:
    """Seconds from the end of each reference word (`ends`: the word, when it ended) to its being committed."""
    if not timeline or not ends or not plain(timeline[-1][1]):
        return []
    times = committed_at(timeline)
    return [times[heard] - ends[said][1] for said, heard in _same([word for word, _ in ends], timeline[-1][1])]


def _same(reference: Sequence[str], text: str) -> Iterator[tuple[int, int]]:
    """Which word of the reference is which word of the text."""
    for part in jiwer.process_words(" ".join(reference), plain(text)).alignments[0]:
        if part.type == "equal":
            yield from zip(
                range(part.ref_start_idx, part.ref_end_idx), range(part.hyp_start_idx, part.hyp_end_idx), strict=True
            )


def word_ends(folder: Path, pcm: bytes, transcript: str, language: str) -> list[tuple[str, float]]:
    """Each word of the transcript, and the second at which it ends, as the Whisper model in `folder` aligns them.

    Of recordings of at most 30 s; nothing of longer ones. The alignment of the whole transcript over the whole
    sound is nobody's hypothesis, so it favours no policy.
    """
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

    samples = np.frombuffer(pcm, np.int16).astype(np.float32) / 32_768.0
    if len(samples) > 30 * SAMPLE_RATE or not plain(transcript):
        return []
    model: Any = _models.get(folder) or _models.setdefault(folder, WhisperModel(str(folder), compute_type="int8"))
    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)
    words = plain(transcript).split()
    encoded = model.encode(model.feature_extractor(samples)[:, :3_000])
    frames = int(len(samples) / SAMPLE_RATE * 100)
    [pieces] = model.find_alignment(tokenizer, [tokenizer.encode(" " + " ".join(words))], encoded, frames)
    return list(_whole(words, pieces))


def _whole(words: Sequence[str], pieces: Sequence[Any]) -> Iterator[tuple[str, float]]:
    """Aligned pieces as the words that they are pieces of."""
    rest = iter(pieces)
    for word in words:
        text, end = "", 0.0
        while len(text) < len(word) and (piece := next(rest, None)) is not None:
            text, end = text + piece["word"].strip(), float(piece["end"])
        yield word, end


_models: dict[Path, Any] = {}
