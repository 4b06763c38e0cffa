"""The smallest MADLAD-400 there can be: a T5 in its file formats, with random weights.

    python -m tests.models.madlad FOLDER

Relative positions, norms by the root mean square, gated GELU and no biases, as the original has them; a SentencePiece
tokenizer trained on a few sentences, with tokens of ten target languages.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec
from ctranslate2.specs.common_spec import Activation

from .nllb import SENTENCES
from .transformer import SMALLEST, Shape, fill

LANGUAGES = ("en", "es", "fr", "de", "pt", "ja", "zh", "ar", "no", "sr_Latn")
BUCKETS, FARTHEST = 32, 128
"""Of relative positions: how many, and from what distance on they are one."""


def build(folder: Path, seed: int = 1, shape: Shape = SMALLEST) -> Path:
    """The model in a folder, as its converter would have left it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = _tokenizer(folder / "spiece.model")
    spec = TransformerSpec.from_config(
        (shape.layers, shape.layers),
        shape.heads,
        pre_norm=True,
        activation=Activation.GELUTanh,
        ffn_glu=True,
        relative_attention_bias=True,
        rms_norm=True,
    )
    random = np.random.default_rng(seed)
    fill(spec, shape, len(words), random, bias=False)
    for part in (spec.encoder, spec.decoder):
        part.scale_embeddings = False
        bias = random.standard_normal((BUCKETS, shape.heads), np.float32)
        for layer in part.layer:  # the first one's are everybody's
            layer.self_attention.relative_attention_bias = bias
            layer.self_attention.relative_attention_max_distance = np.dtype("int32").type(FARTHEST)
        for attention in [
            one for layer in part.layer for one in (layer.self_attention, getattr(layer, "attention", None))
        ]:
            if attention is not None:
                attention.queries_scale = 1.0
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = "<pad>", "</s>", "<unk>"
    spec.config.decoder_start_token = "<pad>"
    spec.config.add_source_bos = spec.config.add_source_eos = False
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    return folder


def _tokenizer(path: Path) -> list[str]:
    """As T5's: padding first, then the end and what is unknown; `<2es>` stands for itself wherever it is said."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=made,
        vocab_size=160,
        hard_vocab_limit=False,
        user_defined_symbols=[f"<2{tag}>" for tag in LANGUAGES],
        byte_fallback=False,
        bos_id=-1,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        minloglevel=2,
    )
    path.write_bytes(made.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    return [pieces.id_to_piece(at) for at in range(len(pieces))]


if __name__ == "__main__":
    build(Path(sys.argv[1]))
