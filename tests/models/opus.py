"""The smallest Opus-MT model there can be: a Marian Transformer in its file formats, with random weights.

    python -m tests.models.opus FOLDER/opus-mt-en-de

Norms after each layer, sines for positions, a decoder that starts from nothing, and two SentencePiece tokenizers; with
tokens of its targets where it has a group of them (`>>fra<<`).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec
from ctranslate2.specs.common_spec import Activation

from .nllb import SENTENCES
from .transformer import SMALLEST, Shape, fill, sines


def build(
    folder: Path, targets: Sequence[str] = (), seed: int = 1, shape: Shape = SMALLEST, *, ends: bool = False
) -> Path:
    """The model in a folder, as its converter would have left it; with `ends`, as that of Marian's own files."""
    folder.mkdir(parents=True, exist_ok=True)
    sides = [_tokenizer(folder / name, vocabulary) for name, vocabulary in (("source.spm", 130), ("target.spm", 140))]
    words = [*dict.fromkeys(["</s>", "<unk>", *sides[0], *sides[1], *(f">>{target}<<" for target in targets)])]
    spec = TransformerSpec.from_config(
        (shape.layers, shape.layers), shape.heads, pre_norm=False, activation=Activation.SWISH
    )
    fill(spec, shape, len(words), np.random.default_rng(seed))
    for part in (spec.encoder, spec.decoder):
        part.scale_embeddings = True
        part.position_encodings.encodings = sines(shape.positions, shape.size)
    spec.decoder.start_from_zero_embedding = True
    spec.decoder.projection.bias = np.zeros(len(words), np.float32)
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.config.eos_token, spec.config.unk_token, spec.config.decoder_start_token = "</s>", "<unk>", "</s>"
    spec.config.add_source_eos = ends
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    return folder


def _tokenizer(path: Path, vocabulary: int) -> list[str]:
    """Its pieces; the ones that stand for no text are in the model's own vocabulary."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=made,
        vocab_size=vocabulary,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    path.write_bytes(made.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    return [pieces.id_to_piece(at) for at in range(len(pieces)) if not pieces.is_control(at)]


if __name__ == "__main__":
    build(Path(sys.argv[1]))
