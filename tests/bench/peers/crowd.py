"""Our recognizer under many speakers: one `Streaming` over one `Whisper` with as many passes at a time as cores."""

from __future__ import annotations

import asyncio
import os
import time

from agent.engines import Heard
from agent.engines.streaming import Stream, Streaming
from agent.engines.whisper import Whisper
from agent.nouns import Chunk, Hypothesis, Segment

from .speaking import Passes, answers, options, piece, shifted
from .stream import BYTES, CHUNK


class Watched:
    """An `Ear` for one speaker that notes its passes."""

    def __init__(self, ear: Whisper, passes: Passes, speaker: int) -> None:
        self._ear = ear
        self._passes = passes
        self._speaker = speaker

    async def hear(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Heard:
        since = time.perf_counter()
        heard = await self._ear.hear(pcm, language, prompt, prefix=prefix, final=final)
        self._passes.add(self._speaker, since)
        return heard


async def speak(listening: Stream, pcm: bytes, seconds: float) -> str:
    """Sound as it arrives; what is spoken during a pass waits and is taken joined. Ends with the time, mid-sentence."""
    begun, taken = time.perf_counter(), 0
    settled, open_text = "", ""
    while (now := time.perf_counter() - begun) < seconds:
        ready = int(now / CHUNK)
        if ready == taken:
            await asyncio.sleep((taken + 1) * CHUNK - now)
            continue
        sound = b"".join(piece(pcm, number) for number in range(taken, ready))
        for one in await listening.push(Chunk("bench", taken * int(CHUNK * BYTES) / BYTES, sound)):
            if isinstance(one, Segment):
                settled, open_text = f"{settled} {one.text}", ""
            elif isinstance(one, Hypothesis):
                open_text = one.text
        taken = ready
    return f"{settled} {open_text}"


async def main() -> None:
    asked, place = options(__doc__).parse_args(), answers()
    pcm = asked.pcm.read_bytes()
    ear = Whisper(asked.model, threads=os.cpu_count() or 1)
    await asyncio.gather(*(ear.hear(pcm[: 4 * BYTES], "en") for _ in range(ear.width)))
    passes = Passes()
    streams = [Streaming(Watched(ear, passes, n)).listen(str(n), "en") for n in range(asked.speakers)]
    sounds = [shifted(pcm, n, asked.speakers) for n in range(asked.speakers)]
    texts = await asyncio.gather(
        *(speak(stream, sound, asked.seconds) for stream, sound in zip(streams, sounds, strict=True))
    )
    passes.tell(place, list(texts))


if __name__ == "__main__":
    asyncio.run(main())
