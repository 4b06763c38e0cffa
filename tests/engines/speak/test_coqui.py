"""Coqui's VITS and XTTS v2: loading, streaming, the pool, stock voices, and a voice that somebody lends for a meeting.

Their weights can't be in a test; `tests/models/coqui.py` builds models of the same kind that make noise.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from agent.engines import Consent, Reference
from agent.engines.service.client import Remote
from agent.engines.speak.coqui import OFFLINE, PATIENCE, RAMBLING, Coqui, Pool, Xtts, _model, parts
from agent.engines.speak.subprocess_voice import Order, SpeechProcess
from agent.engines.speak.voices import Voices
from agent.engines.table import load
from agent.errors import EngineError
from agent.loudness import LEVEL, loudness
from agent.nouns import Dub
from agent.settings import Settings

from ..serving import FAKES, at, serving
from ..test_voices import pauses, pcm, said, seconds

TEXT = "Good morning to all of you, it is good to see so many people here."
CONSENT = Consent("ana", "standup", 1_800_000_000.0)

needs_coqui = [pytest.mark.coqui, pytest.mark.asyncio(loop_scope="module")]


# The text, and what is in a folder: no model is loaded


def test_a_text_is_cut_into_sentences_and_long_ones_into_clauses() -> None:
    assert [*parts("Good morning. How are you?", 80)] == ["Good morning.", "How are you?"]
    assert [*parts("We begin at nine, and whoever comes later waits outside.", 30)] == [
        "We begin at nine,",
        "and whoever comes later waits",
        "outside.",
    ]
    assert [*parts("今天我们开会，明天休息。", 8)] == ["今天我们开会，", "明天休息。"]


@pytest.mark.parametrize("text", ["...", "—", "🙂", ""])
def test_what_cannot_be_said_is_nothing(text: str) -> None:
    assert [*parts(text, 80)] == []


def test_no_part_is_longer_than_the_limit_and_no_word_is_lost() -> None:
    text = "one two three four five six seven eight nine ten " * 20

    cut = [*parts(text, 37)]

    assert max(map(len, cut)) <= 37
    assert " ".join(cut).split() == text.split()


def told(folder: Path, config: dict[str, Any], *files: str) -> Path:
    """A folder that looks like a model from outside."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name in files:
        (folder / name).touch()
    return folder


XTTS_FILES = ("model.pth", "vocab.json", "speakers_xtts.pth")


@pytest.mark.parametrize(
    ("config", "tags"),
    [
        ({"model": "vits", "languages": ["en", "fr-fr", "pt-br"]}, {"en", "fr", "fr-FR", "pt", "pt-BR"}),
        ({"model": "vits", "datasets": [{"language": "de"}], "languages": []}, {"de"}),
        ({"model": "vits", "phoneme_language": "en"}, {"en"}),
        ({"model": "vits", "phoneme_language": "en-us"}, {"en", "en-US"}),
    ],
)
def test_a_model_serves_the_languages_that_its_config_names(
    tmp_path: Path, config: dict[str, Any], tags: set[str]
) -> None:
    assert _model(str(told(tmp_path / "m", config, "model_file.pth"))).languages.keys() == tags


def test_a_model_that_says_no_language_is_told_its_language(tmp_path: Path) -> None:
    folder = told(tmp_path / "m", {"model": "vits"}, "model_file.pth")

    with pytest.raises(EngineError, match="names no language: say TAG="):
        _model(str(folder))
    assert _model(f"ca={folder}").languages == {"ca": "ca"}


@pytest.mark.parametrize("lost", XTTS_FILES)
def test_what_is_missing_is_named(tmp_path: Path, lost: str) -> None:
    files = [name for name in XTTS_FILES if name != lost]

    with pytest.raises(EngineError, match=lost):
        _model(str(told(tmp_path / "m", {"model": "xtts", "languages": ["en"]}, *files)))


@pytest.mark.parametrize("config", [{}, {"model": "tacotron2"}, []])
def test_another_model_is_refused(tmp_path: Path, config: Any) -> None:
    with pytest.raises(EngineError) as caught:
        _model(str(told(tmp_path / "m", config, "model_file.pth")))

    assert caught.value.code == "engine_failed"


