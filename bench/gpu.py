"""A GPU under many speakers, in many languages: `python -m bench.gpu --device cuda --write gpu.json`.

- *hearing*: Whisper `base` with its real weights. What it is asked are passes of our own stream over the recordings of
  `--data` (`--passes` keeps them, for a machine that has no decoder of sound). As many passes as there are speakers
  are heard in calls of as many as the engine takes, and one by one, in turns (A B B A); words that come out otherwise
  are counted. Then every speaker asks for a pass a second, whether or not the last one is answered, of the very stage
  that the engine service has before its engine; the same with a call for each window.
- *shapes*: larger Whispers, true in shape, with random weights: compute only. They never end by themselves, so each
  pass is as long as its sound allows, longer than speech is.
- *translation*: the shape of NLLB-200 600M with random weights, answers of `--out` tokens: compute only. A clause of
  every speaker into all languages in one call, and in a call a language; then every speaker says a clause each
  `EVERY` seconds, asked of the service's stage.

A *step* runs from asked to answered, in milliseconds; goals are on its 95 %.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import math
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from agent.engines import SoundRequest, TextRequest
from agent.engines.recognise.whisper import Whisper
from agent.engines.service.adapters import TOGETHER
from agent.engines.service.stage import Adapter, Figures, Stage
from agent.engines.translate.batch_translation import beam
from agent.engines.translate.nllb import Nllb
from agent.errors import EngineError
from agent.nouns import Transcription
from bench import passes
from tests.models import nllb, whisper
from tests.models.transformer import Shape

NLLB, WORDS = Shape(size=1_024, heads=16, layers=12, inner=4_096, positions=1_024), 256_206
TARGETS = ("es", "fr", "de", "pt", "ja", "zh", "ar", "nb", "fa", "ps")
DEADLINE = 60.0
"""Seconds that a call may take for each of its requests."""
EVERY = 3.0
"""Seconds from clause to clause of a speaker: the median clause of our own stream lasts as long."""
IN_ROOM = 4
"""Speakers of a room."""
STEP, CLAUSE = 350.0, 200.0
"""Milliseconds that 95 % of the steps may take at most: of a pass, and of a clause in all languages."""

LENGTHS = (2.0, 4.0, 6.0)
"""Seconds to which windows are cut that are to be heard as each alone."""

Ask = Callable[[Any, str, bool], Awaitable[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True, help="what must be there")
    parser.add_argument("--speakers", type=int, default=64)
    parser.add_argument("--languages", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="of a crowd; a third where it is only held against")
    parser.add_argument("--rounds", type=int, default=3, help="of A B B A")
    parser.add_argument("--only", default="hearing,shapes,translation")
    parser.add_argument("--shapes", default="small,medium,large-v3-turbo,large-v3")
    parser.add_argument("--out", type=int, default=20, help="tokens of each translation")
    parser.add_argument("--small", action="store_true", help="the smallest models there are: whether it runs, no more")
    parser.add_argument("--data", type=Path, default=Path("tests/data/speech"))
    parser.add_argument("--passes", type=Path, help="is read where it is there, else written")
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"))
    parser.add_argument("--built", type=Path, help="a folder where random models are kept")
    parser.add_argument("--write", type=Path, default=Path("bench-results/gpu.json"))
    asked = parser.parse_args()
    if (ctranslate2.get_cuda_device_count() > 0) != (asked.device == "cuda"):
        parser.error(f"This machine {'has a' if asked.device == 'cpu' else 'has no'} CUDA device.")
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(measured(asked, asked.built or Path(folder)))
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps(told, indent=1) + "\n")
    print(f"\n{table(told)}")


async def measured(asked: argparse.Namespace, built: Path) -> dict[str, Any]:
    told: dict[str, Any] = {
        "command": f"python -m bench.gpu {' '.join(sys.argv[1:])}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(asked.device),
        "rows": [],
    }
    for part in asked.only.split(","):
        async for row in {"hearing": hearing, "shapes": shapes, "translation": translation}[part](asked, built):
            told["rows"].append(row)
            print(json.dumps(row), flush=True)
    return told


def machine(device: str) -> dict[str, str]:
    found = {"processor": platform.machine(), "ctranslate2": ctranslate2.__version__}
    if device == "cuda" and (query := shutil.which("nvidia-smi")):
        command = [query, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        found["card"] = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    return found


# Recognition


async def hearing(asked: argparse.Namespace, built: Path) -> AsyncIterator[dict[str, Any]]:
    """The real model: what a call of several gains, whether it hears the same, and how long a crowd waits."""
    ear = loaded(asked.model)
    asks = await asked_of(ear, asked)
    yield await together_and_alone(ear, passes.spread(asks, asked.speakers), asked.rounds)
    for seconds in LENGTHS:
        yield await of_one_length(ear, asks, seconds)
    yield await crowd_heard(ear, asks, asked, asked.seconds, several=True)
    yield await crowd_heard(ear, asks, asked, asked.seconds / 3, several=False)


async def shapes(asked: argparse.Namespace, built: Path) -> AsyncIterator[dict[str, Any]]:
    """Models as large as those that need a GPU; only their time means anything."""
    for name in ("smallest",) if asked.small else asked.shapes.split(","):
        folder = built / name
        if not (folder / "model.bin").is_file():
            whisper.build(folder, whisper.KINDS[name], asked.model)
        ear = loaded(folder)
        yield await crowd_heard(ear, await asked_of(ear, asked), asked, asked.seconds / 3, several=True)


def loaded(folder: Path) -> Whisper:
    begun = time.perf_counter()
    ear = Whisper(folder)
    print(f"{ear.name}: {ear._model.compute_type}, loaded in {time.perf_counter() - begun:.1f} s", flush=True)
    return ear


async def asked_of(ear: Whisper, asked: argparse.Namespace) -> passes.Passes:
    if asked.passes and asked.passes.is_file():
        return passes.read(asked.passes)
    found = await passes.recorded(asked.data, ear)
    if asked.passes:
        passes.write(found, asked.passes)
    return found


async def together_and_alone(ear: Whisper, windows: Sequence[SoundRequest], rounds: int) -> dict[str, Any]:
    """The same windows in calls of several and one by one."""
    most = max(ear.most, 2)

    async def together() -> list[Transcription]:
        calls = [await ear.transcribe_batch(windows[at : at + most]) for at in range(0, len(windows), most)]
        return [heard for call in calls for heard in call if isinstance(heard, Transcription)]

    async def alone() -> list[Transcription]:
        return [
            await ear.transcribe(one.pcm, one.language, one.prompt, prefix=one.prefix, final=one.final)
            for one in windows
        ]

    same = compared(await together(), await alone())
    found = {"part": "hearing", **named(ear), "windows": len(windows), "in a call": most}
    found |= await abba(together, alone, rounds)
    return found | same


async def of_one_length(ear: Whisper, asks: passes.Passes, seconds: float) -> dict[str, Any]:
    """The last seconds of all passes that are as long, in one call and one by one."""
    size = int(seconds * passes.BYTES)
    windows = [SoundRequest(one.pcm[-size:], one.language) for some in asks for one in some if len(one.pcm) >= size]
    together = [heard for heard in await ear.transcribe_batch(windows) if isinstance(heard, Transcription)]
    alone = [await ear.transcribe(one.pcm, one.language) for one in windows]
    return {"part": "one length", **named(ear), "s": seconds, "windows": len(windows)} | compared(together, alone)


def compared(together: Sequence[Transcription], alone: Sequence[Transcription]) -> dict[str, int]:
    """How many words there are, and how many come out otherwise."""
    other = sum(differing(a, b) for a, b in zip(together, alone, strict=True))
    return {"words": sum(len(heard.words) for heard in alone), "other words": other}


def named(ear: Whisper) -> dict[str, Any]:
    return {"model": ear.name, "type": ear._model.compute_type}


def differing(a: Transcription, b: Transcription) -> int:
    """Words of one that are not in the other."""
    one, other = ([word.text for word in heard.words] for heard in (a, b))
    matches = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in matches if kind != "equal")


async def crowd_heard(
    ear: Whisper, asks: passes.Passes, asked: argparse.Namespace, seconds: float, *, several: bool
) -> dict[str, Any]:
    """Every speaker asks for a pass a second; of one recording all passes in their order, again and again."""
    figures = Figures()
    async with running(Stage("recognise", lambda: ear, Windows(asks, several), figures)) as ask:
        took = await crowd(ask, partial(one_of, asks), asked.speakers, int(seconds), 1.0)
    windows = [passes.seconds(one) for some in asks for one in some]
    found = {"part": "crowd", **named(ear), "speakers": asked.speakers, "several": several}
    found |= {"window s": round(statistics.median(windows), 1)} | steps(took, STEP) | calls(figures, "recognise")
    return found


class Windows(Adapter[SoundRequest, Transcription]):
    """Asks for passes, in one call or one after the other."""

    def __init__(self, asks: passes.Passes, several: bool) -> None:
        self.together = TOGETHER if several else None
        self._asks = asks

    async def warm(self, engine: Whisper) -> None:
        await engine.transcribe_batch(passes.spread(self._asks, engine.most))

    def deadline(self, request: SoundRequest) -> float:
        return DEADLINE

    async def ask(self, engine: Whisper, request: SoundRequest) -> Transcription:
        return await engine.transcribe(
            request.pcm, request.language, request.prompt, prefix=request.prefix, final=request.final
        )

    async def ask_batch(
        self, engine: Whisper, requests: Sequence[SoundRequest]
    ) -> Sequence[Transcription | EngineError]:
        return await engine.transcribe_batch(requests)


def one_of(asks: passes.Passes, speaker: int, number: int) -> SoundRequest:
    some = asks[speaker % len(asks)]
    return some[number % len(some)]


# Translation


async def translation(asked: argparse.Namespace, built: Path) -> AsyncIterator[dict[str, Any]]:
    """All languages of all speakers' clauses."""
    folder = built / "nllb"
    if not (folder / "model.bin").is_file():
        nllb.build(folder) if asked.small else nllb.build(folder, shape=NLLB, words=WORDS)
    engine = Nllb(folder, 2, ["en", *TARGETS])
    fixed = Fixed(engine._model, asked.out)
    engine._model = fixed
    said = clauses(asked.speakers, TARGETS[: asked.languages])
    found = await at_once(engine, said, asked.rounds) | {"tokens": fixed.read}
    yield {"part": "translation", **found, "unlike": await unlike(engine, said[:8])}
    yield await crowd_translated(engine, asked)


