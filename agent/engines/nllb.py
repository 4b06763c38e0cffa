"""NLLB-200 on CTranslate2: two hundred languages, all targets of a clause in one batch."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import langcodes
from langcodes.tag_parser import LanguageTagError

from ..errors import EngineError
from ..settings import Settings
from . import Served, Translation
from .catalogue import accepted
from .clause import fitted, joined, plain, sentences, whole

NAME = "nllb"
LICENCE = "nllb-200"
"""What is accepted by name: its weights are not for commercial use."""
BEAM = 4
LONGER = 2.5
"""Tokens of a translation to a token of its source, at most; and `SPARE` more."""
SPARE = 12
REPEATS = 5
"""Tokens in a row that may not come twice in a sentence: a loop of the decoder's."""
SPOKEN_OF_OTHERS = {"nob": "no", "pbt": "ps", "quy": "qu", "fuv": "ff", "knc": "kr"}
"""What a code of FLORES-200 is asked for by, beside what `langcodes` makes of it."""
_CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")

Tongue = tuple[str, str]
"""A language and its script, as `langcodes` writes them: `("zh", "Hant")`."""


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


def codes(vocabulary: Iterable[str]) -> dict[Tongue, str]:
    """The languages of a model by its vocabulary: BCP-47's language and script to the code of FLORES-200.

    A macrolanguage stands for its main member: `ar` is `arb_Arab`, `fa` is `pes_Arab`.
    """
    found: dict[Tongue, str] = {}
    for code in sorted(word for word in vocabulary if _CODE.fullmatch(word)):
        member = tongue(langcodes.standardize_tag(code.replace("_", "-")))
        main = tongue(langcodes.standardize_tag(code.replace("_", "-"), macro=True))
        found[member] = code
        found.setdefault(main, code)
        if other := SPOKEN_OF_OTHERS.get(code[:3]):
            found.setdefault((other, member[1]), code)
    return found


def tongue(tag: str) -> Tongue:
    """A tag's language and script; the script is the likely one where the tag names none."""
    likely = langcodes.Language.get(tag).maximize()
    return likely.language or "und", likely.script or "Zyyy"


class Nllb:
    """A `Translator`. `offered` are the tags that it serves, each into all others.

    NLLB was trained on single sentences, and of several at once it drops the short ones: a clause
    goes in sentence by sentence, all sentences into all targets as one batch.
    """

    def __init__(self, folder: Path, threads: int, offered: Sequence[str]) -> None:
        from ctranslate2 import Translator, get_cuda_device_count
        from tokenizers import Tokenizer

        gpu = get_cuda_device_count() > 0
        self._model = Translator(
            str(folder),
            device="cuda" if gpu else "cpu",
            compute_type="int8_float16" if gpu else "int8",
            intra_threads=threads,
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._codes = codes(self._tokenizer.get_vocab())
        self._offered = [tag for tag in dict.fromkeys(offered) if self._code(tag)]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=NAME)

    def served(self) -> Served:
        pairs = [f"{source}>{target}" for source in self._offered for target in self._offered if source != target]
        why = f"NLLB-200 weights are there, and {len(self._offered)} of its languages are asked for"
        licence = "CC-BY-NC-4.0, not for commercial use"
        routes = {pair: f"{NAME} {pair}" for pair in pairs}
        return Served("translate", NAME, why, licence, "chrf", dict.fromkeys(pairs), routes)

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`. `context` is not used: the model knows single sentences."""
        from_ = self._code(source)
        into = {target: code for target in targets if (code := self._code(target)) and code != from_}
        if not from_ or not into:
            return {}
        parts = [part for part in sentences(whole(text, source)) if any(map(str.isalnum, part))]
        if not parts:
            return {target: Translation(plain(text), NAME) for target in into}
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._thread, self._batch, parts, from_, [*dict.fromkeys(into.values())])
        return {
            target: Translation(fitted(joined(made[code]), text, target.split("-")[0]), NAME)
            for target, code in into.items()
        }

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _code(self, tag: str) -> str | None:
        try:
            return self._codes.get(tongue(tag))
        except LanguageTagError:
            return None

    def _batch(self, parts: Sequence[str], source: str, targets: Sequence[str]) -> dict[str, list[str]]:
        """Every part in every target, in the order of the parts."""
        pieces = [self._tokenizer.encode(part, add_special_tokens=False).tokens for part in parts]
        told = [[source, *piece, "</s>"] for piece in pieces]
        results = self._model.translate_batch(
            told * len(targets),
            target_prefix=[[target] for target in targets for _ in parts],
            beam_size=BEAM,
            max_decoding_length=int(max(map(len, pieces)) * LONGER) + SPARE,
            no_repeat_ngram_size=REPEATS,
            disable_unk=True,
        )
        texts = [self._text(result.hypotheses[0]) for result in results]
        return {target: texts[at * len(parts) : (at + 1) * len(parts)] for at, target in enumerate(targets)}

    def _text(self, tokens: Sequence[str]) -> str:
        """The text of an answer, whose first token is the language."""
        ids: list[Any] = [self._tokenizer.token_to_id(token) for token in tokens[1:]]
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()
