"""The same questions to every ear, every gate and every recognizer made of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import pytest_asyncio

from agent.engines.fake import FakeDetector, FakeRecognizer, spell
from agent.engines.service.client import Remote
from agent.engines.table import load
from agent.errors import EngineError
from agent.nouns import Chunk, Hypothesis, Segment, Transcription, Word
from agent.recognition.silero import Silero
from agent.recognition.streaming import Streaming
from agent.settings import Settings
from agent.words import believable
from tests.sound import pcm_of
from tests.thorough import times

from .noises import NOISES, pcm
from .openai import answering
from .serving import at, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = Path(__file__).parent.parent / "data" / "speech"
TOLD = {entry["file"]: entry for entry in json.loads((DATA / "MANIFEST.json").read_text())}
JFK = "en_jfk.flac"
NOISE = "none_background_noise.wav"


@cache
def recording(name: str) -> bytes:
    return pcm_of(DATA / name)


def plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split())


FEW = 0.25
"""Word error rate at most, over several recordings or the beginning of one. It is about 0.14 over many; one recording
alone differs from processor to processor by more than a word, for sums of int8 products are rounded otherwise."""


def errors(said: str, text: str) -> float:
    """Word error rate."""
    return float(jiwer.wer(plain(said), plain(text)))


def errors_over(heard: Mapping[str, str]) -> float:
    """Word error rate over several recordings, as they were heard."""
    return float(jiwer.wer([plain(TOLD[name]["transcript"]) for name in heard], [plain(heard[name]) for name in heard]))


def text(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


# Ears


@dataclass
class Asked:
    """An ear and a sentence that it can hear."""

    ear: Any
    pcm: bytes
    said: str


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["fake", "remote", "whisper", "livekit"])
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
    spoken = ("one", "two", "three", "four.", "five", "six", "seven")
    said = " ".join(spoken)
    if request.param == "whisper":
        whisper = load("recognise", "whisper", Settings())
        yield Asked(whisper, recording(JFK)[: 32_000 * 8], TOLD[JFK]["transcript"].split(", ask what")[0])
    elif request.param == "livekit":
        async with answering() as server:
            plugin = load("recognise", "livekit", Settings(livekit_stt=server.stt))
            yield Asked(plugin, recording(JFK)[: 32_000 * 8], TOLD[JFK]["transcript"].split(", ask what")[0])
            await plugin.close()
    elif request.param == "fake":
        yield Asked(load("recognise", "fake", Settings()), spell(*spoken), said)
    else:
        async with serving() as (_, path):
            remote = Remote(at(path))
            yield Asked(remote.ear, spell(*spoken), said)
            await remote.close()


async def test_what_was_said_is_heard_with_times_and_confidence(asked: Asked) -> None:
    heard: Transcription = await asked.ear.transcribe(asked.pcm, "en", final=True)

    times = [time for word in heard.words for time in (word.start, word.end)]
    assert errors(asked.said, text(heard.words)) <= FEW
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= len(asked.pcm) / 32_000 + 0.01
    assert all(0 <= word.confidence <= 1 for word in heard.words)
    assert heard.language == "en"
    assert heard.engine
    assert heard.logprob < 0
    assert heard.no_speech < 0.5


async def test_the_language_is_found_out_where_none_is_given(asked: Asked) -> None:
    heard = await asked.ear.transcribe(asked.pcm, None)

    assert heard.language == "en"
    assert 0.8 <= heard.language_probability <= 1


async def test_only_what_comes_after_the_prefix_is_answered(asked: Asked) -> None:
    whole: Transcription = await asked.ear.transcribe(asked.pcm, "en", final=True)
    known = text(whole.words[:3])

    after: Transcription = await asked.ear.transcribe(asked.pcm, "en", prefix=known, final=True)

    assert errors(text(whole.words[3:]), text(after.words)) <= FEW
    assert after.words[0].start >= whole.words[2].end - 0.3


async def test_over_silence_nothing_is_heard_that_could_be_believed(asked: Asked) -> None:
    assert believable(await asked.ear.transcribe(bytes(64_000), "en"), speech=0.1) == ()


async def test_a_moment_of_sound_is_answered_too(asked: Asked) -> None:
    for length in (2, 320, 3_202):
        assert isinstance(await asked.ear.transcribe(asked.pcm[:length], "en"), Transcription)


async def test_several_requests_at_once_are_answered_as_each_alone(asked: Asked) -> None:
    windows = [asked.pcm[: 32_000 * seconds] for seconds in (1, 2, 3)]
    alone = [await asked.ear.transcribe(window, "en") for window in windows]

    together = await asyncio.gather(*(asked.ear.transcribe(window, "en") for window in windows))

    assert [text(heard.words) for heard in together] == [text(heard.words) for heard in alone]


async def test_an_accent_is_heard_as_its_language(asked: Asked) -> None:
    assert (await asked.ear.transcribe(asked.pcm, "en-GB")).words


async def test_a_language_that_is_not_served_is_refused_by_name(asked: Asked) -> None:
    with pytest.raises(EngineError) as refused:
        await asked.ear.transcribe(asked.pcm, "tlh")

    assert refused.value.code == "not_served"
    assert not refused.value.retryable


@pytest.mark.parametrize("name", ["fake", "whisper"])
async def test_an_ear_says_what_it_serves(name: str) -> None:
    served = load("recognise", name, Settings()).served()

    assert served.stage == "recognise"
    assert served.measure == "wer"
    assert served.licence
    assert {"en", "es", "fr", "de", "pt"} <= set(served.languages)
    assert all(figure is None or 0 <= figure < 0.5 for figure in served.languages.values())


async def test_whisper_claims_no_figure_for_a_language_that_nobody_measured() -> None:
    served = load("recognise", "whisper", Settings()).served()

    assert len(served.languages) >= 99
    assert served.languages["en"] is not None
    assert served.languages["is"] is None


async def test_without_a_model_there_is_an_engine_error_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=str(tmp_path)):
        load("recognise", "whisper", Settings(whisper_model=tmp_path))


async def test_a_folder_that_is_no_model_is_an_engine_error_too(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")

    with pytest.raises(EngineError, match="engine_failed"):
        load("recognise", "whisper", Settings(whisper_model=tmp_path))


# Gates

GATES = [(FakeDetector, spell("one", "two", "three")), (Silero, recording(JFK)[16_000:64_000])]


def probabilities(gate: Any, sound: bytes) -> list[float]:
    return [gate.speech(sound[at : at + 1_024]) for at in range(0, len(sound) - 1_023, 1_024)]


@pytest.mark.parametrize(("gate", "speech"), GATES)
async def test_a_gate_tells_speech_from_silence_at_once(gate: Any, speech: bytes) -> None:
    told = probabilities(gate(), bytes(32_768) + speech)

    assert max(told[:32]) < 0.5
    assert np.mean([value >= 0.5 for value in told[32:]]) > 0.7
    assert all(0 <= value <= 1 for value in told)


@pytest.mark.parametrize(("gate", "speech"), GATES)
async def test_gates_share_no_state_and_forget_when_told(gate: Any, speech: bytes) -> None:
    used, fresh = gate(), gate()
    first = probabilities(used, speech)

    used.reset()

    assert probabilities(fresh, speech) == pytest.approx(first)
    assert probabilities(used, speech) == pytest.approx(first)


async def test_a_quiet_speaker_opens_the_gate() -> None:
    quiet = np.frombuffer(recording(JFK), np.int16)[8_000:32_000] // 200

    assert np.mean(np.array(probabilities(Silero(), quiet.tobytes())) >= 0.5) > 0.6


# Recognizers


@pytest.fixture(scope="module")
def whisper() -> Any:
    return load("recognise", "whisper", Settings())


async def listen(to: Streaming, language: str | None, sound: bytes, piece: int = 1_920) -> list[Hypothesis | Segment]:
    """Everything that a recognizer says of sound that comes in pieces of 60 ms."""
    listening, out = to.listen("t", language), list[Hypothesis | Segment]()
    for begin in range(0, len(sound), piece):
        out += await listening.push(Chunk("t", 5.0 + begin / 32_000, sound[begin : begin + piece]))
    return [*out, *await listening.finish()]


def settled(out: list[Hypothesis | Segment]) -> list[Segment]:
    return [one for one in out if isinstance(one, Segment)]


def promises_are_kept(out: list[Hypothesis | Segment], seconds: float) -> None:
    """What everybody downstream relies on, whatever the engine."""
    whole, said = " ".join(segment.text for segment in settled(out)), 0
    done: set[str] = set()
    revisions: dict[str, int] = {}
    for one in out:
        assert one.id not in done
        assert one.rev > revisions.get(one.id, 0)
        assert 5.0 - 0.1 <= one.start <= one.end <= 5.0 + seconds + 0.1
        assert one.text == one.text.strip() != ""
        revisions[one.id] = one.rev
        if isinstance(one, Segment):
            done.add(one.id)
            said += len(one.text) + 1
        else:
            assert whole.startswith(one.text[: one.stable].rstrip(), said)
    starts = [segment.start for segment in settled(out)]
    assert starts == sorted(starts)
    assert all(segment.end - segment.start < 8.0 for segment in settled(out))


RECORDINGS = (
    JFK,
    "en_fleurs_005.ogg",
    "es_fleurs_002.ogg",
    "de_fleurs_005.ogg",
    "en_fleurs_006.ogg",
    "fr_fleurs_005.ogg",
    "pt_fleurs_002.ogg",
)


async def test_real_speech_streams_as_clauses_whose_words_never_change(whisper: Any) -> None:
    heard: dict[str, str] = {}
    for name in RECORDINGS[: times(4, 7)]:
        sound = recording(name) + bytes(48_000)
        out = await listen(Streaming(whisper), TOLD[name]["language"], sound)

        promises_are_kept(out, len(sound) / 32_000)
        assert isinstance(out[0], Hypothesis)
        assert {one.language for one in out} == {TOLD[name]["language"]}
        heard[name] = " ".join(segment.text for segment in settled(out))

    assert errors_over(heard) <= FEW


PAUSED = {
    "en_speechbrain_spk1_snt5.wav": 0.88,
    "en_librispeech_6930-75918-0000.flac": 1.48,
    "en_librivox_sense_0880.wav": 0.52,
}
"""Seconds at which the second word of a recording ends."""


def quiet(sound: bytes, seconds: float) -> bytes:
    """The background of a recording."""
    samples = np.frombuffer(sound, np.int16).astype(np.float64)
    level = np.percentile(np.sqrt(np.mean(samples[: len(samples) // 320 * 320].reshape(-1, 320) ** 2, axis=1)), 5)
    return pcm(np.random.default_rng(1).standard_normal(int(seconds * 16_000)) * max(1.0, level))


def twice(text: str) -> bool:
    """Whether its first word, or its first two, come again at once."""
    said = plain(text).split()
    return said[:1] == said[1:2] or said[:2] == said[2:4]


async def test_a_word_before_a_pause_is_heard_once(whisper: Any) -> None:
    doubled: list[str] = []
    for name, end in PAUSED.items():
        sound, cut = recording(name), int(end * 16_000) * 2
        paused = sound[:cut] + quiet(sound, 0.9) + sound[cut : cut + 48_000] + bytes(32_000)
        for before in (32_000, 41_600):  # passes come at other moments
            out = await listen(Streaming(whisper), "en", bytes(before) + paused, 9_600)
            said = " ".join(segment.text for segment in settled(out))
            doubled += [said] if twice(said) else []

    assert len(doubled) <= 1


async def test_spelled_speech_streams_under_the_same_promises() -> None:
    sound = spell("", "", "", "one", "two", "three", "four.", "five", "six", "seven", "nine", "", "", "", "ten", "", "")

    out = await listen(Streaming(FakeRecognizer(), FakeDetector), "en", sound)

    promises_are_kept(out, len(sound) / 32_000)
    assert " ".join(s.text for s in settled(out)) == "one two three four. five six seven nine ten"


@pytest.mark.parametrize("noise", NOISES)
async def test_nothing_is_said_over_noise_and_music(whisper: Any, noise: str) -> None:
    assert await listen(Streaming(whisper), "en", pcm(NOISES[noise]())) == []


@pytest.mark.parametrize("language", ["en", None])
async def test_nothing_is_said_over_a_room_without_speech(whisper: Any, language: str | None) -> None:
    assert await listen(Streaming(whisper), language, recording(NOISE)) == []


async def test_speech_over_noise_is_told_from_it(whisper: Any) -> None:
    loud = np.frombuffer(recording(JFK), np.int16).astype(np.float64)
    noise = NOISES["white"]()[: len(loud)] / 10
    noise = np.concatenate([noise, noise])[: len(loud)]

    out = await listen(Streaming(whisper), "en", pcm(loud + noise) + bytes(48_000))

    assert errors(TOLD[JFK]["transcript"], " ".join(s.text for s in settled(out))) <= FEW


async def test_a_speaker_who_changes_the_language_is_followed_within_five_seconds(whisper: Any) -> None:
    german, english = recording("de_fleurs_005.ogg"), recording("en_fleurs_005.ogg")
    changed = 5.0 + len(german) / 32_000

    out = await listen(Streaming(whisper), None, german + english + bytes(48_000))

    assert {one.language for one in settled(out) if one.end < changed} == {"de"}
    assert {one.language for one in settled(out) if one.end > changed + 0.5} == {"en"}
    first = next(one for one in out if one.language == "en" and one.end > changed)
    assert first.end - changed < 5.0


async def test_a_track_that_ends_in_the_middle_of_a_word_still_says_what_it_heard(whisper: Any) -> None:
    out = await listen(Streaming(whisper), "en", recording(JFK)[: int(32_000 * 2.2)])

    begun = plain(TOLD[JFK]["transcript"]).split()[:5]
    assert len({*plain(settled(out)[-1].text).split()} & {*begun}) >= 3