async def test_a_pool_serves_as_many_at_once_as_it_has_and_the_rest_in_their_order() -> None:
    class Opened:
        async def open(self) -> None: ...

    pool, gate = Pool([Opened(), Opened()]), asyncio.Event()  # type: ignore[list-item]
    order: asyncio.Queue[str] = asyncio.Queue()

    async def use(name: str) -> None:
        async with pool.take():
            order.put_nowait(name)
            await gate.wait()

    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(use(name))
        before = [await order.get(), await order.get()]
        assert order.empty()
        gate.set()
        after = [await order.get(), await order.get()]

    assert (before, after) == (["a", "b"], ["c", "d"])


class Babbling:
    """What an XTTS looks like to us, that never comes to an end."""

    class Sound(list[float]):
        def cpu(self) -> Babbling.Sound:
            return self

        def numpy(self) -> Any:
            return np.array(self)

    args = SimpleNamespace(output_sample_rate=100)
    tokenizer = SimpleNamespace(char_limits={"en": 250})
    speaker_manager = SimpleNamespace(speaker_names=["Ana"], speakers={"Ana": {"latents": None, "embedding": None}})
    config = SimpleNamespace(temperature=0.7, length_penalty=1.0, repetition_penalty=2.0, top_k=50, top_p=0.8)

    def inference_stream(self, *about: Any, **how: Any) -> Iterator[Sound]:
        while True:
            yield self.Sound([0.1, -0.1] * 25)


@pytest.mark.parametrize(("text", "speed"), [("Hi.", 1.0), ("Hi.", 1.25), ("今天。", 1.0)])
def test_an_xtts_that_rambles_on_is_stopped(text: str, speed: float) -> None:
    made = np.concatenate([*Xtts(Babbling()).speak(Order(text, "en", speed))])

    assert len(made) / 100 == pytest.approx((RAMBLING[0] + RAMBLING[1] * len(text.encode())) / speed, abs=0.05)


