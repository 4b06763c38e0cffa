"""Trying it out with a recorded talk: a room of one's own, never a meeting."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from infra.stack import Stack
from tests.live.people import Person

from .conftest import make_room
from .pages import Seat

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_talk_tried_at_a_meetings_door_plays_in_a_room_of_its_own(rooms: Stack, chromium: Browser):
    room = await make_room(rooms)
    slug, _, secret = room.partition("#")
    ana = await Person.join(rooms.url, slug, "Ana", secret=secret)
    guest = await Seat.taken(chromium, rooms.url)

    await guest.open(f"room/{room}")
    await guest.at("try").click()
    await guest.at("talk").wait_for()

    assert "/room/try-" in guest.page.url
    assert list(ana.room.remote_participants) == []
    await guest.leave()
    await ana.leave()


async def test_a_link_with_a_talk_in_it_plays_nothing_into_a_meeting(rooms: Stack, chromium: Browser):
    slug, _, secret = (await make_room(rooms)).partition("#")
    guest = await Seat.taken(chromium, rooms.url)

    await guest.open(f"room/{slug}?talk=#{secret}")

    await guest.at("prejoin").wait_for()
    await guest.at("try").wait_for()
    assert await guest.at("talk").count() == 0
    assert await guest.at("room").count() == 0
    await guest.leave()


async def test_two_visitors_of_the_first_page_do_not_meet(rooms: Stack, chromium: Browser):
    addresses = set()
    for _ in range(2):
        guest = await Seat.taken(chromium, rooms.url)
        await guest.open("")
        await guest.at("try").click()
        await guest.at("talk").wait_for()
        addresses.add(guest.page.url)
        await guest.leave()

    assert len(addresses) == 2


async def test_where_it_is_not_offered_the_first_page_says_where_it_is(rooms: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, rooms.url, extra_http_headers={"X-Forwarded-For": "203.0.113.5"})

    await guest.open("")

    assert "localhost" in await guest.at("not-offered").inner_text()
    assert await guest.at("try").count() == 0
    await guest.leave()
