"""The engine service as an engine like any other, and what happens when it is away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.engines import Consent, LoadedVoice, Reference, Served, Translation
from agent.engines.fake import LANGUAGES, FakeTranslator, hum, pitch, spell
from agent.engines.service.client import LIMIT, WORTH, Remote
from agent.engines.service.server import application
from agent.engines.service.service import Service
from agent.errors import EngineError
from agent.nouns import Dub
from agent.settings import Settings

from ..serving import FAKES, at, on_aiohttp, on_starlette, serving

CONSENT = Consent("ana", "standup", 1_800_000_000.0)


@pytest.fixture
async def remotes() -> AsyncIterator[Any]:
    """Makes clients, and closes them."""
    made: list[Remote] = []

    def make(*paths: object, room: str = "") -> Remote:
        made.append(Remote(at(*paths), room))
        return made[-1]

    yield make
    for remote in made:
        await remote.close()


class Named(FakeTranslator):
    """A translator that signs what it makes."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        return {target: Translation(text, self._name) for target in targets}


def named(name: str) -> Any:
    return (FAKES | {"translate": Named(name)}).__getitem__


async def who(remote: Remote) -> str:
    return (await remote.translator.translate("Hi.", "en", ["es"]))["es"].engine


async def failure(asked: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await asked
    return caught.value


async def test_it_hears_like_the_engine_behind_it(remotes: Any) -> None:
    async with serving() as (_, path):
        pcm = spell("one", "two", "", "three")

        heard = await remotes(path, room="r").ear.transcribe(pcm, "en", "zero", prefix="one", final=True)

        assert heard == await FAKES["recognise"].transcribe(pcm, "en", prefix="one", final=True)


async def test_what_is_served_arrives_whole(remotes: Any) -> None:
    async with serving() as (_, path):
        assert [*await remotes(path).served()] == [engine.served() for engine in FAKES.values()]


async def test_with_no_service_it_says_so_at_once_and_that_later_is_better(remotes: Any, tmp_path: Path) -> None:
    remote = remotes(tmp_path / "nobody.sock", tmp_path / "nobody-else.sock")

    for asked in (
        remote.ear.transcribe(bytes(640), "en"),
        remote.translator.translate("Hi.", "en", ["es"]),
        remote.served(),
    ):
        error = await asyncio.wait_for(failure(asked), 1.0)
        assert (error.code, error.retryable) == ("engines_away", True)


async def test_a_service_that_comes_back_is_met_again(remotes: Any, tmp_path: Path) -> None:
    path = tmp_path / "engines.sock"
    remote = remotes(path)
    async with serving(path=path):
        assert await who(remote) == "fake"

    assert (await failure(who(remote))).code == "engines_away"

    async with serving(path=path):
        assert await who(remote) == "fake"


async def test_services_take_turns(remotes: Any) -> None:
    async with serving(named("one")) as (_, one), serving(named("two")) as (_, two):
        remote = remotes(one, two)

        assert {await who(remote) for _ in range(4)} == {"one", "two"}


async def test_a_dead_service_is_passed_over_without_a_failure(remotes: Any, tmp_path: Path) -> None:
    async with serving(named("one")) as (_, path):
        remote = remotes(tmp_path / "dead.sock", path)

        assert [await who(remote) for _ in range(4)] == ["one"] * 4


async def test_a_service_that_is_loading_is_passed_over_and_told_where_it_is_the_only_one(remotes: Any) -> None:
    go = threading.Event()

    def slowly(stage: str) -> Any:
        go.wait(10)
        return FAKES[stage]

    async with serving(named("one")) as (_, path), serving(slowly, ready=False) as (_, other):
        assert [await who(remotes(other, path)) for _ in range(3)] == ["one"] * 3
        error = await failure(who(remotes(other)))
        assert (error.code, error.retryable) == ("loading", True)
        go.set()


async def test_what_is_not_served_is_final(remotes: Any) -> None:
    async with serving() as (_, path):

        async def speak() -> None:
            async for _ in remotes(path, path).voice.speak("Hi.", "tlh", None):
                pass

        error = await failure(speak())

    assert (error.code, error.retryable) == ("not_served", False)


async def test_a_service_that_is_overloaded_is_passed_over_and_left_alone_for_as_long_as_it_says(remotes: Any) -> None:
    asked: list[float] = []

    class Full(FakeTranslator):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "Hi.":
                asked.append(0.0)
                raise EngineError("overloaded", "Too much.", retryable=True, after=60.0)
            return {}

    engines = FAKES | {"translate": Full()}
    async with serving(named("one")) as (_, path), serving(engines.__getitem__) as (_, full):
        remote, alone = remotes(full, path), remotes(full)

        assert [await who(remote) for _ in range(6)] == ["one"] * 6
        assert len(asked) == 1
        error = await failure(who(alone))
        assert (error.code, error.after) == ("overloaded", 60.0)
        assert (await failure(who(alone))).code == "overloaded"  # for want of another it is asked all the same
        assert len(asked) == 3


async def test_a_service_that_hangs_is_asked_once_and_then_left_to_last(remotes: Any, tmp_path: Path) -> None:
    connections: list[float] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0.0)
        await reader.read()
        writer.close()

    hanging = tmp_path / "silent.sock"
    server = await asyncio.start_unix_server(silent, hanging)
    async with serving(named("one")) as (_, path):
        remote = remotes(path, hanging)

        async def ask() -> int:
            async with remote.ask("GET", "/served", patience=0.2) as answer:
                return int(answer.status)

        assert (await failure(ask())).code == "timeout"
        assert [await ask() for _ in range(4)] == [200] * 4
    assert len(connections) == 1
    server.close()


