"""Recordings as PCM, and what is measured on them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from agent.recognition.silero import Silero
from agent.recognition.streaming import OPENING
from agent.recognition.window import BYTES, FRAME, FRAME_BYTES
from agent.vad import SpeechState


def pcm_of(recording: Path, rate: int = 16_000) -> bytes:
    """A recording of any kind as mono int16 at `rate` Hz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    with av.open(str(recording)) as container:
        pieces = [
            bytes(out.planes[0])[: out.samples * 2]
            for frame in container.decode(audio=0)
            for out in resampler.resample(frame)
        ]
        pieces += [bytes(out.planes[0])[: out.samples * 2] for out in resampler.resample(None)]
    return b"".join(pieces)


def speech_bounds(pcm: bytes, rate: int = 16_000) -> tuple[float, float]:
    """Seconds at which speech begins and ends: 20 ms frames within 25 dB of the loudest tenth."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    step = rate // 50
    frames = samples[: len(samples) - len(samples) % step].reshape(-1, step)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-9)
    loud = np.flatnonzero(level > np.percentile(level, 90) - 25)
    return float(loud[0] / 50), float((loud[-1] + 1) / 50)


def voice_begins(pcm: bytes) -> float:
    """Seconds at which a voice begins: where the recognizer's gate, Silero, first opens.

    A recording may open with noise that is nearly as loud as its voice, which `speech_bounds` counts.
    """
    gate, voicing = Silero(), SpeechState(hang=1.0)
    for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES):
        voicing.hear(gate.speech(pcm[at : at + FRAME_BYTES]))
        if voicing.speaking:
            return at / BYTES + FRAME - OPENING
    return 0.0