class Fixed:
    """A model whose answers are all equally long, since random weights never end one."""

    def __init__(self, model: Any, out: int) -> None:
        self.device = model.device
        self.compute_type = model.compute_type
        self.read = 0.0
        """Tokens of a source of the last call, on average."""
        self._model = model
        self._out = out

    def translate_batch(self, sources: Sequence[Sequence[str]], **how: Any) -> Any:
        self.read = round(statistics.mean(map(len, sources)), 1)
        length = {"min_decoding_length": self._out, "max_decoding_length": self._out}
        return self._model.translate_batch(sources, **how | length)


def clauses(count: int, targets: Sequence[str], seed: int = 1) -> list[TextRequest]:
    """Clauses that all differ, of words that the smallest tokenizer was taught."""
    words = [word.strip(".,;?") for text in nllb.SENTENCES for word in text.split()]
    said = np.random.default_rng(seed)
    return [TextRequest(" ".join(said.choice(words, 10)), "en", tuple(targets)) for _ in range(count)]


async def at_once(engine: Nllb, said: Sequence[TextRequest], rounds: int) -> dict[str, Any]:
    """One call for all, and a call for each language."""
    took: list[float] = []

    async def together() -> None:
        begun = time.perf_counter()
        answered(await engine.translate_batch(said))
        took.append((time.perf_counter() - begun) * 1_000)

    async def apart() -> None:
        for target in said[0].targets:
            answered(await engine.translate_batch([TextRequest(one.text, one.source, (target,)) for one in said]))

    await together()
    took.clear()
    model, languages = engine._model, len(said[0].targets)
    found = {"model": "nllb-200-600m", "type": model.compute_type, "clauses": len(said), "languages": languages}
    found["beams"] = [beam(model, len(said) * languages), beam(model, len(said))]
    found |= await abba(together, apart, rounds)
    for _ in range(20):
        await together()
    return found | steps(took, CLAUSE)


