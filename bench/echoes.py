"""What the guard against words heard twice is worth: `python -m bench.echoes --data DIR [--languages en,de]`.

Every recording of one speaker in DIR (see tests/data/speech/README.md for what its MANIFEST.json holds) is streamed
through the recognizer twice, with `words.without_echoes` and without it. Prints the word error rates of the recordings
whose text differs, of each language and of all of them. A passage that people say twice must not get worse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jiwer

from agent import words
from agent.engines import WindowRecognizer
from agent.engines.recognise import whisper
from agent.nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Segment
from agent.recognition.streaming import Streaming
from agent.settings import Settings
from bench.committed import plain
from tests.sound import pcm_of

SECOND = SAMPLE_RATE * SAMPLE_BYTES
CHUNK = 0.3
"""Seconds of sound pushed at a time, about as much as comes during a pass."""
SHORTEST = 2.0
"""Seconds of a recording below which nothing can be said twice."""
ARMS = {"with": words.without_echoes, "without": lambda heard, known, voiced: tuple(heard)}


async def heard(ear: WindowRecognizer, pcm: bytes, language: str) -> str:
    """What is settled of a recording with a second of silence before it and two after it."""
    stream = Streaming(ear).listen("t", language)
    pcm = bytes(SECOND) + pcm + bytes(2 * SECOND)
    step = int(CHUNK * SAMPLE_RATE) * SAMPLE_BYTES
    said: list[str] = []
    for at in range(0, len(pcm), step):
        told = await stream.push(Chunk("t", at / SECOND, pcm[at : at + step]))
        said += [one.text for one in told if isinstance(one, Segment)]
    return plain(" ".join([*said, *(one.text for one in await stream.finish())]))


async def measured(data: Path, chosen: Sequence[str]) -> None:
    ear = whisper.load(Settings())
    references: defaultdict[str, list[str]] = defaultdict(list)
    found: dict[str, defaultdict[str, list[str]]] = {arm: defaultdict(list) for arm in ARMS}
    for about in json.loads((data / "MANIFEST.json").read_text()):
        if not wanted(about, chosen):
            continue
        pcm, reference = pcm_of(data / about["file"]), plain(about["transcript"])
        language, texts = about["language"], dict[str, str]()
        for arm, guard in ARMS.items():
            with patch.object(words, "without_echoes", guard):
                texts[arm] = await heard(ear, pcm, language)
            found[arm][language].append(texts[arm])
        references[language].append(reference)
        if len(set(texts.values())) > 1:
            print(about["file"], {arm: round(jiwer.wer(reference, text), 3) for arm, text in texts.items()}, flush=True)
    for language in references:
        print(rates(language, [language], references, found))
    print(rates("all", list(references), references, found))


def rates(
    name: str,
    languages: Sequence[str],
    references: Mapping[str, Sequence[str]],
    found: Mapping[str, Mapping[str, Sequence[str]]],
) -> str:
    """The word error rate of each arm over all recordings of these languages."""
    reference = [text for language in languages for text in references[language]]
    texts = {arm: [text for language in languages for text in by[language]] for arm, by in found.items()}
    errors = {arm: round(jiwer.wer(reference, said), 4) for arm, said in texts.items()}
    return f"{name}: {len(reference)} recordings, {errors}"


def wanted(about: dict[str, Any], chosen: Sequence[str]) -> bool:
    spoken = about.get("speakers") == 1 and about.get("transcript") and about["seconds"] >= SHORTEST
    return bool(spoken) and (not chosen or about["language"] in chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--languages", default="", help="comma-separated; all where it is empty")
    given = parser.parse_args()
    asyncio.run(measured(given.data, [each for each in given.languages.split(",") if each]))


if __name__ == "__main__":
    main()
