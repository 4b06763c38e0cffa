"""The pages by themselves: a newcomer's first minute, keys, a narrow phone, and a clean console."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import Browser

from infra.stack import Stack

from .pages import Seat

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PROMISED = 20.0
"""Seconds in which a newcomer reads and hears the recorded talk."""
FITS = "() => document.documentElement.scrollWidth <= innerWidth"


async def test_a_newcomer_reads_and_hears_a_recorded_talk_within_twenty_seconds(stack: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url)
    opened = time.monotonic()

    await guest.open("")
    await guest.at("try").click()
    await guest.at("caption-line").first.wait_for()
    read = time.monotonic() - opened
    await guest.until("() => seen.heard && Object.values(seen.quietest).some((volume) => volume < 0.2)")
    heard = time.monotonic() - opened

    seen = await guest.seen()
    assert {line["lang"] for line in seen["lines"]} == {"es"}
    assert await guest.dubs() == ["dub.es"]
    assert guest.errors == []
    assert max(read, heard) < PROMISED, f"captions after {read:.1f} s, a voice after {heard:.1f} s"
    await guest.leave()


async def test_keys_alone_lead_into_the_room(stack: Stack, room: str, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url)
    await guest.open(f"room/{room}")
    await guest.at("name").focus()
    await guest.page.keyboard.type("Kay")

    for _ in range(20):
        await guest.page.keyboard.press("Tab")
        if await guest.page.evaluate("() => document.activeElement.dataset.testid === 'join'"):
            break
    await guest.page.keyboard.press("Enter")
    await guest.at("room").wait_for()
    await guest.page.keyboard.press("t")
    await guest.at("transcript").wait_for()
    await guest.at("leave").focus()
    await guest.page.keyboard.press("Enter")
    await guest.at("after").wait_for()

    assert guest.errors == []
    await guest.leave()


async def within(phone: Seat, testid: str) -> None:
    """It lies between the edges of a phone."""
    box = await phone.at(testid).bounding_box()
    assert box, testid
    assert box["x"] >= 0, testid
    assert box["x"] + box["width"] <= 390, testid


async def test_nothing_is_wider_than_a_phone(stack: Stack, room: str, chromium: Browser):
    phone = await Seat.taken(chromium, stack.url, viewport={"width": 390, "height": 780}, has_touch=True)

    await phone.open("")
    await phone.at("try").wait_for()
    assert await phone.page.evaluate(FITS)
    await phone.open(f"room/{room}")
    await phone.at("name").fill("Pia")
    assert await phone.page.evaluate(FITS)
    await phone.enter()
    assert await phone.page.evaluate(FITS)
    await phone.at("transcript-toggle").click()
    await phone.at("transcript").wait_for()
    assert await phone.page.evaluate(FITS)

    for testid in ("mute", "captions-toggle", "transcript-toggle", "more", "leave"):
        await within(phone, testid)
    # The transcript covers the controls: it goes before they can be used.
    await phone.page.keyboard.press("Escape")
    await phone.at("transcript").wait_for(state="detached")
    await phone.at("more").click()
    for testid in ("share", "invite", "settings-open", "keys-open"):
        await within(phone, testid)
    assert await phone.page.evaluate(FITS)
    assert phone.errors == []
    await phone.leave()


async def test_the_page_speaks_the_browsers_language(stack: Stack, chromium: Browser):
    said = set()
    for locale in ("en-GB", "es-MX", "fr-FR", "de-DE", "pt-BR"):
        guest = await Seat.taken(chromium, stack.url, locale=locale)
        await guest.open("")
        said.add(await guest.at("try").inner_text())
        assert await guest.page.evaluate("() => document.documentElement.lang") == locale[:2]
        assert guest.errors == []
        await guest.leave()
    assert len(said) == 5


async def test_a_room_that_is_not_there_is_said_in_a_sentence(stack: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url)

    await guest.open("room/nowhere")

    assert "There is no room of that name" in await guest.at("after").inner_text()
    await guest.leave()
