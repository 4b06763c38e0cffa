"""Which tracks of a room are listened to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from agent.aio import TaskScope
from agent.nouns import Chunk, Hypothesis, Segment
from agent.recognition.track import LineDoors, TrackLine
from agent.recognition.tracks import Tracks

SECOND = bytes(32_000)


class Silent:
    """Hears nothing, however much there is."""

    def listen(self, track: str, language: str | None) -> Silent:
        return self

    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        return []

    async def finish(self) -> Sequence[Segment]:
        return []


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def playing(scene: Callable[[Tracks, Time, list[str]], Awaitable[None]]) -> None:
    begun, time = list[str](), Time()

    def line(identity: str, track: str) -> TrackLine:
        begun.append(f"{identity} {track}")
        return TrackLine(identity, track, None, Silent(), LineDoors())

    async with TaskScope(lambda part, error: None) as tasks:
        tracks = Tracks(line, tasks, time)
        await scene(tracks, time, begun)
        tracks.stop_all()


async def test_a_track_is_listened_to_once_until_it_stops():
    async def scene(tracks: Tracks, time: Time, begun: list[str]) -> None:
        tracks.listen("ana", "t")
        tracks.listen("ana", "t")
        tracks.stop("t")
        tracks.listen("ana", "t")

        assert begun == ["ana t", "ana t"]

    await playing(scene)


async def test_who_speaks_another_language_is_listened_to_anew_and_nobody_else():
    async def scene(tracks: Tracks, time: Time, begun: list[str]) -> None:
        tracks.listen("ana", "t1")
        tracks.listen("ben", "t2")
        tracks.begin_anew("ana")

        assert begun == ["ana t1", "ben t2", "ana t1"]

    await playing(scene)


async def test_microphones_that_come_too_often_wait_and_then_have_their_turn():
    async def scene(tracks: Tracks, time: Time, begun: list[str]) -> None:
        for n in range(Tracks.LISTENED + 2):
            tracks.listen("ana", f"t{n}")
        tracks.listen("ben", "other")
        at_once = len(begun)
        time.now += 1.0
        tracks.listen_to_who_waits()

        assert at_once == Tracks.LISTENED + 1
        assert len(begun) == at_once + 1

    await playing(scene)


async def test_who_left_is_not_listened_to_later():
    async def scene(tracks: Tracks, time: Time, begun: list[str]) -> None:
        for n in range(Tracks.LISTENED + 2):
            tracks.listen("ana", f"t{n}")
        tracks.left("ana")
        time.now += 60.0
        tracks.listen_to_who_waits()

        assert len(begun) == Tracks.LISTENED
        assert list(tracks) == []

    await playing(scene)


async def test_the_longest_inbox_is_what_waits():
    async def scene(tracks: Tracks, time: Time, begun: list[str]) -> None:
        for track, seconds in (("t1", 1), ("t2", 3)):
            tracks.listen("ana", track)
            if line := tracks.line(track):
                line.inbox.put(Chunk(track, 0.0, SECOND * seconds))

        assert tracks.waiting == 3.0
        assert tracks.dropped == 0.0

    await playing(scene)
