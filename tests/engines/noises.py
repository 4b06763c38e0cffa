"""Sounds that are no speech, made from nothing: each ten seconds or so of 16 kHz samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

RATE = 16_000
Samples = np.ndarray[Any, np.dtype[Any]]
"""Samples, one a step of 1/16000 s, in the range of int16."""


def _time(seconds: float) -> Samples:
    return np.arange(int(seconds * RATE)) / RATE


def silence() -> Samples:
    return np.zeros(10 * RATE)


def white(level: float = 3_000.0) -> Samples:
    return np.random.default_rng(1).normal(0, level, 10 * RATE)


def faint() -> Samples:
    return white(30.0)


def tone() -> Samples:
    return 8_000 * np.sin(2 * np.pi * 440 * _time(10))


def siren() -> Samples:
    time = _time(10)
    return 8_000 * np.sin(2 * np.pi * (600 * time + 200 * np.sin(np.pi * time)))


def melody() -> Samples:
    """A plucked instrument with four overtones."""
    time = _time(0.35)
    notes = (262, 330, 392, 523, 392, 330, 262, 294, 349, 440, 349, 294) * 2
    return np.concatenate(
        [
            8_000 * np.exp(-4 * time) * sum(np.sin(2 * np.pi * note * k * time) / k for k in (1, 2, 3, 4))
            for note in notes
        ]
    )


def typing() -> Samples:
    """Keys of a keyboard, five a second."""
    return _bursts(50, 0.012, 9_000.0)


def applause() -> Samples:
    return _bursts(900, 0.02, 2_500.0)


def _bursts(count: int, seconds: float, level: float) -> Samples:
    chance, length = np.random.default_rng(2), int(seconds * RATE)
    samples, fading = np.zeros(10 * RATE), np.exp(-4 * np.arange(length) / length)
    for at in chance.integers(0, len(samples) - length, count):
        samples[at : at + length] += chance.normal(0, level, length) * fading
    return samples


NOISES: Mapping[str, Callable[[], Samples]] = {
    noise.__name__: noise for noise in (silence, white, faint, tone, siren, melody, typing, applause)
}


def pcm(samples: Samples) -> bytes:
    return np.clip(samples, -32_768, 32_767).astype(np.int16).tobytes()
