"""Opus-MT on CTranslate2: small models of a pair of languages, or of one and a group of them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...errors import EngineError
from ...settings import Settings
from .. import Served
from .batch_translation import BatchTranslation, Job, Names, Row, decoded, opened
from .language_names import LanguageNames, tongue

log = logging.getLogger(__name__)

NAME = "opus"
FILES = ("model.bin", "config.json", "source.spm", "target.spm")
VOCABULARIES = ("shared_vocabulary.json", "source_vocabulary.json")
"""Where CTranslate2 keeps what a source may hold, the tokens of target languages too."""
_TAG = re.compile(r">>([a-z]{2,3}(?:_[A-Za-z]+)*)<<")


def load(settings: Settings) -> Opus:
    """Every model that has a folder in `DRAGOMAN_OPUS_MODELS`. Raises `EngineError` where there is none."""
    folders = [path.parent for path in sorted(settings.opus_models.glob("*/model.bin"))]
    models = [model for folder in folders if (model := _usable(folder, settings.threads))]
    if not models:
        raise EngineError("engine_failed", f"There is no usable Opus-MT model in {settings.opus_models}.")
    return Opus(models)


def _usable(folder: Path, threads: int) -> Model | None:
    missing = [name for name in FILES if not (folder / name).is_file()]
    missing += [VOCABULARIES[0]][: not any((folder / name).is_file() for name in VOCABULARIES)]
    try:
        if missing:
            raise EngineError("engine_failed", f"{' and '.join(missing)} missing")
        return Model(folder, threads)
    except ImportError:
        raise
    except Exception as error:
        # Whatever CTranslate2 and SentencePiece make of files that are no model: the others may well be.
        why = error.message if isinstance(error, EngineError) else type(error).__name__
        log.warning("%s is left out: %s", folder.name, why)
        return None


def languages(name: str) -> tuple[list[str], list[str]]:
    """The two sides of a model's name, `opus-mt-tc-big-en-pt`; several languages are joined by `+`, `fr+es+it-en`.

    Raises `EngineError` for a name that has none.
    """
    *_, source, target = ["", "", *name.split("-")]
    if not source or not target:
        raise EngineError("engine_failed", "its name tells no languages, as opus-mt-en-de does")
    return source.replace("_", "-").split("+"), target.replace("_", "-").split("+")


class Model:
    """One of them. What it translates into is said by the tokens in its vocabulary, else by its folder's name."""

    def __init__(self, folder: Path, threads: int) -> None:
        from sentencepiece import SentencePieceProcessor

        sources, targets = languages(folder.name)
        tagged = {tag[1].replace("_", "-"): tag[0] for word in _vocabulary(folder) if (tag := _TAG.fullmatch(word))}
        self.name = folder.name
        self.sources = LanguageNames({source: source for source in sources})
        self.targets = LanguageNames(tagged or {target: "" for target in targets[:1]})
        # An exact pair knows its languages better than a group does, and a large model better than a small one.
        self.rank = (bool(tagged) + (len(sources) > 1), -(folder / "model.bin").stat().st_size)
        # Of those converted from Marian's own files, CTranslate2 ends the source itself.
        self._end = [] if json.loads((folder / "config.json").read_text()).get("add_source_eos") else ["</s>"]
        self._source = SentencePieceProcessor(model_file=str(folder / "source.spm"))
        self._target = SentencePieceProcessor(model_file=str(folder / "target.spm"))
        self._model = opened(folder, threads)

    def translated(self, jobs: Sequence[tuple[str, str]]) -> list[str]:
        """Sentences, each with the token of its target (empty where the model has one target only)."""
        rows = [
            Row([*([tag] if tag else []), *self._source.encode(text, out_type=str), *self._end]) for text, tag in jobs
        ]
        return [self._text(tokens) for tokens in decoded(self._model, rows)]

    def _text(self, tokens: Sequence[str]) -> str:
        return str(self._target.decode([token for token in tokens if not _TAG.fullmatch(token)])).strip()


class Opus(BatchTranslation):
    """A `LoadedTranslator` over the models there are: a batch for each of them."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = {model.name: model for model in sorted(models, key=lambda model: model.rank)}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=NAME)
        super().__init__(NAME, self._pair, self._translated, self._thread)

    def served(self) -> Served:
        pairs = dict.fromkeys(self._pairs())
        why = f"{len(self._models)} Opus-MT models are there"
        routes = {pair: f"{NAME} {pair}" for pair in pairs}
        return Served("translate", NAME, why, "CC-BY-4.0", "chrf", dict.fromkeys(pairs), routes)

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _pairs(self) -> Iterator[str]:
        for model in self._models.values():
            for source in model.sources.tags():
                yield from (f"{source}>{target}" for target in model.targets.tags() if target != source)

    def _pair(self, source: str, target: str) -> Names | None:
        """The model and its token for the target."""
        for model in self._models.values():
            tag = model.targets.get(target)
            if tag is not None and model.sources.get(source) and tongue(source) != tongue(target):
                return model.name, tag
        return None

    def _translated(self, jobs: Sequence[Job]) -> list[str]:
        made: dict[Job, str] = {}
        for name, model in self._models.items():
            ours = [job for job in jobs if job.names[0] == name]
            made |= zip(ours, model.translated([(job.sentence, job.names[1]) for job in ours]), strict=True)
        return [made[job] for job in jobs]


def _vocabulary(folder: Path) -> list[str]:
    found = next(folder / name for name in VOCABULARIES if (folder / name).is_file())
    words: list[str] = json.loads(found.read_text())
    return words
