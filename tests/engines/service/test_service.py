"""What the engine service answers, over its socket."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.engines import TextRequest, Translation
from agent.engines.fake import FakeRecognizer, FakeTranslator, FakeVoice, hum, pitch, spell
from agent.engines.service.service import Service
from agent.engines.table import TABLE
from agent.errors import EngineError
from agent.nouns import Dub, Transcription

from ..serving import FAKES, on_aiohttp, on_starlette, serving

SECRET = "the butler did it"  # what somebody said


both = pytest.mark.parametrize("on", [on_aiohttp, on_starlette])
"""The same is answered whichever server carries it."""


@pytest.fixture(params=[on_aiohttp, on_starlette])
async def session(request: pytest.FixtureRequest) -> AsyncIterator[tuple[aiohttp.ClientSession, Any]]:
    async with serving(on=request.param) as (service, path), connected(path) as client:
        yield client, service


def connected(path: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession("http://engines", connector=aiohttp.UnixConnector(str(path)))


async def post(client: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.post(path, data=data) as answer:
        return answer.status, await answer.json()


def sound(pcm: bytes, **about: Any) -> bytes:
    return json.dumps(about).encode() + b"\n" + pcm


async def test_sound_becomes_words(session: Any) -> None:
    client, _ = session

    status, heard = await post(client, "/recognise", sound(spell("one", "two"), language="en", final=True, room="r"))

    assert status == 200
    assert [word["text"] for word in heard["words"]] == ["one", "two"]
    assert (heard["language"], heard["engine"]) == ("en", "fake")


async def test_known_words_are_not_heard_again(session: Any) -> None:
    client, _ = session

    _, heard = await post(client, "/recognise", sound(spell("one", "two"), language="en", prefix="one"))

    assert [word["text"] for word in heard["words"]] == ["two"]


async def test_a_text_is_translated_into_what_is_served(session: Any) -> None:
    client, _ = session

    status, made = await post(client, "/translate", {"text": "Hi.", "source": "en", "targets": ["es", "tlh"]})

    assert (status, made) == (200, {"translations": {"es": {"text": "[es] Hi.", "engine": "fake"}}})


async def test_a_text_is_spoken_with_its_rate_and_engine(session: Any) -> None:
    client, _ = session

    async with client.post("/speak", json={"text": "Hello.", "language": "es", "voice": "ana"}) as answer:
        pcm = await answer.read()

    assert (answer.status, answer.headers["X-Rate"], answer.headers["X-Engine"]) == (200, "16000", "fake")
    assert len(pcm) == 2 * int(6 * 0.06 * 16_000)


CONSENT = {"identity": "ana", "meeting": "standup", "given": 1_800_000_000.0}


async def test_who_lent_their_voice_is_spoken_for_in_one_like_it(session: Any) -> None:
    client, _ = session
    about = {"text": "Hello.", "language": "es", "room": "r", **CONSENT}

    async with client.post("/speak_as", data=sound(hum(210), **about)) as answer:
        pcm = await answer.read()

    assert (answer.status, answer.headers["X-Rate"], answer.headers["X-Engine"]) == (200, "16000", "fake")
    assert pitch(pcm) == pytest.approx(210, abs=5)


@pytest.mark.parametrize(
    ("pcm", "about", "status", "code"),
    [
        (b"", {}, 400, "bad_request"),
        (bytes(3), {}, 400, "bad_request"),
        (bytes(2), {"identity": ""}, 403, "no_consent"),
        (bytes(2), {"meeting": ""}, 403, "no_consent"),
        (bytes(2), {"given": 0}, 403, "no_consent"),
        (bytes(2), {"given": "yes"}, 400, "bad_request"),
        (bytes(2), {"language": "tlh"}, 404, "not_served"),
    ],
)
async def test_nobody_is_spoken_for_without_their_sound_and_a_record_that_they_want_it(
    session: Any, pcm: bytes, about: Any, status: int, code: str
) -> None:
    client, _ = session

    answer = await post(client, "/speak_as", sound(pcm, **{"text": SECRET, "language": "en"} | CONSENT | about))

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert SECRET not in json.dumps(answer[1])


async def test_sound_is_carried_into_another_language(session: Any) -> None:
    client, _ = session

    status, made = await post(client, "/direct", sound(spell("one"), source="ja", target="en", room="r"))
    nothing = await post(client, "/direct", sound(bytes(32_000), source="ja", target="en"))
    too_long = await post(client, "/direct", sound(bytes(32_000 * 31), source="ja", target="en"))
    strange = await post(client, "/direct", sound(spell("one"), source="ja", target="fr"))

    assert (status, made) == (200, {"translation": {"text": "one", "engine": "direct:fake"}})
    assert nothing == (200, {"translation": None})
    assert (too_long[0], too_long[1]["code"]) == (400, "bad_request")
    assert (strange[0], strange[1]["code"]) == (404, "not_served")


GOOD = {
    "/translate": {"text": "Hi.", "source": "en", "targets": ["es"]},
    "/speak": {"text": "Hi.", "language": "en"},
}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/translate", b"{", 400, "bad_request"),
        ("/translate", b"", 400, "bad_request"),
        ("/translate", [1], 400, "bad_request"),
        ("/translate", {"text": SECRET}, 400, "bad_request"),
        ("/translate", {**GOOD["/translate"], "text": SECRET * 200}, 400, "bad_request"),
        ("/translate", {**GOOD["/translate"], "source": "../etc"}, 400, "bad_request"),
        ("/translate", {**GOOD["/translate"], "targets": ["es"] * 65}, 400, "bad_request"),
        ("/speak", {**GOOD["/speak"], "language": "tlh"}, 404, "not_served"),
        ("/speak", {**GOOD["/speak"], "speed": 9}, 400, "bad_request"),
        ("/speak", {**GOOD["/speak"], "text": ""}, 400, "bad_request"),
        ("/recognise", sound(b""), 400, "bad_request"),
        ("/recognise", sound(b"odd"), 400, "bad_request"),
        ("/recognise", sound(bytes(1_000_000)), 400, "bad_request"),
        ("/recognise", b"\x00\xff" * 400, 400, "bad_request"),
        ("/recognise", sound(bytes(640), language=7), 400, "bad_request"),
        ("/recognise", bytes(2_100_000), 413, "bad_request"),
        ("/nothing", {}, 404, "not_served"),
        ("/served", {}, 405, "bad_request"),
    ],
)
async def test_bad_input_is_one_clear_answer(session: Any, path: str, body: Any, status: int, code: str) -> None:
    client, _ = session

    got, said = await post(client, path, body)

    assert (got, said["code"], said["retryable"]) == (status, code, False)
    assert said["message"].endswith(".")
    assert SECRET not in said["message"]
    good, _ = await post(client, "/translate", GOOD["/translate"])
    assert good == 200


async def test_refusals_are_counted_by_stage_and_code(session: Any) -> None:
    client, _ = session
    await post(client, "/translate", b"{")
    await post(client, "/recognise", sound(spell("one"), language="en"))

    async with client.get("/metrics") as answer:
        text = await answer.text()

    assert 'dragoman_engine_refused_total{code="bad_request",stage="translate"} 1.0' in text
    assert 'dragoman_engine_work_seconds_count{stage="recognise"} 1.0' in text
    assert 'dragoman_engine_realtime_factor_count{stage="recognise"} 1.0' in text
    assert 'dragoman_engine_waiting{stage="speak"} 0.0' in text


async def test_what_is_served_is_told_by_stage(session: Any) -> None:
    client, _ = session

    async with client.get("/served") as answer:
        stages = {stage["stage"]: stage for stage in (await answer.json())["stages"]}

    assert [*stages] == ["recognise", "direct", "translate", "speak"]
    assert stages["translate"]["route"]["en>es"] == "fake"
    assert {"engine", "why", "licence", "measure", "languages"} <= stages["recognise"].keys()


@both
async def test_it_is_alive_at_once_and_ready_when_all_is_loaded(on: Any) -> None:
    go = threading.Event()

    def slowly(stage: str) -> Any:
        go.wait(10)
        return FAKES[stage]

    async with serving(slowly, ready=False, on=on) as (service, path), connected(path) as client:
        async with client.get("/healthz") as alive, client.get("/readyz") as ready:
            assert (alive.status, ready.status) == (200, 503)
            said = await ready.json()
            assert (said["loading"], said["says"]) == (dict.fromkeys(TABLE, 0.0), "loading, 0 %")
        status, said = await post(client, "/translate", GOOD["/translate"])
        assert (status, said["code"], said["retryable"]) == (503, "loading", True)
        assert said["message"] == "The engine is still loading, 0 %."

        go.set()
        await asyncio.gather(*(stage.settled.wait() for stage in service.stages.values()))
        async with client.get("/readyz") as ready:
            engines = dict.fromkeys(TABLE, "fake")
            assert (ready.status, await ready.json()) == (200, {"ready": True, "stages": engines})


async def test_how_far_it_has_loaded_is_told_in_words_and_numbers() -> None:
    go = threading.Event()

    def slowly(stage: str) -> Any:
        if stage != "translate":
            go.wait(10)
        return FAKES[stage]

    async with serving(slowly, ready=False) as (service, path), connected(path) as client:
        await service.stages["translate"].settled.wait()
        async with client.get("/readyz") as ready, client.get("/metrics") as metrics:
            assert (await ready.json())["says"] == "loading, 25 %"
            assert 'dragoman_engine_progress{stage="translate"} 1.0' in await metrics.text()
        go.set()


def without(missing: str) -> Any:
    def load(stage: str) -> Any:
        if stage == missing:
            raise EngineError("engine_failed", f"There is nothing to {stage} with.")
        return FAKES[stage]

    return load


@both
async def test_without_a_voice_the_rest_is_served_and_the_reason_told(on: Any) -> None:
    async with serving(without("speak"), on=on) as (_, path), connected(path) as client:
        async with client.get("/readyz") as ready, client.get("/served") as served:
            assert ready.status == 200
            voice = (await served.json())["stages"][-1]
            assert (voice["engine"], voice["languages"]) == ("none", {})
            assert voice["why"] == "There is nothing to speak with."
        status, said = await post(client, "/speak", GOOD["/speak"])
        assert (status, said["code"]) == (404, "not_served")


@both
async def test_without_an_ear_it_is_never_ready(on: Any) -> None:
    async with serving(without("recognise"), on=on) as (_, path), connected(path) as client:
        async with client.get("/readyz") as ready:
            assert ready.status == 503
            assert (await ready.json())["missing"] == {"recognise": "There is nothing to recognise with."}
        status, said = await post(client, "/recognise", sound(bytes(640)))
        assert (status, said["code"], said["retryable"]) == (503, "engines_away", True)


class Stuck(FakeTranslator):
    """A translator that begins and never ends."""

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        if text == "One, two.":
            return {}
        await asyncio.Event().wait()
        return {}


async def test_captions_of_one_stage_do_not_wait_for_another() -> None:
    engines = FAKES | {"translate": Stuck()}
    async with serving(engines.__getitem__) as (_, path), connected(path) as client:
        stuck = asyncio.create_task(post(client, "/translate", GOOD["/translate"]))
        status, _ = await post(client, "/recognise", sound(spell("one"), language="en"))
        spoken = await client.post("/speak", json=GOOD["/speak"])

        assert (status, spoken.status) == (200, 200)
        stuck.cancel()


class Fragile(FakeRecognizer):
    """An ear whose library falls over a window of one sample."""

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        if len(pcm) == 2:
            raise RuntimeError(SECRET)
        return await super().transcribe(pcm, language, prompt, prefix=prefix, final=final)


@both
async def test_a_library_that_falls_over_ends_one_request_and_repeats_nothing(
    on: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engines = FAKES | {"recognise": Fragile()}
    async with serving(engines.__getitem__, on=on) as (_, path), connected(path) as client:
        status, said = await post(client, "/recognise", sound(bytes(2)))
        after, _ = await post(client, "/recognise", sound(spell("one"), language="en"))

    assert (status, said["code"], after) == (500, "engine_failed", 200)
    assert SECRET not in json.dumps(said) + caplog.text


async def test_what_people_say_is_in_no_log(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    client, _ = session
    caplog.set_level(logging.DEBUG)

    await post(client, "/translate", {"text": SECRET, "source": "en", "targets": ["es"]})
    await (await client.post("/speak", json={"text": SECRET, "language": "en"})).read()
    await post(client, "/recognise", sound(bytes(640), language="en", prompt=SECRET))

    assert SECRET not in caplog.text


class Breaking(FakeVoice):
    """A voice that breaks off after a piece."""

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        yield Dub(language, 16_000, bytes(640), "breaking")
        if text != "One, two.":
            raise EngineError("engine_failed", "No.", retryable=True)


@both
async def test_sound_that_breaks_off_is_not_taken_for_a_whole(on: Any) -> None:
    engines = FAKES | {"speak": Breaking()}
    async with (
        serving(engines.__getitem__, on=on) as (_, path),
        connected(path) as client,
        client.post("/speak", json=GOOD["/speak"]) as answer,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


class Batching(FakeTranslator):
    """A translator that takes several texts in a call, when its gate is open, and remembers which."""

    most = 32

    def __init__(self) -> None:
        self.asked: list[list[TextRequest]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def translate_batch(
        self, requests: Sequence[TextRequest]
    ) -> Sequence[Mapping[str, Translation] | EngineError]:
        self.asked.append([*requests])
        await self.gate.wait()
        if any(request.text == "fall" for request in requests):
            raise RuntimeError(SECRET)
        if any(request.text == "lose" for request in requests):
            return []
        if all(request.text == "stop" for request in requests):
            raise EngineError("engine_failed", "It stopped.")
        return [
            EngineError("not_served", "No.") if request.source == "tlh" else await self.translate(*whole(request))
            for request in requests
        ]


def whole(request: TextRequest) -> tuple[str, str, Sequence[str], Sequence[str]]:
    return request.text, request.source, request.targets, request.context


async def several(
    client: aiohttp.ClientSession, service: Service, translator: Batching, *bodies: Any
) -> list[tuple[int, Any]]:
    """What is answered where the engine's two hands are busy while all of them arrive."""
    tasks = await busy(client, translator)
    tasks += [asyncio.create_task(post(client, "/translate", {**GOOD["/translate"], **body})) for body in bodies]
    await until(lambda: service.stages["translate"]._batch.waiting == len(bodies))
    translator.gate.set()
    return (await asyncio.gather(*tasks))[2:]


