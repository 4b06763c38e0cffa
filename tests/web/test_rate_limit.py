"""How often one address may ask."""

from __future__ import annotations

import pytest

from agent.errors import DragomanError
from tests.web.conftest import House, Opening
from web.rate_limit import KNOWN, Pace


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_address_may_ask_so_often_at_once_and_then_steadily():
    clock = Clock()
    pace = Pace(60, clock)
    for _ in range(60):
        pace.take("here")

    with pytest.raises(DragomanError, match="too_many_requests"):
        pace.take("here")
    clock.now += 1
    pace.take("here")
    with pytest.raises(DragomanError):
        pace.take("here")


def test_one_address_does_not_use_up_anothers():
    pace = Pace(1, Clock())
    pace.take("here")

    pace.take("there")


def test_the_memory_of_addresses_is_bounded():
    pace = Pace(1, Clock())

    for address in range(KNOWN + 1):
        pace.take(str(address))

    assert len(pace._buckets) == KNOWN


async def test_an_address_in_a_header_is_not_believed_unless_our_own_proxy_sent_it(open_house: Opening):
    house = await open_house(joins_per_minute=1)
    behind = await open_house(joins_per_minute=1, proxies="127.0.0.1")

    async def joins(at: House) -> list[int]:
        forwarded = [{"X-Forwarded-For": f"198.51.100.{i}, 203.0.113.{i}"} for i in range(2)]
        return [(await at.client.post("/api/rooms/demo/join", json={}, headers=each)).status for each in forwarded]

    assert await joins(house) == [400, 429]
    assert await joins(behind) == [400, 400]


async def test_the_last_line_of_a_header_is_our_proxys_and_a_line_before_it_is_the_senders_word(open_house: Opening):
    behind = await open_house(joins_per_minute=1, proxies="127.0.0.1")

    async def joins(*lines: str) -> int:
        headers = [("X-Forwarded-For", line) for line in lines]
        return (await behind.client.post("/api/rooms/demo/join", json={}, headers=headers)).status

    assert await joins("198.51.100.1", "203.0.113.7") == 400
    assert await joins("198.51.100.2", "203.0.113.7") == 429
    assert await joins("203.0.113.7", "203.0.113.8") == 400
