"""whisper_streaming's method, as PyPI `whisper-streaming` has it (a rework of it): LocalAgreement-2, a pass a second.

Its own `ASRProcessor.run` between a receiver and a sender of ours. Beam of 5, time trimming at 15 s. New sound is
handed over from one second on, what was spoken during a pass joined; at the end the words in limbo are sent.
"""

from __future__ import annotations

import logging
from queue import Empty
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .stream import BYTES, Timeline, options, serve

LEAST = 1.0
"""Seconds of new sound for a pass: whisper_streaming's default."""
KEPT = 15.0
"""Seconds above which the window is trimmed: its default too."""


class Arriving:
    """A receiver's queue: sound that arrives in simulated time."""

    def __init__(self, pcm: bytes, timeline: Timeline) -> None:
        self._pcm = pcm
        self._timeline = timeline
        self._taken = 0

    def get(self, timeout: float) -> NDArray[np.float32]:
        if self._taken >= len(self._pcm):
            self._timeline.loop.leap(timeout)
            raise Empty
        enough = min(self._taken + int(LEAST * BYTES), len(self._pcm))
        self._timeline.loop.leap(max(0.0, enough / BYTES - self._timeline.now))
        until = min(len(self._pcm), int(self._timeline.now * BYTES / 2 + 0.5) * 2)
        taken, self._taken = self._pcm[self._taken : until], until
        return np.frombuffer(taken, np.int16).astype(np.float32) / 32_768.0


class Sent:
    """A sender's queue: committed words."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._text = ""

    def put_nowait(self, words: Any) -> None:
        self._text += words.word
        self._timeline.add(self._text)


def main() -> None:
    asked = options(__doc__).parse_args()
    from whisper_streaming import ASRProcessor, AudioReceiver, Backend, OutputSender, TimeTrimming
    from whisper_streaming.backend import (
        FasterWhisperFeatureExtractorConfig,
        FasterWhisperModelConfig,
        FasterWhisperTranscribeConfig,
    )

    logging.disable(logging.CRITICAL)

    class Receiver(AudioReceiver):
        def start(self) -> None: ...
        def _do_receive(self) -> None: ...
        def _do_close(self) -> None: ...

    class Sender(OutputSender):
        def start(self) -> None: ...
        def _do_output(self, data: Any) -> None: ...
        def _do_close(self) -> None: ...

    async def hear(pcm: bytes, language: str, timeline: Timeline) -> None:
        receiver, sender = Receiver(), Sender()
        receiver.queue, sender.queue = Arriving(pcm, timeline), Sent(timeline)
        processor = ASRProcessor(
            ASRProcessor.ProcessorConfig(
                sampling_rate=16_000,
                prompt_size=200,
                audio_receiver_timeout=0.1,
                audio_trimming=TimeTrimming(KEPT),
                language=language,
            ),
            receiver,
            sender,
            Backend.FASTER_WHISPER,
            FasterWhisperModelConfig(str(asked.model), compute_type="auto"),
            FasterWhisperTranscribeConfig(),
            FasterWhisperFeatureExtractorConfig(),
        )
        timeline.begin()
        processor.run()

    serve(lambda language: hear, asked.clock)


if __name__ == "__main__":
    main()
