"""Coqui TTS: VITS and XTTS v2, from folders on this machine, where the `coqui-tts` package is installed.

Run as a program (`python -m agent.engines.speak.coqui THREADS FOLDER`) it loads PyTorch and one model, and speaks what
it is told over its pipes. One such program says one thing at a time: a `Pool` of them is what several listeners need.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import langcodes
import numpy as np
from langcodes.tag_parser import LanguageTagError

from ...errors import EngineError
from ...languages import base
from ...loudness import Samples, Stream, finished, silence, without_edges
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Dub
from ...settings import Settings
from ...text import plain, sentences
from .. import LoadedVoice, Reference, Served
from ..licences import accepted
from ..stock_voices import seat
from .phonemes import Phonemes
from .subprocess_voice import PAUSE, Order, Patience, SpeechProcess, refuse, serve

LICENCE = "xtts-v2"
"""What is accepted by name: its weights are not for commercial use."""
WEIGHTS = ("model.pth", "model_file.pth", "model_file.pth.tar", "checkpoint.pth")
"""What Coqui's own downloads call a model's weights."""
NEEDS = {"zh": "pypinyin", "ja": "cutlet"}
"""Packages without which XTTS can't read a language."""
TEXT = 400
"""Characters that VITS is given at once."""
PATIENCE = Patience(hello=600.0, piece=60.0, finish=30.0)
"""2 GB come from a slow disk, and a processor without a GPU takes its time: to start anew would take longer."""
SHORTEST, LONGEST = 3.0, 30.0
"""Seconds of a reference: less makes no voice (Coqui's advice), more changes nothing."""
RAMBLING = (2.0, 0.2)
"""Seconds of sound that a text may take, and seconds a byte of it (UTF-8) more: XTTS goes on babbling now and then.
People need 0.06 s a letter; a letter of other scripts has more bytes, and more sound."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Nothing is fetched behind anybody's back."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A folder, what is in it (`xtts` or `vits`), and its languages: BCP-47 → its own name for it."""

    folder: Path
    kind: str
    languages: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"coqui-{self.kind}"


def load(settings: Settings) -> Coqui:
    """The models of `DRAGOMAN_COQUI_MODELS`.

    Raises `ImportError` where `coqui-tts` is not installed, `EngineError` where a folder holds no model, or one whose
    licence nobody accepted (`licence_not_accepted`).
    """
    if not find_spec("TTS"):
        raise ImportError("coqui-tts is not installed")
    models = [_model(one.strip()) for one in settings.coqui_models.split(",") if one.strip()]
    if not models:
        raise EngineError("engine_failed", "There is no Coqui model: DRAGOMAN_COQUI_MODELS names none.")
    if not all(accepted(LICENCE, settings, model.folder.parent) for model in models if model.kind == "xtts"):
        raise EngineError(
            "licence_not_accepted",
            "XTTS v2 is under the Coqui Public Model License, not for commercial use: "
            f"accept it by DRAGOMAN_LICENCES={LICENCE}, or by `models pull {LICENCE} --accept-licence`.",
        )
    return Coqui(models, settings.coqui_engines, settings.threads)


def _model(given: str) -> Model:
    """`FOLDER`, or `TAG=FOLDER` where the model itself says no language, or the wrong one."""
    tag, _, path = given.rpartition("=")
    folder = Path(path)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = str(config["model"]).lower()
    except (OSError, ValueError, KeyError, TypeError):
        raise EngineError("engine_failed", f"There is no Coqui model in {folder} (no config.json of one).") from None
    needed = {"xtts": ("model.pth", "vocab.json", "speakers_xtts.pth"), "vits": ()}
    if kind not in needed:
        raise EngineError("engine_failed", f"The Coqui model in {folder} is neither VITS nor XTTS.")
    if missing := [name for name in needed[kind] if not (folder / name).is_file()] or _weightless(folder):
        raise EngineError("engine_failed", f"There is no Coqui model in {folder} ({' and '.join(missing)} missing).")
    names = [tag] if tag else _languages(folder, config)
    if kind == "xtts":
        names = [name for name in names if find_spec(NEEDS.get(name.partition("-")[0], "json"))]
    if not names:
        raise EngineError("engine_failed", f"The Coqui model in {folder} names no language: say TAG={folder}.")
    return Model(folder.resolve(), kind, _tags(names))


