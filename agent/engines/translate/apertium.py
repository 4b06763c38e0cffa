"""Apertium's rules (Debian's `apertium-*` packages), one kept pipeline a pair of languages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import langcodes

from ...errors import EngineError
from ...languages import base
from ...settings import Settings
from ...text import plain, sentences
from .. import LoadedTranslator, Served, Translation
from .sentences import fitted, one_text, whole

NAME = "apertium"
IDLE = 1_800.0
"""Seconds after which a pipeline that nobody asks is ended: a pair takes 50 to 330 MB."""
PATIENCE = 4.0
"""Seconds that a pipeline may take for an answer, and a little more a character; it needs some ms."""
START = 20.0
"""Seconds more for its first one: up to a second of processor time, which a busy machine may take twenty for."""
PIPELINE = 'exec bash <(apertium-wblank-mode -z "$0") -n'
"""What `apertium -z -u -f none` runs: all programs of a mode, flushing at a NUL, without marks of unknown words."""

_SPECIAL = re.compile(r"([\[\]{}^$/\\@<>])")
_ESCAPED = re.compile(r"\\(.)")
_BLANKS = re.compile(r"(?<!\\)\[[^\]]*(?<!\\)\]")
_MARKED = re.compile(r"(?<!\S)[*#@](?=\w)")


def load(settings: Settings) -> Apertium:
    """Every pair that is installed; none is started before it is asked. Raises `EngineError` where there is none."""
    program = shutil.which("apertium-wblank-mode")
    modes = _modes(_prefix(Path(program)) / "share" / "apertium" / "modes") if program else {}
    if not modes:
        raise EngineError("engine_failed", "Apertium is not installed.")
    return Apertium(modes)


def _prefix(program: Path) -> Path:
    """Where a program and its data are installed. Its folder may be a link, as /bin is to /usr/bin; it itself, too."""
    return program.parent.resolve().parent


def _modes(folder: Path) -> dict[tuple[str, str], Path]:
    """Source and target, as BCP-47 tags, of every mode without a variant in its name."""
    found = {}
    for path in sorted(folder.glob("*.mode")):
        if re.fullmatch(r"[a-z]{2,3}-[a-z]{2,3}", path.stem):
            source, target = map(langcodes.standardize_tag, path.stem.split("-"))
            found[source, target] = path
    return found


class Apertium(LoadedTranslator):
    """A `Translator` over the pairs of `modes`. A sentence costs 1 to 5 ms, the first one of a pair 0.1 to 0.8 s."""

    def __init__(self, modes: Mapping[tuple[str, str], Path]) -> None:
        self._pipelines = {pair: Pipeline(path) for pair, path in modes.items()}

    def served(self) -> Served:
        pairs = [f"{source}>{target}" for source, target in self._pipelines]
        why = f"Apertium is installed with {len(pairs)} directions"
        licence = "GPL-3.0-or-later, in processes of its own"
        return Served(
            "translate", NAME, why, licence, "chrf", dict.fromkeys(pairs), {pair: f"{NAME} {pair}" for pair in pairs}
        )

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`. `context` is not used: rules know single sentences."""
        from_ = base(source)
        served = {target: pipe for target in targets if (pipe := self._pipelines.get((from_, base(target))))}
        made = await asyncio.gather(*(self._made(pipe, text, from_, target) for target, pipe in served.items()))
        await self._end_idle()
        return {target: Translation(one, NAME) for target, one in zip(served, made, strict=True)}

    async def close(self) -> None:
        for pipeline in self._pipelines.values():
            await pipeline.close()

    async def _made(self, pipeline: Pipeline, text: str, source: str, target: str) -> str:
        parts = sentences(whole(text, source))
        made = [await pipeline.ask(part) for part in parts if part]
        return fitted(one_text(made), text, base(target)) if made else plain(text)

    async def _end_idle(self) -> None:
        for pipeline in self._pipelines.values():
            if time.monotonic() - pipeline.asked > IDLE:
                await pipeline.close()


class Pipeline:
    """The programs of one mode, kept running; one sentence at a time.

    A pipeline that died or does not answer is killed and started again, once for a sentence.
    """

    def __init__(self, mode: Path, patience: float = PATIENCE, start: float = START) -> None:
        self._mode = mode
        self._patience = patience
        self._start_patience = start
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self.asked = time.monotonic()

    async def ask(self, sentence: str) -> str:
        """Its translation. Raises a retryable `EngineError` (`engine_failed`) where the pipeline failed twice."""
        async with self._lock:
            self.asked = time.monotonic()
            for _ in range(2):
                try:
                    patience = self._patience + len(sentence) / 200 + (0.0 if self._process else self._start_patience)
                    answer = await asyncio.wait_for(self._answer(sentence), patience)
                    return _read(answer, sentence)
                except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, UnicodeDecodeError):
                    await self._end()
                except asyncio.CancelledError:
                    await self._end()  # the answer to nobody's question would be taken for the next one's
                    raise
        raise EngineError("engine_failed", f"Apertium's {self._mode.stem} failed twice.", retryable=True)

    async def close(self) -> None:
        """Let it end by itself, program after program, so that each is waited for; kill what does not."""
        async with self._lock:
            if self._process and self._process.stdin:
                self._process.stdin.close()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), 1.0)
            await self._end()

    async def _answer(self, sentence: str) -> str:
        process = self._process = self._process or await self._start()
        assert process.stdin is not None  # noqa: S101  it is a pipe
        assert process.stdout is not None  # noqa: S101  it is a pipe
        # The empty blank at the end is what `apertium-destxt` writes there: it ends the sentence for every program.
        process.stdin.write(_SPECIAL.sub(r"\\\1", sentence).encode() + b"[]\0")
        await process.stdin.drain()
        return (await process.stdout.readuntil(b"\0"))[:-1].decode()

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *("bash", "-c", PIPELINE, str(self._mode)),
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,  # some programs repeat there what they could not parse
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # all of its programs; bash leads their group
            await process.wait()


def _read(answer: str, sentence: str) -> str:
    """The pipeline's format as text, without marks that the sentence had not."""
    text = plain(_ESCAPED.sub(r"\1", _BLANKS.sub("", answer)))
    return text if _MARKED.search(sentence) else _MARKED.sub("", text)
