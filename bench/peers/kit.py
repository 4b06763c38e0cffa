"""WhisperLiveKit, by its own `AudioProcessor`: runs in an environment with PyPI `whisperlivekit` (see `set_up`).

Its defaults throughout, but for the policy that is asked for and the weights, which are those of our side:

- `localagreement`: faster-whisper, beam of 5, the buffer trimmed at segments above 15 s;
- `simulstreaming`: the encoder by faster-whisper, the decoder by PyTorch, greedy, frame threshold 25;
- voice activity controller on, chunks of 0.04 s through it; a pass whenever there is new sound.

`--coalesce` is its setting `asr_coalesce_min_s`: a pass only after so much new sound.
What is committed are its lines, without its buffer, whenever its result formatter tells them (every 0.05 s).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from .stream import Hear, Timeline, arriving, options, serve
from .weights import alignment_heads


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--policy", choices=["localagreement", "simulstreaming"], required=True)
    parser.add_argument("--decoder", type=Path, default=Path("var/peers/whisper-base.pt"), help="the same for PyTorch")
    parser.add_argument("--coalesce", type=float, default=0.0)
    asked = parser.parse_args()
    from whisperlivekit import AudioProcessor, TranscriptionEngine

    logging.disable(logging.WARNING)
    weights = (
        {"model_path": str(asked.model)}
        if asked.policy == "localagreement"
        else {
            "encoder_model_path": str(asked.model),
            "decoder_model_path": str(asked.decoder),
            "custom_alignment_heads": alignment_heads(asked.model),
        }
    )

    def prepare(language: str) -> Hear:
        """An engine of a language of its own: SimulStreaming's is set where the engine is made."""
        TranscriptionEngine.reset()
        engine = TranscriptionEngine(
            backend_policy=asked.policy,
            backend="faster-whisper",
            lan=language,
            pcm_input=True,
            warmup_file="",
            asr_coalesce_min_s=asked.coalesce,
            **weights,
        )

        async def hear(pcm: bytes, language: str, timeline: Timeline) -> None:
            processor = AudioProcessor(transcription_engine=engine)
            reading = asyncio.create_task(_read(await processor.create_tasks(), timeline))
            timeline.begin()
            async for piece in arriving(pcm, timeline):
                await processor.process_audio(piece)
            await processor.process_audio(None)
            await reading
            await processor.cleanup()

        return hear

    serve(prepare, asked.clock)


async def _read(results: AsyncIterator[Any], timeline: Timeline) -> None:
    async for result in results:
        timeline.add(" ".join(line.text.strip() for line in result.lines if line.text))


if __name__ == "__main__":
    main()