async def busy(client: aiohttp.ClientSession, translator: Batching) -> list[asyncio.Task[tuple[int, Any]]]:
    translator.gate.clear()
    tasks = []
    for room in ("x", "y"):
        tasks.append(asyncio.create_task(post(client, "/translate", {**GOOD["/translate"], "room": room})))
        await until(lambda: len(translator.asked) == len(tasks))
    return tasks


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what is waited for happens inside the service
            await asyncio.sleep(0.005)


async def test_texts_of_all_rooms_are_one_call_where_the_translator_takes_batches() -> None:
    translator = Batching()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (service, path), connected(path) as client:
        bodies = [{"text": f"{n}", "room": f"{n}", "targets": ["es", "fr"], "context": ["so"]} for n in range(4)]
        answers = await several(client, service, translator, *bodies)
        async with client.get("/metrics") as metrics:
            told = await metrics.text()

    assert [one["translations"]["fr"]["text"] for _, one in answers] == [f"[fr] {n}" for n in range(4)]
    assert [TextRequest(f"{n}", "en", ("es", "fr"), ("so",)) for n in range(4)] in translator.asked
    assert 'dragoman_engine_batch_size_bucket{le="2.0",stage="translate"} 2.0' in told
    assert 'dragoman_engine_batch_size_sum{stage="translate"} 6.0' in told
    assert 'dragoman_engine_answer_seconds_count{stage="translate"} 6.0' in told


