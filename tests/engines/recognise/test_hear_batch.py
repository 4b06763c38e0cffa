"""Windows of several rooms heard in one call of Whisper are heard as they are alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest

from agent.engines import SoundRequest
from agent.engines.fake import FakeRecognizer, spell
from agent.engines.recognise.whisper import GPU, Whisper
from agent.engines.recognise.whisper_model import PAD, TAIL
from agent.engines.service.client import Remote
from agent.engines.table import load
from agent.errors import EngineError
from agent.nouns import Transcription
from agent.settings import Settings
from tests.sound import pcm_of

from ..serving import FAKES, at, serving

DATA = Path(__file__).parents[2] / "data" / "speech"


@pytest.fixture(scope="module")
def whisper() -> Any:
    return load("recognise", "whisper", Settings())


def cut(name: str, start: float, end: float) -> bytes:
    return pcm_of(DATA / name)[int(start * 16_000) * 2 : int(end * 16_000) * 2]


async def alone(whisper: Any, one: SoundRequest) -> Transcription:
    heard: Transcription = await whisper.transcribe(
        one.pcm, one.language, one.prompt, prefix=one.prefix, final=one.final
    )
    return heard


def text(heard: Transcription) -> str:
    return " ".join(word.text for word in heard.words)


async def test_windows_of_one_length_are_heard_exactly_as_each_alone(whisper: Any) -> None:
    requests = [
        SoundRequest(cut("en_jfk.flac", 0, 4), "en"),
        SoundRequest(cut("en_jfk.flac", 3, 7), "en", prefix="ask not"),
        SoundRequest(cut("es_fleurs_002.ogg", 0, 4), "es", prompt="Buenos días."),
        SoundRequest(cut("de_fleurs_005.ogg", 0, 4), None),
        SoundRequest(bytes(4 * 32_000), "en"),
    ]

    together = await whisper.transcribe_batch(requests)

    for request, heard in zip(requests, together, strict=True):
        expected = await alone(whisper, request)
        assert (text(heard), heard.language, heard.engine) == (text(expected), expected.language, expected.engine)
        times = [(word.start, word.end) for word in expected.words]
        assert [(word.start, word.end) for word in heard.words] == [pytest.approx(one, abs=0.05) for one in times]
        figures = (expected.no_speech, expected.logprob, expected.compression, expected.language_probability)
        told = (heard.no_speech, heard.logprob, heard.compression, heard.language_probability)
        assert told == pytest.approx(figures, abs=0.02)


async def test_windows_of_other_lengths_and_kinds_are_heard_about_as_each_alone(whisper: Any) -> None:
    requests = [
        SoundRequest(cut("en_jfk.flac", 0, 8), "en", final=True),
        SoundRequest(cut("en_jfk.flac", 0, 7), "en", final=True),
        SoundRequest(cut("en_fleurs_005.ogg", 0, 7.5), "en"),
        SoundRequest(cut("pt_fleurs_002.ogg", 0, 3), "pt"),
        SoundRequest(cut("pt_fleurs_002.ogg", 0, 3.5), "pt"),
    ]

    together = await whisper.transcribe_batch(requests)
    expected = [text(await alone(whisper, request)) for request in requests]

    assert (
        jiwer.wer(expected, [text(heard) for heard in together]) < 0.2
    )  # padded to another length, unclear words change


async def test_as_on_a_gpu_windows_of_all_lengths_interims_and_finals_are_heard_in_one_call() -> None:
    ear, calls = as_on_a_gpu(), list[int]()
    encode = ear._model.encode
    ear._model.encode = lambda windows: calls.append(len(windows)) or encode(windows)
    requests = [
        SoundRequest(cut("en_jfk.flac", 0, 8), "en", final=True),
        SoundRequest(cut("en_jfk.flac", 0, 3.5), "en", prefix="And so my"),
        SoundRequest(cut("es_fleurs_002.ogg", 0, 6), "es"),
        SoundRequest(cut("pt_fleurs_002.ogg", 0, 3), "pt"),
    ]

    together = await ear.transcribe_batch(requests)

    assert calls == [4]
    expected = [text(await alone(ear, request)) for request in requests]
    assert jiwer.wer(expected, [text(heard) for heard in together]) < 0.2


def as_on_a_gpu() -> Any:
    """Whisper as it is asked on a GPU, though it computes on a CPU."""
    return Whisper(Settings().whisper_model, 1, replace(GPU, device="cpu", types=("int8",)))


@pytest.mark.parametrize("seconds", [0.01, 1.98, 5.0, 29.99])
def test_the_silence_that_a_window_is_padded_with_is_as_if_it_had_been_recorded(whisper: Any, seconds: float) -> None:
    samples = np.random.default_rng(1).standard_normal(int(seconds * 16_000)).astype(np.float32) / 10
    silence = np.zeros(int((min(30.0, max(2.0, seconds * PAD, 6 + seconds)) - seconds + TAIL) * 16_000), np.float32)

    features = whisper._model.features(samples, seconds)

    expected = whisper._model._whisper.feature_extractor(np.concatenate([samples, silence]), padding=0)
    assert features == pytest.approx(expected[:, : features.shape[1]], abs=1e-6)


def test_where_no_window_has_a_word_nothing_is_aligned(whisper: Any) -> None:
    nothing_encoded = None

    assert whisper._model.align(whisper._model.tokenizer("en"), [[], []], nothing_encoded, [1.0, 2.0]) == [(), ()]


async def test_a_language_that_it_does_not_know_is_one_requests_own(whisper: Any) -> None:
    pcm = cut("en_jfk.flac", 0, 3)

    good, bad, short = await whisper.transcribe_batch(
        [SoundRequest(pcm, "en"), SoundRequest(pcm, "tlh"), SoundRequest(bytes(2), "en")]
    )

    assert text(good)
    assert isinstance(bad, EngineError)
    assert bad.code == "not_served"
    assert short.words == ()


async def test_nothing_asked_is_nothing_heard(whisper: Any) -> None:
    assert await whisper.transcribe_batch([]) == []


class Several(FakeRecognizer):
    """An ear that hears several windows in a call, when its gate is open, and remembers how many."""

    most = 8

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []
        self.gate = asyncio.Event()

    async def transcribe_batch(self, requests: Sequence[SoundRequest]) -> Sequence[Transcription]:
        self.calls.append(len(requests))
        await self.gate.wait()
        return [await alone(self, request) for request in requests]


async def test_the_service_asks_an_ear_that_says_so_for_several_windows_at_once() -> None:
    ear = Several()
    async with serving((FAKES | {"recognise": ear}).__getitem__) as (service, path):
        remotes = [Remote(at(path), f"room {n}") for n in range(4)]
        tasks = [asyncio.create_task(one.ear.transcribe(spell("one"), "en", final=True)) for one in remotes[:1]]
        await until(lambda: bool(ear.calls))
        tasks += [asyncio.create_task(one.ear.transcribe(spell("one"), "en", final=True)) for one in remotes[1:]]
        await until(lambda: service.stages["recognise"]._batch.waiting == 3)
        ear.gate.set()
        heard = await asyncio.gather(*tasks)
        for remote in remotes:
            await remote.close()

    assert [text(one) for one in heard] == ["one"] * 4
    assert ear.calls == [1, 3]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what is waited for happens inside the service
            await asyncio.sleep(0.005)
