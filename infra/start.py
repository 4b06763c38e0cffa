"""Runs everything, says when captions can flow and which engines serve them, and stops it all when told to."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from honcho.printer import Message, Printer

from .settings import Refused, read
from .setup.place import HERE
from .setup.secret import LooseSecrets
from .stack import Stack

_REMIND = 15.0
_WORD = {"recognise": "hears", "translate": "translates", "speak": "speaks"}


def main(verbose: bool) -> int:
    told = threading.Event()

    def tell(number: int, frame: FrameType | None) -> None:
        if not told.is_set():
            told.set()
            raise KeyboardInterrupt

    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, tell)
    printer = Printer(sys.stdout, width=9)
    try:
        with Stack(read(os.environ), _say, _shown(printer) if verbose else None) as stack:
            try:
                _run(stack)
            except KeyboardInterrupt:
                _say("Stopping.")
    except (Refused, LooseSecrets) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 0
    _say("Everything has stopped.")
    return 0


def _run(stack: Stack) -> None:
    began = time.monotonic()
    _say(f"Starting {', '.join(sorted(stack.local.processes))}; what they print is in {_short(stack)}/")
    stack.start()
    reminded = began
    while True:
        ready, said = stack.readiness()
        if ready:
            break
        if time.monotonic() - reminded > _REMIND:
            reminded = time.monotonic()
            _say(f"Not ready after {reminded - began:.0f} s; {_waits_for(said)}")
        time.sleep(0.1)
    _say(f"Dragoman is ready: {stack.url}")
    for line in engines(said):
        _say(line)
    _say(f"Host secret, to make rooms with: {stack.env['DRAGOMAN_HOST_SECRET']}")
    while True:
        signal.pause()


def engines(said: dict[str, Any]) -> list[str]:
    """One line a stage: which engine, for which languages, and why."""
    served = said.get("engines") or said.get("stages") or {}
    stages = served if isinstance(served, dict) else {stage["stage"]: stage for stage in served}
    return [_stage(name, stage) for name, stage in stages.items()]


def _stage(name: str, stage: dict[str, Any] | None) -> str:
    if not stage:
        return f"  {name:<10} nothing serves this stage"
    languages = stage.get("languages") or {}
    return f"  {name:<10} {stage.get('engine')}: {_languages(sorted(languages))}; {stage.get('why')}"


def _languages(tags: list[str]) -> str:
    if any(">" in tag for tag in tags):
        many = sorted({end for tag in tags for end in tag.split(">")})
        return f"{len(tags)} pairs among {' '.join(many)}"
    return " ".join(tags) if len(tags) <= 16 else f"{len(tags)} languages"


def _waits_for(said: dict[str, Any]) -> str:
    if not said:
        return "the web server doesn't answer yet"
    lacking = [f"{name}: {value}" for name, value in said.items() if name not in ("ready", "engines", "stages")]
    return f"still waiting for {', '.join(lacking)}"


def _shown(printer: Printer) -> Any:
    lock = threading.Lock()

    def show(message: Message) -> None:
        with lock:
            printer.write(message)

    return show


def _short(stack: Stack) -> str:
    logs = stack.logs
    return str(logs.relative_to(HERE.root) if logs.is_relative_to(HERE.root) else logs)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main("--verbose" in sys.argv[1:]))
