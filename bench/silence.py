"""Ten minutes in which nobody speaks: `python -m bench.silence [--data DIR]`.

What is counted are the words that a recognizer finds all the same: ours as a stream, its language found out, and
faster-whisper's `transcribe` as it comes (its defaults), and with its filter for voices. The same weights, one thread.

The sounds are made here, always the same: a minute each of silence, hiss, pink noise, rumble and hum, a band,
a melody, telephone tones, typing, applause, breathing. `--data` adds a recorded room without speech.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.engines.recognise.whisper import Whisper
from agent.nouns import SAMPLE_RATE, Chunk, Segment
from agent.recognition.streaming import Streaming
from agent.recognition.window import BYTES
from tests.sound import pcm_of

Sound = NDArray[np.float64]
CHUNK = 0.06
AROUND = 0.05
"""Seconds over which an edge is smoothed."""


def _times(seconds: float) -> Sound:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _noise(seconds: float, slope: float, rng: np.random.Generator) -> Sound:
    """Noise whose power falls by `slope` with frequency: 0 white, 1 pink, 2 brown. Deviation 1."""
    spectrum = np.fft.rfft(rng.standard_normal(int(seconds * SAMPLE_RATE)))
    frequencies = np.fft.rfftfreq(int(seconds * SAMPLE_RATE), 1 / SAMPLE_RATE)
    sound = np.fft.irfft(spectrum / np.maximum(frequencies, 20.0) ** (slope / 2), int(seconds * SAMPLE_RATE))
    return np.asarray(sound / sound.std())


def _note(frequency: float, seconds: float, decay: float, harmonics: int = 6, vibrato: float = 0.0) -> Sound:
    times = _times(seconds)
    phase = 2 * np.pi * (frequency * times + vibrato * np.sin(2 * np.pi * 5.5 * times))
    tone = sum(np.sin(n * phase) / n**1.3 for n in range(1, harmonics + 1))
    edge = np.minimum(1.0, np.minimum(times, seconds - times) / min(AROUND, seconds / 4))
    return np.asarray(tone * np.exp(-decay * times) * edge)


def _placed(seconds: float, pieces: list[tuple[float, Sound]]) -> Sound:
    """Short sounds, each at its second, over silence."""
    sound = np.zeros(int(seconds * SAMPLE_RATE))
    for at, piece in pieces:
        start = int(at * SAMPLE_RATE)
        part = piece[: max(0, len(sound) - start)]
        sound[start : start + len(part)] += part
    return sound


def _band(seconds: float, rng: np.random.Generator) -> Sound:
    """Four chords, a bass, drums, two beats a second."""
    chords = [(220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0), (196.0, 246.9, 293.7)]
    pieces: list[tuple[float, Sound]] = []
    for beat in range(int(seconds * 2)):
        chord = chords[beat // 4 % 4]
        pieces.append((beat / 2, 1.2 * _note(chord[0] / 2, 0.45, 3.0)))
        if beat % 4 == 0:
            pieces += [(beat / 2, 0.5 * _note(frequency, 2.0, 0.5)) for frequency in chord]
        drum = _note(60, 0.2, 18, 1) * 2 if beat % 2 == 0 else _noise(0.15, 0, rng) * np.exp(-30 * _times(0.15))
        pieces += [(beat / 2, drum), (beat / 2 + 0.25, 0.2 * _noise(0.05, -1, rng) * np.exp(-80 * _times(0.05)))]
    return _placed(seconds, pieces)


def _melody(seconds: float, rng: np.random.Generator) -> Sound:
    """One voice-like instrument with vibrato and breath, no words."""
    scale = [220.0, 246.9, 261.6, 293.7, 329.6, 349.2, 392.0, 440.0]
    pieces, at, place = [], 0.0, 3
    while at < seconds:
        length = float(rng.choice([0.25, 0.5, 0.5, 1.0]))
        place = int(np.clip(place + rng.integers(-2, 3), 0, 7))
        pieces.append((at, _note(scale[place], length, 0.3, 10, 0.25)))
        at += length + (0.5 if rng.random() < 0.15 else 0.0)
    return _placed(seconds, pieces) + 0.02 * _noise(seconds, 1, rng)


def _telephone(seconds: float, rng: np.random.Generator) -> Sound:
    """Ringing and dialling."""
    keys = [(697, 1209), (770, 1336), (852, 1477), (941, 1336)]
    ring = sum(_note(frequency, 1.0, 0.0, 1) for frequency in (440, 480))
    pieces = [(at, np.asarray(ring)) for at in np.arange(0, seconds, 6.0)]
    for at in np.arange(3.0, seconds, 6.0):
        for n in range(6):
            low, high = keys[int(rng.integers(4))]
            pieces.append((float(at) + n * 0.3, _note(low, 0.15, 0.0, 1) + _note(high, 0.15, 0.0, 1)))
    return _placed(seconds, pieces)


def _typing(seconds: float, rng: np.random.Generator) -> Sound:
    """Seven keys a second, in bursts, over a quiet room."""
    click = _times(0.03)
    pieces, at = [], 0.0
    while at < seconds:
        strength = 0.5 + rng.random()
        body = np.sin(2 * np.pi * rng.uniform(300, 900) * click) * np.exp(-150 * click)
        pieces.append((at, strength * (_noise(0.03, 0, rng) * np.exp(-300 * click) + body)))
        at += float(rng.exponential(0.14)) + (1.5 if rng.random() < 0.03 else 0.05)
    return _placed(seconds, pieces) + 0.01 * _noise(seconds, 1, rng)


def _applause(seconds: float, rng: np.random.Generator) -> Sound:
    """Forty pairs of hands, swelling and ebbing every twenty seconds."""
    clap = _times(0.04)
    pieces = [
        (float(at), rng.uniform(0.3, 1.0) * _noise(0.04, 0.5, rng) * np.exp(-90 * clap))
        for _ in range(40)
        for at in np.cumsum(rng.normal(0.28, 0.04, int(seconds / 0.28)))
    ]
    swell = 0.55 - 0.45 * np.cos(2 * np.pi * _times(seconds) / 20)
    return np.asarray(_placed(seconds, pieces) * swell)


def _breathing(seconds: float, rng: np.random.Generator) -> Sound:
    """Into a near microphone, in for 1.5 s and out for 2 s."""
    times = _times(seconds) % 4.0
    shape = np.where(times < 1.5, np.sin(np.pi * times / 1.5), 0.0)
    shape += np.where((times > 1.8) & (times < 3.8), 1.4 * np.sin(np.pi * (times - 1.8) / 2.0), 0.0)
    return np.asarray(np.clip(shape, 0, None) * _noise(seconds, 1.2, rng) + 0.01 * _noise(seconds, 1, rng))


def _hum(seconds: float, rng: np.random.Generator) -> Sound:
    mains = sum(np.sin(2 * np.pi * 50 * n * _times(seconds)) / n for n in (1, 2, 3, 5))
    return np.asarray(_noise(seconds, 2, rng) + 0.7 * mains)


SOUNDS: Mapping[str, tuple[float, Callable[[float, np.random.Generator], Sound]]] = {
    "silence": (-120.0, lambda seconds, rng: np.zeros(int(seconds * SAMPLE_RATE))),
    "hiss": (-60.0, lambda seconds, rng: _noise(seconds, 0, rng)),
    "pink noise": (-30.0, lambda seconds, rng: _noise(seconds, 1, rng)),
    "rumble and hum": (-30.0, _hum),
    "a band": (-20.0, _band),
    "a melody": (-20.0, _melody),
    "telephone": (-20.0, _telephone),
    "typing": (-30.0, _typing),
    "applause": (-22.0, _applause),
    "breathing": (-30.0, _breathing),
}
"""Name → its level (dB of full scale, root mean square) and how it is made."""


def made(name: str, seconds: float) -> bytes:
    """A sound of the list as 16 kHz mono int16."""
    level, make = SOUNDS[name]
    sound = make(seconds, np.random.default_rng(list(SOUNDS).index(name)))
    loud = sound.std() or 1.0
    return (np.clip(sound / loud * 10 ** (level / 20), -1, 1) * 32_767).astype(np.int16).tobytes()


async def ours(ear: Whisper, pcm: bytes) -> str:
    listening = Streaming(ear).listen("bench", None)
    said: list[Any] = []
    for at in range(0, len(pcm), int(CHUNK * BYTES)):
        said += await listening.push(Chunk("bench", at / BYTES, pcm[at : at + int(CHUNK * BYTES)]))
    said += await listening.finish()
    return " ".join(one.text for one in said if isinstance(one, Segment))


def theirs(model: Any, pcm: bytes, **asked: Any) -> str:
    sound = np.frombuffer(pcm, np.int16).astype(np.float32) / 32_768.0
    segments, _ = model.transcribe(sound, **asked)
    return " ".join(segment.text.strip() for segment in segments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with recordings and their MANIFEST.json")
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"))
    parser.add_argument("--seconds", type=float, default=60.0, help="of each sound")
    parser.add_argument("--write", type=Path, default=Path("bench-results/silence.json"))
    asked = parser.parse_args()
    from faster_whisper import WhisperModel

    sounds = {name: made(name, asked.seconds) for name in SOUNDS}
    if asked.data:
        for entry in json.loads((asked.data / "MANIFEST.json").read_text()):
            if entry["language"] == "none":
                sounds[entry["file"]] = pcm_of(asked.data / entry["file"])
    ear = Whisper(asked.model, threads=1)
    model = WhisperModel(str(asked.model), device="cpu", compute_type="int8", cpu_threads=1)
    sides: dict[str, Callable[[bytes], str]] = {
        "ours": lambda pcm: asyncio.run(ours(ear, pcm)),
        "faster-whisper": lambda pcm: theirs(model, pcm),
        "faster-whisper, vad_filter": lambda pcm: theirs(model, pcm, vad_filter=True),
    }
    rows: list[dict[str, Any]] = []
    print("| sound | " + " | ".join(f"{side}: words, CPU s" for side in sides) + " |")
    for number, (name, pcm) in enumerate(sounds.items()):
        row: dict[str, Any] = {"sound": name, "seconds": round(len(pcm) / BYTES, 1)}
        for side in list(sides) if number % 2 == 0 else reversed(sides):
            begun = time.process_time()
            words = len(sides[side](pcm).split())
            row[side] = {"words": words, "cpu": round(time.process_time() - begun, 2)}
        rows.append(row)
        print(
            f"| {name} | " + " | ".join(f"{row[side]['words']}, {row[side]['cpu']:.1f}" for side in sides) + " |",
            flush=True,
        )
    total = {side: {key: round(sum(row[side][key] for row in rows), 1) for key in ("words", "cpu")} for side in sides}
    print("| all | " + " | ".join(f"{one['words']}, {one['cpu']:.1f}" for one in total.values()) + " |")
    told = {
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores, one thread",
        "minutes": round(sum(row["seconds"] for row in rows) / 60, 1),
        "all": total,
        "each": rows,
    }
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
