"""One track, from chunk to segment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from agent.engines import Diarizer, Recognizer
from agent.errors import EngineError
from agent.nouns import Chunk, Hypothesis, Segment, Turn
from agent.recognition.track import LineDoors, TrackLine

pytestmark = pytest.mark.simulated_time

SECOND = b"\0\0" * 16_000


class Hearing:
    """Settles every second of sound as a clause; the first `fails` pushes go wrong."""

    def __init__(self, fails: list[Exception]) -> None:
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
    def __init__(self, *fails: Exception) -> None:
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


class Told(LineDoors):
    """What a line told, by the door."""

    def __init__(self) -> None:
        self.said: list[Hypothesis | Segment] = []
        self.failures: list[str] = []
        self.fallen: list[tuple[str, str]] = []

    def tell(self, said: Hypothesis | Segment) -> None:
        self.said.append(said)

    def failed(self, error: EngineError) -> None:
        self.failures.append(error.code)

    def gave_up(self, part: str, error: Exception) -> None:
        self.fallen.append((part, type(error).__name__))


def line(recognizer: Recognizer, diarizer: Diarizer | None = None) -> tuple[TrackLine, Told]:
    told = Told()
    return TrackLine("ana", "t", "en", recognizer, told, diarizer), told


async def test_what_is_said_goes_under_the_name_of_its_track():
    track, told = line(Recognizing())
    track.inbox.put(Chunk("t", 0.0, SECOND))
    track.inbox.close()

    await track.run()

    assert [(s.identity, s.start, s.end) for s in told.said] == [("ana", 0.0, 1.0)]


async def test_voices_within_a_track_are_told_apart_by_its_diarizer():
    track, told = line(Recognizing(), diarizer=TwoVoices())
    running = asyncio.create_task(track.run())
    for start in (0.0, 1.0, 7.0):  # the fake's third clause is at 2 s, where nobody held the floor
        track.inbox.put(Chunk("t", start, SECOND))
        for _ in range(10):  # what waits would be joined to what comes
            await asyncio.sleep(0)
    track.inbox.close()
    await running

    assert [(s.start, s.speaker) for s in told.said] == [(0.0, "A"), (1.0, "B"), (2.0, None)]


async def test_a_failure_that_passes_is_told_and_its_sound_is_heard_later():
    away = EngineError("engines_away", "Nobody answers.", retryable=True)
    track, told = line(Recognizing(away))
    for start in (0.0, 5.0):
        track.inbox.put(Chunk("t", start, SECOND))
    track.inbox.close()

    await track.run()

    assert told.failures == ["engines_away"]
    assert [(s.start, s.end) for s in told.said if isinstance(s, Segment)] == [(0.0, 2.0)]


async def test_a_language_that_no_engine_knows_is_found_out_instead():
    recognizing = Recognizing(EngineError("not_served", "No."))
    track, told = line(recognizing)
    for start in (0.0, 5.0):
        track.inbox.put(Chunk("t", start, SECOND))
    track.inbox.close()

    await track.run()

    assert recognizing.languages == ["en", None]
    assert len(told.said) == 1


@pytest.mark.parametrize(
    "fails",
    [
        [EngineError("bad_request", "No.")],
        [EngineError("engine_failed", "No.")],
        [EngineError("engine_failed", "No.", retryable=True)] * 3,
        [EngineError("timeout", "No.", retryable=True)] * 9,
        [RuntimeError("what was said")],
    ],
)
async def test_sound_over_which_recognition_fails_is_given_up_and_what_comes_after_it_is_heard(fails: list[Exception]):
    recognizing = Recognizing(*fails)
    track, told = line(recognizing)
    for start in range(len(fails) + 1):
        track.inbox.put(Chunk("t", start * 5.0, SECOND))
    track.inbox.close()

    await track.run()

    assert told.fallen == [("recognise", type(fails[0]).__name__)]
    assert recognizing.languages == ["en", "en"]
    assert len(told.said) == 1


async def test_a_finish_that_fails_for_good_ends_its_line_and_nothing_else():
    class Unfinished(Hearing):
        async def finish(self) -> Sequence[Segment]:
            raise EngineError("engine_failed", "No.")

    class Ending(Recognizing):
        def listen(self, track: str, language: str | None) -> Hearing:
            return Unfinished([])

    track, told = line(Ending())
    track.inbox.put(Chunk("t", 0.0, SECOND))
    track.inbox.close()

    await asyncio.wait_for(track.run(), 10)

    assert (len(told.said), told.fallen) == (1, [("recognise", "EngineError")])


async def test_words_that_were_sure_are_settled_where_the_rest_is_given_up():
    class Sure(Hearing):
        async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
            if chunk.start > 0:
                raise EngineError("engine_failed", "No.")
            return [Hypothesis("h", 3, "t", "en", "We are sure of this but", 19, 0.0, 1.0, "fake")]

    class Recognizing_(Recognizing):
        def listen(self, track: str, language: str | None) -> Hearing:
            return Sure([])

    track, told = line(Recognizing_())
    for start in (0.0, 5.0):
        track.inbox.put(Chunk("t", start, SECOND))
    track.inbox.close()

    await track.run()

    [segment] = [one for one in told.said if isinstance(one, Segment)]
    assert (segment.id, segment.rev, segment.text, segment.speakable) == ("h", 4, "We are sure of this", False)


@pytest.mark.parametrize("fails", [EngineError("engine_failed", "No."), RuntimeError("no")])
async def test_a_diarizer_that_fails_costs_labels_only(fails: Exception):
    class Failing(TwoVoices):
        async def push(self, chunk: Chunk) -> Sequence[Turn]:
            raise fails

    track, told = line(Recognizing(), diarizer=Failing())
    for start in range(6):
        track.inbox.put(Chunk("t", start * 5.0, SECOND))
    track.inbox.close()

    await track.run()

    assert len(told.said) == 6
    assert told.fallen == [("diarize", type(fails).__name__)] * 3


async def test_a_recognizer_that_cannot_begin_is_asked_again_by_the_next_run():
    class Refusing(Recognizing):
        def listen(self, track: str, language: str | None) -> Hearing:
            self.languages.append(language)
            if len(self.languages) == 1:
                raise RuntimeError("no")
            return Hearing([])

    track, told = line(Refusing())
    track.inbox.put(Chunk("t", 0.0, SECOND))
    track.inbox.close()

    with pytest.raises(RuntimeError):
        await track.run()
    await track.run()

    assert len(told.said) == 1


async def test_a_recognition_that_never_hears_is_begun_anew_ever_more_seldom():
    begun: list[float] = []

    class Deaf(Hearing):
        async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
            raise EngineError("engine_failed", "No.")

    class Beginning(Recognizing):
        def listen(self, track: str, language: str | None) -> Hearing:
            begun.append(asyncio.get_running_loop().time())
            return Deaf([])

    track, _ = line(Beginning())
    running = asyncio.create_task(track.run())
    for start in range(600):
        track.inbox.put(Chunk("t", start * 0.1, bytes(3_200)))
        await asyncio.sleep(0.1)
    track.inbox.close()
    await running

    assert 20 <= len(begun) <= 26