# With the extra, on models that make noise


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A VITS of English by phonemes, a VITS of two languages by letters, and an XTTS; PyTorch is not loaded here."""
    root = tmp_path_factory.mktemp("coqui")
    subprocess.run([sys.executable, "-m", "tests.models.coqui", str(root)], check=True, capture_output=True)
    return {name: root / name for name in ("vits", "several", "xtts")}


def settings(*folders: Path, engines: int = 1, licences: str = "xtts-v2") -> Settings:
    return Settings(coqui_models=",".join(map(str, folders)), coqui_engines=engines, licences=licences, threads=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loaded(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Coqui]]:
    """Each alone, the first one twice. Their programs note what they write (`watched`), and start when first asked."""
    engines = {name: load("speak", "coqui", settings(folder)) for name, folder in folders.items()}
    for name, engine in engines.items():
        home = tmp_path_factory.mktemp(name)
        told = {"HOME": str(home), "TMPDIR": str(home), "NOTED": f"{home}.txt", "PYTHONDONTWRITEBYTECODE": "1"}
        words = ("-m", "tests.engines.watched", "1", str(folders[name]))
        mouths = [
            SpeechProcess(*words, patience=PATIENCE, environment=OFFLINE | told)
            for _ in range(2 if name == "vits" else 1)
        ]
        engine._pools = {engine._models[0]: Pool(mouths)}
    yield engines
    for engine in engines.values():
        await engine.close()


@pytest.fixture(params=["vits", "several", "xtts"])
def voice(request: pytest.FixtureRequest, loaded: dict[str, Coqui]) -> Coqui:
    return loaded[request.param]


@pytest.fixture
def xtts(loaded: dict[str, Coqui]) -> Coqui:
    return loaded["xtts"]


def mouth_of(engine: Coqui) -> SpeechProcess:
    [pool] = engine._pools.values()
    return pool._mouths[0]


def mark_all(*marks: Any) -> Any:
    def apply(test: Any) -> Any:
        for mark in marks:
            test = mark(test)
        return test

    return apply


coqui = mark_all(*needs_coqui)


@coqui
async def test_a_text_is_spoken_in_pieces_of_at_most_a_fifth_of_a_second(voice: Coqui) -> None:
    dubs = await said(voice, TEXT)

    assert 1.0 < seconds(dubs) < 15.0
    assert max(dub.duration for dub in dubs) <= 0.2001
    assert {dub.lang for dub in dubs} == {"en"}
    assert len({(dub.rate, dub.engine) for dub in dubs}) == 1
    assert dubs[0].engine in ("coqui-vits", "coqui-xtts")


@coqui
async def test_faster_is_shorter(voice: Coqui) -> None:
    slow, fast = await said(voice, TEXT), await said(voice, TEXT, speed=1.25)

    assert 0.7 < seconds(fast) / seconds(slow) < 0.92


@coqui
async def test_a_language_without_a_voice_is_refused_for_good(voice: Coqui) -> None:
    with pytest.raises(EngineError) as caught:
        await said(voice, TEXT, "qaa")

    assert (caught.value.code, caught.value.retryable) == ("not_served", False)
    assert TEXT not in str(caught.value)


@coqui
async def test_a_region_without_a_voice_of_its_own_has_that_of_the_language(voice: Coqui) -> None:
    assert seconds(await said(voice, "Good morning.", "en-ZA")) > 0.3


@coqui
async def test_it_is_as_loud_as_every_other_voice_and_never_clips(voice: Coqui) -> None:
    for who in (None, "ana"):
        dubs = await said(voice, "Good morning to all of you.", who=who)

        assert loudness(pcm(dubs), dubs[0].rate) == pytest.approx(LEVEL, abs=1.0)
        assert np.abs(pcm(dubs).astype(int)).max() < 0.85 * 32_768


@coqui
async def test_it_pauses_between_sentences(voice: Coqui) -> None:
    assert len(pauses(await said(voice, "Good morning. How are you?"))) >= 1


@coqui
@pytest.mark.parametrize("text", ["...", "🙂", "<speak>Good</speak> & <break time='1s'/> morning."])
async def test_whatever_stands_there_is_no_failure(voice: Coqui, text: str) -> None:
    assert seconds(await said(voice, text)) < 15.0


@coqui
async def test_a_text_of_a_thousand_characters_is_read_in_parts(loaded: dict[str, Coqui]) -> None:
    assert seconds(await said(loaded["vits"], "we have come a long way and there is more to go " * 21)) > 10.0


@coqui
async def test_the_speakers_of_a_model_are_stock_voices(loaded: dict[str, Coqui]) -> None:
    names = " ".join(f"guest-{n}" for n in range(4)).split()
    heard = [await said(loaded["vits"], TEXT, who=" ".join(names[: n + 1])) for n in range(4)]
    again = await said(loaded["vits"], TEXT, who=names[0])

    shapes = [spectrum(dubs) for dubs in heard]
    apart = [float(np.abs(one - other).max()) for at, one in enumerate(shapes) for other in shapes[:at]]
    assert min(apart) > 2 * float(np.abs(spectrum(again) - shapes[0]).max())


def spectrum(dubs: list[Dub]) -> Any:
    """How much of the sound is in each of forty bands: one voice's noise is always of the same colour."""
    power = np.abs(np.fft.rfft(pcm(dubs).astype(float))) ** 2
    bands = np.array([band.sum() for band in np.array_split(power, 40)])
    return bands / bands.sum()


@coqui
async def test_a_model_of_several_languages_is_told_which(loaded: dict[str, Coqui]) -> None:
    served = loaded["several"].served()

    assert {"en", "fr", "fr-FR"} <= served.languages.keys()
    assert seconds(await said(loaded["several"], "Bonjour tout le monde.", "fr-CA")) > 0.3


@coqui
async def test_what_it_serves_has_a_reason_and_a_licence(loaded: dict[str, Coqui]) -> None:
    both = Coqui([*loaded["xtts"]._models, *loaded["vits"]._models], engines=3, threads=2).served()

    assert both.stage == "speak"
    assert {"en", "es", "zh"} <= both.languages.keys() == both.route.keys()
    assert both.route["en"] == "coqui-xtts"
    assert "non-commercial" in both.licence or "not for commercial use" in both.licence
    assert both.engine == "coqui-xtts+coqui-vits"


@coqui
async def test_pytorch_is_only_in_the_program(voice: Coqui) -> None:
    await said(voice, "One.")

    assert "libtorch" in Path(f"/proc/{mouth_of(voice)._process.pid}/maps").read_text()  # type: ignore[union-attr]  # noqa: ASYNC240


