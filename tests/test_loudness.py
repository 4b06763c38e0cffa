"""One loudness for all voices: the standard's own test signals, and speech that comes in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from agent.loudness import LEVEL, SLEW, Samples, Stream, levelled, loudness, pieces, trimmed, without_edges

RATES = (16_000, 22_050, 24_000, 48_000)
MONO = 3.01
"""LU that one channel is below two of the same: EBU's signals are in stereo."""


def tone(level: float, seconds: float, rate: int = 48_000, pitch: float = 1_000.0) -> Samples:
    """A sine whose peaks are at `level` dBFS."""
    at = np.arange(int(rate * seconds))
    return (np.sin(2 * math.pi * pitch * at / rate) * 32_767 * 10 ** (level / 20)).astype(np.int16)


def babble(level: float, seconds: float, rate: int, seed: int = 1) -> Samples:
    """Noise with the spectrum and the syllables of speech, by and large; its RMS is at `level` dBFS."""
    count = int(rate * seconds)
    noise = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    at = np.fft.rfftfreq(count, 1 / rate)
    shaped = np.fft.irfft(noise * (at > 100) / np.maximum(1.0, at / 500) ** 1.5, count)
    shaped *= 0.15 + np.abs(np.sin(np.arange(count) * 2 * math.pi * 2 / rate))
    return np.clip(shaped / np.std(shaped) * 32_767 * 10 ** (level / 20), -32_767, 32_767).astype(np.int16)


def true_peak(samples: Samples) -> float:
    """dB of full scale that the wave between the samples reaches (four times oversampled)."""
    spectrum = np.fft.rfft(samples / 32_768.0)
    finer = np.fft.irfft(np.pad(spectrum, (0, 3 * (len(spectrum) - 1))), 4 * (2 * (len(spectrum) - 1))) * 4
    return float(20 * np.log10(np.abs(finer).max()))


# EBU Tech 3341, table 1, cases 1 to 5, in mono


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_tone_is_as_loud_as_the_standard_says(rate: int, level: float) -> None:
    assert loudness(tone(level, 20, rate), rate) + MONO == pytest.approx(level, abs=0.1)


@pytest.mark.parametrize(
    "parts",
    [
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_what_is_quiet_or_silent_does_not_count(parts: list[tuple[float, float]]) -> None:
    signal = np.concatenate([tone(level, seconds) for level, seconds in parts])

    assert loudness(signal, 48_000) + MONO == pytest.approx(-23.0, abs=0.1)


def test_full_scale_is_3_lufs_below_zero() -> None:
    assert loudness(tone(0.0, 5, pitch=997.0), 48_000) == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("rate", RATES)
def test_low_sounds_count_little_and_high_ones_more(rate: int) -> None:
    assert loudness(tone(-20, 3, rate, 30.0), rate) < loudness(tone(-20, 3, rate), rate) - 3
    assert loudness(tone(-20, 3, rate, 4_000.0), rate) == pytest.approx(
        loudness(tone(-20, 3, rate), rate) + 3.3, abs=0.5
    )


@pytest.mark.parametrize("silence", [np.zeros(48_000, np.int16), np.zeros(0, np.int16), tone(-80, 2)])
def test_silence_has_no_loudness_and_is_left_alone(silence: Samples) -> None:
    assert loudness(silence, 48_000) == -math.inf
    assert np.array_equal(levelled(silence, 48_000), silence)


# Levelling


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [-45.0, -30.0, -20.0, -12.0])
def test_speech_is_brought_to_the_level_whatever_it_was(rate: int, level: float) -> None:
    assert loudness(levelled(babble(level, 3, rate), rate), rate) == pytest.approx(LEVEL, abs=0.6)


def test_a_short_word_is_as_loud_as_a_sentence() -> None:
    assert loudness(levelled(babble(-35, 0.25, 22_050), 22_050), 22_050) == pytest.approx(LEVEL, abs=0.6)


@pytest.mark.parametrize("rate", RATES)
def test_no_peak_is_above_what_r128_allows(rate: int) -> None:
    clicks = babble(-30, 3, rate)
    clicks[:: rate // 7] = 32_767

    assert true_peak(levelled(clicks, rate)) <= -1.0


# Streams


def cut(samples: Samples, seconds: float, rate: int) -> Iterator[Samples]:
    step = int(rate * seconds)
    for at in range(0, len(samples), step):
        yield samples[at : at + step]


@pytest.mark.parametrize("level", [-40.0, -26.0, -14.0])
def test_a_stream_has_the_level_from_its_first_stretch_on(level: float) -> None:
    rate, stream = 24_000, Stream(24_000)
    out = [stream.push(stretch) for stretch in cut(babble(level, 8, rate), 0.9, rate)]

    assert loudness(out[0], rate) == pytest.approx(LEVEL, abs=1.0)
    assert loudness(np.concatenate(out), rate) == pytest.approx(LEVEL, abs=1.0)
    assert sum(map(len, out)) == 8 * rate


def test_the_gain_of_a_stream_never_jumps() -> None:
    rate, stream = 24_000, Stream(24_000)
    steady = tone(-30, 1, rate)
    before, after = stream.push(steady), stream.push(tone(-20, 1, rate))

    assert np.abs(after[:240]).max() / np.abs(before[-240:]).max() == pytest.approx(10 ** (10 / 20), rel=0.05)
    fell = 20 * np.log10(np.abs(after[:2400]).max() / np.abs(after[-2400:]).max())
    assert fell <= SLEW + 0.1


def test_the_next_sentence_begins_where_the_last_one_ended() -> None:
    rate, stream = 24_000, Stream(24_000)
    for stretch in cut(babble(-35, 4, rate), 0.9, rate):
        stream.push(stretch)

    short = stream.push(babble(-35, 0.1, rate, seed=2))

    assert loudness(short, rate) == pytest.approx(LEVEL, abs=3.0)


def test_a_stream_comes_without_the_silence_around_it_and_loses_nothing_within() -> None:
    rate = 24_000
    word, gap = babble(-20, 0.5, rate), np.zeros(int(rate * 0.3), np.int16)
    told = np.concatenate([np.zeros(rate, np.int16), word, gap, word, np.zeros(2 * rate, np.int16)])

    out = np.concatenate([*without_edges(cut(told, 0.11, rate), rate)])

    assert len(out) / rate == pytest.approx(1.3, abs=0.06)
    assert abs(len(out) - len(trimmed(told, rate))) < rate * 0.03


def test_a_long_silence_within_a_stream_becomes_a_short_one() -> None:
    rate = 24_000
    word = babble(-20, 0.5, rate)
    told = np.concatenate([word, np.zeros(3 * rate, np.int16), word])

    assert len(np.concatenate([*without_edges(cut(told, 0.11, rate), rate)])) / rate == pytest.approx(1.5, abs=0.1)


def test_nothing_comes_of_a_stream_of_silence() -> None:
    assert [*without_edges(cut(np.zeros(48_000, np.int16), 0.1, 24_000), 24_000)] == []


def test_pieces_are_at_most_a_fifth_of_a_second_and_together_the_whole() -> None:
    made = [*pieces(tone(-20, 1.07, 24_000), 24_000)]

    assert max(map(len, made)) == 9_600
    assert b"".join(made) == tone(-20, 1.07, 24_000).tobytes()
