"""Captions on their way into the LiveKit room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from livekit import rtc

from agent.caption_sender import CaptionSender
from agent.nouns import Caption
from agent.wire import Signer
from tests.test_room import Time, settle
from tests.test_wire import caption

pytestmark = pytest.mark.simulated_time


class Track:
    def __init__(self) -> None:
        self.pushed: list[bytes] = []
        self.published = True

    def is_published(self) -> bool:
        return self.published

    def try_push(self, frame: rtc.DataTrackFrame) -> None:
        self.pushed.append(bytes(frame.payload))

    async def unpublish(self) -> None:
        self.published = False


class Participant:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}
        self.texts: list[tuple[str, str]] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def publish_data_track(self, name: str) -> Track:
        await self.slow.wait()
        track = self.tracks[name] = Track()
        return track

    async def send_text(self, text: str, *, topic: str, **options: Any) -> None:
        self.texts.append((topic, text))


@asynccontextmanager
async def a_sender() -> AsyncIterator[tuple[CaptionSender, Participant, Time]]:
    participant, time = Participant(), Time()
    sender = CaptionSender(lambda: participant, Signer(7), time)  # type: ignore[arg-type,return-value]
    running = asyncio.create_task(sender.run())
    yield sender, participant, time
    running.cancel()


def interim(name: str) -> Caption:
    return replace(caption(), id=name, seq=None, final=False)


async def test_a_final_has_the_same_bytes_on_both_ways():
    async with a_sender() as (sender, participant, _):
        await sender.open_captions("es")
        sender.show(caption())
        await sender.flush()
        await asyncio.sleep(0.05)

    [(topic, text)] = participant.texts
    assert topic == "captions/es"
    assert [text.encode()] == participant.tracks["captions.es"].pushed


async def test_a_language_that_is_given_back_leaves_nothing_here():
    async with a_sender() as (sender, participant, _):
        await sender.open_captions("es")
        for n in range(10):
            sender.show(interim(f"s{n}"))
            await asyncio.sleep(0.02)
        sender.show(interim("s0"))
        first = participant.tracks["captions.es"]
        await sender.close_captions("es")
        await sender.close_captions("es")
        await sender.open_captions("es")

        assert not first.published
        assert participant.tracks["captions.es"].published
        assert (sender._newest, sender._pushed) == ({}, {})


async def test_a_track_that_was_not_there_yet_when_its_language_was_given_back_goes_too():
    async with a_sender() as (sender, participant, _):
        participant.slow.clear()
        opening = asyncio.create_task(sender.open_captions("es"))
        await settle()
        opening.cancel()
        await settle()
        closing = asyncio.create_task(sender.close_captions("es"))
        await settle()
        participant.slow.set()
        await closing

        assert not participant.tracks["captions.es"].published


async def test_interims_that_no_final_follows_are_forgotten_in_the_end():
    async with a_sender() as (sender, _, _):
        for n in range(CaptionSender.WAITING + 500):
            sender.show(interim(f"a{n}"))
        waiting = len(sender._newest)
        sender.GAP = 0.0  # type: ignore[misc]
        for n in range(CaptionSender.WAITING + 500):
            sender.show(interim(f"b{n}"))
            await asyncio.sleep(0)
        await settle()

        assert waiting == CaptionSender.WAITING
        assert len(sender._pushed) <= CaptionSender.WAITING
