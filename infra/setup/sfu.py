"""The SFU, built out of its Go module."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .paths import Place, platform_key
from .python import fetch_tool
from .step import Shell, Step, digest

_NEEDED = (1, 26)
_PROGRAM = "github.com/livekit/livekit-server/cmd/server"


def step(place: Place) -> Step:
    module = place.root / "infra" / "sfu"
    return Step(
        name="sfu",
        doing="building livekit-server (some minutes, once)",
        key=lambda: digest(platform_key(), module),
        there=lambda: os.access(place.sfu, os.X_OK),
        make=lambda shell: _build(shell, place, module),
        needs=() if _machines_go() else ("python",),
    )


def go_version(printed: str) -> tuple[int, int]:
    """From what `go version` prints; (0, 0) when it says nothing that we know."""
    found = re.search(r"\bgo(\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _build(shell: Shell, place: Place, module: Path) -> str:
    go = _machines_go() or str(fetch_tool(shell, place, "sfu") / "go" / "bin" / "go")
    made = place.sfu.with_suffix(".new")
    made.parent.mkdir(parents=True, exist_ok=True)
    # Never another toolchain than this one, never a line of go.mod changed by building.
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    if "HOME" not in os.environ:
        settings |= {"GOPATH": str(place.tools / "gopath"), "GOCACHE": str(place.tools / "gocache")}
    shell.run(go, "build", "-trimpath", "-ldflags=-s -w", "-o", made, _PROGRAM, cwd=module, env=settings)
    version = shell.run(made, "--version").strip()
    made.replace(place.sfu)
    return version


def _machines_go() -> str | None:
    go = shutil.which("go")
    if go is None:
        return None
    # Without this the answer could be that of a toolchain which some go.mod above asks for.
    asked = subprocess.run(
        [go, "version"], capture_output=True, text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local"}
    )
    return go if go_version(asked.stdout) >= _NEEDED else None
