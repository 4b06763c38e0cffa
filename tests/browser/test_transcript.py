"""The transcript's panel: rows keep out of each other's way, and on a phone it is a page of its own."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from infra.stack import Stack

from .conftest import make_room
from .pages import Seat
from .scripted import interpreting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OVERLAPS = """
() => {
  const rows = [...document.querySelectorAll('.transcript-scroll li')].map((row) => row.getBoundingClientRect())
  rows.sort((a, b) => a.top - b.top)
  return rows.slice(1).filter((row, at) => row.top < rows[at].bottom - 1).length
}
"""
SETTLED = """
() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))
"""


async def test_no_row_lies_over_another_whatever_is_searched_for(rooms: Stack, chromium: Browser):
    room = await make_room(rooms)
    async with interpreting(rooms, room.partition("#")[0]) as script:
        guest = await Seat.taken(chromium, rooms.url)
        await guest.join(room, "Ana", speaks="es", reads="es", hears="original")
        speaker = await guest.identity()
        await guest.at("transcript-toggle").click()
        for at in range(24):
            short, long = f"Breve {at}.", f"Una frase bastante más larga, la número {at}, " + "con muchas palabras " * 9
            await script.say(speaker, long if at % 3 == 0 else short)
        await guest.until("() => document.querySelectorAll('.transcript-scroll li').length > 5")
        await guest.at("transcript-line").filter(has_text="Breve 23.").wait_for()

        for query in ("larga", "", "breve", "breve 2", "", "número 21", ""):
            await guest.at("transcript-search").fill(query)
            await guest.page.evaluate(SETTLED)
            assert await guest.page.evaluate(OVERLAPS) == 0, query

        assert guest.errors == []
        await guest.leave()
