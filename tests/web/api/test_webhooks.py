"""Webhooks: only LiveKit's own, each once, and only as hints."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from aiohttp import ClientResponse
from livekit import api

from tests.web.conftest import KEY, QUICK, SECRET, House, Opening, code
from tests.web.dispatch.test_watcher import until


def signed(body: str, secret: str = SECRET, key: str = KEY, life: float = 300, of: str | None = None) -> str:
    """As livekit-server signs a webhook; `of` is another body than the one that is sent."""
    digest = base64.b64encode(hashlib.sha256((of or body).encode()).digest()).decode()
    return api.AccessToken(key, secret).with_sha256(digest).with_ttl(timedelta(seconds=life)).to_jwt()


def event(kind: str = "participant_joined", room: str = "demo", id: str = "EV_1") -> str:
    return json.dumps({"event": kind, "id": id, "room": {"name": room, "sid": "RM_1"}, "news": "unknown field"})


async def send(house: House, body: str, token: str | None = None) -> ClientResponse:
    headers = {"Authorization": signed(body) if token is None else token, "Content-Type": "application/webhook+json"}
    return await house.client.post("/livekit/webhook", data=body, headers=headers)


@pytest.fixture
async def house(open_house: Opening) -> House:
    return await open_house(rhythm=QUICK)


async def test_a_person_who_joins_makes_us_look_at_once(house: House):
    house.livekit.enter("demo", "guest-1")

    answer = await send(house, event())

    assert answer.status == 204
    await until(lambda: house.livekit.rooms["demo"].called == ["interpreter"])
    assert await house.count('dragoman_web_webhooks_total{outcome="taken"}') == 1


@pytest.mark.parametrize("life", [-600, 900])
async def test_a_livekit_server_whose_clock_differs_is_heard(house: House, life: float):
    """Its token was made for five minutes: the one is over by our clock, the other made ten minutes from now."""
    answer = await send(house, event(), signed(event(), life=life))

    assert answer.status == 204


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        signed(event(), secret="another-secret-of-at-least-32-letters"),
        signed(event(), key="another"),
        signed(event(), life=-1200),
        signed(event(), of=event(room="other")),
        api.AccessToken(KEY, SECRET).with_identity("guest-1").to_jwt(),
    ],
    ids=["none", "rubbish", "secret", "key", "expired", "body", "a guest's"],
)
async def test_a_webhook_that_is_not_livekits_is_refused_and_counted(house: House, token: str):
    house.livekit.enter("demo", "guest-1")

    assert await code(await send(house, event(), token)) == (403, "not_allowed")

    assert await house.count('dragoman_web_webhooks_total{outcome="rejected"}') == 1
    await house.looks()
    assert house.livekit.rooms["demo"].called == []


@pytest.mark.parametrize("body", ["", "[]", "not json", '{"event": {"a": 1}}', '"' * 1000])
async def test_a_signed_body_that_is_no_event_is_refused(house: House, body: str):
    assert await code(await send(house, body)) == (403, "not_allowed")


async def test_an_event_that_comes_twice_counts_once(house: House):
    await send(house, event())

    again = await send(house, event())

    assert again.status == 204
    assert await house.count('dragoman_web_webhooks_total{outcome="repeated"}') == 1


async def test_events_that_tell_nothing_of_people_are_ignored(house: House):
    answer = await send(house, event("track_published"))

    assert answer.status == 204
    assert await house.count('dragoman_web_webhooks_total{outcome="ignored"}') == 1
