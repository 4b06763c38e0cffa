"""Synthetic speech at one loudness (EBU R 128), without the silence around it: functions over int16 samples.

Loudness is measured as ITU-R BS.1770-5 says: K-weighted mean square of blocks of 400 ms, of which the silent and the
quiet ones don't count.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.int16]
Wave: TypeAlias = npt.NDArray[np.float32]
Energies: TypeAlias = npt.NDArray[np.float64]

LEVEL = -20.0
"""LUFS that voices are brought to: where people's microphones are after WebRTC's gain control, whose target peaks at
-3 dBFS leave speech about 17 dB lower. (R 128's own -23 LUFS is for programmes between which nobody speaks.)"""
KNEE = 0.6
"""Share of full scale above which peaks are bent instead of cut."""
CEILING = 0.84
"""Share of full scale that bent peaks stay below: R 128 allows -1 dB *true* peak, and between samples a wave rises."""
LOUDEST_GAIN = 30.0
"""dB: what is quieter than this needs is no speech."""
BLOCK, STEP = 0.400, 0.100
"""Seconds of a block and from one to the next (BS.1770-5, annex 1: 75 % overlap)."""
SILENT, QUIETER = -70.0, -10.0
"""LUFS below which a block never counts, and LU below the mean of the rest (ibid.)."""
QUIET = -42.0
"""dB below the loudest frame: what is under it at the ends is silence."""
FRAME = 0.010
"""Seconds of a frame."""
MARGIN = 0.015
"""Seconds kept around speech, so that no soft first consonant is lost."""
HELD = 0.5
"""Seconds of silence within a sentence at most: neural voices fall silent for longer now and then."""
PIECE = 0.2
"""Seconds of a piece at most."""
SLEW = 6.0
"""dB by which the gain of a stream may change in a second: slower than a syllable, so that nothing pumps."""
KEPT = 100
"""Blocks of a stream that are remembered: its last ten seconds of speech."""


# Measuring


def loudness(samples: Samples, rate: int) -> float:
    """Integrated loudness in LUFS, -inf where there is nothing but silence.

    Speech shorter than a block is one block of its own length.
    """
    return gated(energies(samples, rate))


def gated(blocks: Energies) -> float:
    """Integrated loudness of blocks in LUFS, by both of BS.1770's gates."""
    heard = blocks[_lufs(blocks) > SILENT]
    if not heard.size:
        return -math.inf
    heard = heard[_lufs(heard) > float(_lufs(np.mean(heard))) + QUIETER]
    return float(_lufs(np.mean(heard)))


def energies(samples: Samples, rate: int) -> Energies:
    """K-weighted mean square of every block of one channel."""
    if not len(samples):
        return np.zeros(0)
    block, step = round(rate * BLOCK), round(rate * STEP)
    squares = weighted(samples, rate) ** 2
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    if len(samples) <= block:
        return np.array([sums[-1] / len(samples)])
    starts = np.arange(0, len(samples) - block + 1, step)
    return np.asarray((sums[starts + block] - sums[starts]) / block)


def weighted(samples: Samples, rate: int) -> Energies:
    """The wave as K-weighting leaves it: heads raise what is high, and hear little of what is below 60 Hz.

    Both filters at once in the frequency domain: as exact as sample by sample once they have died away, and many times
    faster in numpy.
    """
    tail = rate // 4
    size = 1 << (len(samples) + tail - 1).bit_length()
    spectrum = np.fft.rfft(samples / 32_768.0, size)
    return np.fft.irfft(spectrum * _response(rate, size), size)[: len(samples)]


@lru_cache(maxsize=32)
def _response(rate: int, size: int) -> npt.NDArray[np.complex128]:
    """BS.1770's two filters, whose coefficients it gives for 48 kHz, at any rate.

    The analogue filters behind these coefficients are Brecht De Man's, "Evaluation of Implementations of the EBU R128
    Loudness Measurement" (2018).
    """
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    # A shelf: +4 dB above 1.7 kHz.
    k, q, high = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = (high + band * k / q + k * k) + 2 * (k * k - high) * z + (high - band * k / q + k * k) * z**2
    shelf /= (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    # A high pass at 38 Hz, whose numerator the standard leaves unscaled.
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    scale = 1 + k / q + k * k
    low = (1 - 2 * z + z**2) / (1 + 2 * (k * k - 1) / scale * z + (1 - k / q + k * k) / scale * z**2)
    return np.asarray(shelf * low)


def _lufs(energy: Energies | np.floating) -> Energies:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(energy))


# Levelling


def levelled(samples: Samples, rate: int) -> Samples:
    """The same speech at `LEVEL`; peaks above `KNEE` are bent below the ceiling."""
    gain = _gain(loudness(samples, rate))
    return samples if gain is None else _bent(samples.astype(np.float32) / 32_768.0 * gain)


def _gain(found: float) -> float | None:
    """What brings speech of that loudness to `LEVEL`; None for silence."""
    return None if found == -math.inf else float(10 ** (min(LEVEL - found, LOUDEST_GAIN) / 20))


def _bent(wave: Wave) -> Samples:
    over = np.abs(wave) > KNEE
    room = CEILING - KNEE
    wave[over] = np.sign(wave[over]) * (KNEE + room * np.tanh((np.abs(wave[over]) - KNEE) / room))
    return (wave * 32_767).astype(np.int16)


class Stream:
    """Levels speech that comes in stretches, none of which waits for the next.

    The first stretch is measured before it goes out; then the gain follows the loudness of the last `KEPT`
    blocks, by at most `SLEW`. One for each voice: the next sentence begins where the last one ended.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._blocks: Energies = np.zeros(0)
        self._gain: float | None = None

    def push(self, samples: Samples) -> Samples:
        """A stretch at `LEVEL`; of 0.4 s or more, or its loudness is a guess."""
        if not len(samples):
            return samples
        found = energies(samples, self._rate)
        self._blocks = np.concatenate([self._blocks, found[_lufs(found) > SILENT]])[-KEPT:]
        aim = _gain(gated(self._blocks))
        if aim is None:
            return samples
        begun = aim if self._gain is None else self._gain
        most = 10 ** (SLEW * len(samples) / self._rate / 20)
        self._gain = min(max(aim, begun / most), begun * most)
        ramp = np.geomspace(begun, self._gain, len(samples), dtype=np.float32)
        return _bent(samples.astype(np.float32) / 32_768.0 * ramp)


# Trimming and cutting


def finished(sentences: Iterable[Samples], rate: int, pause: float) -> Generator[Samples, None, None]:
    """Whole sentences trimmed and levelled, and `pause` seconds of silence between two."""
    for at, sentence in enumerate(sentences):
        if at:
            yield silence(pause, rate)
        yield levelled(trimmed(sentence, rate), rate)


def without_edges(stretches: Iterable[Samples], rate: int) -> Generator[Samples, None, None]:
    """The stretches of a sentence as they come, without the silence before it and after it.

    Silence at the end of a stretch waits for what comes next; within a sentence there is never more than `HELD` of it.
    """
    peak, begun, waiting = 0.0, False, np.zeros(0, np.int16)
    for stretch in stretches:
        waiting = np.concatenate([waiting, stretch])
        peak = max(peak, float(_frames(waiting, rate).max(initial=0.0)))
        loud = _loud(waiting, rate, peak)
        if loud.size:
            start = _start(loud, rate)
            end = _end(loud, rate)
            yield waiting[max(0, start - int(rate * HELD)) if begun else start : end]
            begun, waiting = True, waiting[end:]


def trimmed(samples: Samples, rate: int) -> Samples:
    """Without the silence before and after; empty where there is nothing but silence."""
    loud = _loud(samples, rate)
    if not loud.size:
        return samples[:0]
    return samples[_start(loud, rate) : _end(loud, rate)]


def pieces(samples: Samples, rate: int) -> Iterator[bytes]:
    """The samples in pieces of at most `PIECE` seconds."""
    step = int(rate * PIECE)
    for at in range(0, len(samples), step):
        yield samples[at : at + step].tobytes()


def silence(seconds: float, rate: int) -> Samples:
    return np.zeros(int(seconds * rate), np.int16)


def _start(loud: npt.NDArray[np.intp], rate: int) -> int:
    return max(0, int(loud[0]) * int(rate * FRAME) - int(rate * MARGIN))


def _end(loud: npt.NDArray[np.intp], rate: int) -> int:
    return (int(loud[-1]) + 1) * int(rate * FRAME) + int(rate * MARGIN)


def _loud(samples: Samples, rate: int, peak: float = 0.0) -> npt.NDArray[np.intp]:
    """Which frames are no silence; `peak` is the level of the loudest one before them."""
    level = _frames(samples, rate)
    return np.flatnonzero(level > max(max(peak, float(level.max(initial=0.0))) * 10 ** (QUIET / 20), 1e-4))


def _frames(samples: Samples, rate: int) -> Wave:
    """RMS of every frame, as a share of full scale."""
    step = int(rate * FRAME)
    padded = np.pad(samples, (0, -len(samples) % step)).astype(np.float32) / 32_768.0
    level: Wave = np.sqrt(np.mean(padded.reshape(-1, step) ** 2, axis=1))
    return level
