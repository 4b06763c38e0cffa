"""Random weights for a Transformer of CTranslate2, whatever its kind: what the models here are filled with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ctranslate2.specs import TransformerSpec, WhisperSpec
from ctranslate2.specs.model_spec import LayerSpec

Array = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a model is. The default is as small as one can be."""

    size: int = 32
    heads: int = 4
    layers: int = 2
    inner: int = 64
    positions: int = 512


SMALLEST = Shape()


def fill(
    spec: TransformerSpec | WhisperSpec, shape: Shape, words: int, random: np.random.Generator, *, bias: bool = True
) -> None:
    """Every weight of encoder and decoder, which share their embeddings as such models do.

    Without `bias` it is a T5: no linear layer has one, and no norm. An encoder that takes sound embeds no words; what
    comes before its layers is left to the caller.
    """
    weights = _Weights(shape, random, bias)
    shared = weights.matrix(words, shape.size)
    for part in (spec.encoder, spec.decoder):
        if words_in := getattr(part, "embeddings", None):
            (words_in[0] if isinstance(words_in, list) else words_in).weight = shared
        if hasattr(part, "layer_norm"):
            weights.norm(part.layer_norm)
        for layer in part.layer:
            weights.attention(layer.self_attention, 3 * shape.size)
            if part is spec.decoder:
                weights.attention(layer.attention, shape.size, 2 * shape.size)
            weights.feed_forward(layer.ffn)
    spec.decoder.projection.weight = shared


def sines(length: int, size: int) -> Array:
    """Positions as sines and cosines, halves side by side."""
    at = np.arange(length)[:, None] / 10_000 ** (np.arange(size // 2)[None] / (size // 2))
    return np.concatenate([np.sin(at), np.cos(at)], axis=1).astype(np.float32)


class _Weights:
    def __init__(self, shape: Shape, random: np.random.Generator, bias: bool) -> None:
        self._shape = shape
        self._random = random
        self._bias = bias

    def matrix(self, rows: int, columns: int) -> Array:
        return self._random.standard_normal((rows, columns), np.float32) * np.float32(columns**-0.5)

    def linear(self, spec: LayerSpec, rows: int, columns: int) -> None:
        spec.weight = self.matrix(rows, columns)
        if self._bias:
            spec.bias = np.zeros(rows, np.float32)

    def norm(self, spec: LayerSpec) -> None:
        spec.gamma = np.ones(self._shape.size, np.float32)
        if self._bias:
            spec.beta = np.zeros(self._shape.size, np.float32)

    def attention(self, spec: LayerSpec, *rows: int) -> None:
        self.norm(spec.layer_norm)
        for linear, height in zip(spec.linear, (*rows, self._shape.size), strict=True):
            self.linear(linear, height, self._shape.size)

    def feed_forward(self, spec: LayerSpec) -> None:
        self.norm(spec.layer_norm)
        self.linear(spec.linear_0, self._shape.inner, self._shape.size)
        self.linear(spec.linear_1, self._shape.size, self._shape.inner)
        if hasattr(spec, "linear_0_noact"):
            self.linear(spec.linear_0_noact, self._shape.inner, self._shape.size)