def _weightless(folder: Path) -> list[str]:
    return [] if any((folder / name).is_file() for name in WEIGHTS) else [WEIGHTS[0]]


def _languages(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """The model's own names of its languages, from wherever its training left them."""
    ids = folder / "language_ids.json"
    if (config.get("model_args") or {}).get("use_language_embedding") and ids.is_file():
        return [*json.loads(ids.read_text(encoding="utf-8"))]
    of_data = {data.get("language") for data in config.get("datasets") or ()}
    return [*filter(None, config.get("languages") or sorted(filter(None, of_data)) or [config.get("phoneme_language")])]


def _tags(names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            tag = langcodes.standardize_tag(name)
        except LanguageTagError:
            continue
        found.setdefault(tag, name)
        found.setdefault(base(tag), name)
    return found


class Pool:
    """Programs with the same model. Who comes when all are speaking waits, first come, first served."""

    def __init__(self, mouths: Sequence[SpeechProcess]) -> None:
        self._mouths = mouths
        self._free = [*mouths]
        self._turn = asyncio.Semaphore(len(mouths))  # a queue would let latecomers pass those who wait
        self._opening = asyncio.Lock()
        self._opened = False

    @asynccontextmanager
    async def take(self) -> AsyncIterator[SpeechProcess]:
        """One of them for as long as it is needed. The first who asks waits for all to load."""
        async with self._opening:
            if not self._opened:
                await asyncio.gather(*(mouth.open() for mouth in self._mouths))
                self._opened = True
        async with self._turn:
            mouth = self._free.pop()
            try:
                yield mouth
            finally:
                self._free.append(mouth)

    async def close(self) -> None:
        for mouth in self._mouths:
            await mouth.close()


class Coqui(LoadedVoice):
    """A `Voice` and a `Likeness`: XTTS streams, VITS makes a sentence at a time. `width` texts at once."""

    def __init__(self, models: Sequence[Model], engines: int, threads: int) -> None:
        self._models = models
        each = max(1, threads // engines)
        self._pools = {model: Pool([_mouth(model, each) for _ in range(engines)]) for model in models}
        self.width = engines * len(models)

    def served(self) -> Served:
        route = {tag: model.name for model in reversed(self._models) for tag in model.languages}
        kinds = dict.fromkeys(model.kind for model in self._models)
        said = {
            "xtts": "Coqui Public Model License (XTTS v2), not for commercial use",
            "vits": "MPL-2.0; each VITS model has its own licence",
        }
        why = "; ".join(f"{model.name} is in {model.folder.name}" for model in self._models)
        name = "+".join(f"coqui-{kind}" for kind in kinds)
        licence = "; ".join(said[kind] for kind in kinds)
        return Served("speak", name, why, licence, "", dict.fromkeys(route), route, alike=self._alike)

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`."""
        model = self._serving(language, self._models)
        async with aclosing(self._said(model, text, language, speed, speaker=voice)) as dubs:
            async for dub in dubs:
                yield dub

    async def alike(self) -> tuple[str, ...]:
        """See `Likeness`."""
        return self._alike

    async def speak_as(
        self, text: str, language: str, reference: Reference, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        """See `Likeness`."""
        if not (reference.consent.identity and reference.consent.meeting and reference.consent.given):
            raise EngineError("no_consent", "Nobody's voice is imitated without a record that they want it.")
        if len(reference.pcm) < SHORTEST * SAMPLE_RATE * SAMPLE_BYTES or len(reference.pcm) % SAMPLE_BYTES:
            raise EngineError("bad_request", f"A voice takes {SHORTEST:.0f} s of int16 samples at 16 kHz.")
        model = self._serving(language, [model for model in self._models if model.kind == "xtts"])
        heard = base64.b64encode(reference.pcm[: int(LONGEST * SAMPLE_RATE) * SAMPLE_BYTES]).decode()
        async with aclosing(self._said(model, text, language, speed, reference=heard)) as dubs:
            async for dub in dubs:
                yield dub

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.close()

    @property
    def _alike(self) -> tuple[str, ...]:
        return tuple(sorted({tag for model in self._models if model.kind == "xtts" for tag in model.languages}))

    def _serving(self, language: str, models: Sequence[Model]) -> Model:
        for model in models:
            if _named(model, language):
                return model
        raise EngineError("not_served", "No Coqui model here speaks this language.")

    async def _said(
        self, model: Model, text: str, language: str, speed: float, speaker: str | None = None, reference: str = ""
    ) -> AsyncGenerator[Dub, None]:
        order = Order(plain(text), _named(model, language), min(1.25, max(1.0, speed)), speaker, reference)
        async with self._pools[model].take() as mouth, aclosing(mouth.say(order)) as said:
            async for pcm in said:
                yield Dub(language, int(mouth.hello["rate"]), pcm, model.name)


def _mouth(model: Model, threads: int) -> SpeechProcess:
    return SpeechProcess("-m", __name__, str(threads), str(model.folder), patience=PATIENCE, environment=OFFLINE)


def _named(model: Model, language: str) -> str:
    return model.languages.get(language) or model.languages.get(base(language), "")


# The program


class Talker(Protocol):
    """A loaded model. Every order it gets is for one language that it knows."""

    rate: int

    def speak(self, order: Order) -> Generator[Samples, None, None]: ...


def talker(folder: Path, threads: int) -> Talker:
    """The model in a folder, on the GPU where there is one."""
    import torch
    from TTS.config import load_config
    from TTS.tts.models import setup_model

    logging.disable()  # the library warns of what it can't read by printing it
    torch.set_num_threads(threads)
    config = load_config(folder / "config.json")
    _relocate(config, folder)
    read_in_memory(config)
    model = setup_model(config)
    if config.model == "xtts":
        model.load_checkpoint(config, checkpoint_dir=folder, eval=True)
    else:
        weights = next(folder / name for name in WEIGHTS if (folder / name).is_file())
        model.load_checkpoint(config, weights, eval=True)
    if torch.cuda.is_available():
        model.cuda()
    return Xtts(model) if config.model == "xtts" else Vits(model)


def _relocate(config: Any, folder: Path) -> None:
    """A config names files by where they were trained or first unpacked; those beside it are meant."""
    for told in (config, config.model_args):
        for name in ("speakers_file", "language_ids_file", "d_vector_file"):
            if (value := told.get(name)) and name in told:
                first = value[0] if isinstance(value, list) else value
                beside = folder / Path(first).name
                if beside.is_file():
                    told[name] = [str(beside)] if isinstance(value, list) else str(beside)


def read_in_memory(config: Any) -> None:
    """Have text pronounced by the library in this process: Coqui's own way writes it into a file for a program."""
    from TTS.tts.utils.text import phonemizers

    class InMemory(phonemizers.BasePhonemizer):  # type: ignore[misc]  # no types are published
        def __init__(self, language: str, **how: Any) -> None:
            # Coqui's own names, as its models were trained with them.
            language = {"en": "en-us", "zh-cn": "cmn"}.get(language, language)
            super().__init__(language, **{"keep_puncs": True, **how})
            self._phonemes = Phonemes(language)

        @staticmethod
        def name() -> str:
            return "espeak"

        @classmethod
        def is_available(cls) -> bool:
            return True

        def version(self) -> str:
            return ""

        @staticmethod
        def supported_languages() -> dict[str, str]:
            return {}

        def is_supported_language(self, language: str) -> bool:
            return True  # it is refused by the library itself

        def _phonemize(self, text: str, separator: str) -> str:
            return self._phonemes.of(text, separator)

    phonemizers._register_phonemizers()
    phonemizers.PHONEMIZERS["espeak"] = InMemory
    if config.get("use_phonemes") and not config.get("phonemizer"):
        config.phonemizer = "espeak"


class Vits:
    """A sentence is made whole before its first piece comes, in a fraction of the time it takes to say."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._scale = float(model.length_scale)
        self.rate = int(model.config.audio["sample_rate"])
        manager = model.speaker_manager
        self._speakers: list[str] = []
        if manager:
            self._speakers = [*(manager.name_to_id or getattr(manager, "embedding_names", ()))]
        self._several = len(model.language_manager.language_names) > 1

    def speak(self, order: Order) -> Generator[Samples, None, None]:
        made = (self._sentence(part, order) for part in parts(order.text, TEXT))
        yield from finished(made, self.rate, PAUSE / order.speed)

    def _sentence(self, text: str, order: Order) -> Samples:
        self._model.length_scale = self._scale / order.speed
        made = self._model.synthesize(
            text,
            speaker=self._speakers[seat(order.speaker, len(self._speakers))] if self._speakers else None,
            language=order.name if self._several else None,
        )
        return _int16(made["wav"])


class Xtts:
    """Streams: the first piece comes after some twenty of its tokens, about 0.9 s of sound."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.rate = int(model.args.output_sample_rate)
        self._names: list[str] = [*model.speaker_manager.speaker_names]
        self._levels = {name: Stream(self.rate) for name in self._names}

    def speak(self, order: Order) -> Generator[Samples, None, None]:
        latents, embedding, level = self._imitated(order.reference) if order.reference else self._stock(order.speaker)
        limit = self._model.tokenizer.char_limits.get(base(order.name), 200)
        for at, part in enumerate(parts(order.text, limit)):
            if at:
                yield silence(PAUSE / order.speed, self.rate)
            for samples in without_edges(self._stretches(part, order, latents, embedding), self.rate):
                yield level.push(samples)

    def _stretches(self, text: str, order: Order, latents: Any, embedding: Any) -> Iterator[Samples]:
        config = self._model.config
        left = int(self.rate * (RAMBLING[0] + RAMBLING[1] * len(text.encode())) / order.speed)
        for made in self._model.inference_stream(
            text,
            order.name,
            latents,
            embedding,
            speed=order.speed,
            temperature=config.temperature,
            length_penalty=config.length_penalty,
            repetition_penalty=config.repetition_penalty,
            top_k=config.top_k,
            top_p=config.top_p,
        ):
            samples = _int16(made.cpu().numpy())[:left]
            yield samples
            left -= len(samples)
            if not left:
                return

    def _stock(self, speaker: str | None) -> tuple[Any, Any, Stream]:
        name = self._names[seat(speaker, len(self._names))]
        latents, embedding = self._model.speaker_manager.speakers[name].values()
        return latents, embedding, self._levels[name]

    def _imitated(self, reference: str) -> tuple[Any, Any, Stream]:
        """The voice of that sound, made anew for every order and forgotten after it."""
        import torch
        from torchaudio.functional import resample

        config = self._model.config
        pcm = np.frombuffer(base64.b64decode(reference), np.int16).astype(np.float32) / 32_768.0
        sound = resample(torch.from_numpy(pcm).unsqueeze(0), SAMPLE_RATE, 22_050).to(self._model.device)
        latents = self._model.get_gpt_cond_latents(
            sound, 22_050, length=config.gpt_cond_len, chunk_length=config.gpt_cond_chunk_len
        )
        embedding = self._model.get_speaker_embedding(sound[:, : 22_050 * config.max_ref_len], 22_050)
        return latents, embedding, Stream(self.rate)


def parts(text: str, limit: int) -> Iterator[str]:
    """The sentences of a text that say something; one of more than `limit` characters is cut into clauses."""
    for sentence in sentences(text):
        left = sentence
        while len(left) > limit:
            at = _cut(left[:limit])
            yield left[:at].strip()
            left = left[at:].strip()
        if any(map(str.isalnum, left)):
            yield left


def _cut(text: str) -> int:
    """Behind the last clause, where it isn't short, or the last word."""
    clause = max(text.rfind(mark) for mark in ",;:.!?—，、；：。！？") + 1
    return clause if clause > len(text) // 3 else text.rfind(" ") + 1 or len(text)


def _int16(wave: Any) -> Samples:
    return np.asarray(np.clip(np.nan_to_num(wave), -1.0, 1.0) * 32_767).astype(np.int16).reshape(-1)


def main(threads: int, folder: Path) -> None:
    try:
        loaded = talker(folder, threads)
    except Exception as error:
        # Whatever PyTorch and Coqui make of files that are no model.
        refuse(f"There is no usable Coqui model in {folder} ({type(error).__name__}).")
        return
    serve({"rate": loaded.rate, "engine": folder.name}, loaded.speak)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
