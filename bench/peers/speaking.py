"""Speakers on one machine in real time: what the programs of `speakers` share.

A program is started with a number of speakers; every one of them plays the same sound, begun at another place, so that
all speak all the time. It prints one JSON line: each pass as `[speaker, seconds from the start, how long it took,
waiting included]`, likewise those that have no answer yet, the words that each was told, and the processor seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from .stream import BYTES, CHUNK


def options(about: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"), help="CTranslate2 weights")
    parser.add_argument("--pcm", type=Path, required=True, help="English, 16 kHz mono int16, raw")
    parser.add_argument("--speakers", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=40.0)
    return parser


def answers() -> int:
    """A place for the answer; what libraries print goes to the error stream."""
    place = os.dup(1)
    os.dup2(2, 1)
    return place


@dataclass
class Passes:
    """Every pass that was made, and the answer."""

    begun: float = field(default_factory=time.perf_counter)
    rows: list[tuple[int, float, float]] = field(default_factory=list)
    _open: dict[int, float] = field(default_factory=dict)

    def begin(self, speaker: int) -> None:
        """A pass takes the newest sound there is."""
        self._open[speaker] = time.perf_counter()

    def end(self, speaker: int, *, answered: bool = True) -> None:
        """It was answered, or refused."""
        since = self._open.pop(speaker)
        if answered:
            self.rows.append((speaker, round(since - self.begun, 3), round(time.perf_counter() - since, 3)))

    def tell(self, place: int, words: list[int], cpu: float) -> None:
        """Passes that are still waiting have lasted until now."""
        now = time.perf_counter()
        waiting = [
            (speaker, round(since - self.begun, 3), round(now - since, 3)) for speaker, since in self._open.items()
        ]
        told = {
            "steps": self.rows,
            "waiting": waiting,
            "words": words,
            "cpu": round(cpu, 2),
            "seconds": round(now - self.begun, 2),
        }
        with os.fdopen(place, "w") as stream:
            print(json.dumps(told), file=stream, flush=True)


def shifted(pcm: bytes, speaker: int, speakers: int) -> bytes:
    """The sound from another place on, around its end to its beginning again."""
    at = len(pcm) // 2 * speaker // speakers * 2
    return pcm[at:] + pcm[:at]


def piece(pcm: bytes, number: int) -> bytes:
    """The chunk of that number, the sound being played again and again."""
    step = int(CHUNK * BYTES)
    at = number * step % (len(pcm) - step)
    at -= at % 2
    return pcm[at : at + step]
