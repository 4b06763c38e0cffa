"""What the endpoints answer, without a server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from agent.engines.service.api import Answer, Api, Endpoint, SoundAnswer
from agent.engines.service.requests import BODY_LIMIT
from agent.engines.service.service import Service
from agent.errors import EngineError
from agent.nouns import Dub

from ..serving import FAKES


@pytest.fixture
def api() -> Api:
    service = Service(FAKES.__getitem__)
    return Api(service, service.figures)


def endpoint(api: Api, path: str) -> Endpoint:
    return next(one for one in api.endpoints if one.path == path)


async def test_no_more_of_a_body_is_read_than_it_may_have(api: Api) -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read.append(1_000_000)
            yield bytes(1_000_000)

    answer = await api.answer(endpoint(api, "/recognise"), endless())

    assert isinstance(answer, Answer)
    assert answer.status == 413
    assert sum(read) <= BODY_LIMIT + 1_000_000


async def test_what_a_server_refuses_itself_is_answered_as_all_else_is(api: Api) -> None:
    answer = api.refuse("/nothing", 404, "Not Found")

    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json; charset=utf-8")
    assert answer.body == b'{"code": "not_served", "message": "Not Found.", "retryable": false}'


async def dubs(ended: list[bool], *, fail: bool = False) -> AsyncGenerator[Dub, None]:
    try:
        yield Dub("en", 16_000, b"12", "fake")
        yield Dub("en", 16_000, b"34", "fake")
        if fail:
            raise EngineError("engine_failed", "No.")
    finally:
        ended.append(True)


async def test_sound_that_nobody_takes_ends_all_the_same() -> None:
    ended: list[bool] = []
    speaking = dubs(ended)
    answer = SoundAnswer(await anext(speaking), speaking)

    await answer.aclose()

    assert ended == [True]
    assert (answer.headers["X-Rate"], answer.headers["X-Engine"]) == ("16000", "fake")


async def test_sound_that_breaks_off_says_so_to_the_server_after_what_came() -> None:
    ended: list[bool] = []
    speaking, sent = dubs(ended, fail=True), []
    answer = SoundAnswer(await anext(speaking), speaking)

    with pytest.raises(EngineError):  # noqa: PT012 - what came before the error counts
        async for pcm in answer:
            sent.append(pcm)

    assert sent == [b"12", b"34"]
    assert ended == [True]


async def test_a_voice_that_says_nothing_is_an_empty_sound_of_no_rate() -> None:
    async def nothing() -> AsyncGenerator[Dub, None]:
        for dub in ():
            yield dub

    answer = SoundAnswer(None, nothing())

    assert [pcm async for pcm in answer] == []
    assert answer.headers.keys() == {"Content-Type"}
