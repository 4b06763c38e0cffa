"""NLLB-200 on CTranslate2: two hundred languages, all targets of a clause in one batch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...errors import EngineError
from ...settings import Settings
from .. import Served
from ..licences import accepted
from .batch_translation import AllPairs, Job, Row, opened
from .language_names import LanguageNames

NAME = "nllb"
LICENCE = "nllb-200"
"""What is accepted by name: its weights are not for commercial use."""
_CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")


def load(settings: Settings) -> Nllb:
    """The model in `DRAGOMAN_NLLB_MODEL`, as its converter and its tokenizer left it. Raises `EngineError`."""
    folder = settings.nllb_model
    missing = [name for name in ("model.bin", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        raise EngineError("engine_failed", f"There is no NLLB model in {folder} ({' and '.join(missing)} missing).")
    if not accepted(LICENCE, settings, folder.parent):
        raise EngineError(
            "licence_not_accepted",
            f"NLLB-200 is under CC-BY-NC-4.0, not for commercial use: accept it by DRAGOMAN_LICENCES={LICENCE}, "
            f"or by `models pull {LICENCE} --accept-licence`.",
        )
    offered = [tag.strip() for tag in settings.nllb_languages.split(",") if tag.strip()]
    try:
        return Nllb(folder, settings.threads, offered)
    except Exception as error:
        # Whatever CTranslate2 and the tokenizer make of files that are no model.
        raise EngineError("engine_failed", f"There is no usable NLLB model in {folder}.") from error


def language_names(vocabulary: Iterable[str]) -> LanguageNames:
    """The languages of a model by its vocabulary, which has them as FLORES-200 does: `eng_Latn`."""
    return LanguageNames({word.replace("_", "-"): word for word in vocabulary if _CODE.fullmatch(word)})


class Nllb(AllPairs):
    """A `LoadedTranslator`. `offered` are the tags that it serves, each into all others."""

    def __init__(self, folder: Path, threads: int, offered: Sequence[str]) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.encode_special_tokens = True  # whoever says `</s>` has said five characters
        super().__init__(NAME, opened(folder, threads), language_names(self._tokenizer.get_vocab()), offered)

    def served(self) -> Served:
        return self._served("NLLB-200", "CC-BY-NC-4.0, not for commercial use")

    def _row(self, job: Job) -> Row:
        source, target = job.names
        pieces = self._tokenizer.encode(job.sentence, add_special_tokens=False).tokens
        return Row([source, *pieces, "</s>"], [target])

    def _text(self, tokens: Sequence[str]) -> str:
        ids: list[Any] = [self._tokenizer.token_to_id(token) for token in tokens]
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()
