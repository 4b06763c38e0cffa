"""Measures every voice here on sentences of recordings' transcripts, and has Whisper write down what it hears.

    python -m bench.voices --data DIR [--engines espeak,piper] [--languages en,es]

- *first sound*: from the asking to the first piece, of a program that runs; median and the slowest tenth;
- *factor*: seconds of work a second of sound;
- *WER*: of what Whisper (`DRAGOMAN_WHISPER_MODEL`) makes of the voice against the text. Whisper makes errors
  of its own: only voices heard by the same model compare;
- *loudness*: LUFS of all the sound, mean and how far sentences differ.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import re
import time
from contextlib import aclosing
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

import av
import jiwer
import numpy as np

from agent.engines.table import load
from agent.errors import EngineError
from agent.loudness import loudness
from agent.nouns import SAMPLE_RATE
from agent.settings import read
from agent.text import sentences

WORDS = (5, 25)
"""Words of a sentence that is taken."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of recordings with a MANIFEST.json")
    parser.add_argument("--languages", default="en,es,fr,de,pt")
    parser.add_argument("--sentences", type=int, default=12)
    parser.add_argument("--engines", default="espeak,piper,coqui")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    rows = asyncio.run(measure(asked))
    print(table(rows))
    if asked.write:
        asked.write.write_text(json.dumps({"machine": platform.processor(), "rows": rows}, indent=2) + "\n")


async def measure(asked: argparse.Namespace) -> list[dict[str, Any]]:
    settings = read()
    ear, rows = load("recognise", "whisper", settings), []
    for name in asked.engines.split(","):
        try:
            voice = load("speak", name, settings)
        except (ImportError, EngineError) as error:
            print(f"{name}: {error}")
            continue
        for language in asked.languages.split(","):
            if language in voice.served().languages:
                rows.append(await _row(ear, voice, language, texts(asked.data, language, asked.sentences)))
        await voice.close()
    return rows


def texts(folder: Path, language: str, count: int) -> list[str]:
    """The first sentences of the recordings in that language that have no digits, which one may read in two ways."""
    found = [
        sentence
        for entry in json.loads((folder / "MANIFEST.json").read_text())
        if entry["language"] == language
        for sentence in sentences(entry.get("transcript") or "")
        if WORDS[0] <= len(sentence.split()) <= WORDS[1] and not re.search(r"\d", sentence)
    ]
    return [*dict.fromkeys(found)][:count]


async def _row(ear: Any, voice: Any, language: str, said: list[str]) -> dict[str, Any]:
    await uttered(voice, said[0], language)
    firsts, work, sound, levels, heard = [], 0.0, 0.0, [], []
    for text in said:
        first, took, pcm, rate, engine = await uttered(voice, text, language)
        firsts.append(first)
        work, sound = work + took, sound + len(pcm) / rate
        levels.append(loudness(pcm, rate))
        found = await ear.transcribe(at_16k(pcm, rate), language, final=True)
        heard.append(_plain(" ".join(word.text for word in found.words)))
    return {
        "engine": engine,
        "language": language,
        "sentences": len(said),
        "first_ms": round(median(firsts) * 1000),
        "first_ms_p90": round(float(np.quantile(firsts, 0.9)) * 1000),
        "factor": round(work / sound, 3),
        "wer": round(jiwer.wer([_plain(text) for text in said], heard), 3),
        "lufs": round(mean(levels), 1),
        "lufs_sd": round(pstdev(levels), 2),
    }


async def uttered(voice: Any, text: str, language: str) -> tuple[float, float, Any, int, str]:
    begun, first, pieces, rate, engine = time.perf_counter(), 0.0, [], SAMPLE_RATE, ""
    async with aclosing(voice.speak(text, language, None)) as dubs:
        async for dub in dubs:
            first = first or time.perf_counter() - begun
            pieces.append(dub.pcm)
            rate, engine = dub.rate, dub.engine
    return first, time.perf_counter() - begun, np.frombuffer(b"".join(pieces), np.int16), rate, engine


def at_16k(pcm: Any, rate: int) -> bytes:
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    made = [*resampler.resample(frame), *resampler.resample(None)]
    return b"".join(bytes(one.planes[0])[: one.samples * 2] for one in made)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s']", " ", text.lower()).split())


def table(rows: list[dict[str, Any]]) -> str:
    """In Markdown."""
    head = ["engine", "language", "sentences", "first sound, median", "p90", "factor", "WER", "LUFS ± sd"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        first, p90 = f"{row['first_ms']} ms", f"{row['first_ms_p90']} ms"
        level = f"{row['lufs']} ± {row['lufs_sd']}"
        cells = [row["engine"], row["language"], row["sentences"], first, p90, row["factor"], row["wer"], level]
        lines.append([str(cell) for cell in cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
