"""Our programs, started as `python -m` starts them but without importing everything anew.

They are forked from a process that has imported what they need: each has its own environment, output and exit code,
and is killed like any other. What a test says of Python's own start or end needs a real start.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("agent.engines.models.commands", "agent.engines.service.server"),
        *("agent.vault.commands", "alembic.autogenerate", "alembic.config", "sqlalchemy.dialects.postgresql.asyncpg"),
    ]
)


def run(module: str, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE WORDS` until it ends, and what it said; `env` beside our own environment."""
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("stdout", "stderr")]
        process = start(program, module, words, {**os.environ, **(env or {})}, *said)
        process.join()
        code = process.exitcode
        assert code is not None
        return subprocess.CompletedProcess([module, *words], code, *(path.read_text() for path in said))


def start(does: Callable[..., object], *given: Any) -> ForkServerProcess:
    """A process that does this, and goes where ours goes. Whoever starts it waits for its end."""
    process = FORKS.Process(target=does, args=given, daemon=True)
    process.start()
    return process


def program(module: str, words: tuple[str, ...], env: Mapping[str, str], *said: Path) -> None:
    """Be `python -m MODULE WORDS`, with standard output and error in these files, if any."""
    for number, path in enumerate(said, start=1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(ROOT)
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)
