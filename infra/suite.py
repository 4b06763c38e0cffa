"""Every check that CI runs, each to its end, and their own closing lines once more at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .setup.page import npm
from .setup.paths import HERE
from .setup.steps import chromium

QUICK = "not live and not browser and not ray and not coqui"
ATTENDANCE = ("tests/live/test_attendance.py", "tests/live/test_chaos.py", "tests/live/test_trust.py")
"""Live tests in which nobody listens to speech: they wait for processes that are killed, stopped and late."""
AT_ONCE = "3"
"""Processes for tests that wait for Postgres, files and clocks as often as they compute."""
PHASES = (
    (("page",), ("unit",)),
    (("coqui",), ("live", "ray")),
    (("attendance",), ("browser",)),
)
"""One after the other; in each its lanes run beside one another, and what all but the last print comes after it.

Rooms with real speech have the machine for themselves, for what comes too late there is rightly given up. Only what
they leave over (`LEFT_OVER`) goes to Coqui's checks."""
LEFT_OVER = ("nice", "-n", "19")


@dataclass(frozen=True)
class Check:
    """A runner: its words, where it runs, and how many of its last lines say how it went."""

    name: str
    words: Sequence[str | Path]
    cwd: Path = HERE.root
    env: Mapping[str, str] | None = None
    closing: int = 1


@dataclass(frozen=True)
class Outcome:
    check: Check
    code: int
    seconds: float
    closing: Sequence[str]


def checks(part: str) -> list[Check]:
    """The checks of one part: unit, page, live, attendance, browser, ray or coqui."""
    python = [str(HERE.python), "-m"]
    words, path = npm(HERE)
    match part:
        case "unit":
            return [
                Check("ruff", [*python, "ruff", "check", "."]),
                Check("ruff format", [*python, "ruff", "format", "--check", "."]),
                Check("mypy", [*python, "mypy", "--strict", "agent", "web", "infra"]),
                Check("pytest, unit", [*python, "pytest", "-m", QUICK, "-n", AT_ONCE, "--dist", "worksteal"]),
            ]
        case "page":
            return [
                Check("prettier", [*words, "run", "format:check"], HERE.page, path),
                Check("eslint and tsc", [*words, "run", "lint"], HERE.page, path, closing=0),
                Check("vitest", [*words, "test"], HERE.page, path, closing=4),
            ]
        case "attendance":
            return [Check("pytest, attendance", [*python, "pytest", "-m", "live", *ATTENDANCE])]
        case "live":
            others = (f"--ignore={each}" for each in ATTENDANCE)
            return [Check("pytest, live", [*python, "pytest", "-m", "live", "tests/live", *others])]
        case "ray":  # kept: Ray's processes end even where the tests are killed
            return [Check("pytest, ray", [*python, "infra.supervise", *python, "pytest", "-m", "ray"])]
        case "coqui":
            apart = str(HERE.apart("coqui") / "bin" / "python")
            there = Check("coqui's environment", [*LEFT_OVER, sys.executable, "-m", "infra.setup", "coqui"], closing=0)
            return [there, Check("pytest, coqui", [*LEFT_OVER, apart, "-m", "pytest", "-m", "coqui"])]
        case "browser" if not (HERE.root / "tests" / "browser").is_dir():
            return []  # pytest calls it a failure to find none
        case _:
            return [Check(f"pytest, {part}", [*python, "pytest", "-m", part])]


def environment() -> dict[str, str]:
    """The person's, less what would lead a test to a service that is in use."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DRAGOMAN_", "LIVEKIT_"))}
    kept.pop("DATABASE_URL", None)
    kept["PATH"] = f"{HERE.venv / 'bin'}:{kept.get('PATH', os.defpath)}"
    kept["NO_COLOR"] = "1"  # closing lines are read by people and by programs
    if browser := chromium():
        kept["DRAGOMAN_CHROMIUM"] = browser
    return kept


def take(check: Check, env: Mapping[str, str], show: Callable[[str], None] = print) -> Outcome:
    """Runs one to its end, showing what it prints as it comes."""
    show(f"\n=== {check.name}")
    begun = time.monotonic()
    lines: list[str] = []
    child = subprocess.Popen(
        [str(word) for word in check.words],
        cwd=check.cwd,
        env={**env, **(check.env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert child.stdout is not None  # noqa: S101  (PIPE)
    for line in child.stdout:
        show(line.rstrip("\n"))
        if line.strip():
            lines.append(line.rstrip())
    return Outcome(check, child.wait(), time.monotonic() - begun, lines[max(0, len(lines) - check.closing) :])


def taken(parts: Sequence[str], env: Mapping[str, str]) -> list[Outcome]:
    """Every part, phase by phase."""
    outcomes: list[Outcome] = []
    for lanes in PHASES:
        outcomes += _beside([[part for part in lane if part in parts] for lane in lanes], env)
    return outcomes


def _beside(lanes: Sequence[Sequence[str]], env: Mapping[str, str]) -> list[Outcome]:
    """Lanes beside one another: the last one is shown as it runs, the others after it."""
    *others, last = [lane for lane in lanes if lane] or [()]
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        held: list[list[str]] = [[] for _ in others]
        running = [pool.submit(_each, lane, env, lines.append) for lane, lines in zip(others, held, strict=True)]
        outcomes = _each(last, env)
        for lane, lines in zip(running, held, strict=True):
            outcomes += lane.result()
            for line in lines:
                print(line)
    return outcomes


def _each(parts: Sequence[str], env: Mapping[str, str], show: Callable[[str], None] = print) -> list[Outcome]:
    return [take(check, env, show) for part in parts for check in checks(part)]


def main(parts: Sequence[str]) -> int:
    env = environment()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    outcomes = taken(parts, env)
    print("\n=== how it went")
    for outcome in outcomes:
        verdict = "passed" if outcome.code == 0 else f"FAILED (exit code {outcome.code})"
        print(f"{outcome.check.name}: {verdict}, {outcome.seconds:.0f} s")
        for line in outcome.closing:
            print(f"    {line.strip()}")
    failed = sum(outcome.code != 0 for outcome in outcomes)
    print(f"checks: {len(outcomes) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