async def test_a_translator_that_says_that_nothing_is_gained_is_asked_a_text_at_a_time() -> None:
    class Chain(Batching):
        most = 1

    translator = Chain()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (_, path), connected(path) as client:
        status, _ = await post(client, "/translate", GOOD["/translate"])

    assert (status, translator.asked) == (200, [])


async def test_a_call_takes_no_more_languages_than_it_may() -> None:
    translator = Batching()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (service, path), connected(path) as client:
        bodies = [{"text": f"{n}", "room": f"{n}", "targets": ["es"] * 20} for n in range(3)]
        await several(client, service, translator, *bodies)

    assert [len(requests) for requests in translator.asked[2:]] == [1, 1, 1]


async def test_what_fails_of_a_batch_is_one_rooms_own() -> None:
    translator = Batching()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (service, path), connected(path) as client:
        answers = await several(
            client, service, translator, {"text": "1"}, {"text": "2", "source": "tlh"}, {"text": "3"}
        )

    assert [status for status, _ in answers] == [200, 404, 200]


@pytest.mark.parametrize("text", ["fall", "lose"])
async def test_a_batch_that_falls_over_is_asked_for_one_by_one(text: str, caplog: pytest.LogCaptureFixture) -> None:
    translator = Batching()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (service, path), connected(path) as client:
        answers = await several(client, service, translator, {"text": "1"}, {"text": text})
        after, _ = await post(client, "/translate", GOOD["/translate"])

    assert [status for status, _ in answers] == [200, 200]
    assert after == 200
    assert SECRET not in caplog.text


