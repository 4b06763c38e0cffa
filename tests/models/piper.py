"""The smallest voice file that Piper takes: several speakers who hum, each at a pitch of their own.

    python -m tests.models.piper FILE.onnx

What Piper's own files hold (an ONNX model with its inputs, its config beside it), with a sine in the place of VITS:
80 ms a phoneme. ONNX is a protocol buffer, of which this writes the few messages that it takes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

FLOAT, INT64 = 1, 7
RATE = 16_000
PITCH, APART = 150.0, 60.0
"""Hz of the first speaker, and from one to the next."""
PHONEME = 0.08
"""Seconds."""


def build(path: Path, speakers: int = 3, rate: int = RATE) -> Path:
    """The voice file and its config; returns the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_model(rate, speakers))
    symbols = "_^$ " + "abcdefghijklmnopqrstuvwxyzæçðøŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒˈˌːθᵻ.,!?"
    config = {
        "audio": {"sample_rate": rate},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": {symbol: [at] for at, symbol in enumerate(symbols)},
        "num_symbols": len(symbols),
        "num_speakers": speakers,
        "speaker_id_map": {f"p{at}": at for at in range(speakers)},
    }
    Path(f"{path}.json").write_text(json.dumps(config))
    return path


def _model(rate: int, speakers: int) -> bytes:
    constants = {
        **({"apart": np.array([2 * np.pi * APART / rate], np.float32)} if speakers > 1 else {}),
        "second": np.array(1, np.int64),
        "length_at": np.array(1, np.int64),
        "samples": np.array(PHONEME * rate, np.float32),
        "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "lowest": np.array([2 * np.pi * PITCH / rate], np.float32),
        "volume": np.array(0.3, np.float32),
        "shape": np.array([1, 1, 1, -1], np.int64),
    }
    nodes = [
        ("Shape", ["input"], "size"),
        ("Gather", ["size", "second"], "phonemes"),
        ("Cast", ["phonemes"], "phonemes_f"),
        ("Gather", ["scales", "length_at"], "length"),
        ("Mul", ["phonemes_f", "length"], "stretched"),
        ("Mul", ["stretched", "samples"], "end"),
        ("Range", ["zero", "end", "one"], "at"),
        ("Mul", ["at", "step"], "phase"),
        ("Sin", ["phase"], "wave"),
        ("Mul", ["wave", "volume"], "quiet"),
        ("Reshape", ["quiet", "shape"], "output"),
    ]
    if speakers > 1:
        pitch = [("Cast", ["sid"], "sid_f"), ("Mul", ["sid_f", "apart"], "above"), ("Add", ["above", "lowest"], "step")]
    else:
        pitch = [("Identity", ["lowest"], "step")]
    inputs = {"input": (INT64, 2), "input_lengths": (INT64, 1), "scales": (FLOAT, 1)}
    inputs |= {"sid": (INT64, 1)} if speakers > 1 else {}
    graph = b"".join(
        [
            *(_field(1, _node(*node)) for node in [*pitch, *nodes]),
            _field(2, b"voice"),
            *(_field(5, _tensor(name, value)) for name, value in constants.items()),
            *(_field(11, _value(name, kind, rank)) for name, (kind, rank) in inputs.items()),
            _field(12, _value("output", FLOAT, 4)),
        ]
    )
    return _number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 13))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    to_float = _field(5, _field(1, b"to") + _number(3, FLOAT) + _number(20, 2)) if kind == "Cast" else b""
    return (
        b"".join(_field(1, name.encode()) for name in inputs)
        + _field(2, output.encode())
        + _field(4, kind.encode())
        + to_float
    )


def _tensor(name: str, value: np.ndarray) -> bytes:  # type: ignore[type-arg]
    kind = INT64 if value.dtype == np.int64 else FLOAT
    shape = b"".join(_number(1, size) for size in value.shape)
    return shape + _number(2, kind) + _field(8, name.encode()) + _field(9, value.tobytes())


def _value(name: str, kind: int, rank: int) -> bytes:
    shape = b"".join(_field(1, _field(2, f"{name}_{at}".encode())) for at in range(rank))
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, kind) + _field(2, shape)))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


if __name__ == "__main__":
    build(Path(sys.argv[1]))
