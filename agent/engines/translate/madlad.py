"""MADLAD-400 on CTranslate2: a T5 of four hundred languages that may be used commercially."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import EngineError
from ...settings import Settings
from .. import Served
from .batch_translation import AllPairs, Job, Row, opened
from .language_names import LanguageNames

NAME = "madlad"
TOKENIZERS = ("spiece.model", "sentencepiece.model")
"""Its SentencePiece model, as the original and as converted ones name it."""
ON_GPU = ("int8_bfloat16", "int8_float32")
"""T5 was trained in bfloat16, and leaves the range of float16."""
_TAG = re.compile(r"<2([a-z]{2,3}(?:_[A-Z][a-z]{3})?)>")
_OPENS = re.compile(r"<(?=2)")


def load(settings: Settings) -> Madlad:
    """The model in `DRAGOMAN_MADLAD_MODEL`, as its converter left it, and its tokenizer. Raises `EngineError`."""
    folder = settings.madlad_model
    pieces = next((folder / name for name in TOKENIZERS if (folder / name).is_file()), None)
    if not pieces or not (folder / "model.bin").is_file():
        missing = "model.bin" if pieces else TOKENIZERS[0]
        raise EngineError("engine_failed", f"There is no MADLAD-400 model in {folder} ({missing} missing).")
    offered = [tag.strip() for tag in settings.madlad_languages.split(",") if tag.strip()]
    try:
        return Madlad(folder, pieces, settings.threads, offered)
    except ImportError:
        raise
    except Exception as error:
        # Whatever CTranslate2 and SentencePiece make of files that are no model.
        raise EngineError("engine_failed", f"There is no usable MADLAD-400 model in {folder}.") from error


def language_names(vocabulary: Iterable[str]) -> LanguageNames:
    """The languages of a model by its vocabulary, which has a token for each target: `<2es>`, `<2sr_Latn>`."""
    return LanguageNames({tag[1].replace("_", "-"): tag[0] for word in vocabulary if (tag := _TAG.fullmatch(word))})


class Madlad(AllPairs):
    """A `LoadedTranslator`. `offered` are the tags that it serves, each into all others.

    It finds out the source by itself; into what is said by a token before the sentence.
    """

    def __init__(self, folder: Path, pieces: Path, threads: int, offered: Sequence[str]) -> None:
        from sentencepiece import SentencePieceProcessor

        self._pieces = SentencePieceProcessor(model_file=str(pieces))
        super().__init__(
            NAME,
            opened(folder, threads, on_gpu=ON_GPU),
            language_names(self._pieces.id_to_piece(at) for at in range(len(self._pieces))),
            offered,
        )

    def served(self) -> Served:
        return self._served("MADLAD-400", "Apache-2.0")

    def _row(self, job: Job) -> Row:
        # What was said must not be taken for the token: a space takes that from it.
        said = f"{job.names[1]} {_OPENS.sub('< ', job.sentence)}"
        return Row([*self._pieces.encode(said, out_type=str), "</s>"])

    def _text(self, tokens: Sequence[str]) -> str:
        return str(self._pieces.decode([token for token in tokens if not _TAG.fullmatch(token)])).strip()
