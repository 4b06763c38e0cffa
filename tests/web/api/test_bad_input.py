"""What bad input gets: one clear error with a code, counted, and nothing else disturbed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from tests.web.conftest import HOST, House, Opening, code
from web.dispatch.livekit import Sfu

BEARER = {"Authorization": f"Bearer {HOST}"}
JOIN = "/api/rooms/demo/join"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{",
        b"[]",
        b"null",
        b'"Ada"',
        b"{}",
        b'{"name": "Ada"}',
        b'{"name": 7, "speaks": "en", "reads": "", "hears": ""}',
        b'{"name": null, "speaks": "en", "reads": "", "hears": ""}',
        b'{"name": ["Ada"], "speaks": "en", "reads": "", "hears": ""}',
        b'{"name": "Ada", "speaks": {"$ne": 1}, "reads": "", "hears": ""}',
        b'{"name": "\\ud800", "speaks": "en", "reads": "", "hears": ""}',
        b"\xff\xfe\x00",
        b"[" * 50_000,
        json.dumps({"name": "Ada", "speaks": "en", "reads": "", "hears": ""}).encode("utf-16"),
    ],
    ids=range(16),
)
async def test_a_body_of_another_shape_is_one_error_that_repeats_nothing_of_it(house: House, body: bytes):
    answer = await house.client.post(JOIN, data=body, headers=JSON)

    assert await code(answer) == (400, "bad_json")
    assert "Ada" not in await answer.text()
    assert await house.count('dragoman_web_errors_total{code="bad_json"}') == 1


async def test_a_body_with_fields_that_are_new_to_us_is_taken(house: House):
    assert (await house.join(theme="dark")).status == 200


async def test_a_body_of_60_mb_is_refused_by_its_announced_length(house: House):
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 60_000_000:
            yield bytes(65_536)
            sent += 65_536

    answer = await house.client.post(
        JOIN, data=body(), headers={"Content-Length": "60000000", "Expect": "100-continue"}
    )

    assert await code(answer) == (413, "too_large")
    assert sent == 0


async def test_a_body_of_60_mb_that_comes_unasked_is_answered_and_never_held(house: House):
    answer = await house.client.post(JOIN, data=bytes(60_000_000), headers=JSON)

    assert await code(answer) == (413, "too_large")
    assert answer.headers["Connection"] == "close"


async def test_an_endless_body_without_a_length_is_cut_off_at_the_limit(house: House):
    async def body() -> AsyncIterator[bytes]:
        for _ in range(16):
            yield bytes(8_192)

    answer = await house.client.post(JOIN, data=body(), headers=JSON)

    assert await code(answer) == (413, "too_large")
    assert await house.count('dragoman_web_errors_total{code="too_large"}') == 1


async def test_a_body_at_the_limit_is_read(house: House):
    answer = await house.join(name="Ada", secret="x" * 65_000)

    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", JOIN), ("DELETE", "/api/rooms/demo"), ("PUT", "/healthz"), ("POST", "/"), ("PROPFIND", "/api/rooms")],
)
async def test_a_wrong_method_is_told_the_right_ones(house: House, method: str, path: str):
    answer = await house.client.request(method, path)

    assert await code(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/rooms/demo/leave", "/nothing/here", "/api/rooms//join"])
async def test_an_address_that_is_none_is_not_found(house: House, path: str):
    assert await code(await house.client.get(path)) == (404, "not_found")


async def test_a_method_that_somebody_made_up_makes_no_metric_of_its_own(house: House):
    await house.client.request("PROPFIND", "/api/rooms")

    assert await house.count('dragoman_web_requests_total{method="other",route="none",status="405"}') == 1


async def test_what_people_send_is_in_no_metric_and_no_log(house: House, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    room, secret = await house.make(title="Merger of Foo and Bar")

    joined = await (await house.join(room, name="Ada Lovelace", secret=secret)).json()

    seen = caplog.text + await (await house.client.get("/metrics")).text()
    for private in ("Ada", "Merger", secret, joined["token"], joined["identity"], HOST):
        assert private not in seen


async def test_a_bug_is_answered_without_its_details_and_logged_with_them(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    async def broken(self: Sfu, room: str) -> None:
        raise ZeroDivisionError("a detail")

    monkeypatch.setattr(Sfu, "people", broken)

    answer = await house.client.get("/api/rooms/demo")

    assert await code(answer) == (500, "internal")
    assert "detail" not in await answer.text()
    assert any(record.exc_info for record in caplog.records)


async def test_nothing_else_is_disturbed_by_many_at_once_who_send_rubbish(open_house: Opening):
    house = await open_house(joins_per_minute=1000)

    rubbish = [house.client.post(JOIN, data=b"{" * 60_000, headers=JSON) for _ in range(50)]
    answers, good = await asyncio.gather(asyncio.gather(*rubbish), house.join())

    assert {answer.status for answer in answers} == {400}
    assert good.status == 200


@pytest.mark.parametrize("name", [b"Authorization", b"X-Forwarded-For", b"Accept-Encoding", b"Cookie", b"X-Any"])
@pytest.mark.parametrize("path", [b"/", b"/api/rooms/demo", b"/api/meetings", b"/healthz"])
async def test_a_header_that_is_no_text_is_bad_input_and_no_bug(house: House, path: bytes, name: bytes, caplog):
    reader, writer = await asyncio.open_connection("127.0.0.1", house.client.server.port)
    writer.write(
        b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + name + b": Bearer \xff\xfe\r\nConnection: close\r\n\r\n"
    )

    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "bad_request"
    assert not [record for record in caplog.records if record.exc_info]
