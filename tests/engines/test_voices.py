"""The questions that every voice is asked."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from agent.engines import LoadedVoice
from agent.engines.service.client import Remote
from agent.engines.speak.espeak import VARIANTS
from agent.engines.speak.subprocess_voice import PAUSE, Order, SpeechProcess
from agent.engines.speak.voices import Voices
from agent.engines.stock_voices import seat
from agent.engines.table import load
from agent.errors import EngineError
from agent.loudness import LEVEL, loudness
from agent.nouns import Dub
from agent.settings import Settings
from tests.models import piper as humming

from .openai import answering
from .serving import at, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

real = pytest.mark.parametrize("voice", ["espeak", "piper", "voices", "livekit"], indirect=True)
"""Those that make speech; the others hum."""
gpl = pytest.mark.parametrize("voice", ["espeak", "piper", "voices"], indirect=True)
VOICES = ("fake", "remote", "espeak", "piper", "voices", "livekit")
TEXT = "Good morning to all of you, it is good to see so many people here."


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[*VOICES])
async def voice(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    if request.param == "remote":
        async with serving() as (_, path):
            remote = Remote(at(path))
            yield remote.voice
            await remote.close()
        return
    if request.param == "livekit":
        async with answering() as server:
            plugin = load("speak", "livekit", Settings(livekit_tts=server.tts))
            yield plugin
            await plugin.close()
        return
    if request.param == "piper" and not find_spec("piper"):
        pytest.skip("Piper is an extra, and not installed")
    engine = load("speak", request.param, Settings())
    yield engine
    if close := getattr(engine, "close", None):
        await close()


async def said(voice: Any, text: str, language: str = "en", who: str | None = None, speed: float = 1.0) -> list[Dub]:
    return [dub async for dub in voice.speak(text, language, who, speed=speed)]


def seconds(dubs: list[Dub]) -> float:
    return sum(dub.duration for dub in dubs)


def pcm(dubs: list[Dub]) -> Any:
    return np.frombuffer(b"".join(dub.pcm for dub in dubs), np.int16)


def samples(dubs: list[Dub]) -> Any:
    return pcm(dubs).astype(np.float64) / 32_768


def pauses(dubs: list[Dub]) -> list[float]:
    """Seconds of every stretch of at least 0.1 s within the sound that is digital silence."""
    quiet = np.flatnonzero(np.diff(np.concatenate([[1], pcm(dubs) != 0, [1]]).astype(int)))
    lengths = (quiet[1::2] - quiet[::2]) / dubs[0].rate
    return [round(float(length), 2) for length in lengths if length >= 0.1]


async def test_a_text_is_spoken_in_pieces_of_at_most_a_fifth_of_a_second(voice: Any) -> None:
    dubs = await said(voice, TEXT)

    assert 1.0 < seconds(dubs) < 10.0
    assert max(dub.duration for dub in dubs) <= 0.2001
    assert {(dub.lang, len(dub.pcm) % 2) for dub in dubs} == {("en", 0)}
    assert len({(dub.rate, dub.engine) for dub in dubs}) == 1
    assert dubs[0].engine


async def test_faster_is_shorter(voice: Any) -> None:
    # Three times: how long a neural voice takes over a sentence differs from time to time.
    slow = [dub for _ in range(3) for dub in await said(voice, TEXT)]
    fast = [dub for _ in range(3) for dub in await said(voice, TEXT, speed=1.25)]

    assert 0.7 < seconds(fast) / seconds(slow) < 0.92


async def test_a_language_without_a_voice_is_refused_for_good(voice: Any) -> None:
    with pytest.raises(EngineError) as caught:
        await said(voice, TEXT, "qaa")

    assert (caught.value.code, caught.value.retryable) == ("not_served", False)
    assert TEXT not in str(caught.value)


async def test_a_region_without_a_voice_of_its_own_has_that_of_the_language(voice: Any) -> None:
    assert seconds(await said(voice, TEXT, "en-ZA")) > 1.0


async def test_who_leaves_in_the_middle_spoils_nothing_for_the_next(voice: Any) -> None:
    whole = seconds(await said(voice, "One.", speed=1.1))
    async with aclosing(voice.speak(f"{TEXT} " * 3, "en", None)) as dubs:
        async for _ in dubs:
            break

    assert seconds(await said(voice, "One.", speed=1.1)) == pytest.approx(whole, rel=0.35)


@pytest.mark.parametrize("text", ["<speak>Good</speak> & <break time='1s'/> morning.", "[[h@'l@U]] good {morning}"])
async def test_markup_is_only_text(voice: Any, text: str) -> None:
    assert seconds(await said(voice, text)) > 0.5


@real
@pytest.mark.parametrize("text", ["...", "—", "🙂"])
async def test_what_cannot_be_said_is_short_and_no_failure(voice: Any, text: str) -> None:
    assert seconds(await said(voice, text)) < 2.5


@real
async def test_voices_are_equally_loud_and_never_clip(voice: Any) -> None:
    for who in (None, "ana", "bob"):
        dubs = await said(voice, TEXT, who=who)

        assert loudness(pcm(dubs), dubs[0].rate) == pytest.approx(LEVEL, abs=0.7)
        assert np.abs(samples(dubs)).max() < 0.85


@real
async def test_speech_begins_and_ends_at_once(voice: Any) -> None:
    dubs = await said(voice, TEXT)

    loud = np.flatnonzero(np.abs(samples(dubs)) > 0.01)
    assert loud[0] / dubs[0].rate < 0.06
    assert len(samples(dubs)) - loud[-1] < 0.15 * dubs[0].rate


@real
@pytest.mark.parametrize("speed", [1.0, 1.25])
async def test_it_pauses_between_sentences_and_less_when_it_hurries(voice: Any, speed: float) -> None:
    dubs = await said(voice, "Good morning. How are you?", speed=speed)

    assert pauses(dubs) == [pytest.approx(PAUSE / speed, abs=0.03)]


@gpl
async def test_the_library_under_the_gpl_is_not_in_our_process(voice: Any) -> None:
    await said(voice, TEXT)

    loaded = Path("/proc/self/maps").read_text()  # noqa: ASYNC240 - not a file on a disk
    assert "libespeak" not in loaded
    assert "espeakbridge" not in loaded


@real
async def test_what_it_serves_has_english_a_reason_and_a_licence(voice: Any) -> None:
    served = voice.served()

    assert served.stage == "speak"
    assert "en" in served.languages
    assert served.why
    assert served.licence
    assert served.route.keys() == served.languages.keys()


@gpl
async def test_a_voice_under_the_gpl_says_so(voice: Any) -> None:
    assert "GPL-3.0" in voice.served().licence


# eSpeak NG


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def espeak() -> AsyncIterator[Any]:
    engine = load("speak", "espeak", Settings())
    yield engine
    await engine.close()


async def test_the_first_piece_of_a_voice_that_runs_comes_long_before_the_last(espeak: Any) -> None:
    await said(espeak, "Warm.")
    shares = []
    for _ in range(5):
        begun = time.perf_counter()
        async with aclosing(espeak.speak(f"{TEXT} " * 20, "en", None)) as dubs:
            await anext(dubs)
            first = time.perf_counter() - begun
            async for _ in dubs:
                pass
            shares.append(first / (time.perf_counter() - begun))

    # Of one wait after the other, whatever else the machine does, the first is a twentieth.
    assert min(shares) < 0.2


@pytest.mark.parametrize("language", ["es", "fr", "de", "pt", "pt-BR", "it", "ca", "zh", "nb", "es-MX", "en-GB"])
async def test_espeak_speaks_it(espeak: Any, language: str) -> None:
    assert seconds(await said(espeak, "Dragoman 1, 2, 3.", language)) > 0.8


async def test_speakers_sound_different_and_each_always_the_same(espeak: Any) -> None:
    who = ("ana", "ana", "ana bob")
    first, again, another = [samples(await said(espeak, TEXT, who=one)) for one in who]

    assert len(first) == pytest.approx(len(again), rel=0.03)  # eSpeak NG itself varies a pause by some 60 ms
    assert len(first) != len(another) or np.abs(first - another).max() > 0.05


async def test_every_stock_voice_differs_from_every_other(espeak: Any) -> None:
    names = [next(name for n in range(999) if seat(name := f"g{n}", 12) == at) for at in range(len(VARIANTS))]
    heard = [samples(await said(espeak, "Good morning.", who=name)) for name in names]

    assert len({(len(wave), round(float(np.abs(wave).sum()), 3)) for wave in heard}) == len(VARIANTS)


async def test_what_nobody_hears_any_more_is_taken_back_and_the_program_goes_on(espeak: Any) -> None:
    await said(espeak, "Warm.")
    before = espeak._mouth._process.pid
    async with aclosing(espeak.speak("One two three four five six seven eight nine ten. " * 20, "en", None)) as dubs:
        await anext(dubs)

    assert seconds(await said(espeak, TEXT)) > 1.0
    assert espeak._mouth._process.pid == before


async def test_a_program_that_was_killed_is_started_again(espeak: Any) -> None:
    await said(espeak, "Warm.")
    process = espeak._mouth._process
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()

    assert seconds(await said(espeak, TEXT)) > 1.0
    assert espeak._mouth._process.pid != process.pid


async def test_a_program_that_dies_while_it_speaks_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    script = tmp_path / "voice.py"
    script.write_text(
        "import struct, sys\n"
        "out = sys.stdout.buffer\n"
        "def frame(kind, data):\n"
        "    out.write(struct.pack('<cI', kind, len(data)) + data); out.flush()\n"
        "frame(b'h', b'{\"rate\": 16000}')\n"
        "sys.stdin.readline()\n"
        "frame(b's', bytes(640))\n"
    )
    mouth = SpeechProcess(str(script))
    heard = b""

    with pytest.raises(EngineError) as caught:  # noqa: PT012 - what came before the error counts
        async for pcm in mouth.say(Order("Hello.", "en")):
            heard += pcm

    assert heard == bytes(640)
    assert (caught.value.code, caught.value.retryable) == ("engine_failed", True)
    assert "Hello" not in str(caught.value)


# Piper, and the best of both


async def test_a_voice_that_is_not_there_is_named_without_a_traceback(tmp_path: Path) -> None:
    if not find_spec("piper"):
        pytest.skip("Piper is an extra, and not installed")

    with pytest.raises(EngineError, match="DRAGOMAN_PIPER_VOICES: no voice and config for fr"):
        load("speak", "piper", Settings(piper_voices=f"fr={tmp_path}/missing.onnx"))


@pytest_asyncio.fixture(loop_scope="module")
async def choir(tmp_path: Path) -> AsyncIterator[Any]:
    """Three speakers in a file for Spanish; two files of one each, of different rates, for French."""
    if not find_spec("piper"):
        pytest.skip("Piper is an extra, and not installed")
    three = humming.build(tmp_path / "three.onnx", 3)
    one, other = humming.build(tmp_path / "one.onnx", 1), humming.build(tmp_path / "other.onnx", 1, rate=22_050)
    engine = load("speak", "piper", Settings(piper_voices=f"es={three},fr={one}, fr={other}"))
    yield engine
    await engine.close()


async def test_the_speakers_of_a_piper_model_are_stock_voices(choir: Any) -> None:
    heard = [await said(choir, "Hola.", "es", who) for who in ("ana", "ana bob", "ana bob eva", "ana")]

    pitches = [pitch(dubs) for dubs in heard]
    assert sorted(pitches[:3]) == pytest.approx([150, 210, 270], abs=5)
    assert pitches[3] == pitches[0]


async def test_piper_files_for_one_language_are_stock_voices_together(choir: Any) -> None:
    heard = [await said(choir, "Oui.", "fr", who) for who in ("ana", "ana bob")]

    assert {dubs[0].rate for dubs in heard} == {16_000, 22_050}
    assert "fr (2)" in choir.served().why


async def test_a_speaker_of_a_piper_model_hurries_too(choir: Any) -> None:
    slow, fast = await said(choir, TEXT, "es"), await said(choir, TEXT, "es", speed=1.25)

    assert seconds(fast) / seconds(slow) == pytest.approx(0.8, abs=0.02)


def pitch(dubs: list[Dub]) -> float:
    wave = samples(dubs)
    return float(np.argmax(np.abs(np.fft.rfft(wave))) * dubs[0].rate / len(wave))


async def test_a_config_that_is_none_of_pipers_is_refused(tmp_path: Path) -> None:
    if not find_spec("piper"):
        pytest.skip("Piper is an extra, and not installed")
    path = humming.build(tmp_path / "voice.onnx")
    Path(f"{path}.json").write_text("{}")  # noqa: ASYNC240 - a few bytes

    with pytest.raises(EngineError, match="none of Piper's"):
        load("speak", "piper", Settings(piper_voices=f"es={path}"))


class Broken(LoadedVoice):
    """A voice that serves English and fails."""

    def __init__(self, after: int) -> None:
        self._after = after

    def served(self) -> Any:
        return load("speak", "fake", Settings()).served()

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        for _ in range(self._after):
            yield Dub(language, 16_000, bytes(320), "broken")
        raise EngineError("engine_failed", "No.", retryable=True)


async def test_where_the_better_voice_fails_at_once_the_next_one_says_it() -> None:
    voices = Voices([Broken(0), load("speak", "fake", Settings())])

    assert {dub.engine for dub in await said(voices, TEXT)} == {"fake"}


async def test_what_was_half_said_is_not_said_again() -> None:
    voices = Voices([Broken(2), load("speak", "fake", Settings())])
    heard = []

    with pytest.raises(EngineError):  # noqa: PT012 - what came before the error counts
        async for dub in voices.speak(TEXT, "en", None):
            heard.append(dub.engine)

    assert heard == ["broken", "broken"]
