"""The virtual environment and what is installed in it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import debian
from .paths import Place, platform_key
from .step import Shell, Step, StepFailed, digest

_QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off", "PIP_NO_INPUT": "1"}


def environment(place: Place) -> Step:
    return Step(
        name="python",
        doing="making the virtual environment",
        key=lambda: digest(platform_key(), str(place.venv)),
        there=lambda: _works(place.python),
        make=lambda shell: _make(shell, place.venv),
    )


def apart(place: Place, name: str) -> Step:
    """An environment of its own with everything that is tested there: large, and needed for that alone."""
    wanted, venv = place.requirements(name), place.apart(name)
    return Step(
        name=name,
        doing=f"installing infra/requirements/{name}.txt apart",
        key=lambda: digest(platform_key(), str(venv), wanted),
        there=lambda: _works(venv / "bin" / "python"),
        make=lambda shell: f"{_make(shell, venv)}, {_install(shell, venv, wanted)}",
    )


def packages(place: Place, name: str) -> Step:
    """`name` is `run`, or `test`, which holds all of `run` and more, or an extra, whose tests need both."""
    wanted = place.requirements(name)
    return Step(
        name="packages" if name == "run" else f"{name}-packages",
        doing=f"installing infra/requirements/{name}.txt",
        key=lambda: digest(platform_key(), str(place.venv), wanted),
        there=lambda: _works(place.python),
        make=lambda shell: _install(shell, place.venv, wanted),
        needs={"run": ("python",), "test": ("python", "packages")}.get(name, ("python", "test-packages")),
    )


def fetch_tool(shell: Shell, place: Place, name: str) -> Path:
    """The folder with the packages of a requirements file that stay out of the environment (a compiler, Node)."""
    folder = place.tools / name
    shutil.rmtree(folder, ignore_errors=True)
    pip(shell, place.venv, "install", "--no-deps", "--no-compile", "--target", folder, "-r", place.requirements(name))
    return folder


def pip(shell: Shell, venv: Path, command: str, *words: str | Path) -> None:
    """pip with nothing but checked wheels, whether or not the environment has a pip of its own."""
    python = venv / "bin" / "python"
    if (venv / "bin" / "pip").exists():
        runner: list[str | Path] = [python, "-m", "pip"]
    else:
        runner = [sys.executable, "-m", "pip", "--python", python]
    shell.run(*runner, command, "--require-hashes", "--only-binary=:all:", *words, env=_QUIET)


def _make(shell: Shell, venv: Path) -> str:
    if not _module("ensurepip") and debian.has_apt() and os.geteuid() == 0:
        debian.install(shell, ["python3-venv"])
    shutil.rmtree(venv, ignore_errors=True)
    if _module("ensurepip") or (debian.has_apt() and not debian.missing(["python3-venv"])):
        shell.run(sys.executable, "-m", "venv", venv)
    elif _module("pip"):
        shell.run(sys.executable, "-m", "venv", "--without-pip", venv)
    else:
        raise StepFailed(
            "this Python has neither venv nor pip; as root `apt-get install python3-venv`, then start again"
        )
    return f"Python {sys.version.split()[0]}"


def _install(shell: Shell, venv: Path, wanted: Path) -> str:
    # Python compiles what is imported when it is; all of it takes a minute of a processor, and most is never read.
    pip(shell, venv, "install", "--no-deps", "--no-compile", "-r", wanted)
    count = sum("==" in line for line in wanted.read_text().splitlines())
    return f"{count} packages, every file's digest checked"


def _module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
