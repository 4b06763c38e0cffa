"""How soon words are committed, ours against others, on the same recordings: `python -m bench.peers.commits`.

    python -m bench.peers.set_up
    python -m bench.peers.commits --data DIR --against localagreement

Both sides are programs (see `stream`) that were started before; recording by recording they take turns, A B, B A.
Sound arrives in simulated real time; a pass lasts as long as it kept the processor (`--clock processor`: one thread
on every side), or as long as it really lasted (`--clock wall`: as many threads as each has by itself; for a
machine on which nothing else runs).

- *latency*: from the end of a word to its being committed (`bench.committed`);
- *WER*: of what was committed in the end;
- *CPU*: processor seconds of all threads a second of sound;
- *changed*: words that were committed and did not stay.

Ratios are ours to theirs, with 95 % intervals by bootstrap over recordings.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from bench.committed import latencies, plain, word_ends
from bench.recognition import AFTER, BEFORE, BYTES
from tests.sound import pcm_of

from .set_up import python

SYSTEMS = {
    "ours": [sys.executable, "-m", "bench.peers.ours"],
    "localagreement": [python("whisperlivekit"), "-m", "bench.peers.kit", "--policy", "localagreement"],
    "simulstreaming": [python("whisperlivekit"), "-m", "bench.peers.kit", "--policy", "simulstreaming"],
    "whisper-streaming": [python("whisper-streaming"), "-m", "bench.peers.rework"],
}
LEAST = 7.0
"""Seconds: in shorter recordings the end of the sound commits everything."""
LONGEST = 30.0
"""Seconds: longer ones are not aligned."""
AT_ONCE = 0.01
"""Seconds: a clause that is settled, and the beginning of the next one, come one after the other."""
RESAMPLED = 2000


@dataclass
class Transcription:
    """What one side made of one recording."""

    reference: str
    timeline: Sequence[tuple[float, str]]
    cpu: float
    seconds: float
    ends: Sequence[tuple[str, float]] = field(repr=False)
    """Each word of the reference, and when it ends."""

    @property
    def text(self) -> str:
        return plain(self.timeline[-1][1]) if self.timeline else ""

    @property
    def changed(self) -> int:
        """Committed words that were not there any more when more was told. What is told in one go counts as one."""
        ends = [at for at, _ in self.timeline[1:]] + [math.inf]
        told = [
            plain(text).split() for (at, text), until in zip(self.timeline, ends, strict=True) if until - at > AT_ONCE
        ]
        steps = [SequenceMatcher(None, *two, autojunk=False).get_opcodes() for two in pairwise(told)]
        return sum(
            until - since for step in steps for kind, since, until, _, _ in step if kind in ("replace", "delete")
        )

    def errors(self) -> tuple[int, int]:
        """Wrong words, and words of the reference."""
        out = jiwer.process_words(self.reference, self.text)
        return out.substitutions + out.deletions + out.insertions, len(self.reference.split())

    @property
    def latencies(self) -> list[float]:
        return latencies(self.timeline, self.ends)


class Side:
    """One program, started, that hears a recording at a time."""

    def __init__(self, command: Sequence[str], clock: str) -> None:
        threads = {"OMP_NUM_THREADS": "1"} if clock == "processor" else {}
        self._command = " ".join(command)
        environment = {**os.environ, **threads, "HF_HUB_OFFLINE": "1"}
        self._program = subprocess.Popen(
            [*command, "--clock", clock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def hear(self, pcm: Path, language: str) -> dict[str, Any]:
        assert self._program.stdin
        assert self._program.stdout
        print(json.dumps({"pcm": str(pcm), "language": language}), file=self._program.stdin, flush=True)
        answer = self._program.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._command} ended: run it by hand to see why.")
        told: dict[str, Any] = json.loads(answer)
        return told

    def close(self) -> None:
        assert self._program.stdin
        self._program.stdin.close()
        self._program.wait(timeout=30)


def recordings(folder: Path, only: str) -> list[dict[str, Any]]:
    """Those of one speaker that are long enough; shuffled, always the same way."""
    chosen = [
        entry
        for entry in json.loads((folder / "MANIFEST.json").read_text())
        if entry.get("transcript")
        and entry.get("speakers", 1) == 1
        and "ami" not in entry["file"]
        and LEAST <= entry["seconds"] <= LONGEST
        and any(part in entry["file"] for part in only.split(","))
    ]
    random.Random(8).shuffle(chosen)  # noqa: S311
    return chosen


def measure(asked: argparse.Namespace) -> dict[str, list[Transcription]]:
    sides = {name: Side(SYSTEMS[name], asked.clock) for name in ("ours", *asked.against.split(","))}
    heard: dict[str, list[Transcription]] = {name: [] for name in sides}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number, entry in enumerate(recordings(asked.data, asked.only)):
            if time.monotonic() - begun > asked.seconds:
                break
            pcm = pcm_of(asked.data / entry["file"])
            said = word_ends(asked.model, pcm, entry["transcript"], entry["language"])
            ends = [(word, end + BEFORE) for word, end in said]
            file = Path(folder, "sound")
            file.write_bytes(bytes(int(BEFORE * BYTES)) + pcm + bytes(int(AFTER * BYTES)))
            for name in list(sides) if number % 2 == 0 else reversed(sides):
                told = sides[name].hear(file, entry["language"])
                heard[name].append(Transcription(plain(entry["transcript"]), ends=ends, **told))
            costs = (f"{name} {one[-1].cpu / one[-1].seconds:.2f}" for name, one in heard.items())
            print(number, entry["file"], *costs, flush=True)
    for side in sides.values():
        side.close()
    return heard


Figure = Callable[[Sequence[Transcription]], float]


def _latency(part: Callable[[Any], Any]) -> Figure:
    return lambda heard: float(part([late for one in heard for late in one.latencies] or [float("nan")]))


FIGURES: dict[str, Figure] = {
    "WER": lambda heard: sum(one.errors()[0] for one in heard) / sum(one.errors()[1] for one in heard),
    "mean latency": _latency(np.mean),
    "p50 latency": _latency(np.median),
    "p95 latency": _latency(lambda late: np.percentile(late, 95)),
    "CPU": lambda heard: sum(one.cpu for one in heard) / sum(one.seconds for one in heard),
}


def compared(ours: Sequence[Transcription], theirs: Sequence[Transcription]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each figure of both sides; their ratio, or for WER their difference, with its interval."""
    drawn = np.random.default_rng(8).integers(0, len(ours), (RESAMPLED, len(ours)))
    for name, figure in FIGURES.items():

        def ratio(chosen: Sequence[int], figure: Figure = figure, name: str = name) -> float:
            one, other = figure([ours[n] for n in chosen]), figure([theirs[n] for n in chosen])
            return one - other if name == "WER" else one / other

        spread = np.percentile([ratio(list(chosen)) for chosen in drawn], [2.5, 97.5])
        yield (
            name,
            {
                "ours": round(figure(ours), 4),
                "theirs": round(figure(theirs), 4),
                "difference" if name == "WER" else "ratio": round(ratio(range(len(ours))), 4),
                "interval": [round(float(edge), 4) for edge in spread],
            },
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with recordings and their MANIFEST.json")
    parser.add_argument("--against", default="localagreement", help=f"of {', '.join(list(SYSTEMS)[1:])}")
    parser.add_argument("--clock", choices=["processor", "wall"], default="processor")
    parser.add_argument("--seconds", type=float, default=420.0, help="begin no recording later")
    parser.add_argument("--only", default="", help="parts of file names, comma-separated")
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"))
    parser.add_argument("--write", type=Path, default=Path("bench-results/commits.json"))
    asked = parser.parse_args()
    heard = measure(asked)
    ours = heard.pop("ours")
    told = {
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
        "clock": asked.clock,
        "recordings": len(ours),
        "seconds": round(sum(one.seconds for one in ours), 1),
        "words": sum(len(one.reference.split()) for one in ours),
        "changed": {name: sum(one.changed for one in some) for name, some in {"ours": ours, **heard}.items()},
        "against": {name: dict(compared(ours, theirs)) for name, theirs in heard.items()},
        "each": {
            name: [{"timeline": one.timeline, "cpu": one.cpu, "seconds": one.seconds} for one in some]
            for name, some in {"ours": ours, **heard}.items()
        },
    }
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps(told, indent=1, ensure_ascii=False))
    for name, figures in told["against"].items():
        print(f"\n| {name} | ours | theirs | ours to theirs | 95 % |\n|---|---|---|---|---|")
        for figure, row in figures.items():
            how = row.get("ratio", row.get("difference"))
            print(f"| {figure} | {row['ours']:.3f} | {row['theirs']:.3f} | {how:.3f} | {row['interval']} |")
    print(f"\n{told['recordings']} recordings, {told['seconds']} s, changed: {told['changed']}")


if __name__ == "__main__":
    main()
