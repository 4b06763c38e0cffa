"""Whom people believe: no agent that the web server doesn't vouch for, and no room that is encrypted by half."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from livekit import api, rtc

from agent.nouns import Caption
from agent.wire import Signer
from infra.stack import Stack
from tests.live.people import Person, until
from tests.live.test_room import join, room, settled  # noqa: F401 - fixtures

pytestmark = pytest.mark.live

DATA = Path(__file__).parent.parent / "data" / "speech"
NEWEST = 2**62

Join = Callable[..., Awaitable[Person]]


@asynccontextmanager
async def rogue(stack: Stack, slug: str) -> AsyncIterator[tuple[rtc.Room, Signer]]:
    """An agent that calls itself an interpreter, newer than any, with a key of its own."""
    signer = Signer(NEWEST)
    token = (
        api.AccessToken(stack.env["LIVEKIT_API_KEY"], stack.env["LIVEKIT_API_SECRET"])
        .with_identity("interpreter-rogue")
        .with_kind("agent")
        .with_grants(api.VideoGrants(room_join=True, room=slug, agent=True, can_update_own_metadata=True))
        .with_attributes(
            {"dragoman.epoch": str(NEWEST), "dragoman.key": signer.public, "dragoman.state": "engines_away"}
        )
    )
    entered = rtc.Room()
    await entered.connect(stack.env["LIVEKIT_URL"], token.to_jwt(), rtc.RoomOptions(auto_subscribe=False))
    try:
        yield entered, signer
    finally:
        await entered.disconnect()


async def test_an_agent_that_claims_to_be_newest_shows_nothing_and_ours_keeps_its_place(
    stack: Stack,
    room: str,  # noqa: F811
    join: Join,  # noqa: F811
):
    slug, _, _ = room.partition("#")
    speaker, reader = await join("Jack", speaks="en"), await join("Rosa", reads="es", watch=("en",))
    ours = (await reader.interpreted()).identity
    forged = Caption(
        id="forged", rev=1, seq=1, lang="es", source="en", identity=speaker.identity, track="", speaker=None,
        text="Una mentira", stable=0, final=True, start=0.0, end=1.0, engine="",
    )  # fmt: skip

    async with rogue(stack, slug) as (agent, signer):
        await until(lambda: "interpreter-rogue" in reader.room.remote_participants, 10)
        await agent.local_participant.send_text(signer.caption(forged).decode(), topic="captions/es")
        await until(lambda: reader.dropped > 0, 10)
        await speaker.say(DATA / "en_jfk.flac")
        await settled(reader, "en", by=speaker)
        url = f"{stack.url}/api/rooms/{slug}/interpreter"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            vouched = await answer.json()

    assert vouched["identity"] == ours
    assert reader.interpreter
    assert reader.interpreter.identity == ours
    assert "mentira" not in " ".join(frame.text for frame in reader.finals("es"))
    assert reader.finals("en")


async def test_a_room_with_an_encrypted_microphone_is_refused_aloud_and_none_of_it_is_interpreted(
    stack: Stack,
    join: Join,  # noqa: F811
    room: str,  # noqa: F811
):
    reader = await join("Rosa", reads="en")
    await reader.interpreted()
    slug, _, secret = room.partition("#")
    wish = {"name": "Eve", "speaks": "en", "reads": "", "hears": "", "secret": secret}
    url = f"{stack.url}/api/rooms/{slug}/join"
    async with aiohttp.ClientSession() as session, session.post(url, json=wish) as answer:
        given = await answer.json()
    keys = rtc.KeyProviderOptions(shared_key=b"between the two of us")
    options = rtc.RoomOptions(auto_subscribe=False, e2ee=rtc.E2EEOptions(key_provider_options=keys))
    eve = Person("Eve", rtc.Room(), given["identity"])
    await eve.room.connect(given["server"], given["token"], options)

    await eve.say(DATA / "en_jfk.flac", lead=0.2, tail=0.2)
    await until(lambda: bool(reader.interpreter and reader.interpreter.attributes["dragoman.state"] == "encrypted"), 10)
    await asyncio.sleep(3)

    assert reader.finals("en") == []
    assert reader.interims("en") == []

    await eve.leave()
    await reader.interpreted()
