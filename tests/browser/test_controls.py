"""The room's controls: languages, devices, keys and focus, at a desk and on a phone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from infra.stack import Stack
from tests.live.people import Person

from .axe import faults
from .conftest import make_room
from .pages import Seat
from .scripted import Script, interpreting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
FOCUSED = "() => document.activeElement !== document.body"
BOXES = """
() => [...document.querySelectorAll('[data-testid=tile], [data-testid=kept-badge], .state-button, .controls button')]
  .map((one) => {
    const { x, y, width, height } = one.getBoundingClientRect()
    return [one.dataset.testid ?? one.className, x, y, width, height].join(' ')
  })
"""
NAMELESS = """
() => [...document.querySelectorAll('.room button')].filter((one) => one.checkVisibility())
  .filter((one) => !(one.getAttribute('aria-label') || one.innerText.trim())).map((one) => one.outerHTML)
"""

COVERED = """
() => [...document.querySelectorAll('[data-testid=tile]')].flatMap((tile) => {
  const parts = ['.avatar', '.tile-name', '.chip'].map((part) => tile.querySelector(part)?.getBoundingClientRect())
  const [face, ...labels] = parts.filter((box) => box)
  const within = tile.getBoundingClientRect()
  const over = labels.filter((box) => box.top < face.bottom && box.left < face.right && box.right > face.left)
  const out = [face, ...labels].filter((box) => box.top < within.top || box.bottom > within.bottom)
  return [...over, ...out].map((box) => [tile.innerText, box.top, face.bottom, within.top].join(' '))
})
"""
"""What stands over somebody's initials or sticks out of their tile, with words of where."""