async def test_a_batch_that_fails_by_one_cause_fails_for_all_of_it() -> None:
    translator = Batching()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (service, path), connected(path) as client:
        answers = await several(client, service, translator, {"text": "stop"}, {"text": "stop"})

    assert [(status, said["message"]) for status, said in answers] == [(500, "It stopped.")] * 2


@both
async def test_beyond_its_limit_a_room_is_told_when_to_ask_again_and_previews_go_first(on: Any) -> None:
    translator = Batching()
    engines = FAKES | {"translate": translator}
    async with serving(engines.__getitem__, on=on) as (service, path), connected(path) as client:
        tasks = await busy(client, translator)
        body = GOOD["/translate"] | {"room": "greedy"}
        preview = asyncio.create_task(post(client, "/translate", body | {"final": False}))
        tasks += [asyncio.create_task(post(client, "/translate", body)) for _ in range(63)]
        await until(lambda: service.stages["translate"]._batch.waiting == 64)
        tasks.append(asyncio.create_task(post(client, "/translate", body)))
        dropped, _ = await asyncio.wait_for(preview, 5)
        async with client.post("/translate", json=body) as refused:
            said = await refused.json()
        translator.gate.set()
        finals = [status for status, _ in await asyncio.gather(*tasks)]

    assert (dropped, refused.status, said["code"], said["retryable"]) == (429, 429, "overloaded", True)
    assert int(refused.headers["Retry-After"]) >= said["after"] > 0
    assert set(finals) == {200}


