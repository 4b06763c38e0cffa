"""Runs everything, says when captions can flow and which engines serve them, and stops it all when told to."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar

from honcho.printer import Message, Printer

from .settings import Refused, read
from .setup.paths import HERE
from .setup.secret import LooseSecrets
from .stack import Stack

S = TypeVar("S", bound=Stack)

_REMIND = 15.0
_MANY = 16


def main(verbose: bool) -> int:
    return until_told(Stack, _run, verbose)


def until_told(kind: type[S], run: Callable[[S], None], verbose: bool) -> int:
    """Runs a stack until a signal comes, and stops it; an exit code."""
    told = threading.Event()

    def tell(number: int, frame: FrameType | None) -> None:
        if not told.is_set():
            told.set()
            raise KeyboardInterrupt

    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, tell)
    printer = Printer(sys.stdout, width=9)
    try:
        with kind(read(os.environ), say, _shown(printer) if verbose else None) as stack:
            try:
                say(f"Starting {', '.join(sorted(stack.local.processes))}; what they print is in {_short(stack)}/")
                run(stack)
            except KeyboardInterrupt:
                say("Stopping.")
    except (Refused, LooseSecrets) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 0
    say("Everything has stopped.")
    return 0


def _run(stack: Stack) -> None:
    stack.start()
    readiness = Readiness(stack)
    while not readiness.look():
        time.sleep(0.25)
    while True:
        signal.pause()


class Readiness:
    """Says when captions can flow, once, and until then from time to time what is missing."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._began = self._reminded = time.monotonic()
        self._ready = False

    def look(self) -> bool:
        """Whether they can, or could before."""
        if self._ready:
            return True
        self._ready, said = self._stack.readiness()
        now = time.monotonic()
        if self._ready:
            self._tell(said, now - self._began)
        elif now - self._reminded > _REMIND:
            self._reminded = now
            say(f"Not ready after {now - self._began:.0f} s; {missing(said)}")
        return self._ready

    def _tell(self, said: Mapping[str, Any], seconds: float) -> None:
        say(f"Dragoman is ready: {self._stack.url}")
        for line in engines(said):
            say(line)
        say(f"Host secret, to make rooms with: {self._stack.env['DRAGOMAN_HOST_SECRET']}")


def engines(said: Mapping[str, Any]) -> list[str]:
    """One line a stage of what `/readyz` says: which engine, for which languages, and why."""
    stages = said.get("engines", {}).get("stages", [])
    return [f"  {one['stage']:<10} {_served(one) if one['languages'] else 'nothing'}; {one['why']}" for one in stages]


def missing(said: Mapping[str, Any]) -> str:
    """What of `/readyz` isn't ready, and why."""
    if not said:
        return "the web server doesn't answer yet"
    parts = {name: part for name, part in said.items() if isinstance(part, dict) and not part.get("ready")}
    return "; ".join(f"{name}: {part.get('message') or 'not ready'}" for name, part in parts.items())


def _served(one: Mapping[str, Any]) -> str:
    return f"{one['engine']} ({one['licence']}): {_languages(one['languages'])}"


def _languages(tags: Iterable[str]) -> str:
    pairs = [tag for tag in tags if ">" in tag]
    into = {pair.split(">")[1] for pair in pairs}
    if len(into) == 1 and len(pairs) > 1:
        return f"{len(pairs)} languages into {into.pop()}"
    if pairs:
        return f"{len(pairs)} pairs among {' '.join(sorted({end for pair in pairs for end in pair.split('>')}))}"
    several = sorted(tags)
    return " ".join(several) if len(several) <= _MANY else f"{len(several)} languages"


def _shown(printer: Printer) -> Any:
    lock = threading.Lock()

    def show(message: Message) -> None:
        with lock:
            printer.write(message)

    return show


def _short(stack: Stack) -> str:
    logs = stack.logs
    return str(logs.relative_to(HERE.root) if logs.is_relative_to(HERE.root) else logs)


def say(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone while the rest still has to be stopped
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main("--verbose" in sys.argv[1:]))