@dataclass
class House:
    stack: Stack
    room: str
    script: Script
    browser: Browser

    async def guest(self, name: str = "Ana", **context: Any) -> Seat:
        """Somebody who speaks, reads and hears Spanish."""
        seat = await Seat.taken(self.browser, self.stack.url, **context)
        await seat.join(self.room, name, speaks="es", reads="es", hears="es")
        return seat

    def asked(self, identity: str, method: str) -> list[dict[str, Any]]:
        return [said for who, what, said in self.script.calls if (who, what) == (identity, method)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(rooms: Stack, chromium: Browser) -> AsyncIterator[House]:
    """One room for all tests here, with a scripted interpreter."""
    room = await make_room(rooms)
    slug, _, secret = room.partition("#")
    # Somebody is always there: LiveKit closes a room a minute after its last person, whoever interprets.
    there = await Person.join(rooms.url, slug, "Uma", secret=secret)
    async with interpreting(rooms, slug) as script:
        await script.voice("es")
        yield House(rooms, room, script, chromium)
    await there.leave()


async def test_i_speak_is_changed_in_the_room_and_told_at_once(house: House):
    ana = await house.guest()
    identity = await ana.identity()

    await ana.choose("speak", "fr")

    await ana.until("() => document.querySelector('[data-testid=speak] button').dataset.value === 'fr'")
    for _ in range(100):
        if any(asked.get("speaks") == "fr" for asked in house.asked(identity, "dragoman.languages")):
            break
        await ana.page.wait_for_timeout(50)
    assert house.asked(identity, "dragoman.languages")[-1]["speaks"] == "fr"
    await ana.leave()


async def test_who_is_heard_in_another_language_is_asked_and_switches_by_a_click(house: House):
    ana = await house.guest()
    identity = await ana.identity()

    await house.script.tell(suggested=json.dumps({identity: "fr"}))
    assert await ana.at("suggestion", "p").inner_text() == "It sounds like French. Switch?"
    await ana.at("suggestion-yes").click()

    await ana.at("suggestion").wait_for(state="detached")
    assert await ana.at("speak", "button").first.get_attribute("data-value") == "fr"
    await ana.until(FOCUSED, 2.0)
    await house.script.tell(suggested="{}")
    await ana.leave()


async def test_a_no_is_a_no_for_that_language_in_this_meeting(house: House):
    ana = await house.guest()
    identity = await ana.identity()
    await house.script.tell(suggested=json.dumps({identity: "fr"}))
    await ana.at("suggestion-no").click()
    await ana.at("suggestion").wait_for(state="detached")

    await house.script.tell(suggested="{}")
    await house.script.tell(suggested=json.dumps({identity: "fr"}), state="degraded")
    await ana.page.locator("[data-testid=state][data-state=degraded]").wait_for()
    assert await ana.at("suggestion").count() == 0
    await house.script.tell(suggested=json.dumps({identity: "de"}), state="listening")

    assert "German" in await ana.at("suggestion", "p").inner_text()
    await house.script.tell(suggested="{}")
    await ana.leave()


async def test_another_persons_language_is_suggested_from_their_tile_and_that_is_said(house: House):
    ana, ben = await house.guest(), await house.guest("Ben")
    who = await ben.identity()
    house.script.answers["dragoman.speaks"] = {"language": "de", "suggested": True}

    await ana.page.locator(f"[data-testid=tile][data-identity={who}] [data-testid=detected]").click()
    await ana.page.locator(".plain-item[data-tag=de]").click()

    await ana.page.locator("[data-testid=said]", has_text="Ben is asked whether they speak German.").wait_for()
    assert {"identity": who, "language": "de"} in house.asked(await ana.identity(), "dragoman.speaks")
    await ana.leave()
    await ben.leave()


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desk", "phone"])
async def test_nothing_moves_when_a_voice_speaks_and_its_lag_is_said_once(house: House, context: dict[str, Any]):
    ana, ben = await house.guest(**context), await house.guest("Ben")
    identity = await ben.identity()
    await ana.page.locator(f"[data-testid=tile][data-identity={identity}]").wait_for()
    await ana.until("() => !document.querySelector('[data-speaking=true]')")
    before = await ana.page.evaluate(BOXES)
    caption = await house.script.say(identity, "Así que no preguntéis.")

    for behind, said in ((0.02, None), (2.4, "2 s"), (5.2, "5 s")):
        async with house.script.sounding(caption, behind):
            await ana.at("synthetic").wait_for()
            if said:
                await ana.at("behind").filter(has_text=said).wait_for()
            assert await ana.page.evaluate(BOXES) == before
            text = await ana.page.evaluate("() => document.querySelector('.room').innerText")
            assert text.count("behind") == (1 if said else 0)
            assert "0.0" not in text
        await ana.at("synthetic").wait_for(state="detached")
        assert await ana.page.evaluate(BOXES) == before
    await ana.leave()
    await ben.leave()


async def test_on_a_phone_every_control_is_there_and_has_a_name(house: House):
    ana = await house.guest(**PHONE)

    assert await ana.page.get_by_role("button", name="Leave", exact=True).count() == 1
    assert await ana.page.evaluate(NAMELESS) == []
    await ana.at("more").click()
    for testid in ("share", "invite", "settings-open", "keys-open"):
        await ana.at(testid).wait_for()
    await ana.at("keys-open").click()
    await ana.at("keys").wait_for()
    await ana.page.keyboard.press("Escape")
    await ana.at("keys").wait_for(state="detached")
    await ana.at("languages").click()
    for testid in ("speak", "hear", "read"):
        await ana.at(testid).wait_for()
    assert ana.errors == []
    await ana.leave()


async def test_on_a_small_screen_names_and_languages_cover_nobodys_initials(house: House):
    sizes = [(320, 568), (390, 844), (844, 390)]
    seats = [
        await house.guest(f"Friederike {at}", viewport={"width": width, "height": height})
        for at, (width, height) in enumerate(sizes)
    ]

    for seat in seats:
        await seat.until("() => document.querySelectorAll('[data-testid=tile]').length > 3")
        await seat.until("() => document.querySelectorAll('.tile .chip').length > 2")
        assert await seat.page.evaluate(COVERED) == []
        await seat.leave()


async def test_the_transcript_on_a_phone_leaves_nothing_behind_it_in_the_tab_order_and_escape_closes_it(house: House):
    ana = await house.guest(**PHONE)
    await house.script.say(await ana.identity(), "Vamos a empezar.")
    await ana.at("transcript-toggle").click()
    await ana.at("transcript").wait_for()

    for _ in range(12):
        await ana.page.keyboard.press("Tab")
        outside = "() => document.activeElement !== document.body && !document.activeElement.closest('.transcript')"
        assert not await ana.page.evaluate(outside)
    await ana.at("transcript-search").focus()
    await ana.page.keyboard.press("Escape")

    await ana.at("transcript").wait_for(state="detached")
    await ana.until("() => document.activeElement.dataset.testid === 'transcript-toggle'")
    await ana.leave()


@pytest.mark.parametrize(
    ("error", "why", "says"),
    [
        ("NotAllowedError", "denied", "Allow it in the address bar"),
        ("NotFoundError", "missing", "Plug one in"),
        ("NotReadableError", "busy", "Another program is using it"),
    ],
)
async def test_a_microphone_that_fails_in_the_room_says_why_and_what_to_do(
    house: House, error: str, why: str, says: str
):
    ana = await house.guest()
    fail = f"() => {{ navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{error}')) }}"
    await ana.page.evaluate(fail)

    await ana.at("mute").click()

    await ana.page.locator(f"[data-testid=trouble][data-why={why}]").wait_for()
    said = await ana.at("trouble").inner_text()
    assert said.startswith("Microphone:")
    assert says in said
    await ana.at("trouble").get_by_role("button", name="Close").click()
    await ana.at("trouble").wait_for(state="detached")
    await ana.until(FOCUSED, 2.0)
    await ana.leave()


async def test_a_microphone_that_is_unplugged_is_said_to_be(house: House, speaking: Browser):
    jack = await Seat.taken(speaking, house.stack.url)
    await jack.join(house.room, "Jack", speaks="en", reads="en", hears="original", microphone=True)
    await jack.at("mute").click()
    await jack.until("() => __dragoman.room.localParticipant.isMicrophoneEnabled")

    await jack.page.evaluate("""
    () => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))
      const [microphone] = [...__dragoman.room.localParticipant.audioTrackPublications.values()]
      microphone.track.mediaStreamTrack.stop()
      microphone.track.mediaStreamTrack.dispatchEvent(new Event('ended'))
    }
    """)

    await jack.page.locator("[data-testid=trouble][data-why=ended]").wait_for()
    assert "unplugged" in await jack.at("trouble").inner_text()
    await jack.leave()


async def test_single_keys_can_be_switched_off_and_stay_so(house: House):
    ana = await house.guest()
    await ana.page.keyboard.press("t")
    await ana.at("transcript").wait_for()
    await ana.page.keyboard.press("t")
    await ana.at("transcript").wait_for(state="detached")

    await ana.at("keys-open").click()
    await ana.at("shortcuts").uncheck()
    await ana.page.keyboard.press("Escape")
    await ana.at("keys").wait_for(state="detached")
    for key in ("t", "?", "l"):
        await ana.page.keyboard.press(key)

    assert await ana.at("transcript").count() == await ana.at("keys").count() == await ana.at("read-list").count() == 0
    assert await ana.at("mute").get_attribute("aria-keyshortcuts") is None
    await ana.page.reload()
    await ana.enter()
    await ana.page.keyboard.press("t")
    assert await ana.at("transcript").count() == 0
    await ana.leave()


async def test_focus_never_falls_to_the_body(house: House):
    ana = await house.guest()
    await ana.until(FOCUSED)
    await ana.at("transcript-toggle").press("Enter")
    await ana.at("transcript").get_by_role("button", name="Close").press("Enter")
    await ana.until("() => document.activeElement.dataset.testid === 'transcript-toggle'")
    await ana.at("settings-open").press("Enter")
    await ana.at("settings").wait_for()
    await ana.page.keyboard.press("Escape")
    await ana.until("() => document.activeElement.dataset.testid === 'settings-open'")

    await ana.at("leave").press("Enter")
    await ana.at("after").wait_for()
    await ana.until(FOCUSED)
    await ana.at("after", "button").first.press("Enter")
    await ana.at("prejoin").wait_for()
    await ana.until(FOCUSED)
    await ana.leave()


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_before_the_room(house: House, context: dict[str, Any], scheme: Any):
    guest = await Seat.taken(house.browser, house.stack.url, color_scheme=scheme, **context)
    await guest.open("")
    await guest.at("try").wait_for()
    assert await faults(guest.page) == []
    await guest.open(f"room/{house.room}")
    await guest.at("try").wait_for()
    assert await faults(guest.page) == []
    await guest.at("speak", "button.picker-button").click()
    await guest.at("speak-list").wait_for()
    assert await faults(guest.page) == []
    await guest.leave()


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desk", "phone"])
async def test_axe_finds_nothing_in_the_room_and_its_dialogs(house: House, context: dict[str, Any]):
    ana, ben = await house.guest(**context), await house.guest("Ben")
    caption = await house.script.say(await ben.identity(), "Así que no preguntéis.")
    await house.script.cue(caption, "started", 5.2)
    await ana.at("caption-line").first.wait_for()
    assert await faults(ana.page) == []

    await ana.at("transcript-toggle").click()
    await ana.at("transcript-line").first.wait_for()
    assert await faults(ana.page) == []
    await ana.at("transcript").get_by_role("button", name="Close").click()

    for dialog in ("settings", "keys"):
        if context:
            await ana.at("more").click()
            await ana.at(f"{dialog}-open").wait_for()
            assert await faults(ana.page) == []
        await ana.at(f"{dialog}-open").click()
        await ana.at(dialog).wait_for()
        assert await faults(ana.page) == []
        await ana.page.keyboard.press("Escape")
        await ana.at(dialog).wait_for(state="detached")
    await ana.at("state", "button").click()
    await ana.at("details").wait_for()
    assert await faults(ana.page) == []
    await ana.leave()
    await ben.leave()
