"""A Whisper of any shape with random weights: what it hears means nothing, but how long that takes is true.

    python -m tests.models.whisper FOLDER SHAPE

Its words and its settings are those of a real one (`DRAGOMAN_WHISPER_MODEL`), whose tokenizer it shares.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec

from agent.settings import Settings

from .transformer import Shape, fill, sines


@dataclass(frozen=True, slots=True)
class Kind:
    """A model of Whisper's by its layers; `mels` are the bands of the spectrogram that it takes."""

    shape: Shape
    decoder: int
    mels: int = 80
    heads: int = 10
    """Heads of the decoder by which words are aligned."""


KINDS = {
    "smallest": Kind(Shape(size=32, heads=4, layers=2, inner=64), 2, heads=2),
    "base": Kind(Shape(size=512, heads=8, layers=6, inner=2_048), 6, heads=8),
    "small": Kind(Shape(size=768, heads=12, layers=12, inner=3_072), 12),
    "medium": Kind(Shape(size=1_024, heads=16, layers=24, inner=4_096), 24, heads=6),
    "large-v3-turbo": Kind(Shape(size=1_280, heads=20, layers=32, inner=5_120), 4, mels=128, heads=6),
    "large-v3": Kind(Shape(size=1_280, heads=20, layers=32, inner=5_120), 32, mels=128),
}
POSITIONS, TOKENS = 1_500, 448
"""The longest that goes into the encoder, and into the decoder."""


def build(folder: Path, kind: Kind, like: Path, seed: int = 1) -> Path:
    """The model in a folder, as its converter would have left it, with the words of the one in `like`."""
    folder.mkdir(parents=True, exist_ok=True)
    told = json.loads((like / "config.json").read_text())
    words = (like / "vocabulary.txt").read_text().removesuffix("\n").split("\n")
    random, shape = np.random.default_rng(seed), kind.shape
    spec = WhisperSpec(shape.layers, shape.heads, kind.decoder, shape.heads)
    fill(spec, shape, len(words), random)
    for conv, bands in ((spec.encoder.conv1, kind.mels), (spec.encoder.conv2, shape.size)):
        conv.weight = random.standard_normal((shape.size, bands, 3), np.float32) * np.float32((3 * bands) ** -0.5)
        conv.bias = np.zeros(shape.size, np.float32)
    spec.encoder.position_encodings.encodings = sines(POSITIONS, shape.size)
    spec.decoder.position_encodings.encodings = sines(TOKENS, shape.size)
    spec.register_vocabulary(words)
    heads = [*product(reversed(range(kind.decoder)), range(shape.heads))][: kind.heads]
    for name, value in (told | {"alignment_heads": heads}).items():
        setattr(spec.config, name, value)
    spec.validate()
    spec.optimize(quantization="float16")
    spec.save(str(folder))
    shutil.copy(like / "tokenizer.json", folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": kind.mels}))
    return folder


if __name__ == "__main__":
    build(Path(sys.argv[1]), KINDS[sys.argv[2]], Settings().whisper_model)