async def unlike(engine: Nllb, said: Sequence[TextRequest]) -> list[int]:
    """Translations that come out otherwise in a call for all than in a call each, and how many there are."""
    together = answers(await engine.translate_batch(said))
    alone = [text for one in said for text in answers(await engine.translate_batch([one]))]
    return [sum(a != b for a, b in zip(together, alone, strict=True)), len(alone)]


def answers(made: Iterable[Any]) -> list[str]:
    return [translation.text for one in answered(made) for translation in one.values()]


def answered(made: Iterable[Any]) -> Iterable[Any]:
    """The answers. Raises `EngineError` where one of them is one."""
    for one in made:
        if isinstance(one, EngineError):
            raise one
    return made


async def crowd_translated(engine: Nllb, asked: argparse.Namespace) -> dict[str, Any]:
    targets = TARGETS[: asked.languages]
    count = max(1, int(asked.seconds / EVERY))
    every = clauses(asked.speakers * count, targets, seed=2)

    model = {"model": "nllb-200-600m", "type": engine._model.compute_type}
    figures = Figures()
    async with running(Stage("translate", lambda: engine, Clauses(every[:4]), figures)) as ask:
        took = await crowd(ask, lambda n, step: every[step * asked.speakers + n], asked.speakers, count, EVERY)
    found = {"part": "crowd", **model, "speakers": asked.speakers, "languages": len(targets)}
    return found | {"a clause each s": EVERY} | steps(took, CLAUSE) | calls(figures, "translate")


