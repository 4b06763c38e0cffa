"""Texts of several rooms, sentence by sentence, through one call of a CTranslate2 model.

Models of translation are trained on single sentences, and of several at once they drop the short ones. So every
sentence of every text goes in by itself, into every language, all as one batch: what costs time is the longest
answer, far less how many there are. Sentences before the clause are no part of it, since what comes out cannot be
cut where they end: a model doesn't keep the borders of sentences.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import EngineError
from ...languages import base
from ...text import plain
from .. import LoadedTranslator, Served, TextRequest, Translation
from .language_names import LanguageNames
from .sentences import fitted, one_text, parts

BEAM = 4
"""Of small models. On a CPU it takes large ones three times as long for eight languages."""
ON_GPU = ((8, 4), (256, 2))
"""Up to so many sentences a large model follows so many hypotheses on a GPU, beyond them one. NLLB-200 600M on an H200:
eight sentences take as long with four as with two, and 512 with one. Of 64 speakers' clauses in eight languages 95 %
took 249 ms with four throughout, and 171 ms with two (`bench/gpu.py`)."""
FEW = 32
"""Translations that are made in one call on a CPU, where each takes time; on a GPU as many as `WIDTH`."""
LONGER = 2.5
"""Tokens of a translation to a token of its source, at most; and `SPARE` more."""
SPARE = 12
REPEATS = 5
"""Tokens in a row that may not come twice in a sentence: a loop of the decoder's."""
MOST = 450
"""Tokens in and out, at most: of the models here Opus-MT has the fewest positions, 512."""
WIDTH = 512
"""Sentences that the model takes at a time; more are taken in turns, by length."""

Names = tuple[str, str]
"""What a model calls the two languages of a translation."""


@dataclass(frozen=True, slots=True)
class Job:
    """A sentence on its way into one language."""

    sentence: str = field(repr=False)
    names: Names


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence as the tokens that a model takes, and those that its answer is made to begin with."""

    tokens: list[str] = field(repr=False)
    prefix: list[str] = field(default_factory=list)


def opened(folder: Path, threads: int, *, on_gpu: Sequence[str] = ("float16", "int8")) -> Any:
    """The CTranslate2 model of a folder: int8 on a CPU; on a GPU, where there is one, by the first type that it knows.

    On an H200 float16 was 1.2 to 1.8 times as quick as int8 for up to 32 sentences (NLLB-200 600M).
    """
    from ctranslate2 import Translator, get_cuda_device_count, get_supported_compute_types

    if not get_cuda_device_count():
        return Translator(str(folder), device="cpu", compute_type="int8", intra_threads=threads)
    known = get_supported_compute_types("cuda")
    kind = next((one for one in on_gpu if one in known), "default")
    return Translator(str(folder), device="cuda", compute_type=kind)


def beam(model: Any, sentences: int) -> int:
    """Of a large model: on a CPU it takes the best word each time, since nobody waits for a beam there."""
    if model.device != "cuda":
        return 1
    return next((followed for most, followed in ON_GPU if sentences <= most), 1)


def decoded(model: Any, rows: Sequence[Row], beam: int = BEAM) -> list[list[str]]:
    """The tokens of each answer without its prefix, none longer than its source allows."""
    bounds = [min(int(len(row.tokens) * LONGER) + SPARE, MOST) for row in rows]
    results = model.translate_batch(
        [row.tokens for row in rows],
        target_prefix=[row.prefix for row in rows] if any(row.prefix for row in rows) else None,
        max_batch_size=WIDTH,
        beam_size=beam,
        max_input_length=MOST,
        max_decoding_length=max(bounds, default=1),
        min_decoding_length=1,
        no_repeat_ngram_size=REPEATS,
        disable_unk=True,
    )
    return [
        result.hypotheses[0][len(row.prefix) : len(row.prefix) + bound]
        for result, row, bound in zip(results, rows, bounds, strict=True)
    ]


class BatchTranslation(LoadedTranslator):
    """The translator's half that is the same for all such models.

    `names` says what the model calls the languages of a pair of tags, None where it doesn't serve the pair;
    `work` translates jobs, each of them once, in `thread`.
    """

    most = FEW

    def __init__(
        self,
        engine: str,
        names: Callable[[str, str], Names | None],
        work: Callable[[Sequence[Job]], Sequence[str]],
        thread: Executor,
    ) -> None:
        self._engine = engine
        self._names = names
        self._work = work
        self._thread = thread

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`. `context` is not used."""
        [made] = await self.translate_batch([TextRequest(text, source, tuple(targets), tuple(context))])
        if isinstance(made, EngineError):
            raise made
        return made

    async def translate_batch(
        self, requests: Sequence[TextRequest]
    ) -> Sequence[Mapping[str, Translation] | EngineError]:
        """See `LoadedTranslator`. Sentences that several ask for are made once."""
        planned = [_Plan(request, self._names) for request in requests]
        jobs = [*dict.fromkeys(job for plan in planned for job in plan.jobs)]
        try:
            made = dict(zip(jobs, await self._made(jobs), strict=True))
        except (RuntimeError, ValueError) as error:  # CTranslate2's: out of memory, or something in these tokens
            if len(requests) > 1:
                return [answer for request in requests for answer in await self.translate_batch([request])]
            return [EngineError("engine_failed", f"{self._engine} failed ({type(error).__name__}).", retryable=True)]
        return [plan.answer(made, self._engine) for plan in planned]

    async def _made(self, jobs: Sequence[Job]) -> Sequence[str]:
        if not jobs:
            return []
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, jobs)


