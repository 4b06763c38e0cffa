"""The smallest NLLB there can be: its architecture and file formats, with random weights.

    python -m tests.models.nllb FOLDER

It translates nonsense, by the very code that translates sense. Two layers of 32 dimensions,
a tokenizer trained on a few sentences, the tags of twelve languages: under 1 MB, made in a second.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import TransformerSpec
from ctranslate2.specs.model_spec import LayerSpec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

LANGUAGES = (
    "eng_Latn", "spa_Latn", "fra_Latn", "deu_Latn", "por_Latn", "jpn_Jpan",
    "zho_Hans", "zho_Hant", "arb_Arab", "pes_Arab", "nob_Latn", "pbt_Arab",
)  # fmt: skip
SENTENCES = (
    "Good morning, everybody. How are you today?",
    "Buenos días a todos. ¿Cómo están hoy?",
    "Guten Morgen zusammen. Wie geht es Ihnen heute?",
    "Ask not what your country can do for you; ask what you can do for your country.",
)
SIZE, HEADS, LAYERS, INNER = 32, 4, 2, 64


def build(folder: Path, seed: int = 1) -> Path:
    """The model in a folder, as its converter would have left it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    words = [word for word, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    spec = TransformerSpec.from_config((LAYERS, LAYERS), HEADS, pre_norm=True)
    random = np.random.default_rng(seed)
    for part, rest in ((spec.encoder, ()), (spec.decoder, (spec.decoder.projection,))):
        part.scale_embeddings = SIZE**0.5
        part.position_encodings.encodings = _positions(256)
        embeddings = part.embeddings[0] if isinstance(part.embeddings, list) else part.embeddings
        _matrix(embeddings, random, len(words), SIZE)
        _norm(part.layer_norm)
        for layer in part.layer:
            _attention(layer.self_attention, random, (3 * SIZE, SIZE))
            if part is spec.decoder:
                _attention(layer.attention, random, (SIZE, 2 * SIZE, SIZE))
            _norm(layer.ffn.layer_norm)
            _matrix(layer.ffn.linear_0, random, INNER, SIZE, bias=True)
            _matrix(layer.ffn.linear_1, random, SIZE, INNER, bias=True)
        for projection in rest:
            _matrix(projection, random, len(words), SIZE)
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = "<s>", "</s>", "<unk>"
    spec.config.decoder_start_token = "</s>"
    spec.config.add_source_bos = spec.config.add_source_eos = False
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    return folder


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=300, special_tokens=special))
    tokenizer.add_special_tokens([*LANGUAGES, "<mask>"])
    # As NLLB's own does: who encodes without asking for it gets no tag of a language that is not meant.
    tokenizer.post_processor = processors.TemplateProcessing(
        single="eng_Latn $A </s>",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("eng_Latn", "</s>")],
    )
    return tokenizer


def _positions(length: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    at = np.arange(length)[:, None] / 10_000 ** (np.arange(SIZE // 2)[None] / (SIZE // 2))
    return np.concatenate([np.sin(at), np.cos(at)], axis=1).astype(np.float32)


def _matrix(spec: LayerSpec, random: np.random.Generator, rows: int, columns: int, *, bias: bool = False) -> None:
    spec.weight = random.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)
    if bias:
        spec.bias = np.zeros(rows, np.float32)


def _norm(spec: LayerSpec) -> None:
    spec.gamma, spec.beta = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)


def _attention(spec: LayerSpec, random: np.random.Generator, rows: tuple[int, ...]) -> None:
    _norm(spec.layer_norm)
    for linear, height in zip(spec.linear, (*rows[: len(spec.linear) - 1], SIZE), strict=True):
        _matrix(linear, random, height, SIZE, bias=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
