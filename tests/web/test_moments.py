"""A flood of questions costs little, and nobody is told what is no longer so."""

from __future__ import annotations

import asyncio
import gzip
import time
from contextlib import suppress

import pytest

from agent.errors import DragomanError
from tests.web.conftest import House, code
from tests.web.test_rate_limit import Clock
from web.moments import KEPT, Answer, Moments
from web.rate_limit import LOOKS, Pace


def free() -> None:
    """Whoever asks may."""


class Kitchen:
    """Makes answers, and counts them."""

    def __init__(self, *refusals: str) -> None:
        self.made = 0
        self._refusals = list(refusals)

    async def make(self) -> Answer:
        self.made += 1
        await asyncio.sleep(0)
        if self._refusals:
            raise DragomanError(self._refusals.pop(), "Not now.")
        return Answer(200, "text/plain", b"%d" % self.made, None)


async def test_an_answer_is_made_once_a_moment_however_many_ask():
    clock, kitchen = Clock(), Kitchen()
    moments = Moments(0.5, clock)

    first = await asyncio.gather(*(moments.get("k", free, kitchen.make) for _ in range(100)))
    clock.now += 0.4
    still = await moments.get("k", free, kitchen.make)
    clock.now += 0.2
    then = await moments.get("k", free, kitchen.make)

    assert {answer.body for answer in first} | {still.body} == {b"1"}
    assert (then.body, kitchen.made) == (b"2", 2)


async def test_a_refusal_is_kept_like_an_answer():
    clock, kitchen = Clock(), Kitchen("database_away")
    moments = Moments(0.5, clock)

    for _ in range(3):
        with pytest.raises(DragomanError, match="database_away"):
            await moments.get("k", free, kitchen.make)
    clock.now += 0.6

    assert (await moments.get("k", free, kitchen.make)).body == b"2"


async def test_who_asked_too_much_is_refused_alone():
    pace, kitchen = Pace(1, Clock()), Kitchen()
    moments = Moments(0.5, Clock())
    await moments.get("a", lambda: pace.take("flood"), kitchen.make)

    with pytest.raises(DragomanError, match="too_many_requests"):
        await moments.get("b", lambda: pace.take("flood"), kitchen.make)

    assert (await moments.get("b", lambda: pace.take("other"), kitchen.make)).body == b"2"
    assert (await moments.get("b", lambda: pace.take("flood"), kitchen.make)).body == b"2"


async def test_the_answers_that_are_kept_are_bounded_and_those_asked_for_stay():
    moments, kitchen = Moments(60, Clock()), Kitchen()
    await moments.get("mine", free, kitchen.make)

    for key in range(KEPT + 10):
        await moments.get(key, free, kitchen.make)
        await moments.get("mine", free, kitchen.make)

    assert len(moments._places) == KEPT
    assert kitchen.made == 1 + KEPT + 10


@pytest.mark.parametrize("path", ["/openapi.json", "/api/rooms/demo", "/readyz", "/metrics", "/api/policies"])
async def test_a_costly_address_is_answered_from_memory_within_a_moment(house: House, path: str):
    house.keep_answers(60)
    first = await (await house.client.get(path)).text()
    house.livekit.away = True
    house.neighbours.engines_ready = False

    began = time.monotonic()
    answers = [await house.client.get(path) for _ in range(200)]
    took = time.monotonic() - began

    assert {await answer.text() for answer in answers} == {first}
    assert took < 4


async def test_a_flood_of_made_up_rooms_is_paced_and_shuts_nobody_out_of_what_is_kept(house: House):
    house.keep_answers(60)
    await house.client.get("/api/rooms/demo")
    first = await code(await house.client.get("/api/rooms/made-up"))
    assert house.client.app
    with suppress(DragomanError):
        while True:  # the rest of what this address may have made in a minute
            house.client.app[LOOKS].take("127.0.0.1")

    answers = [await code(await house.client.get(f"/api/rooms/made-up-{i}")) for i in range(25)]

    assert first == (404, "room_not_found")
    assert answers.count((429, "too_many_requests")) > 12
    assert (await house.client.get("/api/rooms/demo")).status == 200


async def test_a_long_answer_goes_out_compressed_to_who_takes_it(house: House):
    house.keep_answers(60)

    packed = await house.client.get("/openapi.json", headers={"Accept-Encoding": "gzip"}, auto_decompress=False)
    plain = await house.client.get("/openapi.json", headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert {packed.headers["Vary"], plain.headers["Vary"]} == {"Accept-Encoding"}
    assert gzip.decompress(await packed.read()) == await plain.read()