@coqui
async def test_the_engine_itself_loads_no_pytorch(folders: dict[str, Path]) -> None:
    """Asked in a process of its own: other tests' libraries take PyTorch where they find it."""
    program = (
        "import sys\n"
        "from agent.engines.table import load\n"
        "from agent.settings import Settings\n"
        "load('speak', 'coqui', Settings(coqui_models=sys.argv[1], licences='xtts-v2')).served()\n"
        "sys.exit('torch' in sys.modules or 'TTS' in sys.modules)\n"
    )

    asked = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(folders["xtts"]))

    assert await asked.wait() == 0


# XTTS


@coqui
async def test_xtts_streams_its_first_piece_long_before_its_last(xtts: Coqui) -> None:
    await said(xtts, "One.")
    begun, when = time.perf_counter(), []
    async with aclosing(xtts.speak(TEXT, "en", None)) as dubs:
        async for _ in dubs:
            when.append(time.perf_counter() - begun)

    assert when[0] < 0.6 * when[-1]


@coqui
async def test_what_nobody_hears_any_more_is_taken_back_and_the_model_stays_loaded(xtts: Coqui) -> None:
    await said(xtts, "One.")
    before = mouth_of(xtts)._process
    async with aclosing(xtts.speak(f"{TEXT} " * 3, "en", None)) as dubs:
        await anext(dubs)

    assert seconds(await said(xtts, "One.")) > 0.3
    assert mouth_of(xtts)._process is before


@coqui
async def test_its_licence_must_be_accepted_by_name(folders: dict[str, Path]) -> None:
    with pytest.raises(EngineError) as failure:
        load("speak", "coqui", settings(folders["xtts"], licences="nllb-200"))

    assert failure.value.code == "licence_not_accepted"
    assert "DRAGOMAN_LICENCES=xtts-v2" in failure.value.message
    load("speak", "coqui", settings(folders["vits"], licences=""))


@coqui
async def test_a_voice_that_is_refused_for_its_licence_is_said_where_others_speak(folders: dict[str, Path]) -> None:
    voices = load("speak", "voices", settings(folders["xtts"], licences=""))

    assert "DRAGOMAN_LICENCES=xtts-v2" in voices.served().why
    assert "coqui" not in voices.served().engine
    await voices.close()


@coqui
async def test_two_engines_speak_two_texts_at_once_each_its_own(loaded: dict[str, Coqui]) -> None:
    engine = loaded["vits"]
    alone = [seconds(await said(engine, text)) for text in ("One.", TEXT)]

    together = await asyncio.gather(*(said(engine, text) for text in ("One.", TEXT, "One.", TEXT)))

    [pool] = engine._pools.values()
    assert len({mouth._process.pid for mouth in pool._mouths if mouth._process}) == 2
    assert [seconds(dubs) for dubs in together] == [pytest.approx(one, rel=0.25) for one in alone * 2]


class Kept:
    """A voice that stays loaded when the service around it ends."""

    def __init__(self, voice: Coqui) -> None:
        self.served, self.speak, self.speak_as, self.width = voice.served, voice.speak, voice.speak_as, voice.width


@coqui
async def test_through_the_service_it_is_a_voice_like_any_other(loaded: dict[str, Coqui]) -> None:
    async with serving({**FAKES, "speak": Kept(loaded["vits"])}.__getitem__) as (_, path):
        remote = Remote(at(path))
        dubs = await said(remote.voice, TEXT, who="ana bob")
        await remote.close()

    assert {dub.engine for dub in dubs} == {"coqui-vits"}
    assert seconds(dubs) > 1.0


