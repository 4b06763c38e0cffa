"""Licences that somebody accepted by name, where a model needs that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ..settings import Settings

LICENCES = "licences.json"
"""Beside the models: licences that were accepted by name, each with its day."""


def accepted(licence: str, settings: Settings, beside: Path) -> bool:
    """Whether this licence was accepted by name: in `DRAGOMAN_LICENCES`, or once at a pull into `beside`."""
    return licence in {one.strip() for one in settings.licences.split(",")} | set(_accepted(beside))


def accept(licence: str, beside: Path) -> None:
    """Remember it, beside the models."""
    beside.mkdir(parents=True, exist_ok=True)
    told = {**_accepted(beside), licence: date.today().isoformat()}
    whole = beside / f".{LICENCES}"
    whole.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    whole.replace(beside / LICENCES)


def _accepted(beside: Path) -> Mapping[str, str]:
    try:
        told = json.loads((beside / LICENCES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