async def test_what_may_be_dropped_is_said_with_how_long_it_is_worth(remotes: Any) -> None:
    async with serving() as (service, path):
        asked: list[tuple[bool, float]] = []
        for name in ("recognise", "translate"):
            stage = service.stages[name]

            async def ask(
                request: Any, room: str, *, final: bool = True, worth: float = 0.0, ask: Any = stage.ask
            ) -> Any:
                asked.append((final, worth))
                return await ask(request, room, final=final, worth=worth)

            stage.ask = ask  # type: ignore[method-assign]
        remote = remotes(path)

        await remote.ear.transcribe(spell("one"), "en")
        await remote.ear.transcribe(spell("one"), "en", final=True)
        await remote.previews.translate("Hi.", "en", ["es"])
        await remote.translator.translate("Hi.", "en", ["es"])

    assert asked == [(False, WORTH), (True, WORTH), (False, WORTH), (True, WORTH)]


class Slow(LoadedVoice):
    """A stock voice whose pieces are of odd sizes and that stops in the middle of the last one."""

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        for start in range(0, len(SOUND), 4_002):
            yield Dub(language, 22_050, SOUND[start : start + 4_002], "slow")
            await asyncio.sleep(0)
        if text == "Break.":
            raise EngineError("engine_failed", "No.", retryable=True)

    def served(self) -> Served:
        return Served("speak", "slow", "asked for by name", "Apache-2.0", "", {"en": None})


SOUND = bytes(range(256)) * 200


async def test_sound_arrives_whole_in_pieces_of_whole_samples(remotes: Any) -> None:
    async with serving((FAKES | {"speak": Slow()}).__getitem__) as (_, path):
        dubs = [dub async for dub in remotes(path).voice.speak("Hi.", "en", "ana", speed=1.2)]

    assert b"".join(dub.pcm for dub in dubs) == SOUND
    assert {(dub.rate, dub.engine, len(dub.pcm) % 2) for dub in dubs} == {(22_050, "slow", 0)}
    assert max(dub.duration for dub in dubs) <= 0.2


async def test_who_lent_their_voice_is_spoken_for_in_one_like_it_where_the_service_can(remotes: Any) -> None:
    async with serving() as (_, path), serving((FAKES | {"speak": Slow()}).__getitem__) as (_, stock):
        able, unable = remotes(path, room="r").voice, remotes(stock).voice

        dubs = [dub async for dub in able.speak_as("Hi.", "es", Reference(hum(170), CONSENT), speed=1.2)]

        assert pitch(b"".join(dub.pcm for dub in dubs)) == pytest.approx(170, abs=5)
        assert {(dub.lang, dub.engine) for dub in dubs} == {("es", "fake")}
        assert [*await able.alike()] == [*LANGUAGES]
        assert [*await unable.alike()] == []
        for voice, consent in ((able, Consent("", "standup", 1.0)), (unable, CONSENT)):
            with pytest.raises(EngineError) as refused:
                await anext(voice.speak_as("Hi.", "es", Reference(hum(170), consent)))
            assert refused.value.code == ("not_served" if voice is unable else "no_consent")


async def test_sound_that_breaks_off_is_a_failure_after_what_arrived(remotes: Any) -> None:
    heard = []
    async with serving((FAKES | {"speak": Slow()}).__getitem__) as (_, path):

        async def speak() -> None:
            async for dub in remotes(path).voice.speak("Break.", "en", None):
                heard.append(dub)

        error = await failure(speak())

    assert heard
    assert (error.code, error.retryable) == ("engines_away", True)


@pytest.mark.parametrize("on", [on_aiohttp, on_starlette])
async def test_who_stops_listening_in_the_middle_leaves_nothing_open(remotes: Any, on: Any) -> None:
    async with serving((FAKES | {"speak": Slow()}).__getitem__, on=on) as (service, path):
        remote = remotes(path)
        for _ in range(5):
            async for _ in remote.voice.speak("Hi.", "en", None):
                break

        assert await asyncio.wait_for(who(remote), 5) == "fake"
        assert service.stages["speak"]._batch.waiting == 0


