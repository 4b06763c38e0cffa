"""A voice made of voices: every language takes the best one on this machine."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import Any, cast

from ...errors import EngineError
from ...languages import base
from ...nouns import Dub
from ...settings import Settings
from .. import LoadedVoice, Reference, Served
from ..table import load as load_engine

log = logging.getLogger(__name__)

ENGINES = ("coqui", "piper", "espeak")
"""The best first: neural before rules."""


def load(settings: Settings) -> Voices:
    """The voices of this machine. Raises `EngineError` where there is none."""
    found: list[LoadedVoice] = []
    missing: list[str] = []
    refused: list[str] = []
    for name in ENGINES:
        try:
            found.append(load_engine("speak", name, settings))
        except ImportError as error:
            missing.append(str(error))
        except EngineError as error:
            missing.append(error.message)
            if error.code == "licence_not_accepted":
                refused.append(error.message)
    if not found:
        raise EngineError("engine_failed", f"There is no voice: {'; '.join(missing)}.")
    for reason in missing:
        log.info("left out: %s", reason)
    return Voices(found, refused)


class Voices(LoadedVoice):
    """A `Voice` over others. Where the better one fails before its first piece, the next one says it.

    `refused` are the reasons why voices that are here may not be used. `width` texts can be said at once.
    """

    def __init__(self, engines: Sequence[LoadedVoice], refused: Sequence[str] = ()) -> None:
        self._engines = engines
        self._refused = refused
        self.width = sum(engine.width or 1 for engine in engines)

    def served(self) -> Served:
        all_served = [engine.served() for engine in self._engines]
        route: dict[str, str] = {}
        for served in all_served:
            route = dict.fromkeys(served.languages, served.engine) | route
        return Served(
            "speak",
            "+".join(served.engine for served in all_served),
            "; ".join([*(served.why for served in all_served), *self._refused]),
            "; ".join(f"{served.engine}: {served.licence}" for served in all_served),
            "",
            dict.fromkeys(sorted(route)),
            route,
            alike=tuple(sorted({tag for served in all_served for tag in served.alike})),
        )

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`."""
        able = [engine for engine in self._engines if _speaks(engine, language)]
        if not able:
            raise EngineError("not_served", "No voice speaks this language.")
        for engine in able:
            begun = False
            try:
                async with aclosing(cast(Any, engine.speak(text, language, voice, speed=speed))) as said:
                    async for dub in said:
                        begun = True
                        yield dub
                return
            except EngineError:
                if begun or engine is able[-1]:
                    raise

    async def speak_as(
        self, text: str, language: str, reference: Reference, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        """See `Likeness`."""
        able = [engine for engine in self._engines if _among(language, engine.served().alike)]
        if not able:
            raise EngineError("not_served", "No voice here speaks like somebody in this language.")
        async with aclosing(cast(Any, able[0]).speak_as(text, language, reference, speed=speed)) as said:
            async for dub in said:
                yield dub

    async def close(self) -> None:
        for engine in self._engines:
            await engine.close()


def _speaks(engine: LoadedVoice, language: str) -> bool:
    return _among(language, engine.served().languages)


def _among(language: str, tags: Iterable[str]) -> bool:
    """A language, or it without its region."""
    return not {language, base(language)}.isdisjoint(tags)
