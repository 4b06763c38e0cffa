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
from .test_room import DATA, HEARD, JFK, errors, made, said, settled

pytestmark = pytest.mark.live

Join = Callable[..., Awaitable[Person]]
SENSE = "en_librivox_sense_0870.wav"


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


async def more_microphones(person: Person, count: int) -> None:
    """Silent ones."""
    for _ in range(count):
        track = rtc.LocalAudioTrack.create_audio_track("more", rtc.AudioSource(48_000, 1))
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await person.room.local_participant.publish_track(track, options)


def told(person: Person, attribute: str) -> str:
    return person.interpreter.attributes.get(f"dragoman.{attribute}", "") if person.interpreter else ""


async def test_who_asks_for_too_much_is_refused_with_codes_and_the_speaker_is_captioned_as_ever(join: Join):
    """The guest talks too, on a fifth microphone."""
    reader, speaker, guest = (
        await join("Rosa", reads="es", watch=("en",)),
        await join("Jack", speaks="en"),
        await join("Eve"),
    )
    await speaker.interpreted()
    await more_microphones(guest, 4)
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
    await asyncio.gather(speaker.say(DATA / JFK), guest.say(DATA / SENSE))
    await settled(reader, "en", by=speaker)
    await settled(reader, "es", by=speaker)
    await asking

    assert codes["too_many_calls"] > 300
    assert codes["too_soon"] > 0
    assert 1 <= codes["suggested"] <= 4
    assert {(frame.identity, frame.source) for frame in reader.finals("en")} == {(speaker.identity, "en")}
    assert errors(JFK, said(reader, "en", speaker.identity)) < HEARD
    assert {frame.id for frame in reader.finals("es")} == {frame.id for frame in reader.finals("en")}
    assert json.loads(told(reader, "spoken"))[speaker.identity] == "en"


async def test_a_language_that_nobody_reads_any_more_is_gone_and_comes_back_with_what_was_said(join: Join):
    reader, speaker = await join("Rosa", reads="es", watch=("fr",)), await join("Jack", speaks="en", reads="en")
    await speaker.interpreted()
    await speaker.say(DATA / SENSE)
    await settled(reader, "es", by=speaker)
    before = reader.finals("es")

    await reader.call("dragoman.languages", {"reads": "fr"})
    await until(lambda: told(reader, "languages") == "en,fr", 20)
    gone = await code(reader, "captions", {"lang": "es", "after": 0})
    await reader.call("dragoman.languages", {"reads": "es"})
    await until(lambda: {frame.id for frame in reader.finals("es")[len(before) :]} == {f.id for f in before}, 20)

    assert gone == "not_served"
    assert [frame.seq for frame in reader.finals("es")] == list(range(1, 2 * len(before) + 1))


async def test_a_host_says_what_somebody_speaks_and_a_page_that_repeats_itself_does_not_undo_it(
    stack: Stack, join: Join
):
    guest = await join("Jack", speaks="en")
    host = await join("Hana", host=stack.env["DRAGOMAN_HOST_SECRET"])
    await host.interpreted()
    await guest.call("dragoman.languages", {"speaks": "en", "reads": "es", "hears": ""})

    answer = await host.call("dragoman.speaks", {"identity": guest.identity, "language": "fr"})
    again = await guest.call("dragoman.languages", {"speaks": "en", "reads": "es", "hears": ""})

    assert answer == {"language": "fr"}
    assert again["speaks"] == "fr"
    await until(lambda: json.loads(told(guest, "spoken"))[guest.identity] == "fr", 5)
