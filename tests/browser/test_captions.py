"""Captions on the screen: what was settled stays until it could be read."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from infra.stack import Stack

from .conftest import make_room
from .pages import Seat
from .scripted import interpreting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WATCH = """
() => {
  window.stood = {}
  setInterval(() => {
    const now = Date.now()
    for (const line of document.querySelectorAll('[data-testid=caption-line]'))
      for (const word of line.textContent.split(/\\s+/)) (stood[word] ??= { since: now }).last = now
  }, 25)
}
"""
LEAST = "() => Math.min(...Object.values(stood).map((word) => word.last - word.since))"
"""Milliseconds for which the word that was in sight for the shortest time was."""


async def test_words_that_come_late_into_a_row_stand_as_long_as_those_that_began_it(rooms: Stack, chromium: Browser):
    room = await make_room(rooms)
    async with interpreting(rooms, room.partition("#")[0]) as script:
        guest = await Seat.taken(chromium, rooms.url)
        await guest.join(room, "Ana", speaks="es", reads="es", hears="original")
        speaker = await guest.identity()
        await guest.page.evaluate(WATCH)

        await script.say(speaker, "Uno dos.")
        await guest.until("() => stood['dos.'] && Date.now() - stood['dos.'].since > 3000")
        await script.say(speaker, "Tres cuatro.")  # into the row that has been read long ago
        for words in ("quinientos sesenta millones", "setecientos ochenta billones", "novecientos cien trillones"):
            await script.say(speaker, f"Después vinieron {words} y ninguno más.")
        await guest.until("() => stood['Tres'] && Date.now() - stood['Tres'].last > 1000")
        await guest.until("() => stood['trillones'] && Date.now() - stood['trillones'].since > 2000")

        assert await guest.page.evaluate(LEAST) >= 1_400
        assert guest.errors == []
        await guest.leave()
