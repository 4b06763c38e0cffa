"""Many speakers on one machine, ours against WhisperLive: `python -m bench.peers.speakers --data DIR`.

In real time, by the wall's clock, all cores: nothing else may run. The sides take turns, A B B A, for every number
of speakers. All speak English all the time.

- *step*: from the moment a pass took its newest sound to its answer, waiting for the model included (so far, where none
  came before the end);
- *between*: seconds between two answers to a speaker;
- *words*: told to all of them, of those that were spoken;
- *sustained*: the most speakers for whom the p95 of a step, and of the time between two answers, stays below 3 s.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.recognition import BYTES
from tests.sound import pcm_of

from .set_up import python

SIDES = {
    "ours": [sys.executable, "-m", "bench.peers.crowd"],
    "lock": [python("whisper-live"), "-m", "bench.peers.live"],
    "batch": [python("whisper-live"), "-m", "bench.peers.live", "--batch"],
}
PAUSE = 0.4
"""Seconds between two recordings."""
KEPT = 3.0
"""Seconds that a step, and the time between two answers, may last."""


def sound(folder: Path) -> tuple[bytes, int]:
    """Some English recordings, one after the other, and how many words they are."""
    entries = [
        entry
        for entry in json.loads((folder / "MANIFEST.json").read_text())
        if entry.get("transcript")
        and entry["language"] == "en"
        and entry.get("speakers", 1) == 1
        and "ami" not in entry["file"]
        and 3 <= entry["seconds"] <= 30
        and entry["level_dbfs"] > -40
    ]
    pcm = b"".join(pcm_of(folder / entry["file"]) + bytes(int(PAUSE * BYTES)) for entry in entries)
    return pcm, sum(len(entry["transcript"].split()) for entry in entries)


def hear(side: str, file: Path, speakers: int, seconds: float) -> dict[str, Any]:
    command = [*SIDES[side], "--pcm", str(file), "--speakers", str(speakers), "--seconds", str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def figures(runs: Sequence[dict[str, Any]], speakers: int, rate: float) -> dict[str, float]:
    """`rate` is words a second of one speaker."""
    took = [step[2] for run in runs for step in (*run["steps"], *run["waiting"])]
    between = []
    for run in runs:
        for speaker in range(speakers):
            answered = [since + lasted for who, since, lasted in run["steps"] if who == speaker]
            between += list(np.diff([0.0, *answered, run["seconds"]]))
    spoken = sum(run["seconds"] for run in runs) * speakers * rate
    return {
        "step p50": round(float(np.median(took)), 2),
        "step p95": round(float(np.percentile(took, 95)), 2),
        "between p95": round(float(np.percentile(between, 95)), 2),
        "passes a second": round(sum(len(run["steps"]) for run in runs) / sum(run["seconds"] for run in runs), 2),
        "words": round(sum(sum(run["words"]) for run in runs) / spoken, 2),
        "cores": round(sum(run["cpu"] for run in runs) / sum(run["seconds"] for run in runs), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with recordings and their MANIFEST.json")
    parser.add_argument("--against", default="lock", help="lock, batch, or both with a comma")
    parser.add_argument("--speakers", default="4,8")
    parser.add_argument("--seconds", type=float, default=30.0, help="of every run")
    parser.add_argument("--rounds", type=int, default=2, help="each of all sides; every other one backwards")
    parser.add_argument("--write", type=Path, default=Path("bench-results/speakers.json"))
    asked = parser.parse_args()
    names = ["ours", *asked.against.split(",")]
    pcm, words = sound(asked.data)
    rate = words / (len(pcm) / BYTES)
    rows: list[dict[str, Any]] = []
    print("| speakers | side | step p50 | p95 | between p95 | passes a second | words | cores |\n|" + "---|" * 8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sound")
        file.write_bytes(pcm)
        for speakers in map(int, asked.speakers.split(",")):
            runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
            for number in range(asked.rounds):
                for name in names if number % 2 == 0 else reversed(names):
                    runs[name].append(hear(name, file, speakers, asked.seconds))
            for name in names:
                row = {"speakers": speakers, "side": name, **figures(runs[name], speakers, rate)}
                rows.append(row)
                print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)
    sustained = {
        name: max((row["speakers"] for row in rows if row["side"] == name and _kept(row)), default=0) for name in names
    }
    print(f"\nsustained: {sustained}")
    told = {
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
        "seconds": asked.seconds,
        "rounds": asked.rounds,
        "sustained": sustained,
        "rows": rows,
    }
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps(told, indent=1))


def _kept(row: dict[str, Any]) -> bool:
    return bool(row["step p95"] <= KEPT and row["between p95"] <= KEPT)


if __name__ == "__main__":
    main()
