"""Where things are."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A checkout. What is built is shared by all runs out of it; what a run writes is in a folder of its own."""

    root: Path

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def apart(self, name: str) -> Path:
        """The virtual environment of what would be too large, or at odds with the rest, in ours."""
        return self.var / f"{name}-venv"

    @property
    def sfu(self) -> Path:
        return self.var / "bin" / "livekit-server"

    @property
    def whisper(self) -> Path:
        return self.var / "models" / "whisper-base"

    @property
    def page(self) -> Path:
        return self.root / "web" / "client"

    @property
    def tools(self) -> Path:
        return self.var / "tools"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    def requirements(self, name: str) -> Path:
        return self.root / "infra" / "requirements" / f"{name}.txt"


HERE = Place(Path(__file__).resolve().parents[2])


def platform_key() -> str:
    """What a built thing depends on besides its sources."""
    return f"{sys.platform}-{os.uname().machine}-{sys.version_info.major}.{sys.version_info.minor}"
