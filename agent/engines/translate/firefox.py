"""Firefox Translations models by Mozilla's engine in Rust (`fxtranslate`), in a process of its own.

Small models of one direction each, into English or out of it; 15 to 45 ms a sentence on one core. The library holds
Python's lock while it translates, so it would hold up every room: we ask it over its pipes. A question is a line of
JSON, and so is its answer; the process ends when its input does.

    python -m agent.engines.translate.firefox FOLDER
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from ...errors import EngineError
from ...languages import base
from ...settings import Settings
from ...text import plain
from .. import LoadedTranslator, Served, Translation
from .language_names import LanguageNames
from .sentences import fitted, one_text, parts

NAME = "firefox"
PATIENCE = 20.0
"""Seconds for a clause; the first of a language waits for its model to be read, half a second."""
LINE = 1_000_000
"""Bytes of an answer, at most."""
LOADED = 64
"""Models that stay in memory, 30 to 100 MB each."""
_DIRECTION = re.compile(r"([a-z]{2,3}(?:-[A-Z][a-z]{3})?)-([a-z]{2,3}(?:-[A-Z][a-z]{3})?)")
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a direction. Most have one vocabulary for both of its sides."""

    model: Path
    source: Path
    target: Path
    shortlist: Path | None


def load(settings: Settings) -> Firefox:
    """The models in `DRAGOMAN_FIREFOX_MODELS`. Raises `EngineError`, or `ImportError` without the library."""
    if not find_spec("fxtranslate"):
        raise ImportError("fxtranslate is not installed")
    found = directions(settings.firefox_models)
    if not found:
        raise EngineError("engine_failed", f"There is no Firefox Translations model in {settings.firefox_models}.")
    return Firefox(settings.firefox_models, found)


def directions(folder: Path) -> list[tuple[str, str]]:
    """The directions whose files are complete: a folder each, as `fxtranslate models add` makes them (`en-es`)."""
    named = [(path, _DIRECTION.fullmatch(path.name)) for path in sorted(folder.glob("*-*"))]
    return [(name[1], name[2]) for path, name in named if name and files(path)]


def files(folder: Path) -> Files | None:
    """What is in a direction's folder; None where something is missing."""
    kinds = {path.name.split(".", maxsplit=1)[0]: path for path in sorted(folder.glob("*")) if path.is_file()}
    source = kinds.get("vocab") or kinds.get("srcvocab")
    target = kinds.get("vocab") or kinds.get("trgvocab")
    if not source or not target or "model" not in kinds:
        return None
    return Files(kinds["model"], source, target, kinds.get("lex"))


class Firefox(LoadedTranslator):
    """A `Translator`: its models know single sentences, and one sentence is translated at a time."""

    def __init__(self, folder: Path, found: Sequence[tuple[str, str]]) -> None:
        self._codes = LanguageNames({one: one for pair in found for one in pair})
        self._directions = frozenset(found)
        self._program = Program(folder)

    def served(self) -> Served:
        pairs = [f"{source}>{target}" for source, target in sorted(self._directions)]
        why = f"{len(pairs)} models of Firefox Translations are there"
        routes = {pair: f"{NAME} {pair}" for pair in pairs}
        return Served("translate", NAME, why, "MPL-2.0", "chrf", dict.fromkeys(pairs), routes)

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`. `context` is not used: the models know single sentences."""
        said, made = parts(text, source), {}
        for target in targets:
            from_, to = self._codes.get(source), self._codes.get(target)
            if from_ and to and (from_, to) in self._directions:
                whole = one_text(await self._program.ask(f"{from_}-{to}", said)) if said else ""
                fit = fitted(whole, text, base(target)) if said else plain(text)
                made[target] = Translation(fit, NAME)
        return made

    async def close(self) -> None:
        await self._program.close()


class Program:
    """The process with the models, started when it is first asked and again when it has died."""

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self._folder = folder
        self._patience = patience
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._number = count(1)

    async def ask(self, direction: str, sentences: Sequence[str]) -> list[str]:
        """Their translations. Raises `EngineError`, retryable where the process failed twice and not the model."""
        async with self._lock:
            for _ in range(2):
                try:
                    async with asyncio.timeout(self._patience):
                        return _read(await self._answer(direction, sentences), direction)
                except (OSError, EOFError, TimeoutError, ValueError):
                    await self._end()
        raise EngineError("engine_failed", "The process of Firefox's models failed twice.", retryable=True)

    async def close(self) -> None:
        async with self._lock:
            await self._end()

    async def _answer(self, direction: str, sentences: Sequence[str]) -> dict[str, Any]:
        process = self._process = self._process or await self._start()
        assert process.stdin is not None  # noqa: S101  it is a pipe
        assert process.stdout is not None  # noqa: S101  it is a pipe
        number = next(self._number)
        question = {"number": number, "direction": direction, "sentences": [*sentences]}
        process.stdin.write(json.dumps(question).encode() + b"\n")
        await process.stdin.drain()
        while line := await process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if answer["number"] == number:  # others are for those who have left
                return answer
        raise EOFError

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(self._folder.absolute())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # nothing that was said belongs in a log
            cwd=ROOT,
            limit=LINE,
            start_new_session=True,
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _read(answer: Mapping[str, Any], direction: str) -> list[str]:
    if "failed" in answer:
        raise EngineError("engine_failed", f"Firefox's model {direction} failed ({answer['failed']}).")
    made: list[str] = answer["made"]
    return made


@dataclass(frozen=True, slots=True)
class Question:
    """What the process is asked: the name of a direction's folder, and sentences."""

    number: int
    direction: str
    sentences: list[str] = field(repr=False)


def serve(folder: Path) -> None:
    """The process's side: answer questions until whoever asked is gone."""
    # A library that prints must not break the lines.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    model = lru_cache(LOADED)(lambda direction: _opened(folder / direction))
    for line in sys.stdin:
        question = Question(**json.loads(line))
        answer: dict[str, Any] = {"number": question.number}
        try:
            answer["made"] = [model(question.direction).translate(sentence) for sentence in question.sentences]
        except (OSError, ValueError) as error:
            answer["failed"] = type(error).__name__
        print(json.dumps(answer), file=out, flush=True)


def _opened(folder: Path) -> Any:
    from fxtranslate import Translator

    found = files(folder)
    if not found:
        raise FileNotFoundError
    shortlist = found.shortlist.read_bytes() if found.shortlist else None
    return Translator(found.model.read_bytes(), found.source.read_bytes(), found.target.read_bytes(), shortlist)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
