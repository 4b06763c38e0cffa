"""WhisperLive under many speakers: its `ServeClientFasterWhisper`, all over one model with its lock (`single_model`).

Runs in an environment with PyPI `whisper-live` (see `set_up`). Its defaults throughout: a thread a speaker, a pass
over what isn't settled whenever there is a second of it, beam of 5, its filter for voices, int8 on a CPU, as many
threads in a pass as CTranslate2 takes by itself. `--batch` is its batching instead of the lock, with its server's
defaults. Its server is left out: sound is handed to the clients as that does (`add_frames`), their answers are kept.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from typing import Any

import numpy as np

from .speaking import Passes, answers, options, piece, shifted
from .stream import BYTES, CHUNK


class Socket:
    """A client's connection: keeps the last segments that were sent."""

    def __init__(self) -> None:
        self.segments: dict[str, str] = {}

    def send(self, message: str) -> None:
        for segment in json.loads(message).get("segments", []):
            self.segments[segment["start"]] = segment["text"]

    def close(self) -> None: ...


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--batch", action="store_true")
    asked, place = parser.parse_args(), answers()
    from whisper_live.backend.faster_whisper_backend import ServeClientFasterWhisper

    logging.disable(logging.WARNING)
    pcm = asked.pcm.read_bytes()
    passes: list[Passes] = []

    class Watched(ServeClientFasterWhisper):  # type: ignore[misc]
        """A client that notes its passes: from taking the newest sound to the answer."""

        speaker = 0

        def transcribe_audio(self, input_sample: Any) -> Any:
            if not passes:
                return super().transcribe_audio(input_sample)
            passes[0].begin(self.speaker)
            result = super().transcribe_audio(input_sample)
            passes[0].end(self.speaker)
            return result

    clients = []
    for number in range(asked.speakers):
        client = Watched(Socket(), language="en", client_uid=str(number), model=str(asked.model), single_model=True)
        client.speaker = number
        clients.append(client)
    if asked.batch:
        from whisper_live.batch_inference import BatchInferenceWorker

        worker = BatchInferenceWorker(
            ServeClientFasterWhisper.SINGLE_MODEL,
            max_batch_size=16,
            batch_window_ms=50,
            max_queue_wait_s=0.5,
            beam_size=1,
            temperature_fallback=False,
        )
        worker.start()
        ServeClientFasterWhisper.BATCH_WORKER = worker
    clients[0].transcriber.transcribe(_floats(pcm[: 4 * BYTES]), language="en")
    sounds = [shifted(pcm, number, asked.speakers) for number in range(asked.speakers)]
    passes.append(Passes())
    before = time.process_time()
    players = [
        threading.Thread(target=_play, args=(client, sound, asked.seconds))
        for client, sound in zip(clients, sounds, strict=True)
    ]
    for player in players:
        player.start()
    for player in players:
        player.join()
    words = [len(" ".join(client.websocket.segments.values()).split()) for client in clients]
    passes[0].tell(place, words, time.process_time() - before)
    os._exit(0)  # its threads would go on with the sound that is left


def _play(client: Any, pcm: bytes, seconds: float) -> None:
    begun = time.perf_counter()
    for number in range(int(seconds / CHUNK)):
        time.sleep(max(0.0, begun + (number + 1) * CHUNK - time.perf_counter()))
        client.add_frames(_floats(piece(pcm, number)))


def _floats(pcm: bytes) -> Any:
    return np.frombuffer(pcm, np.int16).astype(np.float32) / 32_768.0


if __name__ == "__main__":
    main()
