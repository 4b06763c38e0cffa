"""Packages of Debian and Ubuntu."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Sequence

from .step import Shell, StepFailed, Unavailable

# The pairs that join English, Spanish, Portuguese, French, Italian, Catalan and Galician, and Romanian into Spanish.
APERTIUM = (
    "apertium",
    "apertium-eng-spa",
    "apertium-eng-cat",
    "apertium-en-gl",
    "apertium-spa-cat",
    "apertium-spa-ita",
    "apertium-es-pt",
    "apertium-es-gl",
    "apertium-es-ro",
    "apertium-fr-es",
    "apertium-fra-cat",
    "apertium-cat-ita",
    "apertium-por-cat",
    "apertium-pt-gl",
)

COSTS = "no translation beyond English and Portuguese, unless weights from a model hub are there"
_one_at_a_time = threading.Lock()


def has_apt() -> bool:
    return shutil.which("apt-get") is not None and shutil.which("dpkg-query") is not None


def missing(names: Sequence[str]) -> list[str]:
    """Those of these packages that aren't installed."""
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names]
    asked = subprocess.run(query, capture_output=True, text=True, check=False)
    there = {line.split()[0] for line in asked.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in there]


def known(names: Sequence[str]) -> list[str]:
    """Those that this release has and that can be installed."""
    asked = subprocess.run(["apt-cache", "policy", *names], capture_output=True, text=True, check=False)
    found: list[str] = []
    package = ""
    for line in asked.stdout.splitlines():
        if not line.startswith(" "):
            package = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found.append(package)
    return [name for name in names if name in found]


def install(shell: Shell, names: Sequence[str]) -> list[str]:
    """Installs what is missing, and returns what this release doesn't have. Needs root."""
    with _one_at_a_time:
        wanted = missing(names)
        if not wanted:
            return []
        if len(known(wanted)) < len(wanted):
            shell.run("apt-get", "update", "-q")
        fetchable = known(wanted)
        if fetchable:
            patience = ("-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=3")
            words = ("install", "-q", "-y", "--no-install-recommends", *patience, *fetchable)
            shell.run("apt-get", *words, env={"DEBIAN_FRONTEND": "noninteractive"})
        return [name for name in wanted if name not in fetchable]


def apertium_can_be_had() -> bool:
    return has_apt() and os.geteuid() == 0


def apertium_there() -> bool:
    """On other systems whatever pairs the `apertium` in the path has are taken."""
    return shutil.which("apertium") is not None if not has_apt() else "apertium" not in missing(["apertium"])


def apertium(shell: Shell) -> str:
    if not has_apt():
        raise Unavailable(f"Apertium's pairs come from Debian's packages, which this system doesn't have: {COSTS}")
    if os.geteuid():
        lacking = missing(APERTIUM)
        if not lacking:
            return "Apertium's pairs are installed"
        cost = COSTS if "apertium" in lacking else "fewer pairs of languages"
        raise Unavailable(f"only root can `apt-get install {' '.join(lacking)}`; without: {cost}")
    try:
        absent = install(shell, APERTIUM)
    except StepFailed as error:
        raise Unavailable(f"{str(error).splitlines()[0]}; without: {COSTS}") from None
    if "apertium" in absent:
        raise Unavailable(f"this release has no package apertium: {COSTS}")
    pairs = len(APERTIUM) - 1 - len(absent)
    return f"Apertium with {pairs} pairs" + (f"; this release lacks {', '.join(absent)}" if absent else "")


def browser(shell: Shell) -> str:
    """Chromium for the browser tests; Ubuntu has no package of it, only a snap."""
    if not has_apt() or os.geteuid():
        raise Unavailable("no Chromium here, and only root can install one: the browser tests will fail")
    try:
        absent = install(shell, ["chromium"])
    except StepFailed as error:
        raise Unavailable(f"{str(error).splitlines()[0]}: the browser tests will fail") from None
    if absent:
        raise Unavailable("this release has no package chromium: the browser tests will fail without DRAGOMAN_CHROMIUM")
    return "Chromium"
