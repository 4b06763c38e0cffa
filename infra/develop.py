"""Runs everything while somebody changes it: the page reloads, and a program whose code was changed starts again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from watchfiles import DefaultFilter, watch

from .changes import PROGRAMS, Changes
from .setup.paths import HERE
from .stack import Kept, Stack
from .start import Readiness, say, until_told

_WATCHED = ("agent", "migrations", "web")
_LOOK_EVERY = 500  # ms


class Patient(Kept):
    """A program that stays ended when it ends by itself: a change of its code starts it again, as a new one."""

    def _rest(self, failures: int) -> None:
        said = "".join(f"\n    {line}" for line in self._printed)
        self._say(f"{self.name} ended (exit code {self._ended}). It starts again when its code is changed.{said}")
        self._stopping.wait()


class Developing(Stack):
    """The stack, and Vite's server of the page."""

    def start(self, *names: str) -> None:
        super().start(*names)
        if not names:
            super().start("page")

    def restart(self, *names: str) -> None:
        """Those of them that are ours to start."""
        if some := [name for name in names if name in self.local.processes]:  # to stop none would stop all
            self.stop(*some)
            self.start(*some)

    def _keep(self, name: str, command: str, env: Mapping[str, str]) -> Kept:
        kind = Patient if name in PROGRAMS else Kept
        return kind(name, command, {**env, **self._addresses(name)}, self.logs, self._say, self._show)

    def _addresses(self, name: str) -> dict[str, str]:
        """People reach the page at Vite's server, which hands what it is asked on to the web server."""
        if name == "web" and not self.local.given.get("DRAGOMAN_WEB"):
            return {"DRAGOMAN_WEB": self.local.page_url}
        return {"DRAGOMAN_WEB": self.local.url} if name == "page" else {}


class ReadyAgain(Readiness):
    def _tell(self, said: Mapping[str, Any], seconds: float) -> None:
        say(f"Ready again after {seconds:.0f} s.")


def saved(root: Path = HERE.root, folders: Iterable[str] = _WATCHED) -> Iterator[set[Path]]:
    """The files that were saved, twice a second; none where none were."""
    watched = [root / folder for folder in folders]
    by_hand = DefaultFilter(ignore_paths=[root / "web" / "client"])  # which Vite watches
    for found in watch(*watched, watch_filter=by_hand, rust_timeout=_LOOK_EVERY, yield_on_timeout=True):
        yield {Path(path) for _, path in found}


def main(verbose: bool) -> int:
    return until_told(Developing, _run, verbose)


def _run(stack: Developing) -> None:
    stack.start()
    say(f"The page as it is being changed: {stack.local.page_url}")
    follow(stack, Changes(HERE.root), saved())


def follow(stack: Developing, changes: Changes, saves: Iterable[set[Path]]) -> None:
    """Starts again what each save changed, and says when captions can flow."""
    readiness = Readiness(stack)
    for paths in saves:
        if names := sorted(changes.restarts(paths)) if paths else []:
            say(f"{', '.join(sorted(path.name for path in paths))} changed: starting {', '.join(names)} again.")
            readiness = ReadyAgain(stack)
            stack.restart(*names)
        readiness.look()


if __name__ == "__main__":
    sys.exit(main("--verbose" in sys.argv[1:]))
