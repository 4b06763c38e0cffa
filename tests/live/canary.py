"""Looks for what was said in every byte that the processes of a stack wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from infra.stack import Stack

PROCESSES = ("postgres", "sfu", "engines", "agent", "web")
LONG = 10
"""Characters of a phrase that stands nowhere by chance."""


def phrases(said: Iterable[str]) -> list[bytes]:
    """Three words, the next three, and so on: as they were shown, and in small letters; as UTF-8 and as UTF-16."""
    found: dict[str, None] = {}
    for text in said:
        words = text.split()
        threes = (" ".join(words[at : at + 3]) for at in range(0, max(1, len(words) - 2), 3))
        found |= {form: None for three in threes if len(three) >= LONG for form in (three, three.lower())}
    return [phrase.encode(form) for phrase in found for form in ("utf-8", "utf-16-le")]


def hits(said: Iterable[str], stack: Stack, folders: Iterable[Path]) -> list[str]:
    """Where any phrase of it stands: in a file of these folders, or one that a process of the stack holds open."""
    wanted = phrases(said)
    assert wanted, "nothing was heard"
    return [str(path) for path in dict.fromkeys(_files(stack, folders)) if _stands_in(wanted, path)]


def _files(stack: Stack, folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    for name in PROCESSES:
        for pid in stack.pids(name):
            yield from _held_open(pid)


def _held_open(pid: int) -> Iterator[Path]:
    """Files that have no name any more, too."""
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                flags = int(re.search(r"flags:\s*(\d+)", Path(f"/proc/{pid}/fdinfo/{each.name}").read_text())[1], 8)  # type: ignore[index]
                if each.is_file() and flags & (os.O_WRONLY | os.O_RDWR):
                    yield each


def _stands_in(wanted: Iterable[bytes], path: Path) -> bool:
    with suppress(OSError):
        content = path.read_bytes()
        return any(phrase in content for phrase in wanted)
    return False
