"""One line length in every kind of file: the two formatters agree on it, and comments keep it too."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = json.loads((ROOT / ".prettierrc.json").read_text())
LENGTH = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["line-length"]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no checkout of git")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_both_formatters_have_one_line_length() -> None:
    assert SETTINGS["printWidth"] == LENGTH == 120


def test_comments_of_the_page_keep_the_length_too() -> None:
    """Prettier breaks code, and leaves comments as they are."""
    files = tracked("*.ts", "*.tsx", "*.css", "*.js")
    long = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LENGTH and line.lstrip().startswith(("/*", "*", "//"))
    }

    assert files
    assert long == set()


def test_every_path_that_prettier_leaves_alone_exists() -> None:
    lines = (ROOT / ".prettierignore").read_text().splitlines()
    named = [line.strip("/") for line in lines if line.startswith("/")]

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
