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

from agent.engines import load
from agent.engines.espeak import VARIANTS, variant
from agent.engines.mouth import Mouth, Order
from agent.engines.remote import Remote
from agent.engines.voices import Voices
from agent.errors import EngineError
from agent.nouns import Dub
from agent.settings import Settings

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


def samples(dubs: list[Dub]) -> Any:
    return np.frombuffer(b"".join(dub.pcm for dub in dubs), np.int16).astype(np.float64) / 32_768


async def test_a_text_is_spoken_in_pieces_of_at_most_a_fifth_of_a_second(voice: Any) -> None:
    dubs = await said(voice, TEXT)

    assert 1.0 < seconds(dubs) < 10.0
    assert max(dub.duration for dub in dubs) <= 0.2001
    assert {(dub.lang, len(dub.pcm) % 2) for dub in dubs} == {("en", 0)}
    assert len({(dub.rate, dub.engine) for dub in dubs}) == 1
    assert dubs[0].engine


async def test_faster_is_shorter(voice: Any) -> None:
    slow, fast = await said(voice, TEXT), await said(voice, TEXT, speed=1.25)

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
        wave = samples(await said(voice, TEXT, who=who))

        assert -23.5 < 20 * np.log10(np.sqrt(np.mean(wave**2))) < -18.5
        assert np.abs(wave).max() < 0.999


@real
async def test_speech_begins_and_ends_at_once(voice: Any) -> None:
    dubs = await said(voice, TEXT)

    loud = np.flatnonzero(np.abs(samples(dubs)) > 0.01)
    assert loud[0] / dubs[0].rate < 0.06
    assert len(samples(dubs)) - loud[-1] < 0.15 * dubs[0].rate


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


async def test_the_first_piece_of_a_voice_that_runs_comes_at_once(espeak: Any) -> None:
    await said(espeak, "Warm.")
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        async with aclosing(espeak.speak(TEXT, "en", None)) as dubs:
            await anext(dubs)
            took.append(time.perf_counter() - begun)

    assert min(took) < 0.15


@pytest.mark.parametrize("language", ["es", "fr", "de", "pt", "pt-BR", "it", "ca", "zh", "nb", "es-MX", "en-GB"])
async def test_espeak_speaks_it(espeak: Any, language: str) -> None:
    assert seconds(await said(espeak, "Dragoman 1, 2, 3.", language)) > 0.8


async def test_speakers_sound_different_and_each_always_the_same(espeak: Any) -> None:
    names = [f"guest-{n}" for n in range(200)]
    assert {variant(name) for name in names} == set(VARIANTS)
    assert [variant(name) for name in names] == [variant(name) for name in names]

    other = next(name for name in names if variant(name) != variant("guest-1"))
    first, again, another = [samples(await said(espeak, TEXT, who=who)) for who in ("guest-1", "guest-1", other)]

    assert len(first) == pytest.approx(len(again), rel=0.01)
    assert len(first) != len(another) or np.abs(first - another).max() > 0.05


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
    mouth = Mouth(str(script))
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


class Broken:
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
