"""Models by name: where they come from, byte for byte, what they need, under which licence, and how well they do.

Loads no model and asks no network: `commands.py` shows it to a person, and `pull.py` fetches what it lists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import ModelError

CATALOGUE = Path(__file__).with_name("catalogue.json")
"""Every digest in it stands alike in at least two public records of the same revision; `docs/models.md` says how."""
MANIFEST = "dragoman.json"
"""In a pulled model's folder: where its files came from, and what they were."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a repository. `size` is in bytes; what nobody recorded is None."""

    path: str
    size: int | None
    sha256: str | None
    kept_as: str | None = None

    @property
    def name(self) -> str:
        """What it is called in the model's folder, which has no folders in it."""
        return self.kept_as or PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    `memory` is MB of weights as a CPU computes with them; `quality` a tag's word error rate, where it was measured
    here; `commercial` None where only its card says; `accept` the name under which a licence that allows no commercial
    use is accepted. `setting` and `value` are what makes the engine service use it; `listed`: beside others there.
    """

    name: str
    stage: str
    engine: str
    repository: str
    revision: str | None
    licence: str
    commercial: bool | None
    languages: int | tuple[str, ...]
    memory: int | None
    runs: tuple[str, ...]
    quality: Mapping[str, float]
    files: tuple[File, ...]
    accept: str | None = None
    setting: str | None = None
    value: str = "{folder}"
    listed: bool = False

    @property
    def size(self) -> int | None:
        """Bytes of all its files."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None

    @property
    def pinned(self) -> bool:
        """Whether we know which bytes it is made of."""
        return self.revision is not None and all(file.sha256 for file in self.files)


def models(path: Path = CATALOGUE) -> Mapping[str, Model]:
    """Everything that can be pulled, by name."""
    return {one["name"]: _model(one) for one in json.loads(path.read_text(encoding="utf-8"))}


def named(name: str, of: Mapping[str, Model] | None = None) -> Model:
    """Raises `ModelError` `unknown_model`."""
    known = models() if of is None else of
    if name not in known:
        raise ModelError("unknown_model", f"There is no model {name}; there are {', '.join(known)}.")
    return known[name]


def missing(model: Model, folder: Path) -> list[str]:
    """Which of its files aren't there at all; what they hold is not looked at."""
    return [file.name for file in model.files if not (folder / file.name).is_file()]


def damaged(model: Model, folder: Path) -> list[str]:
    """The files in `folder` that are missing or not the bytes that were meant.

    Those are the catalogue's, or the manifest's where somebody trusted another revision by hand. Raises `ModelError`
    `not_pinned` where neither says what the bytes should be.
    """
    kept = manifest(folder)
    meant = {file.name: file.sha256 for file in model.files}
    if kept.get("trusted"):
        meant = {name: one["sha256"] for name, one in kept["files"].items()}
    if not all(meant.values()):
        raise ModelError("not_pinned", f"Nothing says which bytes {model.name} should be made of: pull it.")
    return [name for name, sha256 in meant.items() if digest(folder / name) != sha256]


def manifest(folder: Path) -> Mapping[str, Any]:
    """What was written down when the model was pulled; empty where it came another way."""
    try:
        kept: Mapping[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return kept
    except (OSError, ValueError):
        return {}


def digest(path: Path) -> str:
    """SHA-256 in hex; empty where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _model(one: Mapping[str, Any]) -> Model:
    spoken = one["languages"]
    return Model(
        **{
            **one,
            "languages": spoken if isinstance(spoken, int) else tuple(spoken),
            "runs": tuple(one["runs"]),
            "files": tuple(File(**file) for file in one["files"]),
        }
    )
