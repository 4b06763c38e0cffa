"""What a stage makes of an engine that hangs, falls while it is loaded, or takes others of its batch with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.engines import TextRequest, Translation
from agent.engines.fake import FakeTranslator, FakeVoice
from agent.errors import EngineError
from agent.nouns import Dub

from ..serving import FAKES, serving

HI = {"text": "Hi.", "source": "en", "targets": ["es"]}


def connected(path: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession("http://engines", connector=aiohttp.UnixConnector(str(path)))


async def post(client: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, Any]:
    async with client.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def ready(client: aiohttp.ClientSession) -> tuple[int, Any]:
    async with client.get("/readyz") as answer:
        return answer.status, await answer.json()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A translation of a language may take 0.25 s."""
    monkeypatch.setattr("agent.engines.service.adapters.SLOW", 0.05)


class Threaded(FakeTranslator):
    """A translator that works in one thread of its own, as our models do, and hangs over a word until it may go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.hangs = threading.Event()
        self._thread = ThreadPoolExecutor(1)

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._work, text)
        return await super().translate(text, source, targets, context)

    def _work(self, text: str) -> None:
        if text == "poison":
            self.hangs.set()
            self.go_on.wait(30)


@pytest.mark.usefixtures("impatient")
async def test_a_call_that_hangs_in_its_thread_frees_its_place_and_the_service_says_so_until_it_returns() -> None:
    translator = Threaded()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (_, path), connected(path) as client:
        poison = await post(client, "/translate", {**HI, "text": "poison"})
        assert (poison[0], poison[1]["code"], poison[1]["retryable"]) == (500, "engine_failed", True)

        refused, not_ready = await asyncio.wait_for(post(client, "/translate", HI), 1), await ready(client)
        async with client.get("/metrics") as metrics:
            assert 'dragoman_engine_hanging{stage="translate"} 1.0' in await metrics.text()
        spoken = await client.post("/speak", json={"text": "Hi.", "language": "en"})

        assert (refused[0], refused[1]["code"], refused[1]["retryable"]) == (503, "engines_away", True)
        assert (not_ready[0], not_ready[1]["hanging"], not_ready[1]["says"]) == (503, ["translate"], "translate: hangs")
        assert spoken.status == 200

        translator.go_on.set()
        async with asyncio.timeout(5):
            while (await ready(client))[0] != 200:  # noqa: ASYNC110  a thread goes on
                await asyncio.sleep(0.01)
        assert (await post(client, "/translate", HI))[0] == 200


@pytest.mark.usefixtures("impatient")
async def test_what_waited_behind_a_call_that_hangs_is_told_to_ask_again_and_not_that_it_failed() -> None:
    translator = Threaded()
    async with serving((FAKES | {"translate": translator}).__getitem__) as (_, path), connected(path) as client:
        poison = [asyncio.create_task(post(client, "/translate", {**HI, "text": "poison"})) for _ in range(3)]
        await asyncio.to_thread(translator.hangs.wait, 5)
        behind = [asyncio.create_task(post(client, "/translate", HI)) for _ in range(4)]
        answers = await asyncio.gather(*behind)
        await asyncio.gather(*poison)
        translator.go_on.set()

    assert {answer[1]["code"] for answer in answers} <= {"engines_away"}


@pytest.mark.usefixtures("impatient")
async def test_an_engine_that_can_be_called_off_is_back_at_once() -> None:
    class Waiting(FakeTranslator):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "poison":
                await asyncio.Event().wait()
            return await super().translate(text, source, targets, context)

    async with serving((FAKES | {"translate": Waiting()}).__getitem__) as (_, path), connected(path) as client:
        for _ in range(5):  # more than there are places
            assert (await post(client, "/translate", {**HI, "text": "poison"}))[1]["code"] == "engine_failed"
            await asyncio.sleep(0.01)
            assert (await post(client, "/translate", HI))[0] == 200


@pytest.mark.usefixtures("impatient")
async def test_who_was_in_one_call_with_what_hangs_is_then_asked_for_by_itself() -> None:
    class Batching(FakeTranslator):
        """Begins its first call when three requests are there."""

        most = 32

        def __init__(self) -> None:
            self.sizes: list[int] = []

        async def translate_batch(self, requests: Sequence[TextRequest]) -> Sequence[Mapping[str, Translation]]:
            self.sizes.append(len(requests))
            return [await self.translate(one.text, one.source, one.targets) for one in requests]

        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "poison":
                await asyncio.Event().wait()
            if text == "first":
                await asyncio.sleep(0.05)
            return await super().translate(text, source, targets, context)

    batching = Batching()
    async with serving((FAKES | {"translate": batching}).__getitem__) as (_, path), connected(path) as client:
        first = [asyncio.create_task(post(client, "/translate", {**HI, "text": "first"})) for _ in range(2)]
        await asyncio.sleep(0.02)
        together = await asyncio.gather(
            *(post(client, "/translate", {**HI, "text": text}) for text in ("Hi.", "poison", "You."))
        )
        await asyncio.gather(*first)
        again = await asyncio.gather(
            *(post(client, "/translate", {**HI, "text": text}) for text in ("Hi.", "You.", "poison"))
        )

    assert max(batching.sizes) >= 2
    assert "engine_failed" in {said.get("code") for _, said in together}
    assert [status for status, _ in again] == [200, 200, 500]


async def test_a_voice_that_hangs_in_mid_sentence_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.engines.service.adapters.SLOW", 0.05)

    class Choking(FakeVoice):
        async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
            async for dub in super().speak(text, language, voice, speed=speed):
                yield dub
                if text == "Choke.":
                    await asyncio.Event().wait()

    async with serving((FAKES | {"speak": Choking()}).__getitem__) as (_, path), connected(path) as client:
        with pytest.raises(aiohttp.ClientError):
            await (await client.post("/speak", json={"text": "Choke.", "language": "en"})).read()
        await asyncio.sleep(0.01)
        answer = await client.post("/speak", json={"text": "Hi.", "language": "en"})

        assert (answer.status, len(await answer.read())) == (200, 5_760)


async def test_a_stage_that_falls_while_it_is_loaded_is_missing_and_loaded_again_while_others_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.engines.service.stage.AGAIN", (0.2, 0.2))
    tried: list[str] = []

    def load(stage: str) -> Any:
        if stage == "translate":
            tried.append(stage)
            if len(tried) == 1:
                raise RuntimeError("what was said")
        return FAKES[stage]

    async with serving(load) as (service, path), connected(path) as client:
        async with client.get("/served") as served:
            said = {stage["stage"]: stage for stage in (await served.json())["stages"]}
        refused = await post(client, "/translate", HI)
        spoken = await client.post("/speak", json={"text": "Hi.", "language": "en"})

        assert said["translate"]["engine"] == "none"
        assert said["translate"]["why"] == "It fell while it was loaded (RuntimeError), and is loaded again."
        assert (refused[1]["code"], refused[1]["retryable"]) == ("engines_away", True)
        assert spoken.status == 200
        async with asyncio.timeout(5):
            while service.stages["translate"].engine is None:  # noqa: ASYNC110  a thread loads it
                await asyncio.sleep(0.01)
        assert (await post(client, "/translate", HI))[0] == 200
        assert service.stages["translate"].missing == ""


async def test_a_stage_that_falls_while_it_is_warmed_is_loaded_again_and_one_that_falls_later_answers_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.engines.service.stage.AGAIN", (0.05, 0.05))

    class Cold(FakeTranslator):
        warmed = 0

        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "One, two.":
                self.warmed += 1
                if self.warmed != 2:  # the first time while it is loaded, and then when the rest is warmed
                    raise RuntimeError("what was said")
            return await super().translate(text, source, targets, context)

    async with serving((FAKES | {"translate": Cold()}).__getitem__) as (service, path), connected(path) as client:
        async with asyncio.timeout(5):
            while service.stages["translate"].engine is None:  # noqa: ASYNC110  it is loaded in a thread
                await asyncio.sleep(0.01)

        assert (await post(client, "/translate", HI))[0] == 200


async def test_while_engines_load_it_is_told_that_nobody_knows_yet_what_is_served() -> None:
    go = threading.Event()

    def slowly(stage: str) -> Any:
        if stage == "speak":
            go.wait(10)
        if stage == "direct":
            raise EngineError("engine_failed", "There is none.")
        return FAKES[stage]

    async with serving(slowly, ready=False) as (service, path), connected(path) as client:
        for stage in ("recognise", "direct", "translate"):
            await service.stages[stage].settled.wait()
        async with client.get("/served") as served:
            loading = {stage["stage"]: stage["loading"] for stage in (await served.json())["stages"]}
        go.set()
        await service.stages["speak"].settled.wait()
        async with client.get("/served") as served:
            loaded = {stage["loading"] for stage in (await served.json())["stages"]}

    assert loading == {"recognise": False, "direct": False, "translate": False, "speak": True}
    assert loaded == {False}
