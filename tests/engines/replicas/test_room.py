"""A room whose engines are behind Ray Serve: real SFU, real agent, real engines, real speech."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from infra.stack import Stack
from tests.conftest import dragoman
from tests.live.people import until
from tests.live.test_room import (  # noqa: F401  (asked again here)
    DATA,
    JFK,
    Join,
    errors,
    join,
    room,
    said,
    settled,
    test_a_language_that_no_text_is_translated_from_is_carried_directly,
    test_a_speech_is_read_in_two_languages_and_heard_in_one,
)

from .cluster import Cluster

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("told")]


@pytest.fixture(scope="module")
def engines(cluster: Cluster) -> Iterator[str]:
    """The address of the real engines."""
    from agent.engines.replicas.app import build

    yield cluster.run(build({}), "engines")
    cluster.delete("engines")


@pytest.fixture(scope="module")
def stack(engines: str) -> Iterator[Stack]:
    """All of Dragoman, but for the engines."""
    with dragoman({"DRAGOMAN_ENGINES": engines}) as running:
        yield running


async def test_speech_goes_on_when_the_replica_that_hears_it_is_killed(cluster: Cluster, stack: Stack, join: Join):  # noqa: F811
    reader = await join("Rosa", reads="en")
    speaker = await join("Jack", speaks="en")
    await speaker.interpreted()
    [victim] = cluster.replicas("engines", "recognise")

    speaking = asyncio.create_task(speaker.say(DATA / JFK))
    await until(lambda: bool(reader.interims("en")), 15)
    os.kill(victim, signal.SIGKILL)
    await speaking
    await settled(reader, "en", by=speaker)

    assert stack.pid("engines") is None  # none but Serve's
    assert errors(JFK, said(reader, "en", speaker.identity)) < 0.3
