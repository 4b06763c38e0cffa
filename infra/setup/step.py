"""Steps that are taken once, several at a time, each after those it needs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class StepFailed(Exception):
    """A step could not be done; the message is what a person needs to know."""


class Unavailable(Exception):
    """A step that Dragoman can do without can't be done here; the message says what that costs."""


class Board(Protocol):
    """Where people see how far the steps are."""

    def begin(self, name: str, text: str) -> None: ...
    def note(self, name: str, text: str) -> None: ...
    def end(self, name: str, text: str, seconds: float) -> None: ...
    def without(self, name: str, text: str) -> None: ...
    def fail(self, name: str, text: str) -> None: ...


class Children:
    """The commands that run now, so that none goes on when the set-up is interrupted."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._over = False

    @contextmanager
    def watch(self, child: subprocess.Popen[str]) -> Iterator[None]:
        with self._lock:
            self._running.add(child)
            if self._over:
                child.terminate()
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(child)

    def end(self) -> None:
        with self._lock:
            self._over = True
            for child in self._running:
                child.terminate()


@dataclass(frozen=True)
class Shell:
    """Runs the commands of one step; what they print goes to the step's log, the newest line to the board."""

    name: str
    log: Path
    board: Board
    cwd: Path
    children: Children = field(default_factory=Children)

    def run(self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """What the command printed. Raises `StepFailed` with its last lines."""
        words = [str(word) for word in command]
        printed: list[str] = []
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(words)}\n")
            try:
                child = subprocess.Popen(
                    words,
                    cwd=cwd or self.cwd,
                    env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                )
            except OSError as error:
                raise StepFailed(f"{words[0]} did not start: {error.strerror}") from None
            assert child.stdout is not None  # noqa: S101  (PIPE)
            with self.children.watch(child):
                for line in child.stdout:
                    log.write(line)
                    printed.append(line)
                    if text := line.strip():
                        self.board.note(self.name, text)
                child.wait()
        if child.returncode:
            tail = "".join(printed[-12:]).rstrip()
            program = Path(words[0]).name
            raise StepFailed(f"{program} failed (exit code {child.returncode}); all it said is in {self.log}\n{tail}")
        return "".join(printed)


@dataclass(frozen=True)
class Step:
    """One thing that must be there.

    `key` is a digest of all that the result depends on, `there` whether the result is in its
    place, `make` makes it and says in a few words what it got.
    """

    name: str
    doing: str
    key: Callable[[], str]
    there: Callable[[], bool]
    make: Callable[[Shell], str]
    needs: tuple[str, ...] = ()


class Stamps:
    """Remembers, in one small file a step, from what inputs it was made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def done(self, step: Step) -> bool:
        try:
            return (self._folder / step.name).read_text() == step.key() and step.there()
        except OSError:
            return False

    def put(self, step: Step) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / step.name).write_text(step.key())


def digest(*parts: str | Path, also: Iterable[str] = ()) -> str:
    """One digest of files' contents, of everything in folders, and of plain words."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(part.encode())
        elif part.is_dir():
            for path in sorted(p for p in part.rglob("*") if p.is_file()):
                total.update(str(path.relative_to(part)).encode() + b"\0" + path.read_bytes())
        elif part.exists():
            total.update(part.name.encode() + b"\0" + part.read_bytes())
        total.update(b"\0")
    for word in also:
        total.update(word.encode() + b"\0")
    return total.hexdigest()


def take(steps: Sequence[Step], stamps: Stamps, board: Board, logs: Path, cwd: Path) -> bool:
    """Takes every step that isn't done yet; True when nothing that Dragoman needs failed.

    Each step has a thread that waits for what it needs. A failure stops those that need it
    and lets the others finish, so that a second try has less to do.
    """
    ended = {step.name: threading.Event() for step in steps}
    children = Children()
    failed: set[str] = set()
    logs.mkdir(parents=True, exist_ok=True)

    def follow(step: Step) -> None:
        try:
            for need in step.needs:
                if need in ended:
                    ended[need].wait()
            if blocked := [need for need in step.needs if need in failed]:
                failed.add(step.name)
                board.fail(step.name, f"not tried, since {' and '.join(blocked)} failed")
            elif not stamps.done(step) and not _make(step, stamps, board, logs, cwd, children):
                failed.add(step.name)
        finally:
            ended[step.name].set()

    threads = [threading.Thread(target=follow, args=(step,), name=step.name, daemon=True) for step in steps]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        children.end()
        raise
    return not failed


def _make(step: Step, stamps: Stamps, board: Board, logs: Path, cwd: Path, children: Children) -> bool:
    log = logs / f"setup-{step.name}.log"
    log.write_text("")
    begun = time.monotonic()
    board.begin(step.name, step.doing)
    try:
        got = step.make(Shell(step.name, log, board, cwd, children))
        if not step.there():
            raise StepFailed("it ended well, but the result isn't in its place")
    except Unavailable as costs:
        board.without(step.name, str(costs))
        return True
    except StepFailed as error:
        board.fail(step.name, str(error))
        return False
    stamps.put(step)
    board.end(step.name, got, time.monotonic() - begun)
    return True
