"""What was settled, on its way to whoever keeps it."""

from __future__ import annotations

import asyncio

from agent.nouns import Caption, Segment
from agent.recording import Recording

SAID = Segment("s1", 1, "t", "en", "Good day.", 0.0, 1.0, "fake", identity="ana")


def caption(lang: str, source: str = "en") -> Caption:
    return Caption(
        id="s1", rev=1, lang=lang, source=source, text="Good day.", stable=9, final=True, start=0.0, end=1.0,
        identity="ana", track="t", speaker=None, engine="fake", seq=1,
    )  # fmt: skip


async def test_the_original_is_kept_once_as_it_was_said_and_its_caption_waits_for_that():
    kept: list[Segment | Caption] = []
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def keep(said: Segment | Caption) -> asyncio.Future[None]:
        kept.append(said)
        return written

    recording = Recording(keep, lambda error: None)
    recording.said(SAID)

    assert recording.final(caption("en-GB")) is written
    assert kept == [SAID]
    assert recording.final(caption("es")) is written
    assert kept == [SAID, caption("es")]


def test_nothing_waits_where_nothing_is_kept():
    recording = Recording(None, lambda error: None)
    recording.said(SAID)

    assert recording.final(caption("en")) is None
    assert recording.final(caption("es")) is None


def test_a_recorder_that_falls_is_told_and_nobody_waits_for_it():
    fell: list[Exception] = []

    def keep(said: Segment | Caption) -> None:
        raise OSError("the disk is full")

    recording = Recording(keep, fell.append)
    recording.said(SAID)

    assert recording.final(caption("es")) is None
    assert [type(error) for error in fell] == [OSError, OSError]
