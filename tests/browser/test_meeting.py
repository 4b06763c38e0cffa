"""A meeting in real browsers: one speaks English, others read and hear it in Spanish and in French.

The tests share one room and go on from one another, as a meeting does.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from agent.nouns import Caption
from agent.wire import Signer
from infra.stack import Stack
from tests.live.jobs import in_rooms
from tests.live.people import Person

from .pages import SILENCE, SUBSCRIBED, Seat

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HTML = "Eve <img src=x onerror=hacked=1> <b>b</b>"


@dataclass
class Meeting:
    jack: Seat
    rosa: Seat
    zoe: Seat
    job: int


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def meeting(stack: Stack, room: str, chromium: Browser, speaking: Browser) -> AsyncIterator[Meeting]:
    """Jack speaks English; Rosa reads and hears Spanish; Zoé reads French and hears the original."""
    others = in_rooms(stack)
    jack = await Seat.taken(speaking, stack.url)
    rosa, zoe = [await Seat.taken(chromium, stack.url) for _ in range(2)]
    await jack.join(room, "Jack", speaks="en", reads="en", hears="original", microphone=True)
    await rosa.join(room, "Rosa", speaks="es", reads="es", hears="es")
    await zoe.join(room, "Zoé", speaks="fr", reads="fr", hears="original")
    [job] = in_rooms(stack) - others
    yield Meeting(jack, rosa, zoe, job)
    for seat in (jack, rosa, zoe):
        await seat.leave()


async def test_a_speech_is_read_in_two_languages_under_its_speakers_name(meeting: Meeting):
    await meeting.jack.speak()

    spanish, french = await asyncio.gather(meeting.rosa.reads("es", "país"), meeting.zoe.reads("fr", "pays"))

    speaker = await meeting.jack.identity()
    assert (spanish["name"], spanish["identity"]) == ("Jack", speaker)
    assert (french["name"], french["identity"]) == ("Jack", speaker)
    assert {line["lang"] for line in (await meeting.rosa.seen())["lines"]} == {"es"}
    assert {line["lang"] for line in (await meeting.zoe.seen())["lines"]} == {"fr"}


async def test_captions_stand_two_lines_at_a_time_and_are_said_to_a_screen_reader(meeting: Meeting):
    for seat in (meeting.jack, meeting.rosa, meeting.zoe):
        assert 1 <= (await seat.seen())["most"] <= 2
    assert await meeting.rosa.at("captions").get_attribute("aria-hidden") == "true"

    region = meeting.rosa.at("live-region")
    assert await region.get_attribute("aria-live") == "polite"
    assert (await region.locator("p[lang=es]").first.text_content()).startswith("Jack: ")


async def test_what_is_not_settled_yet_is_shown_as_such(meeting: Meeting):
    lines = (await meeting.jack.seen())["lines"]

    assert [line for line in lines if not line["final"]]
    assert {(line["name"], line["lang"]) for line in lines} == {("Jack", "en")}


async def test_who_hears_spanish_hears_its_voice_over_the_lowered_original(meeting: Meeting):
    speaker = await meeting.jack.identity()

    await meeting.rosa.until("() => seen.heard")
    await meeting.rosa.until("(who) => seen.quietest[who] < 0.2", arg=speaker)
    await meeting.rosa.until("(who) => seen.volumes[who] === 1", 30, arg=speaker)

    assert await meeting.rosa.dubs() == ["dub.es"]


async def test_who_hears_the_original_hears_nothing_else_and_all_of_it(meeting: Meeting):
    seen = await meeting.zoe.seen()

    assert seen["quietest"][await meeting.jack.identity()] == 1
    assert not seen["heard"]
    assert await meeting.zoe.dubs() == []


async def test_the_state_line_goes_from_starting_to_interpreting(meeting: Meeting):
    states = (await meeting.jack.seen())["states"]

    assert states[-1] == "interpreting"
    assert set(states[:-1]) <= {"connecting", "absent", "starting"}


async def test_who_comes_late_finds_in_the_transcript_what_was_said(
    stack: Stack, room: str, meeting: Meeting, chromium: Browser
):
    late = await Seat.taken(chromium, stack.url)
    await late.join(room, "Luz", speaks="es", reads="es", hears="original")

    await late.at("transcript-toggle").click()
    line = late.at("transcript-line").filter(has_text="país").first
    await line.wait_for()

    assert "country" in await line.locator(".line-text[data-lang=en]").inner_text()
    assert await line.locator(".line-name").inner_text() == "Jack"
    assert await line.get_attribute("data-identity") == await meeting.jack.identity()

    await late.at("transcript-search").fill("nobody said this")
    await line.wait_for(state="detached")
    await late.at("transcript-search").fill("PAIS")
    await line.locator("mark").first.wait_for()
    assert late.errors == []
    await late.leave()


async def test_a_reload_keeps_name_and_choices_and_what_was_said(meeting: Meeting):
    await meeting.zoe.page.reload()

    assert await meeting.zoe.at("name").input_value() == "Zoé"
    for picker, tag in (("speak", "fr"), ("read", "fr"), ("hear", "original")):
        assert await meeting.zoe.at(picker, "button.picker-button").get_attribute("data-value") == tag
    await meeting.zoe.enter()
    await meeting.zoe.at("transcript-toggle").click()
    await meeting.zoe.at("transcript-line").filter(has_text="pays").first.wait_for()
    await meeting.zoe.at("transcript-toggle").click()


async def test_which_engines_are_at_work_is_one_click_away(meeting: Meeting):
    await meeting.rosa.at("state", "button").click()

    for engine in await meeting.rosa.at("details", "dd strong").all_inner_texts():
        assert engine != "not known yet"
    assert await meeting.rosa.at("details", "dd strong").count() == 4
    await meeting.rosa.page.keyboard.press("Escape")
    await meeting.rosa.at("details").wait_for(state="detached")


async def test_who_mutes_is_seen_to_be_muted(meeting: Meeting):
    tile = meeting.rosa.page.locator(f"[data-testid=tile][data-identity={await meeting.jack.identity()}]")
    muted = tile.get_by_label("muted")

    await meeting.jack.at("mute").click()
    await muted.wait_for(state="attached")
    await meeting.jack.at("mute").click()
    await muted.wait_for(state="detached")


async def test_nobody_but_the_interpreter_can_put_words_into_captions(stack: Stack, room: str, meeting: Meeting):
    slug, _, secret = room.partition("#")
    eve = await Person.join(stack.url, slug, HTML, secret=secret)
    interpreter = await eve.interpreted()
    epoch = int(interpreter.attributes["dragoman.epoch"])
    victim = await meeting.jack.identity()
    forged = Caption(
        id="forged", rev=1, seq=99, lang="es", source="en", identity=victim, track="", speaker=None,
        text="Una <b>mentira</b>", stable=0, final=True, start=0.0, end=1.0, engine="",
    )  # fmt: skip
    before = await meeting.rosa.page.evaluate("() => __dragoman.counts.captions")

    await eve.room.local_participant.send_text(Signer(epoch).caption(forged).decode(), topic="captions/es")
    await eve.room.local_participant.send_text("<b>no frame</b>", topic="captions/es")
    await meeting.rosa.until("() => __dragoman.counts.dropped.bad_sender === 2")

    assert await meeting.rosa.page.evaluate("() => __dragoman.counts.captions") == before
    assert not [line for line in (await meeting.rosa.seen())["lines"] if "mentira" in line["text"]]
    await eve.leave()


async def test_a_name_with_html_in_it_is_text(stack: Stack, room: str, meeting: Meeting):
    slug, _, secret = room.partition("#")
    eve = await Person.join(stack.url, slug, HTML, secret=secret)

    tile = meeting.rosa.page.locator(f"[data-testid=tile][data-identity={eve.identity}]")
    await tile.wait_for()

    assert await tile.locator(".tile-name").inner_text() == HTML
    assert await tile.locator("img, b").count() == 0
    assert await meeting.rosa.page.evaluate("() => window.hacked === undefined")
    await eve.leave()


async def test_an_interpreter_that_is_killed_is_said_to_be_brought_back_and_is(stack: Stack, meeting: Meeting):
    await meeting.rosa.forget()

    os.kill(meeting.job, signal.SIGKILL)
    await meeting.rosa.until("() => seen.states.includes('bringing_back')")
    await meeting.rosa.interpreted()

    states = (await meeting.rosa.seen())["states"]
    assert [state for state in states if state != "starting"] in (
        ["bringing_back", "interpreting"],
        ["interpreting", "bringing_back", "interpreting"],
    )


async def test_another_language_is_read_and_heard_without_joining_again(meeting: Meeting):
    before = await meeting.rosa.identity()
    await meeting.rosa.forget()
    await meeting.jack.speak()
    await meeting.rosa.reads("es", "", final=False)
    await meeting.rosa.until("() => seen.heard")

    await meeting.rosa.choose("hear", "fr")
    await meeting.rosa.choose("read", "fr")
    await meeting.rosa.until(f"() => JSON.stringify(({SUBSCRIBED})()) === '[\"dub.fr\"]'")
    silence = await meeting.rosa.page.evaluate(SILENCE)
    await meeting.rosa.page.evaluate("() => { seen.heard = false }")
    line = await meeting.rosa.reads("fr", "pays")
    await meeting.rosa.until("() => seen.heard")

    assert silence < 1_000
    assert line["name"] == "Jack"
    assert await meeting.rosa.identity() == before


async def test_nobodys_console_tells_of_an_error(meeting: Meeting):
    assert [meeting.jack.errors, meeting.rosa.errors, meeting.zoe.errors] == [[], [], []]


async def test_a_livekit_server_that_dies_is_waited_for_and_the_meeting_goes_on(stack: Stack, meeting: Meeting):
    await meeting.rosa.forget()
    before = await meeting.rosa.identity()
    sfu = stack.pid("sfu")
    assert sfu

    os.kill(sfu, signal.SIGKILL)
    await meeting.rosa.until("() => seen.states.includes('reconnecting')")
    await asyncio.gather(meeting.rosa.interpreted(), meeting.jack.interpreted())
    await meeting.jack.speak()
    line = await meeting.rosa.reads("fr", "pays")
    await meeting.rosa.until("() => seen.heard")

    assert line["name"] == "Jack"
    assert await meeting.rosa.identity() == before