class AllPairs(BatchTranslation, ABC):
    """A model that serves each language that it offers into all others. How it writes and reads is its own to say."""

    def __init__(self, engine: str, model: Any, names: LanguageNames, offered: Sequence[str]) -> None:
        gpu = model.device == "cuda"
        # Calls of one model wait for each other: on a GPU, where more in a call costs little, one call gathers more.
        self.most, self.width = (WIDTH, 1) if gpu else (FEW, 2)
        self._model = model
        self._codes = names
        self._offered = [tag for tag in dict.fromkeys(offered) if names.get(tag)]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=engine)
        super().__init__(engine, self._pair, self._translated, self._thread)

    @abstractmethod
    def _row(self, job: Job) -> Row:
        """A sentence as the model takes it."""

    @abstractmethod
    def _text(self, tokens: Sequence[str]) -> str:
        """What the model's tokens say."""

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _served(self, called: str, licence: str) -> Served:
        pairs = [f"{source}>{target}" for source in self._offered for target in self._offered if source != target]
        why = f"{called} weights are there, and {len(self._offered)} of its languages are asked for"
        routes = {pair: f"{self._engine} {pair}" for pair in pairs}
        return Served("translate", self._engine, why, licence, "chrf", dict.fromkeys(pairs), routes)

    def _pair(self, source: str, target: str) -> Names | None:
        from_, to = self._codes.get(source), self._codes.get(target)
        return (from_, to) if from_ and to and from_ != to else None

    def _translated(self, jobs: Sequence[Job]) -> list[str]:
        rows = [self._row(job) for job in jobs]
        return [self._text(tokens) for tokens in decoded(self._model, rows, beam(self._model, len(rows)))]


class _Plan:
    """What a request needs, and its answer made of that."""

    def __init__(self, request: TextRequest, names: Callable[[str, str], Names | None]) -> None:
        self._request = request
        found = {target: names(request.source, target) for target in request.targets}
        self._served = {target: pair for target, pair in found.items() if pair}
        self._parts = parts(request.text, request.source)

    @property
    def jobs(self) -> list[Job]:
        return [Job(part, pair) for pair in self._served.values() for part in self._parts]

    def answer(self, made: Mapping[Job, str], engine: str) -> Mapping[str, Translation]:
        said = self._request.text
        if not self._parts:
            return {target: Translation(plain(said), engine) for target in self._served}
        whole_ones = {
            target: one_text([made[Job(part, pair)] for part in self._parts]) for target, pair in self._served.items()
        }
        return {target: Translation(fitted(text, said, base(target)), engine) for target, text in whole_ones.items()}
