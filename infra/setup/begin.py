"""From the machine's own Python to that of the virtual environment: set up, then hand over."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from ..settings import Refused, read, refuse_occupied
from . import python
from .check import check
from .paths import HERE
from .step import Step
from .steps import for_developing, for_running, for_testing, set_up

LATER = ("coqui",)
"""Parts that others don't wait for: theirs is set up beside the first checks."""
PARTS = ("unit", "page", "live", "attendance", "browser", "ray", "coqui")


def run(words: Sequence[str]) -> int:
    """`infra/run`."""
    if words[:1] == ["models"]:
        return _with_packages("agent.engines", *words)
    if words[:1] == ["vault"]:
        return _with_packages("infra.vault", *words[1:])
    parser = argparse.ArgumentParser(
        prog="infra/run",
        description="Sets up what is missing, then runs Dragoman here.",
        epilog="`infra/run models list` shows what other models there are, `infra/run models pull NAME` fetches one;"
        " `infra/run vault --help` says what can be done with what is kept.",
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="say what is there and what is missing (exit code 1)")
    only.add_argument("--setup", action="store_true", help="set up what is missing, and start nothing")
    parser.add_argument("--verbose", "-v", action="store_true", help="show what every process prints")
    given = parser.parse_args(words)
    if given.check:
        return check(HERE, for_running(HERE))
    if not given.setup and _in_the_way():
        return 1
    if code := _set_up(for_running(HERE)):
        return code
    if given.setup:
        print("Everything is set up: `infra/run` starts it.")
        return 0
    return _hand_over("infra.start", *(["--verbose"] if given.verbose else []))


def dev(words: Sequence[str]) -> int:
    """`infra/dev`."""
    parser = argparse.ArgumentParser(
        prog="infra/dev",
        description="Sets up what is missing, then runs Dragoman here as infra/run does. The page shows each change as"
        " it is saved; a program whose code was changed starts again.",
    )
    parser.add_argument("--verbose", "-v", action="store_true", help="show what every process prints")
    given = parser.parse_args(words)
    if _in_the_way(developing=True):
        return 1
    code = _set_up(for_developing(HERE))
    return code or _hand_over("infra.develop", *(["--verbose"] if given.verbose else []))


def test(words: Sequence[str]) -> int:
    """`infra/test`."""
    parser = argparse.ArgumentParser(prog="infra/test", description="Sets up what is missing, then runs the checks.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}; without: all")
    parser.add_argument("--without-browser", action="store_true", help="leave out what needs a browser")
    parser.add_argument("--without-coqui", action="store_true", help="leave out what needs PyTorch (5.5 GB)")
    given = parser.parse_args(words)
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    parts = [part for part in PARTS if part in (given.parts or PARTS)]
    left_out = {"browser": given.without_browser, "coqui": given.without_coqui}
    parts = [part for part in parts if not left_out.get(part)]
    if code := set_up_for([part for part in parts if part not in LATER]):
        return code
    return _hand_over("infra.suite", *parts)


def set_up_for(parts: Sequence[str]) -> int:
    """Whatever these parts of the tests need; an exit code."""
    return _set_up(for_testing(HERE, parts))


def _in_the_way(developing: bool = False) -> bool:
    """Says what would keep the programs from starting, before minutes are spent on it."""
    try:
        refuse_occupied(read(os.environ), developing)
    except Refused as error:
        print(error)
        return True
    return False


def _with_packages(module: str, *words: str) -> int:
    """A program of ours that needs Python's packages and nothing else."""
    return _set_up([python.environment(HERE), python.packages(HERE, "run")]) or _hand_over(module, *words)


def _hand_over(module: str, *words: str) -> int:
    # Packages are installed uncompiled: every process would compile them anew, which is most of its start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.stdout.flush()
    os.chdir(HERE.root)
    os.execv(HERE.python, [str(HERE.python), "-m", module, *words])


def _set_up(steps: Sequence[Step]) -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        if set_up(HERE, steps):
            return 0
    except KeyboardInterrupt:
        print("Stopped. A second try goes on where this one stopped.")
        return 130
    print("Not everything is set up: see the lines marked FAILED. A second try goes on where this one stopped.")
    return 1