@coqui
async def test_weights_are_never_run_and_where_they_are_none_the_next_voice_speaks(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """Weights are pickles: this one would make a folder."""
    evil = shutil.copytree(folders["vits"], tmp_path / "evil")
    (evil / "model_file.pth").write_bytes(pickle.dumps({"model": Command(tmp_path / "ran")}))
    engine = load("speak", "coqui", settings(evil))

    with pytest.raises(EngineError, match="no usable Coqui model") as caught:
        await said(engine, TEXT)
    heard = await said(Voices([engine, load("speak", "fake", Settings())]), TEXT)
    await engine.close()

    assert not (tmp_path / "ran").exists()
    assert not caught.value.retryable
    assert {dub.engine for dub in heard} == {"fake"}


class Command:
    """What unpickling would do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._folder),)


# A voice like one's own


def speech(pitch: float, length: float = 4.0, seed: int = 1) -> bytes:
    """Something of a voice: a buzz at a pitch, in syllables."""
    at_ = np.arange(int(16_000 * length)) / 16_000
    buzz = np.sign(np.sin(2 * np.pi * pitch * at_)) * (0.2 + np.abs(np.sin(2 * np.pi * 2 * at_)))
    noise = np.random.default_rng(seed).normal(size=len(at_)) * 0.1
    return ((buzz + noise) * 6_000).astype(np.int16).tobytes()


async def said_as(voice: Coqui, reference: Reference, text: str = TEXT) -> list[Dub]:
    return [dub async for dub in voice.speak_as(text, "en", reference)]


@coqui
async def test_who_opted_in_is_spoken_for_from_their_own_sound(xtts: Coqui) -> None:
    low = await said_as(xtts, Reference(speech(110), CONSENT))
    again = await said_as(xtts, Reference(speech(110), CONSENT))
    high = await said_as(xtts, Reference(speech(290, seed=2), CONSENT))

    assert seconds(low) > 1.0
    same, other = (float(np.abs(spectrum(low) - spectrum(one)).sum()) for one in (again, high))
    assert same < other


@coqui
async def test_through_the_service_too(xtts: Coqui) -> None:
    async with serving({**FAKES, "speak": Kept(xtts)}.__getitem__) as (_, path):
        remote = Remote(at(path))
        alike = await remote.voice.alike()
        dubs = [dub async for dub in remote.voice.speak_as(TEXT, "en", Reference(speech(110), CONSENT))]
        await remote.close()

    assert "en" in alike
    assert {dub.engine for dub in dubs} == {"coqui-xtts"}
    assert seconds(dubs) > 1.0


@coqui
@pytest.mark.parametrize("field", ["identity", "meeting", "given"])
async def test_without_a_record_of_consent_nobody_is_imitated(xtts: Coqui, field: str) -> None:
    reference = Reference(speech(110), replace(CONSENT, **{field: type(getattr(CONSENT, field))()}))

    with pytest.raises(EngineError) as caught:
        await said_as(xtts, reference)

    assert caught.value.code == "no_consent"


@coqui
@pytest.mark.parametrize("pcm", [b"", speech(110, 2.9), speech(110)[:-1]])
async def test_too_little_sound_makes_no_voice(xtts: Coqui, pcm: bytes) -> None:
    with pytest.raises(EngineError) as caught:
        await said_as(xtts, Reference(pcm, CONSENT))

    assert caught.value.code == "bad_request"


@coqui
async def test_a_model_that_cannot_imitate_says_so(loaded: dict[str, Coqui]) -> None:
    with pytest.raises(EngineError) as caught:
        await said_as(loaded["vits"], Reference(speech(110), CONSENT))

    assert caught.value.code == "not_served"


@coqui
async def test_of_what_is_said_and_whose_voice_it_is_nothing_is_written(
    loaded: dict[str, Coqui], folders: dict[str, Path]
) -> None:
    """An audit hook in the program notes every file that is opened to be written once it has said hello."""
    for name, engine in loaded.items():
        await said(engine, "One.")
        environment = mouth_of(engine)._environment or {}
        home, noted = Path(environment["HOME"]), Path(environment["NOTED"])
        before = files(home) | files(folders[name])

        assert seconds(await said(engine, "A secret that was told.")) > 0.2
        if name == "xtts":
            assert seconds(await said_as(engine, Reference(speech(110), CONSENT))) > 1.0

        assert {*noted.read_text().splitlines()} == {"hello"}, name  # noqa: ASYNC240
        assert files(home) | files(folders[name]) == before


def files(folder: Path) -> set[tuple[str, int]]:
    found = set()
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found.add((str(path), path.stat().st_mtime_ns))
    return found


def test_neither_a_text_nor_a_voice_prints() -> None:
    printed = repr((Order("a secret", "en", reference="QUJD"), Reference(b"ABC", CONSENT)))

    assert "secret" not in printed
    assert "QUJD" not in printed
    assert "ABC" not in printed
