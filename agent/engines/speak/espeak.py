"""eSpeak NG: over a hundred languages, from the library and voices in the `espeakng-loader` package.

Run as a program (`python -m agent.engines.speak.espeak`) it loads the library, which is under the GPL, and speaks what
it is told over its pipes. The engine service imports only the other half, which knows the names of voices.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import langcodes
import numpy as np
from langcodes.tag_parser import LanguageTagError

from ...errors import EngineError
from ...languages import base
from ...loudness import Samples, finished
from ...nouns import Dub
from ...settings import Settings
from .. import LoadedVoice, Served
from ..stock_voices import seat
from .subprocess_voice import Order, SpeechProcess, serve

NAME = "espeak-ng"
RATE = 22_050
"""Hz: eSpeak NG's own."""
WORDS = 170
"""Words a minute at speed 1.0: people in meetings speak 150 to 180, and a dub has no more time than they had."""
VARIANTS = ("m3", "f2", "m7", "f4", "m1", "f3", "m4", "f5", "m2", "f1", "m8", "m6")
"""Stock voices in the order in which their neighbours differ most."""

_LANGUAGE = re.compile(r"^language\s+(\S+)(?:\s+(\d+))?", re.MULTILINE)


def load(settings: Settings) -> Espeak:
    """All languages in the package. Raises `ImportError` where it is not installed."""
    spec = find_spec("espeakng_loader")
    if not spec or not spec.origin:
        raise ImportError("espeakng-loader is not installed")
    return Espeak(voices(Path(spec.origin).parent / "espeak-ng-data" / "lang"))


def voices(folder: Path) -> dict[str, str]:
    """BCP-47 tag → eSpeak's name of the voice, the one that eSpeak prefers where several serve a language."""
    ranked: dict[str, tuple[int, str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for at, (tag, rank) in enumerate(_LANGUAGE.findall(path.read_text(encoding="utf-8", errors="replace"))):
            # 5 is eSpeak's default; a language that a file names second is none of its own.
            for known in _tags(tag):
                offer = (int(rank or 5) + 2 * at, path.name)
                ranked[known] = min(ranked.get(known, offer), offer)
    return {tag: name for tag, (_, name) in sorted(ranked.items())}


def _tags(tag: str) -> set[str]:
    try:
        return {langcodes.standardize_tag(tag), langcodes.standardize_tag(tag, macro=True)}
    except LanguageTagError:
        return set()


class Espeak(LoadedVoice):
    """A `Voice`. The first piece comes after some 10 to 60 ms, when the first sentence was made and levelled."""

    def __init__(self, voices: Mapping[str, str]) -> None:
        self._voices = voices
        self._mouth = SpeechProcess("-m", __name__)

    def served(self) -> Served:
        why = "eSpeak NG's library and voices are installed"
        licence = "GPL-3.0-or-later, in a process of its own"
        return Served("speak", NAME, why, licence, "", dict.fromkeys(self._voices), dict.fromkeys(self._voices, NAME))

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`."""
        name = self._voices.get(language) or self._voices.get(base(language))
        if not name:
            raise EngineError("not_served", "eSpeak NG has no voice for this language.")
        async with aclosing(self._mouth.read(text, f"{name}+{VARIANTS[seat(voice, len(VARIANTS))]}", speed)) as said:
            async for pcm in said:
                yield Dub(language, RATE, pcm, NAME)

    async def close(self) -> None:
        await self._mouth.close()


# The program


SYNCHRONOUS, UTF8, STOP = 2, 1, 1
RATE_PARAMETER, WORD_GAP = 1, 7


class Library:
    """The C library, with the constants of its `speak_lib.h`. Not thread-safe: one thread, one process."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        self.rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), 0)
        if self.rate <= 0:
            raise RuntimeError("eSpeak NG found no data")
        self._made: list[Samples] = []
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = callback(self._take)  # kept: the library holds no reference to it
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, order: Order) -> Iterator[Samples]:
        """One sentence, whole: its loudness is known only at its end, and it takes some ms."""
        if self._library.espeak_SetVoiceByName(order.name.encode()) != 0:
            raise ValueError("no such voice")
        self._library.espeak_SetParameter(RATE_PARAMETER, int(WORDS * order.speed), 0)
        self._made.clear()
        text = order.text.encode()
        self._library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 0, 0, UTF8, None, None)
        yield np.concatenate(self._made) if self._made else np.zeros(0, np.int16)

    def _take(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._made.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0


if __name__ == "__main__":
    library = Library()
    serve({"rate": library.rate, "engine": NAME}, lambda order: finished(library.speak(order), library.rate, pause=0.0))
    sys.exit(0)
