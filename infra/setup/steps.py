"""Which steps there are, and what is missing of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import debian, page, python, sfu, weights
from .paths import Place, platform_key
from .progress import Progress
from .step import Stamps, Step, digest, take


def for_running(place: Place) -> list[Step]:
    return [
        python.environment(place),
        python.packages(place, "run"),
        sfu.step(place),
        weights.step(place),
        page.modules(place),
        page.build(place),
        _apertium(),
    ]


def for_developing(place: Place) -> list[Step]:
    """The same without a built page: it is served from its sources."""
    return [step for step in for_running(place) if step.name != "page"]


def for_testing(place: Place, parts: Sequence[str]) -> list[Step]:
    """What these parts of the tests need: unit, page, live, attendance, browser, ray, coqui."""
    steps = [python.environment(place), python.packages(place, "run"), python.packages(place, "test")]
    if "page" in parts:
        steps += [page.modules(place)]
    if "unit" in parts:
        steps += [weights.step(place), _apertium()]
    if {"live", "attendance", "ray", "browser"} & {*parts}:
        steps += for_running(place)
    if "ray" in parts:
        steps += [python.packages(place, "ray")]
    if "browser" in parts:
        steps += [_browser()]
    if "coqui" in parts:
        steps += [python.apart(place, "coqui")]
    return list({step.name: step for step in steps}.values())


def stamps(place: Place) -> Stamps:
    return Stamps(place.var / "setup")


def set_up(place: Place, steps: Sequence[Step]) -> bool:
    """Takes the steps that aren't done; at once when all are. One set-up at a time in a checkout."""
    place.var.mkdir(exist_ok=True)
    if not lacking(place, steps):
        return True
    with _alone(place), Progress() as board:
        return take(steps, stamps(place), board, place.logs, place.root)


def lacking(place: Place, steps: Sequence[Step]) -> list[Step]:
    done = stamps(place)
    return [step for step in steps if not done.done(step)]


def _apertium() -> Step:
    return Step(
        name="apertium",
        doing="installing Apertium's pairs",
        key=lambda: digest(platform_key(), also=debian.APERTIUM),
        there=debian.apertium_there,
        make=debian.apertium,
    )


def _browser() -> Step:
    return Step(
        name="browser",
        doing="installing Chromium",
        key=lambda: "chromium",
        there=lambda: chromium() is not None,
        make=debian.browser,
    )


def chromium() -> str | None:
    """The browser that the tests drive: the one that is named, else the machine's."""
    named = os.environ.get("DRAGOMAN_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    with (place.var / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up of this checkout is at work; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
