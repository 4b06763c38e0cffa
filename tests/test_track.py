"""One track, from chunk to segment."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent.errors import EngineError
from agent.nouns import Chunk, Hypothesis, Segment, Turn
from agent.track import TrackLine

SECOND = b"\0\0" * 16_000


class Hearing:
    """Settles every second of sound as a clause; the first `fails` pushes go wrong."""

    def __init__(self, fails: list[EngineError]) -> None:
        self._fails = fails
        self._heard = 0.0
        self._start = 0.0

    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        self._heard += chunk.duration
        if self._fails:
            raise self._fails.pop(0)
        return self._settle()

    async def finish(self) -> Sequence[Segment]:
        return self._settle()

    def _settle(self) -> list[Segment]:
        seconds, self._heard = self._heard, 0.0
        start, self._start = self._start, self._start + seconds
        return [Segment(f"s{start:g}", 1, "t", "en", "clause", start, start + seconds, "fake")] if seconds else []


class Recognizing:
    def __init__(self, *fails: EngineError) -> None:
        self.languages: list[str | None] = []
        self._fails = list(fails)

    def listen(self, track: str, language: str | None) -> Hearing:
        self.languages.append(language)
        return Hearing(self._fails)


class TwoVoices:
    """Ana until the second second, Ben from then on."""

    def follow(self, track: str) -> TwoVoices:
        return self

    async def push(self, chunk: Chunk) -> Sequence[Turn]:
        return [Turn("t", "A" if chunk.start < 1.0 else "B", chunk.start, chunk.end)]


def line(recognizing: Recognizing, **options: object) -> tuple[TrackLine, list[Hypothesis | Segment]]:
    told: list[Hypothesis | Segment] = []
    return TrackLine("ana", "t", "en", recognizing, told.append, **options), told  # type: ignore[arg-type]


async def test_what_is_said_goes_under_the_name_of_its_track():
    track, told = line(Recognizing())
    track.inbox.put(Chunk("t", 0.0, SECOND))
    track.inbox.close()

    await track.run()

    assert [(s.identity, s.start, s.end) for s in told] == [("ana", 0.0, 1.0)]


async def test_voices_within_a_track_are_told_apart_by_its_diarizer():
    track, told = line(Recognizing(), diarizer=TwoVoices())
    for start in (0.0, 5.0):
        track.inbox.put(Chunk("t", start, SECOND))
    track.inbox.close()

    await track.run()

    assert [s.speaker for s in told] == ["A", None]  # the fake's clause 2 is at 1 s, where nobody held the floor


async def test_a_failure_that_passes_is_told_and_its_sound_is_heard_later():
    failures: list[str] = []
    away = EngineError("engines_away", "Nobody answers.", retryable=True)
    track, told = line(Recognizing(away), failed=lambda e: failures.append(e.code))
    for start in (0.0, 5.0):
        track.inbox.put(Chunk("t", start, SECOND))
    track.inbox.close()

    await track.run()

    assert failures == ["engines_away"]
    assert [(s.start, s.end) for s in told if isinstance(s, Segment)] == [(0.0, 2.0)]


async def test_a_language_that_no_engine_knows_is_found_out_instead():
    recognizing = Recognizing(EngineError("not_served", "No."))
    track, told = line(recognizing)
    for start in (0.0, 5.0):
        track.inbox.put(Chunk("t", start, SECOND))
    track.inbox.close()

    await track.run()

    assert recognizing.languages == ["en", None]
    assert len(told) == 1


async def test_a_program_error_ends_the_line_loudly():
    track, _ = line(Recognizing(EngineError("bad_request", "No.")))
    track.inbox.put(Chunk("t", 0.0, SECOND))

    with pytest.raises(EngineError, match="bad_request"):
        await track.run()