async def test_a_preview_that_is_worth_nothing_any_more_is_not_translated() -> None:
    translator = Batching()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (service, path), connected(path) as client:
        late = {"text": "late", "final": False, "worth": 0.0}
        answers = await several(
            client, service, translator, late, {"text": "late", "worth": 0.0}, late | {"worth": 1.0}
        )

    assert [status for status, _ in answers] == [429, 200, 200]


# The process


def start(path: Path, **settings: str) -> subprocess.Popen[str]:
    fakes = {f"DRAGOMAN_{stage}": "fake" for stage in ("RECOGNISE", "TRANSLATE", "SPEAK")}
    environment = {**os.environ, **fakes, "DRAGOMAN_ENGINES": f"unix:{path}", **settings}
    command = [sys.executable, "-m", "agent.engines"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


async def ready(path: Path) -> None:
    for _ in range(300):
        try:
            async with connected(path) as client, client.get("/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError("it never was ready")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_at_once_and_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "var" / "engines.sock"
    process = start(path)
    await ready(path)
    assert path.stat().st_mode & 0o777 == 0o600

    process.send_signal(number)

    assert process.wait(5) == 0
    assert "Traceback" not in (process.stderr.read() if process.stderr else "")


async def test_what_a_killed_service_left_behind_is_no_obstacle_and_a_living_one_is(tmp_path: Path) -> None:
    path = tmp_path / "engines.sock"
    first = start(path)
    await ready(path)
    first.kill()
    first.wait(5)
    second = start(path)
    await ready(path)

    third = start(path)

    assert third.wait(20) == 1
    assert third.stderr is not None
    assert "Another engine service answers" in third.stderr.read()
    await ready(path)
    second.terminate()
    assert second.wait(5) == 0


def test_an_engine_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    process = start(tmp_path / "engines.sock", DRAGOMAN_SPEAK="parrot")

    assert process.wait(20) == 2
    assert process.stderr is not None
    assert "DRAGOMAN_SPEAK: there is no engine parrot" in process.stderr.read()


async def test_an_engine_is_asked_as_often_at_once_as_it_is_wide() -> None:
    class Wide(FakeRecognizer):
        width = 2

        def __init__(self) -> None:
            super().__init__()
            self.both = asyncio.Barrier(2)

        async def transcribe(self, pcm: bytes, language: str | None, prompt: str = "", **how: Any) -> Transcription:
            if prompt:  # not what warms it
                async with asyncio.timeout(5):
                    await self.both.wait()
            return await super().transcribe(pcm, language, prompt, **how)

    ear = Wide()
    async with serving({**FAKES, "recognise": ear}.__getitem__) as (_, path), connected(path) as client:
        asked = [post(client, "/recognise", sound(spell("one"), prompt="so", final=True)) for _ in range(2)]
        assert [status for status, _ in await asyncio.gather(*asked)] == [200, 200]


async def test_calls_that_would_wait_for_each_other_are_made_one_after_the_other() -> None:
    class Narrow(FakeTranslator):
        width = 1

        def __init__(self) -> None:
            super().__init__()
            self.now = self.at_once = 0

        async def translate(self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()) -> Any:
            if text == "one":  # no warming up
                self.now += 1
                self.at_once = max(self.at_once, self.now)
                for _ in range(20):
                    await asyncio.sleep(0)
                self.now -= 1
            return await super().translate(text, source, targets, context)

    narrow = Narrow()
    async with serving({**FAKES, "translate": narrow}.__getitem__) as (_, path), connected(path) as client:
        asked = [post(client, "/translate", {"text": "one", "source": "en", "targets": ["es"]}) for _ in range(4)]
        assert [status for status, _ in await asyncio.gather(*asked)] == [200] * 4

    assert narrow.at_once == 1
