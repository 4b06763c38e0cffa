"""Passes of our own stream over recordings, kept in a file: what a recognizer is asked, without who asks.

A machine that is lent for its GPU has neither a decoder of sound nor a gate; it asks for the same windows again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.engines import SoundRequest, WindowRecognizer
from agent.nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Transcription

BYTES = SAMPLE_RATE * SAMPLE_BYTES
CHUNK = 0.06
"""Seconds of sound that arrive at once."""
BEFORE, AFTER = 1.0, 2.0
"""Seconds of silence around a recording."""

Passes = list[list[SoundRequest]]
"""Of each recording all passes, in their order."""


class Noting:
    """A `WindowRecognizer` that keeps what it was asked."""

    def __init__(self, ear: WindowRecognizer) -> None:
        self._ear = ear
        self.asked: list[SoundRequest] = []

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        self.asked.append(SoundRequest(pcm, language, prompt, prefix, final))
        return await self._ear.transcribe(pcm, language, prompt, prefix=prefix, final=final)


async def recorded(data: Path, ear: WindowRecognizer) -> Passes:
    """The passes over every recording of a folder with speech in it, each answered before more sound comes."""
    from agent.recognition.streaming import Streaming
    from tests.sound import pcm_of

    found: Passes = []
    for entry in json.loads((data / "MANIFEST.json").read_text()):
        if not entry["transcript"]:
            continue
        noting, step = Noting(ear), int(CHUNK * BYTES)
        listening = Streaming(noting).listen("bench", entry["language"])
        pcm = bytes(int(BEFORE * BYTES)) + pcm_of(data / entry["file"]) + bytes(int(AFTER * BYTES))
        for at in range(0, len(pcm), step):
            await listening.push(Chunk("bench", at / BYTES, pcm[at : at + step]))
        await listening.finish()
        found.append(noting.asked)
    return found


def write(passes: Passes, file: Path) -> None:
    told: list[list[dict[str, Any]]] = [
        [{"language": one.language, "prompt": one.prompt, "prefix": one.prefix, "final": one.final} for one in some]
        for some in passes
    ]
    asked = {f"{n}-{m}": one for n, some in enumerate(passes) for m, one in enumerate(some)}
    sounds = {name: np.frombuffer(one.pcm, np.int16) for name, one in asked.items()}
    np.savez_compressed(file, about=np.array(json.dumps(told)), **sounds)  # type: ignore[arg-type]


def read(file: Path) -> Passes:
    with np.load(file) as kept:
        return [
            [SoundRequest(kept[f"{n}-{m}"].tobytes(), **one) for m, one in enumerate(some)]
            for n, some in enumerate(json.loads(str(kept["about"])))
        ]


def seconds(request: SoundRequest) -> float:
    return len(request.pcm) / BYTES


def spread(passes: Passes, count: int) -> Sequence[SoundRequest]:
    """So many of all passes, evenly."""
    every = [one for some in passes for one in some]
    return [every[at * len(every) // count % len(every)] for at in range(count)]
