"""What was settled is on the disk before it is shown, and in Postgres soon after; sealed in both."""

from __future__ import annotations

import asyncio
from pathlib import Path

from .kept import caption, files, numbers, running, segment, stored


async def test_what_was_said_and_its_translation_are_stored_once(kept_url: str, tmp_path: Path):
    async with running(kept_url, tmp_path) as keeper:
        for number in range(50):
            said = segment(number)
            await keeper.keep(said)
            await keeper.keep(caption(said, "es"))

    found = await stored(kept_url, tmp_path)
    assert numbers(found) == list(range(50))
    assert numbers(found, "translation") == list(range(50))
    assert found[0].text == "number 0"
    assert files(tmp_path) == []


async def test_finals_come_back_in_their_order(kept_url: str, tmp_path: Path):
    shown: list[int] = []
    async with running(kept_url, tmp_path) as keeper:
        for number in range(30):
            future = keeper.keep(segment(number, identity=f"guest-{number % 3}"))
            assert future
            future.add_done_callback(lambda _, number=number: shown.append(number))
        await asyncio.wait([future])

    assert shown == list(range(30))
