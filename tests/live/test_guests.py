"""A guest who asks for too much: refused with codes, and nobody else notices. Real SFU, agent and engines."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from livekit import rtc

from infra.stack import Stack

from .people import Person, until
from .test_room import DATA, JFK, errors, made, said, settled

pytestmark = pytest.mark.live

Join = Callable[..., Awaitable[Person]]


@pytest.fixture
async def join(stack: Stack) -> AsyncIterator[Join]:
    """Lets people into a room of this test's own, and out of it at the end."""
    people: list[Person] = []
    slug, _, secret = (await made(stack)).partition("#")

    async def one(name: str, **wants: Any) -> Person:
        people.append(await Person.join(stack.url, slug, name, secret=secret, **wants))
        return people[-1]

    yield one
    await asyncio.gather(*(person.leave() for person in people))


async def code(person: Person, method: str, payload: Any) -> str:
    """What a call is answered: the code of its refusal, or of a language's; `ok`, or `suggested`."""
    try:
        answer = await person.call(f"dragoman.{method}", payload)
    except rtc.RpcError as refused:
        return refused.message
    return next(iter(answer.get("refused", {}).values()), "suggested" if answer.get("suggested") else "ok")


def told(person: Person, attribute: str) -> str:
    return person.interpreter.attributes.get(f"dragoman.{attribute}", "") if person.interpreter else ""


async def test_who_asks_for_too_much_is_refused_with_codes_and_the_speaker_is_captioned_as_ever(join: Join):
    reader, speaker, guest = (
        await join("Rosa", reads="es", watch=("en",)),
        await join("Jack", speaks="en"),
        await join("Eve"),
    )
    await speaker.interpreted()
    codes: Counter[str] = Counter()

    async def ask() -> None:
        regions = ("DE", "US", "GB", "FR", "IT", "ES", "BR", "MX")
        for n in range(150):
            tag = f"{('fr', 'de', 'it', 'nl', 'sv')[n % 5]}-{regions[n // 5 % 8]}"
            codes[await code(guest, "languages", {"speaks": "en", "reads": tag, "hears": ""})] += 1
            codes[await code(guest, "captions", {"lang": "en", "after": 0})] += 1
            wrong = {"identity": speaker.identity, "language": ("de", "es")[n % 2]}
            codes[await code(guest, "speaks", wrong)] += 1

    asking = asyncio.create_task(ask())
    await speaker.say(DATA / JFK)
    await settled(reader, "en", by=speaker)
    await settled(reader, "es", by=speaker)
    await asking

    assert codes["too_many_calls"] > 300
    assert codes["too_soon"] > 0
    assert codes["suggested"] <= 4
    assert {frame.source for frame in reader.finals("en")} == {"en"}
    assert errors(JFK, said(reader, "en", speaker.identity)) < 0.2
    assert {frame.id for frame in reader.finals("es")} == {frame.id for frame in reader.finals("en")}
    assert json.loads(told(reader, "spoken"))[speaker.identity] == "en"
    assert json.loads(told(reader, "suggested"))[speaker.identity] in ("de", "es")


async def test_a_language_that_nobody_reads_any_more_is_gone_and_comes_back_with_what_was_said(join: Join):
    reader, speaker = await join("Rosa", reads="es", watch=("fr",)), await join("Jack", speaks="en", reads="en")
    await speaker.interpreted()
    await speaker.say(DATA / JFK)
    await settled(reader, "es", by=speaker)
    before = reader.finals("es")

    await reader.call("dragoman.languages", {"reads": "fr"})
    await until(lambda: told(reader, "languages") == "en,fr", 20)
    gone = await code(reader, "captions", {"lang": "es", "after": 0})
    await reader.call("dragoman.languages", {"reads": "es"})
    await until(lambda: {frame.id for frame in reader.finals("es")[len(before) :]} == {f.id for f in before}, 20)

    assert gone == "not_served"
    assert [frame.seq for frame in reader.finals("es")] == list(range(1, 2 * len(before) + 1))


async def test_a_guest_is_heard_on_two_microphones(join: Join):
    reader, guest = await join("Rosa", reads="en"), await join("Eve", speaks="en")
    await guest.interpreted()
    for _ in range(4):
        source = rtc.AudioSource(48_000, 1)
        track = rtc.LocalAudioTrack.create_audio_track("more", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await guest.room.local_participant.publish_track(track, options)

    await guest.say(DATA / JFK, tail=3.0)  # on the fifth

    assert reader.finals("en") == []