class Clauses(Adapter[TextRequest, Any]):
    """Asks for translations, those of all languages in one call."""

    together = TOGETHER

    def __init__(self, first: Sequence[TextRequest]) -> None:
        self._first = first

    async def warm(self, engine: Nllb) -> None:
        answered(await engine.translate_batch(self._first))

    def deadline(self, request: TextRequest) -> float:
        return DEADLINE

    def weigh(self, request: TextRequest) -> int:
        return len(request.targets)

    async def ask(self, engine: Nllb, request: TextRequest) -> Any:
        return await engine.translate(request.text, request.source, request.targets)

    async def ask_batch(self, engine: Nllb, requests: Sequence[TextRequest]) -> Sequence[Any]:
        return await engine.translate_batch(requests)


# A crowd


@asynccontextmanager
async def running(stage: Stage[Any, Any]) -> AsyncIterator[Ask]:
    """The stage as the service has it: loaded, warmed, and asked by rooms."""
    task = asyncio.create_task(stage.run())
    await stage.settled.wait()
    if stage.missing:
        raise RuntimeError(stage.missing)
    # The engine is asked again afterwards: whoever made it closes it.
    stage.engine.close = nothing
    try:
        yield lambda request, room, final: stage.ask(request, room, final=final)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def nothing() -> None:
    """Closes nothing."""


async def crowd(
    ask: Ask, request: Callable[[int, int], Any], speakers: int, count: int, every: float
) -> list[float | None]:
    """Milliseconds of each step, None where it was refused. Speakers begin at any time, and wait for nothing."""
    begin = np.random.default_rng(1).random(speakers) * every
    took: list[float | None] = []

    async def step(speaker: int, number: int) -> None:
        one, begun = request(speaker, number), time.perf_counter()
        try:
            await ask(one, f"room {speaker // IN_ROOM}", getattr(one, "final", True))
        except EngineError:
            took.append(None)
        else:
            took.append((time.perf_counter() - begun) * 1_000)

    async def speak(speaker: int) -> None:
        begun = time.perf_counter() + begin[speaker]
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(begun + number * every - time.perf_counter())
                group.create_task(step(speaker, number))

    async with asyncio.TaskGroup() as group:
        for speaker in range(speakers):
            group.create_task(speak(speaker))
    return took


def steps(took: Sequence[float | None], goal: float) -> dict[str, Any]:
    """A step that was refused counts as one without end."""
    ordered = sorted(math.inf if one is None else one for one in took)
    shares = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    found = {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in shares.items()}
    return {
        "steps": len(took),
        "refused": sum(one is None for one in took),
        **{f"{name} ms": round(value, 1) if value < math.inf else None for name, value in found.items()},
        "goal ms": goal,
        "reached": found["p95"] <= goal,
    }


def calls(figures: Figures, stage: str) -> dict[str, float]:
    """Requests in a call, and milliseconds of one, on average."""
    values = {
        sample.name: sample.value
        for one in (figures.batch, figures.work)
        for metric in one.collect()
        for sample in metric.samples
        if sample.labels.get("stage") == stage and "le" not in sample.labels
    }
    count = values["dragoman_engine_batch_size_count"]
    size, work = values["dragoman_engine_batch_size_sum"], values["dragoman_engine_work_seconds_sum"]
    return {"in a call": round(size / count, 1), "call ms": round(work / count * 1_000, 1)}


async def abba(
    a: Callable[[], Awaitable[Any]], b: Callable[[], Awaitable[Any]], rounds: int
) -> dict[str, float | list[float]]:
    """Milliseconds of both, and how many times as long the second takes, within each round."""
    found = []
    for _ in range(rounds):
        first, second, third, fourth = [await timed(work) for work in (a, b, b, a)]
        found.append((first + fourth, second + third))
    ratios = sorted(two / one for one, two in found)
    return {
        "together ms": round(statistics.median(one for one, _ in found) / 2, 1),
        "apart ms": round(statistics.median(two for _, two in found) / 2, 1),
        "gain": [round(value, 2) for value in (statistics.median(ratios), ratios[0], ratios[-1])],
    }


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await work()
    return (time.perf_counter() - begun) * 1_000


def table(told: dict[str, Any]) -> str:
    lines = []
    for row in told["rows"]:
        cells = [f"{name} {value}" for name, value in row.items() if name not in ("part", "model")]
        lines.append(f"| {row['part']} | {row['model']} | {', '.join(cells)} |")
    return "\n".join(["| | model | |", "|---|---|---|", *lines, "", json.dumps(told["machine"])])


if __name__ == "__main__":
    main()
