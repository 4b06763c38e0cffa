"""LiveKit's plugins as engines: the real one for OpenAI's protocol, and one of our own that takes a stream."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.aio import supervise
from agent.assembly import recognizer
from agent.engines.fake import FakeDetector, FakeRecognizer, hum, spell
from agent.engines.livekit.load import load_listener, prepare
from agent.engines.livekit.plugins import Discreet, offers
from agent.engines.livekit.speech_filter import AFTER, BEFORE
from agent.engines.livekit.stream import IDLE, Listener
from agent.engines.service.client import Remote
from agent.engines.table import load
from agent.errors import EngineError, SettingsError
from agent.nouns import Chunk, Hypothesis, Segment
from agent.recognition.silero import Silero
from agent.recognition.streaming import Streaming
from agent.settings import Settings
from agent.terms.glossary import Glossary, Term

from ...thorough import times
from .. import streamer  # noqa: F401  it is a plugin: on the main thread
from ..openai import KEY, OpenAI, answering
from ..serving import FAKES, at, serving
from ..test_recognizers import FEW, JFK, TOLD, errors_over, promises_are_kept, recording, settled
from ..test_voices import TEXT, samples, seconds

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[3]
STREAMER = "tests.engines.streamer:STT"
SPOKEN = ("", "", "one", "two", "three", "four.", "five", "six", "", "", "", "seven", "nine", "", "", "")
SAID = "one two three four. five six seven nine"
RECORDINGS = (JFK, "en_fleurs_005.ogg", "en_librivox_sense_0870.wav")[: times(2, 3)]
OF_A_ROOM = RECORDINGS[: times(1, 2)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[OpenAI]:
    async with answering() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def ear(server: OpenAI) -> AsyncIterator[Any]:
    engine = load("recognise", "livekit", Settings(livekit_stt=server.stt))
    yield engine
    server.refuse.clear()
    await engine.close()


@pytest_asyncio.fixture(loop_scope="module")
async def voice(server: OpenAI) -> AsyncIterator[Any]:
    engine = load("speak", "livekit", Settings(livekit_tts=server.tts))
    yield engine
    server.refuse.clear()
    await engine.close()


# The setting


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("", "it names no plugin; en,es=openai.STT?model=whisper-1 would be one."),
        ("openai.STT", "openai.STT is not LANGUAGES=PLUGIN?OPTIONS, like en,es=openai.STT?model=whisper-1."),
        ("en,klingonish=openai.STT", "en,klingonish=openai.STT is not LANGUAGES=PLUGIN?OPTIONS"),
        ("en=opnai.STT", "opnai.STT needs livekit-plugins-opnai, which is not installed."),
        ("en=openai.SST", "livekit.plugins.openai has no SST; it has STT, STTModels."),
        ("en=openai.STT?modle=whisper-1", "openai.STT has no option modle; it has language, detect_language, model"),
        ("en=openai.STT?temperature=warm", "the option temperature is a number."),
        ("en=openai.STT?detect_language=maybe", "the option detect_language is true or false."),
        (
            "en=openai.STT?api_key=sk-1",
            "api_key holds a secret, which belongs in the plugin's own environment variable.",
        ),
        ("en=openai.STT?base_url=http://me:sk-1@host/v1", "base_url holds a secret, which belongs in"),
        ("en=openai.STT", "openai.STT cannot be made: Missing credentials."),
        ("en=agent.engines.fake:FakeRecognizer", "agent.engines.fake:FakeRecognizer is no STT plugin of LiveKit's."),
    ],
)
async def test_a_setting_that_is_no_good_is_one_clear_sentence(
    setting: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(SettingsError) as bad:
        prepare("recognise", Settings(livekit_stt=setting))

    assert bad.value.code == "bad_settings"
    assert bad.value.message.startswith(f"DRAGOMAN_LIVEKIT_STT: {sentence}")
    assert "sk-1" not in bad.value.message
    assert "\n" not in bad.value.message


async def test_options_arrive_as_the_types_that_the_plugin_says() -> None:
    query = "keywords=Ana&keywords=Bob&model=gpt-transcribe&temperature=0.2&detect_language=true&language=no"

    [offer] = offers("S", f"nb,pt-br=openai.STT?{query}", "STT")

    assert offer.languages == ("nb", "pt-BR")
    assert offer.variants == (
        {
            "keywords": ["Ana", "Bob"],
            "model": "gpt-transcribe",
            "temperature": 0.2,
            "detect_language": True,
            "language": "no",
        },
    )


async def test_a_language_is_served_by_the_first_plugin_that_has_it_with_its_own_tag() -> None:
    first, second = offers("S", f"en-US=openai.STT en,de={STREAMER}", "STT")

    assert first.tag("en-GB") == "en-US"
    assert first.tag("de") is None
    assert second.tag("de-AT") == "de"


async def test_the_agent_and_the_service_say_what_is_wrong_and_end(tmp_path: Path) -> None:
    environment = {**os.environ, "DRAGOMAN_RECOGNISE": "livekit", "DRAGOMAN_LIVEKIT_STT": "en=opnai.STT"}
    environment |= {"DRAGOMAN_ENGINES": f"unix:{tmp_path}/s", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}

    for program in ("agent", "agent.engines"):
        line = [sys.executable, "-m", program]
        ended = await asyncio.to_thread(subprocess.run, line, cwd=ROOT, env=environment, capture_output=True, text=True)

        assert ended.returncode == 2
        assert ended.stderr.strip().splitlines()[-1] == (
            "DRAGOMAN_LIVEKIT_STT: opnai.STT needs livekit-plugins-opnai, which is not installed."
        )


async def test_what_a_plugin_logs_is_told_without_its_words(capfd: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    handler.addFilter(Discreet())
    theirs, ours = logging.getLogger("livekit.plugins.example"), logging.getLogger("agent.example")
    for logger in (theirs, ours):
        logger.addHandler(handler)
        logger.propagate = False

    theirs.warning("failed to synthesize: %s", "the secret plan")
    theirs.info("the secret plan")
    try:
        raise ValueError("the secret plan")
    except ValueError:
        theirs.exception("the secret plan")
    ours.warning("engines are away")

    err = capfd.readouterr().err
    assert "secret" not in err
    assert "ValueError in test_what_a_plugin_logs" in err
    assert err.count("\n") == 3
    assert "engines are away" in err


# Whole recordings


async def test_people_are_told_where_what_they_say_goes(ear: Any, voice: Any) -> None:
    here, there = ear.served(), load("recognise", "livekit", Settings(livekit_stt="en=openai.STT")).served()

    assert here.why == "openai.STT:whisper-1 is set up: what is said goes to 127.0.0.1"
    assert there.why.endswith("what is said leaves this machine for api.openai.com")
    assert [*there.leaves.values()] == ["api.openai.com"]
    assert there.licence == "openai.STT:gpt-4o-mini-transcribe: the terms of api.openai.com; plugin Apache-2.0"
    assert list(here.languages) == ["en", "es", "fr", "de", "pt"]
    assert set(here.languages.values()) == {None}
    assert voice.served().route == {"en": "openai.TTS:espeak", "es": "openai.TTS:espeak"}


async def test_the_key_comes_from_the_plugins_own_variable(ear: Any, server: OpenAI) -> None:
    await ear.transcribe(recording(JFK)[: 2 * 32_000], "en-GB")

    assert server.asked[-1]["key"] == f"Bearer {KEY}"
    assert server.asked[-1]["language"] == "en"


async def test_a_language_that_is_to_be_found_out_is_not_the_one_asked_for_before(ear: Any, server: OpenAI) -> None:
    german = recording("de_fleurs_005.ogg")[: 4 * 32_000]
    await ear.transcribe(recording(JFK)[: 2 * 32_000], "en")

    heard = await ear.transcribe(german, None)

    assert "language" not in server.asked[-1]
    assert heard.language == "de"


async def test_a_final_pass_is_tried_again_by_the_library_and_others_are_not(ear: Any, server: OpenAI) -> None:
    server.refuse[:] = [500, 503]
    heard = await ear.transcribe(recording(JFK)[: 2 * 32_000], "en", final=True)
    server.refuse[:] = [500]
    with pytest.raises(EngineError) as failed:
        await ear.transcribe(recording(JFK)[: 2 * 32_000], "en")

    assert heard.words
    assert (failed.value.code, failed.value.retryable) == ("engine_failed", True)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "engine_failed", False),
        (404, "engine_failed", False),
        (429, "overloaded", True),
        (500, "engine_failed", True),
    ],
)
async def test_a_refusal_has_a_code_and_before_the_first_answer_may_be_for_good(
    ear: Any, server: OpenAI, status: int, code: str, retryable: bool
) -> None:
    server.refuse[:] = [status]

    with pytest.raises(EngineError) as refused:
        await ear.transcribe(bytes(32_000), "en")

    assert (refused.value.code, refused.value.retryable) == (code, retryable)
    assert "Refused" not in refused.value.message
    assert str(status) in refused.value.message


async def test_a_key_that_is_taken_back_later_is_waited_for(ear: Any, server: OpenAI) -> None:
    await ear.transcribe(bytes(32_000), "en")
    server.refuse[:] = [401]

    with pytest.raises(EngineError) as refused:
        await ear.transcribe(bytes(32_000), "en")

    assert (refused.value.code, refused.value.retryable) == ("engines_away", True)
    assert (await ear.transcribe(bytes(32_000), "en")).language == "en"


async def test_a_server_that_is_not_there_is_away(server: OpenAI) -> None:
    setting = "en=openai.STT?model=whisper-1&base_url=http://127.0.0.1:9/v1"
    ear = load("recognise", "livekit", Settings(livekit_stt=setting))

    with pytest.raises(EngineError) as away:
        await ear.transcribe(bytes(32_000), "en")

    await ear.close()
    assert (away.value.code, away.value.retryable) == ("engines_away", True)


async def test_real_speech_streams_through_a_plugin_under_the_same_promises(ear: Any) -> None:
    heard: dict[str, str] = {}
    for name in RECORDINGS:
        sound = recording(name) + bytes(48_000)
        out = await listen(Streaming(ear).listen("t", TOLD[name]["language"]), sound)

        promises_are_kept(out, len(sound) / 32_000)
        assert {one.engine for one in settled(out)} == {"openai.STT:whisper-1"}
        heard[name] = whole(out)

    assert errors_over(heard) <= FEW


# Streams


def listener(options: str = "", languages: str = "en,es", glossary: Glossary | None = None) -> Listener:
    setting = Settings(livekit_stt=f"{languages}={STREAMER}?{options}")
    gate = Silero if "whisper" in options else FakeDetector
    return load_listener(setting, Streaming(FakeRecognizer("de"), FakeDetector), gate, (glossary or Glossary()).heard)


async def listen(recognition: Any, sound: bytes, piece: int = 1_920) -> list[Hypothesis | Segment]:
    """Everything that is said of sound that comes in pieces of 60 ms; what fails is tried again with the next one."""
    out, failures = list[Hypothesis | Segment](), list[EngineError]()
    for begin in range(0, len(sound), piece):
        try:
            out += await recognition.push(Chunk("t", 5.0 + begin / 32_000, sound[begin : begin + piece]))
        except EngineError as error:
            failures.append(error)
        for _ in range(5):
            await asyncio.sleep(0)
    assert all(error.retryable and "one two" not in str(error) for error in failures)
    return [*out, *await recognition.finish()]


def whole(out: Sequence[Hypothesis | Segment]) -> str:
    return " ".join(one.text for one in settled([*out]))


@pytest.mark.parametrize("times", ["word", "text", "none"])
async def test_a_stream_says_hypotheses_and_segments_whatever_times_the_plugin_tells(times: str) -> None:
    sound = spell(*SPOKEN)

    out = await listen(listener(f"times={times}").listen("t", "en"), sound)

    promises_are_kept(out, len(sound) / 32_000)
    assert whole(out) == SAID
    assert isinstance(out[0], Hypothesis)
    assert {one.engine for one in out} == {STREAMER}
    first = settled(out)[0].words
    assert first[0].start == pytest.approx(5.64, abs=0.1)
    assert first[-1].end == pytest.approx(5.64 + 4 * 0.32, abs=0.2)


async def test_a_long_final_comes_as_clauses() -> None:
    spoken = ["one", "two", "three", "four."] * 6 + ["five", "six"] * 14

    out = await listen(listener("tick=60").listen("t", "en"), spell(*spoken))

    assert whole(out) == " ".join(spoken)
    assert [one.text for one in settled(out)][:6] == ["one two three four."] * 6
    assert all(one.end - one.start < 8.0 for one in settled(out))


@pytest.mark.parametrize("options", ["breaks=1.4", "breaks=3.3", "breaks=1.4&status=401", "breaks=3.3&status=500"])
async def test_a_stream_that_breaks_is_opened_again_and_no_word_is_lost(options: str) -> None:
    out = await listen(listener(options).listen("t", "en"), spell(*SPOKEN, "", ""))

    assert whole(out) == SAID


async def test_a_stream_that_breaks_at_the_end_is_finished_at_the_second_try() -> None:
    recognition = listener("breaks=1.5&silence=9").listen("t", "en")
    sound = spell("", "one", "two", "three", "four.")
    out = [
        one
        for at in range(0, len(sound), 1_920)
        for one in await recognition.push(Chunk("t", 5.0 + at / 32_000, sound[at : at + 1_920]))
    ]

    with pytest.raises(EngineError) as broken:
        await recognition.finish()

    assert broken.value.retryable
    assert whole([*out, *await recognition.finish()]) == "one two three four."


async def test_where_sound_was_lost_times_go_on_with_the_rooms_clock() -> None:
    recognition = listener("silence=0.3").listen("t", "en")
    before, later = spell("one", "two", "", ""), spell("three", "four.", "", "")
    out = [*await recognition.push(Chunk("t", 5.0, before)), *await recognition.push(Chunk("t", 20.0, later))]

    out += await recognition.finish()

    assert whole(out) == "one two three four."
    assert [one.start for one in settled(out)] == pytest.approx([5.0, 20.0], abs=0.1)


async def test_nothing_in_which_nobody_speaks_is_sent_and_the_next_speech_opens_another_stream() -> None:
    listening = listener("silence=60")
    silence = [""] * 50  # 16 s
    plugin = listening._plugins[0].built()

    nothing = await listen(listening.listen("t", "en"), spell(*silence))
    unopened = plugin.opened
    out = await listen(listening.listen("t", "en"), spell(*silence, "one", "two", *silence, "three", "four.", *silence))

    assert (nothing, unopened, plugin.opened) == ([], 0, 2)
    assert [one.text for one in settled(out)] == ["one two", "three four."]
    assert [one.start for one in settled(out)] == pytest.approx([5 + 50 * 0.32, 5 + 102 * 0.32], abs=0.1)
    assert plugin.heard < 4 * 0.32 + 2 * (BEFORE + AFTER + 0.2)


async def test_words_that_come_while_a_stream_ends_are_kept_for_the_next() -> None:
    listening = listener("silence=60&slow=1")
    recognition = listening.listen("t", "en")
    idle = round((AFTER + IDLE) / 0.32)

    out = await listen(recognition, spell("one", "two", *[""] * idle, "three", "four.", "", ""))

    assert whole(out) == "one two three four."
    assert listening._plugins[0].built().opened == 2


@pytest.mark.parametrize(("said", "speakable"), [("one two three", True), ("one two three one two three", False)])
async def test_a_loop_is_shown_and_not_said_aloud(said: str, speakable: bool) -> None:
    out = await listen(listener().listen("t", "en"), spell("", *said.split(), "", "", ""))

    assert [(one.text, one.speakable) for one in settled(out)] == [(said, speakable)]


async def test_a_name_of_the_room_that_it_misheard_is_written_as_the_host_wrote_it() -> None:
    glossary = Glossary((Term("Fisichella"),))
    knowing = listener("says=We+welcome+Fisikella+today.&silence=1", glossary=glossary).listen("t", "en")

    out = await listen(knowing, spell("one", "two", "three", "one", "two", "five"))

    assert {one.text for one in out} == {"We welcome Fisichella today."}
    assert any(isinstance(one, Hypothesis) for one in out)


@pytest.mark.parametrize(("speech", "shown"), [(0.3, False), (2.0, True)])
async def test_a_line_that_recognizers_invent_is_shown_only_where_somebody_spoke_long_enough(
    speech: float, shown: bool
) -> None:
    sound = bytes(32_000) + hum(200, speech) + bytes(32_000)

    out = await listen(listener("says=Thank+you.&silence=60").listen("t", "en"), sound)

    assert [one.text for one in settled(out)] == ["Thank you."][: int(shown)]


async def test_a_track_on_which_nothing_came_has_nothing_to_finish() -> None:
    assert not await listener().listen("t", "en").finish()


async def test_a_language_that_no_streaming_plugin_has_is_left_to_the_service() -> None:
    out = await listen(listener().listen("t", "de"), spell(*SPOKEN))
    whole_windows = await listen(listener("streaming=false").listen("t", "en"), spell(*SPOKEN))

    assert {one.engine for one in out} == {"fake"}
    assert {one.engine for one in whole_windows} == {"fake"}


async def test_real_speech_streams_through_a_plugin_that_takes_streams() -> None:
    heard: dict[str, str] = {}
    for name in RECORDINGS:
        sound = recording(name) + bytes(48_000)
        out = await listen(listener("ear=whisper&tick=1.5").listen("t", "en"), sound)

        promises_are_kept(out, len(sound) / 32_000)
        heard[name] = whole(out)

    assert errors_over(heard) <= FEW


async def test_a_plugin_that_takes_streams_only_still_hears_a_window() -> None:
    ear = load("recognise", "livekit", Settings(livekit_stt=f"en={STREAMER}?silence=9"))

    heard = await ear.transcribe(spell("one", "two", "three"), "en", prefix="one", final=True)

    assert [word.text for word in heard.words] == ["two", "three"]


# Voices


async def test_speakers_have_the_stock_voices_of_the_setting_each_always_the_same(voice: Any, server: OpenAI) -> None:
    async def of(who: str) -> str:
        await said(voice, "One.", who=who)
        return str(server.asked[-1]["voice"])

    voices = [await of(f"guest-{n}") for n in range(8)]

    assert set(voices) == {"en-ana", "en-bob"}
    assert voices == [await of(f"guest-{n}") for n in range(8)]


async def test_every_sentence_is_asked_for_alone_and_a_pause_stands_between_them(voice: Any, server: OpenAI) -> None:
    asked = len(server.asked)

    dubs = await said(voice, "Good morning. How are you?")

    assert [one["input"] for one in server.asked[asked:]] == ["Good morning.", "How are you?"]
    assert (abs(samples(dubs)) < 0.001).sum() / dubs[0].rate > 0.15


@pytest.mark.parametrize(("refusals", "code"), [([401], "engine_failed"), ([500, 500], "engine_failed")])
async def test_a_voice_that_is_refused_says_so_without_the_text(
    voice: Any, server: OpenAI, refusals: list[int], code: str
) -> None:
    server.refuse[:] = refusals

    with pytest.raises(EngineError) as refused:
        await said(voice, TEXT)

    assert refused.value.code == code
    assert "morning" not in str(refused.value)
    assert server.refuse == []


async def test_a_voice_is_tried_again_once_by_the_library(voice: Any, server: OpenAI) -> None:
    server.refuse[:] = [503]

    assert seconds(await said(voice, TEXT)) > 1.0


async def said(voice: Any, text: str, language: str = "en", who: str | None = None) -> list[Any]:
    return [dub async for dub in voice.speak(text, language, who)]


# Through the service


async def test_a_room_hears_and_speaks_through_the_service_with_plugins(server: OpenAI) -> None:
    settings = Settings(recognise="livekit", speak="livekit", livekit_stt=server.stt, livekit_tts=server.tts)
    plugins = {"recognise", "speak"}
    asked = len(server.asked)

    async with serving(lambda stage: load(stage, "livekit", settings) if stage in plugins else FAKES[stage]) as (
        _,
        path,
    ):
        remote = Remote(at(path))
        heard = {
            name: whole(await listen(Streaming(remote.ear).listen("t", "en"), recording(name) + bytes(32_000)))
            for name in OF_A_ROOM
        }
        dubs = await said(remote.voice, heard[JFK], "es")
        served = {one.stage: one for one in await remote.served()}
        await remote.close()

    assert errors_over(heard) <= FEW
    assert seconds(dubs) > 4.0
    assert {dub.engine for dub in dubs} == {"openai.TTS:espeak"}
    assert "goes to 127.0.0.1" in served["recognise"].why
    assert {"transcribe", "speak"} <= {"speak" if "input" in one else "transcribe" for one in server.asked[asked:]}


async def test_a_server_that_is_away_at_the_start_is_asked_again_later(server: OpenAI) -> None:
    settings = Settings(livekit_stt=server.stt)
    server.refuse[:] = [503]

    async with serving(lambda stage: load(stage, "livekit", settings) if stage == "recognise" else FAKES[stage]) as (
        _,
        path,
    ):
        remote = Remote(at(path))
        heard = await remote.ear.transcribe(recording(JFK)[: 3 * 32_000], "en", final=True)
        await remote.close()

    assert heard.words


async def test_a_key_that_is_refused_at_the_start_is_said(server: OpenAI) -> None:
    settings = Settings(livekit_stt=server.stt)
    server.refuse[:] = [401]

    async with serving(lambda stage: load(stage, "livekit", settings) if stage == "recognise" else FAKES[stage]) as (
        service,
        _,
    ):
        missing = service.stages["recognise"].missing

    assert missing == "openai.STT:whisper-1 does not take our key (401)."


async def test_the_service_as_a_program_serves_plugins_and_logs_nothing_of_what_they_are_given(
    server: OpenAI, tmp_path: Path
) -> None:
    environment = os.environ | {"DRAGOMAN_RECOGNISE": "livekit", "DRAGOMAN_LIVEKIT_STT": server.stt}
    environment |= {"DRAGOMAN_SPEAK": "livekit", "DRAGOMAN_LIVEKIT_TTS": server.tts, "DRAGOMAN_LOG_LEVEL": "DEBUG"}
    environment |= {"DRAGOMAN_DIRECT": "fake", "DRAGOMAN_TRANSLATE": "fake", "DRAGOMAN_ENGINES": f"unix:{tmp_path}/s"}
    remote = Remote(at(tmp_path / "s"))
    with (tmp_path / "log").open("wb") as log:
        line = (sys.executable, "-m", "agent.engines")
        program = await asyncio.create_subprocess_exec(*line, cwd=ROOT, env=environment, stderr=log)

        heard = await supervise(lambda: remote.ear.transcribe(recording(JFK)[: 3 * 32_000], "en", final=True))
        first = await supervise(lambda: said(remote.voice, TEXT))
        server.refuse[:] = [500]
        again = await said(remote.voice, TEXT)

        program.terminate()
        await program.wait()
        await remote.close()
    logged = (tmp_path / "log").read_text()
    assert heard.words
    assert seconds(again) == pytest.approx(seconds(first), rel=0.05)
    assert "what is said goes to 127.0.0.1" in logged
    assert "its words are not written here" in logged
    assert "morning" not in logged
    assert "fellow" not in logged
    assert KEY not in logged


async def test_a_room_takes_plugins_that_stream_into_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # the process's own, which become discreet
    service = Streaming(FakeRecognizer(), FakeDetector)
    settings = Settings(recognise="livekit", livekit_stt=f"en={STREAMER}?ear=whisper&tick=4")

    plugins = recognizer(settings, service, Glossary())
    heard = {
        name: whole(await listen(plugins.listen("t", "en"), recording(name) + bytes(48_000))) for name in OF_A_ROOM
    }

    assert recognizer(Settings(), service, Glossary()) is service
    assert errors_over(heard) <= FEW
