"""Looks for what was said in every byte that the processes of a stack wrote."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from infra.stack import Stack

PROCESSES = ("postgres", "sfu", "engines", "agent", "web")
LONG = 12
"""Characters of a phrase that stands nowhere by chance."""


def phrases(said: Iterable[str]) -> list[bytes]:
    """Three words in a row, and so on through it: as they were heard, in small letters."""
    found: dict[bytes, None] = {}
    for text in said:
        words = text.split()
        for at in range(max(1, len(words) - 2)):
            phrase = " ".join(words[at : at + 3]).lower()
            if len(phrase) >= LONG:
                found[phrase.encode()] = None
    return list(found)


def hits(said: Iterable[str], stack: Stack, folders: Iterable[Path]) -> list[str]:
    """Where any phrase of it stands: in a file of these folders, or one that a process of the stack holds open."""
    wanted = phrases(said)
    assert wanted, "nothing was heard"
    # As text, as UTF-16 (whatever JavaScript or ICU may write), and as JSON escapes leave ASCII alone.
    both = [form for phrase in wanted for form in (phrase, phrase.decode().encode("utf-16-le"))]
    pattern = re.compile(b"|".join(re.escape(form) for form in both), re.IGNORECASE)
    return [str(path) for path in _files(stack, folders) if _stands_in(pattern, path)]


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


def _stands_in(pattern: re.Pattern[bytes], path: Path) -> bool:
    with (
        suppress(OSError, ValueError),
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return pattern.search(content) is not None
    return False
