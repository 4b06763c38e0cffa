"""A room that hears and speaks through LiveKit plugins: one that is asked for recordings, one that takes a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from infra.stack import Stack
from tests.conftest import dragoman
from tests.engines.openai import OpenAI, answering

from .people import LOUD, until
from .test_room import DATA, HEARD, JFK, Join, errors, join, room, said, settled  # noqa: F401  (fixtures among them)

pytestmark = pytest.mark.live

STREAMER = "tests.engines.streamer:STT"


@contextmanager
def running() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread: what recognises for a minute must not hold up those who speak here."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAI]:
    """A server that speaks OpenAI's protocol."""
    with running() as loop:
        context = answering()
        yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(60)
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(60)


@pytest.fixture(scope="module")
def stack(server: OpenAI) -> Iterator[Stack]:
    """All of Dragoman: French is heard by a plugin in the room's process, all else by the server."""
    given = {
        "DRAGOMAN_RECOGNISE": "livekit",
        "DRAGOMAN_LIVEKIT_STT": f"{server.stt.replace('en,es,fr,de,pt', 'en,es')} fr={STREAMER}?ear=whisper&tick=3",
        "DRAGOMAN_SPEAK": "livekit",
        "DRAGOMAN_LIVEKIT_TTS": server.tts,
    }
    with dragoman(given) as running:
        yield running


async def test_speech_is_heard_and_spoken_by_a_server_that_speaks_openais_protocol(join: Join, server: OpenAI):  # noqa: F811
    reader = await join("Rosa", reads="es", hears="es", watch=("en",))
    speaker = await join("Jack", speaks="en")
    await speaker.interpreted(60)  # its process loads the plugins

    await speaker.say(DATA / JFK)
    await settled(reader, "en", by=speaker)
    await settled(reader, "es", by=speaker)

    assert errors(JFK, said(reader, "en", speaker.identity)) < HEARD
    assert {frame.engine for frame in reader.finals("en")} == {"openai.STT:whisper-1"}
    await until(lambda: any(cue.event == "ended" for _, cue in reader.cues), 20)
    assert sum(peak > LOUD for _, peak in reader.heard["es"]) > 50
    assert {about["voice"] for about in server.asked if "voice" in about} >= {"es-ana"}


async def test_speech_is_streamed_to_a_plugin_and_noise_is_not(join: Join):  # noqa: F811
    reader = await join("Rosa", reads="es", watch=("fr",))
    speaker, other = await join("Luc", speaks="fr"), await join("Fan", speaks="fr")
    await speaker.interpreted()

    await asyncio.gather(speaker.say(DATA / "fr_fleurs_005.ogg"), other.say(DATA / "none_background_noise.wav"))
    await settled(reader, "fr", by=speaker)
    await settled(reader, "es", by=speaker)

    assert errors("fr_fleurs_005.ogg", said(reader, "fr")) < HEARD
    assert {frame.engine for frame in reader.finals("fr")} == {STREAMER}
    assert {frame.identity for frame in reader.finals("fr")} == {speaker.identity}
    assert reader.interims("fr")
