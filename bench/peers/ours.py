"""Our recognizer: the agent's own `Streaming` over `Whisper`, as the engine service runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agent.engines.recognise.whisper import Whisper
from agent.nouns import Chunk, Hypothesis, Segment
from agent.recognition.streaming import Streaming

from .stream import BYTES, Timeline, arriving, options, serve


def main() -> None:
    asked = options(__doc__).parse_args()
    recognizer = Streaming(Whisper(asked.model, threads=1))

    async def hear(pcm: bytes, language: str, timeline: Timeline) -> None:
        """What is spoken during a pass arrives joined, as behind a track's inbox."""
        listening = recognizer.listen("bench", language)
        inbox, arrived = bytearray(), asyncio.Event()
        feeding = asyncio.create_task(_feed(pcm, timeline, inbox, arrived))
        settled, heard = "", 0
        while heard < len(pcm):
            await arrived.wait()
            arrived.clear()
            piece = bytes(inbox)
            inbox.clear()
            settled = _told(await listening.push(Chunk("bench", heard / BYTES, piece)), settled, timeline)
            heard += len(piece)
        await feeding
        _told(await listening.finish(), settled, timeline)

    serve(lambda language: hear, asked.clock)


async def _feed(pcm: bytes, timeline: Timeline, inbox: bytearray, arrived: asyncio.Event) -> None:
    async for piece in arriving(pcm, timeline):
        inbox += piece
        arrived.set()


def _told(said: Sequence[Hypothesis | Segment], settled: str, timeline: Timeline) -> str:
    """Settled clauses, and of the one that is being spoken what is stable."""
    for one in said:
        if isinstance(one, Segment):
            settled = f"{settled} {one.text}"
            timeline.add(settled)
        else:
            timeline.add(f"{settled} {one.text[: one.stable]}")
    return settled


if __name__ == "__main__":
    main()
