"""Synthetic speech at one loudness, without the silence around it: pure functions over int16 samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.int16]

LEVEL = -20.0
"""dBFS (RMS while there is speech) that voices are brought to: where people's microphones are after WebRTC's gain
control, whose target peaks at -3 dBFS leave speech about 17 dB lower."""
KNEE = 0.6
"""Share of full scale above which peaks are bent instead of cut."""
LOUDEST_GAIN = 30.0
"""dB: what is quieter than this needs is no speech."""
QUIET = -42.0
"""dB below the loudest frame: what is under it at the ends is silence."""
FRAME = 0.010
"""Seconds of a frame."""
MARGIN = 0.015
"""Seconds kept around speech, so that no soft first consonant is lost."""
PIECE = 0.2
"""Seconds of a piece at most."""


def levelled(samples: Samples, rate: int) -> Samples:
    """The same speech at `LEVEL`; peaks above `KNEE` are bent below full scale."""
    active = _frames(samples, rate)
    active = active[active > active.max(initial=0.0) * 10 ** (-25 / 20)]
    if not active.size:
        return samples
    rms = float(np.sqrt(np.mean(active**2)))
    gain = min(10 ** (LEVEL / 20) / rms, 10 ** (LOUDEST_GAIN / 20))
    wave = samples.astype(np.float32) / 32_768.0 * gain
    over = np.abs(wave) > KNEE
    wave[over] = np.sign(wave[over]) * (KNEE + (1 - KNEE) * np.tanh((np.abs(wave[over]) - KNEE) / (1 - KNEE)))
    return (wave * 32_767).astype(np.int16)


def trimmed(samples: Samples, rate: int) -> Samples:
    """Without the silence before and after; empty where there is nothing but silence."""
    level = _frames(samples, rate)
    loud = np.flatnonzero(level > max(level.max(initial=0.0) * 10 ** (QUIET / 20), 1e-4))
    if not loud.size:
        return samples[:0]
    step, margin = int(rate * FRAME), int(rate * MARGIN)
    return samples[max(0, int(loud[0]) * step - margin) : (int(loud[-1]) + 1) * step + margin]


def pieces(samples: Samples, rate: int) -> Iterator[bytes]:
    """The samples in pieces of at most `PIECE` seconds."""
    step = int(rate * PIECE)
    for at in range(0, len(samples), step):
        yield samples[at : at + step].tobytes()


def silence(seconds: float, rate: int) -> Samples:
    return np.zeros(int(seconds * rate), np.int16)


def _frames(samples: Samples, rate: int) -> npt.NDArray[np.float32]:
    """RMS of every frame, as a share of full scale."""
    step = int(rate * FRAME)
    padded = np.pad(samples, (0, -len(samples) % step)).astype(np.float32) / 32_768.0
    level: npt.NDArray[np.float32] = np.sqrt(np.mean(padded.reshape(-1, step) ** 2, axis=1))
    return level
