"""What all the programs share: sound that arrives, what was committed when, and one JSON line a recording.

A program is started once; it reads a line `{"pcm": …, "language": …}`
(16 kHz mono int16, raw) and answers with a line `{"timeline": [[seconds, text], …], "cpu": …, "seconds": …}`:
all text that was committed so far, whenever it changed, at simulated seconds from the beginning of the sound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulated_time import SimulatedLoop, run

SAMPLE_RATE = 16_000
BYTES = SAMPLE_RATE * 2
"""Bytes of a second."""
CHUNK = 0.06
"""Seconds of sound that arrive together."""
WARM = 4.0
"""Seconds that a recognizer hears before it is measured for the first time."""
CLOCKS: Mapping[str, Callable[[], float]] = {"processor": time.process_time, "wall": time.perf_counter}


@dataclass
class Timeline:
    """Committed text and when it became so, in seconds since the sound `began`."""

    loop: SimulatedLoop
    rows: list[tuple[float, str]] = field(default_factory=list)
    _begun: float = 0.0
    _spent: float = 0.0

    def begin(self) -> None:
        """The sound begins now: what was computed before is not counted."""
        self._begun, self._spent = self.loop.time(), time.process_time()

    @property
    def now(self) -> float:
        return self.loop.time() - self._begun

    @property
    def cpu(self) -> float:
        """Processor seconds of all threads."""
        return time.process_time() - self._spent

    def add(self, text: str) -> None:
        """All that is committed by now."""
        if text.strip() and text.strip() != (self.rows[-1][1] if self.rows else ""):
            self.rows.append((round(self.now, 3), text.strip()))


async def arriving(pcm: bytes, timeline: Timeline) -> AsyncIterator[bytes]:
    """Pieces of `CHUNK` seconds, each when its end has been spoken, however late the one before was taken."""
    step = int(CHUNK * SAMPLE_RATE) * 2
    for at in range(0, len(pcm), step):
        piece = pcm[at : at + step]
        await asyncio.sleep((at + len(piece)) / BYTES - timeline.now)
        yield piece


Hear = Callable[[bytes, str, Timeline], Coroutine[Any, Any, None]]
"""Hears a recording in a language and tells the timeline what is committed."""


async def _heard(hear: Hear, pcm: bytes, language: str) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    timeline = Timeline(loop)
    timeline.begin()
    await hear(pcm, language, timeline)
    return {"timeline": timeline.rows, "cpu": round(timeline.cpu, 4), "seconds": len(pcm) / BYTES}


def options(about: str | None) -> argparse.ArgumentParser:
    """What may be asked of every program."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"), help="CTranslate2 weights")
    parser.add_argument("--clock", choices=CLOCKS, default="processor", help="how long a pass lasts")
    return parser


def serve(prepare: Callable[[str], Hear], clock: str) -> None:
    """Answer until there is nothing more to read. What libraries print goes to the error stream.

    `prepare` loads what a language needs; that is not measured, nor is the first recording, which warms it up.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ready: dict[str, Hear] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        pcm, language = Path(asked["pcm"]).read_bytes(), asked["language"]
        if language not in ready:
            ready[language] = prepare(language)
            run(_heard(ready[language], pcm[: int(WARM * BYTES)], language), CLOCKS[clock])
        told = run(_heard(ready[language], pcm, language), CLOCKS[clock])
        print(json.dumps(told, ensure_ascii=False), file=answers, flush=True)
