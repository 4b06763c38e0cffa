"""How often something is tried: a part of it in every run, all of it with `THOROUGH=1`."""

from __future__ import annotations

import os


def times(each_run: int, thorough: int) -> int:
    """The first, or the second where all of it is wanted."""
    return thorough if os.environ.get("THOROUGH") else each_run
