"""The smallest NLLB there can be: its architecture and file formats, with random weights.

    python -m tests.models.nllb FOLDER

It translates nonsense, by the very code that translates sense. Two layers of 32 dimensions,
a tokenizer trained on a few sentences, the tags of twelve languages: under 1 MB, made in a second.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from ctranslate2.specs import TransformerSpec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from .transformer import SMALLEST, Shape, fill, sines

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


def build(folder: Path, seed: int = 1, shape: Shape = SMALLEST, words: int = 0) -> Path:
    """The model in a folder, as its converter would have left it; its vocabulary filled up to so many words."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _filled(_tokenizer(), words)
    tokenizer.save(str(folder / "tokenizer.json"))
    known = [word for word, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    spec = TransformerSpec.from_config((shape.layers, shape.layers), shape.heads, pre_norm=True)
    fill(spec, shape, len(known), np.random.default_rng(seed))
    for part in (spec.encoder, spec.decoder):
        part.scale_embeddings = shape.size**0.5
        part.position_encodings.encodings = sines(shape.positions, shape.size)
    spec.register_source_vocabulary(known)
    spec.register_target_vocabulary(known)
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


def _filled(tokenizer: Tokenizer, words: int) -> Tokenizer:
    """With so many words; those that no sentence taught it stand in no text, but can come out of a model."""
    told = json.loads(tokenizer.to_str())
    count = tokenizer.get_vocab_size()
    told["model"]["vocab"] |= {f"<filler_{at}>": at for at in range(count, words)}
    return Tokenizer.from_str(json.dumps(told))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
