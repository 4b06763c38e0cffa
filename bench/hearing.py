"""What it gains to hear several windows in one call of Whisper: `python -m bench.hearing --data DIR`.

As many windows of `--seconds` as `--batches` says, cut from recordings, are heard one after the other (`transcribe`)
and together (`transcribe_batch`), in turns (A B B A), on whatever this machine has: a CUDA device if there is one,
else a thread of the CPU. Told are the least seconds of `--rounds` rounds and their ratio: above 1 it gains. Encoding
and decoding are timed apart too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from agent.engines import SoundRequest
from agent.engines.recognise.whisper import BEAM, Whisper
from agent.nouns import SAMPLE_BYTES, SAMPLE_RATE
from tests.sound import pcm_of

BYTES = SAMPLE_RATE * SAMPLE_BYTES


def windows(data: Path, seconds: float, count: int) -> list[SoundRequest]:
    """Cut from English recordings, as often as is needed."""
    entries = json.loads((data / "MANIFEST.json").read_text())
    names = [one["file"] for one in entries if one["language"] == "en" and one.get("transcript")]
    size, found = int(seconds * SAMPLE_RATE) * SAMPLE_BYTES, list[SoundRequest]()
    for name in names:
        pcm = pcm_of(data / name)
        found += [SoundRequest(pcm[at : at + size], "en") for at in range(0, len(pcm) - size, size)]
        if len(found) >= count:
            return found[:count]
    return (found * (count // len(found) + 1))[:count]


async def seconds_of(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def compare(ear: Whisper, asked: Sequence[SoundRequest], rounds: int) -> dict[str, float]:
    async def alone() -> None:
        for one in asked:
            await ear.transcribe(one.pcm, one.language)

    async def together() -> None:
        await ear.transcribe_batch(asked)

    took: dict[str, list[float]] = {"alone": [], "together": []}
    for _ in range(rounds):
        for name, work in (("alone", alone), ("together", together), ("together", together), ("alone", alone)):
            took[name].append(await seconds_of(work))
    return {name: min(times) for name, times in took.items()} | parts(ear, asked, rounds)


def parts(ear: Whisper, asked: Sequence[SoundRequest], rounds: int) -> dict[str, float]:
    """The encoder and the decoder by themselves."""
    model = ear._model
    sounds = [np.frombuffer(one.pcm, np.int16).astype(np.float32) / 32_768.0 for one in asked]
    prompt = model.asked(model.tokenizer("en"))
    each, stacked = [model.encode([one]) for one in sounds], model.encode(sounds)
    seconds = len(sounds[0]) / SAMPLE_RATE
    works: dict[str, Callable[[], Any]] = {
        "encode alone": lambda: [model.encode([one]) for one in sounds],
        "encode together": lambda: model.encode(sounds),
        "decode alone": lambda: [model.decode(one, [prompt], seconds, BEAM) for one in each],
        "decode together": lambda: model.decode(stacked, [prompt] * len(asked), seconds, BEAM),
    }
    return {name: min(_timed(work) for _ in range(rounds)) for name, work in works.items()}


def _timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def table(found: dict[str, dict[str, float]]) -> str:
    rows = []
    for count, took in found.items():
        cells = [took[f"{part}alone"] / took[f"{part}together"] for part in ("", "encode ", "decode ")]
        rows.append(f"| {count} | {took['alone']:.2f} | {' | '.join(f'{ratio:.2f}' for ratio in cells)} |")
    return "\n".join(["| windows | s, one by one | gain | of encoding | of decoding |", "|---|---|---|---|---|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with recordings and their MANIFEST.json")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--batches", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"))
    parser.add_argument("--write", type=Path, default=Path("bench-results/hearing.json"))
    asked = parser.parse_args()
    ear, found = Whisper(asked.model, 1), dict[str, dict[str, float]]()
    for count in asked.batches:
        found[str(count)] = asyncio.run(compare(ear, windows(asked.data, asked.seconds, count), asked.rounds))
    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu, one thread"
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps({"device": device, "window": asked.seconds, "found": found}, indent=1))
    print(f"{device}, windows of {asked.seconds:g} s\n\n{table(found)}")


if __name__ == "__main__":
    main()