async def test_a_service_that_does_not_answer_is_not_waited_for_longer_than_the_request_is_worth(
    remotes: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    path = tmp_path / "silent.sock"
    server = await asyncio.start_unix_server(silent, path)
    remote = remotes(path)

    async def ask() -> None:
        async with remote.ask("GET", "/served", patience=0.1):
            pass

    error = await asyncio.wait_for(failure(ask()), 5)

    assert (error.code, error.retryable) == ("timeout", True)
    server.close()


async def test_over_http_everything_is_asked_as_over_a_socket(remotes: Any) -> None:
    service = Service(FAKES.__getitem__)
    runner = web.AppRunner(application(service), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    await asyncio.gather(*(stage.settled.wait() for stage in service.stages.values()))
    remote = Remote(Settings(engines=f"http://127.0.0.1:{port}/"), "r")

    heard = await remote.ear.transcribe(spell("one", "two"), "en", prefix="one", final=True)
    carried = await remote.direct.carry(spell("one"), "ja", "en")
    made = await remote.translator.translate("Hi.", "en", ["es", "tlh"], ["Well."])
    preview = await remote.previews.translate("Hi.", "en", ["es"])
    spoken = [dub async for dub in remote.voice.speak("Hello.", "es", "ana")]
    served = await remote.served()
    refused = await failure(remote.ear.transcribe(b"", "en"))

    assert [word.text for word in heard.words] == ["two"]
    assert carried == Translation("one", "direct:fake")
    assert made == preview == {"es": Translation("[es] Hi.", "fake")}
    assert sum(dub.duration for dub in spoken) == pytest.approx(0.36)
    assert [*served] == [engine.served() for engine in FAKES.values()]
    assert refused.code == "bad_request"
    await remote.close()
    await runner.cleanup()


async def test_a_text_over_the_services_limit_is_sent_sentence_by_sentence(remotes: Any) -> None:
    long = " ".join(f"This is sentence number {n} of a very long talk." for n in range(150))
    asked: list[tuple[str, Sequence[str]]] = []

    class Noting(FakeTranslator):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            asked.append((text, context))
            return await super().translate(text, source, targets, context)

    async with serving((FAKES | {"translate": Noting()}).__getitem__) as (_, path):
        asked.clear()
        made = await remotes(path).translator.translate(long, "en", ["es", "tlh"], ["before"] * 40)

    texts = [text for text, _ in asked if text != "One, two."]
    assert len(long) > 3 * LIMIT
    assert all(len(text) <= LIMIT and text.endswith("talk.") for text in texts)
    assert " ".join(texts) == long
    assert {tag: one.text.replace("[es] ", "") for tag, one in made.items()} == {"es": long}
    assert all(len(context) <= 16 for _, context in asked)


@pytest.mark.parametrize("text", ["word " * 1_000, "w" * 5_000, "長" * 5_000])
async def test_a_sentence_over_the_limit_is_cut_between_words_or_where_it_must(remotes: Any, text: str) -> None:
    async with serving() as (_, path):
        made = await remotes(path).translator.translate(text, "en", ["es"])

    assert made["es"].text.replace("[es]", "").replace(" ", "") == text.replace(" ", "")


async def test_what_else_goes_along_is_no_more_than_the_service_takes(remotes: Any) -> None:
    async with serving() as (_, path):
        remote = remotes(path, room="r" * 500)
        targets = [*(f"x{chr(97 + n % 26)}-{n}" for n in range(100)), "es"]

        made = await remote.translator.translate("Hi.", "en", targets, ["c" * 5_000])
        nothing = await remote.translator.translate(" ", "en", ["es"])
        carried = await remote.direct.carry(bytes(32_000 * 40), "ja", "en")
        consent = Consent("i" * 300, "m" * 300, 1_800_000_000.0)
        heard = [dub async for dub in remote.voice.speak_as("Hi.", "en", Reference(hum(210), consent))]

    assert (made["es"].text, nothing, carried) == ("[es] Hi.", {}, None)
    assert heard


async def test_what_is_served_is_asked_again_soon_while_engines_load(
    remotes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.engines.service.client.KNOWN_LOADING", 0.0)
    go = threading.Event()

    def slowly(stage: str) -> Any:
        if stage == "direct":
            go.wait(10)
        return FAKES[stage]

    async with serving(slowly, ready=False) as (service, path):
        for stage in ("recognise", "translate", "speak"):
            await service.stages[stage].settled.wait()
        remote = remotes(path)
        before = await remote.direct.pairs()
        go.set()
        await service.stages["direct"].settled.wait()

        assert (before, await remote.direct.pairs()) == ({}, {"ja>en": 40.0})


async def test_a_proxy_that_reaches_no_service_says_that_engines_are_away(remotes: Any, tmp_path: Path) -> None:
    async def bad_gateway(request: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>Bad Gateway</html>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", bad_gateway)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "proxy.sock")).start()

    error = await failure(who(remotes(tmp_path / "proxy.sock")))
    await runner.cleanup()

    assert (error.code, error.retryable, error.passes) == ("engines_away", True, True)
