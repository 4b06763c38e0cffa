"""Behind Ray Serve the engines answer the questions that the service on one machine is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from agent.engines.fake import spell
from agent.engines.service.client import Remote
from agent.errors import EngineError, SettingsError
from agent.settings import Settings
from tests.engines.service.test_service import (  # noqa: F401  (asked again here)
    GOOD,
    SECRET,
    post,
    sound,
    test_a_text_is_spoken_with_its_rate_and_engine,
    test_a_text_is_translated_into_what_is_served,
    test_bad_input_is_one_clear_answer,
    test_known_words_are_not_heard_again,
    test_nobody_is_spoken_for_without_their_sound_and_a_record_that_they_want_it,
    test_sound_becomes_words,
    test_sound_is_carried_into_another_language,
    test_what_is_served_is_told_by_stage,
    test_who_lent_their_voice_is_spoken_for_in_one_like_it,
)
from tests.engines.serving import FAKES

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("told")]


@pytest.fixture
async def session(fakes: str) -> AsyncIterator[tuple[Any, None]]:
    """As the other service's tests ask for it, at this one's address."""
    async with aiohttp.ClientSession() as client:
        yield Below(client, fakes), None


class Below:
    """A client whose paths begin below an address that has a path itself."""

    def __init__(self, client: aiohttp.ClientSession, address: str) -> None:
        self._client = client
        self._address = address

    def get(self, path: str) -> Any:
        return self._client.get(self._address + path)

    def post(self, path: str, **what: Any) -> Any:
        return self._client.post(self._address + path, **what)


@pytest.fixture
async def strange(odds: str) -> AsyncIterator[Below]:
    async with aiohttp.ClientSession() as client:
        yield Below(client, odds)


async def test_it_is_alive_and_ready_with_its_engines(session: Any) -> None:
    client, _ = session

    async with client.get("/healthz") as alive, client.get("/readyz") as ready:
        assert (alive.status, await alive.json()) == (200, {"alive": True})
        engines = dict.fromkeys(FAKES, "fake")
        assert (ready.status, await ready.json()) == (200, {"ready": True, "stages": engines})


async def test_the_client_in_rooms_hears_translates_carries_and_speaks_through_it(fakes: str) -> None:
    remote = Remote(Settings(engines=fakes), "r")
    pcm = spell("one", "two", "", "three")

    heard = await remote.ear.transcribe(pcm, "en", "zero", prefix="one", final=True)
    made = await remote.translator.translate("Hi.", "en", ["es"])
    carried = await remote.direct.carry(spell("one"), "ja", "en")
    dubs = [dub async for dub in remote.voice.speak("Hello.", "es", "ana", speed=1.2)]
    served = await remote.served()
    await remote.close()

    assert heard == await FAKES["recognise"].transcribe(pcm, "en", prefix="one", final=True)
    assert made == await FAKES["translate"].translate("Hi.", "en", ["es"])
    assert carried == await FAKES["direct"].carry(spell("one"), "ja", "en")
    whole = [dub async for dub in FAKES["speak"].speak("Hello.", "es", "ana", speed=1.2)]
    assert b"".join(dub.pcm for dub in dubs) == b"".join(dub.pcm for dub in whole)
    assert {(dub.rate, dub.engine) for dub in dubs} == {(16_000, "fake")}
    assert [*served] == [engine.served() for engine in FAKES.values()]


async def test_what_every_replica_counted_is_on_one_page(session: Any) -> None:
    client, _ = session
    await post(client, "/translate", b"{")
    await post(client, "/recognise", sound(spell("one"), language="en"))

    async with client.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()

    [refused] = [line for line in lines if line.startswith("dragoman_engine_refused_total{") and '"translate"' in line]
    [worked] = [
        line for line in lines if line.startswith("dragoman_engine_work_seconds_count{") and '"recognise"' in line
    ]
    assert all('replica="' in line and float(line.rpartition(" ")[2]) >= 1 for line in (refused, worked))


async def test_a_library_that_falls_over_ends_one_request_and_repeats_nothing(strange: Below) -> None:
    status, said = await post(strange, "/recognise", sound(bytes(2)))  # type: ignore[arg-type]
    after, _ = await post(strange, "/recognise", sound(spell("one"), language="en"))  # type: ignore[arg-type]

    assert (status, said["code"], after) == (500, "engine_failed", 200)
    assert SECRET not in json.dumps(said)


async def test_sound_that_breaks_off_is_not_taken_for_a_whole(strange: Below) -> None:
    async with strange.post("/speak", json=GOOD["/speak"]) as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_sound_that_breaks_off_is_a_failure_after_what_arrived(odds: str) -> None:
    remote, heard = Remote(Settings(engines=odds)), []

    async def speak() -> None:
        async for dub in remote.voice.speak("Hi.", "en", None):
            heard.append(dub)

    with pytest.raises(EngineError) as caught:
        await speak()
    await remote.close()

    assert heard
    assert (caught.value.code, caught.value.retryable) == ("engines_away", True)


async def test_without_an_engine_the_rest_is_served_and_the_reason_told(strange: Below) -> None:
    async with strange.get("/readyz") as ready, strange.get("/served") as served:
        direct = (await served.json())["stages"][1]
        assert (ready.status, direct["engine"], direct["languages"]) == (200, "none", {})
        assert direct["why"] == "There is nothing to direct with."
    status, said = await post(strange, "/direct", sound(bytes(640), source="ja", target="en"))  # type: ignore[arg-type]

    assert (status, said["code"]) == (404, "not_served")


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"speak": "parrot"}, "parrot"),
        ({"speek": "fake"}, "speek"),
        ({"threads": "none"}, "threads"),
        ({"speak": "livekit"}, "LiveKit"),
    ],
)
def test_an_engine_or_a_setting_that_does_not_exist_is_refused_before_anything_starts(
    args: dict[str, str], named: str
) -> None:
    from agent.engines.replicas.app import build

    with pytest.raises(SettingsError) as refused:
        build(args)

    assert named in refused.value.message


def test_the_settings_of_the_configuration_reach_the_engines() -> None:
    from agent.engines.replicas.app import of

    service = of({"speak": "fake"})

    assert [*service.stages] == [*FAKES]
    assert service.stages["speak"]._load().served() == FAKES["speak"].served()
