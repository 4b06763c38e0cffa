"""One transcript, told to all who listen."""

from __future__ import annotations

from agent.nouns import Hypothesis, Segment
from agent.transcript import Transcript


def segment(name: str, end: float) -> Segment:
    return Segment(name, 9, "t", "en", name, end - 1, end, "fake")


def hypothesis(name: str, rev: int) -> Hypothesis:
    return Hypothesis(name, rev, "t", "en", f"{name} {rev}", 0, 0.0, 1.0, "fake")


async def test_every_listener_gets_every_segment_and_only_the_newest_hypothesis():
    transcript = Transcript()
    one, two = transcript.listen(), transcript.listen()

    transcript.tell(hypothesis("a", 1))
    transcript.tell(hypothesis("a", 2))
    transcript.tell(segment("a", 1.0))
    transcript.tell(hypothesis("b", 1))
    transcript.close()

    for feed in (one, two):
        assert [said.rev async for said in feed] == [9, 1]


async def test_who_leaves_still_reads_what_waits():
    transcript = Transcript()
    feed = transcript.listen()
    transcript.tell(segment("a", 1.0))

    transcript.leave(feed)
    transcript.tell(segment("b", 2.0))

    assert [said.id async for said in feed] == ["a"]


def test_only_the_last_minutes_are_remembered():
    transcript = Transcript(memory=60.0)
    for end in (1.0, 50.0, 100.0):
        transcript.tell(segment(f"s{end}", end))

    assert [s.end for s in transcript.since(0.0)] == [50.0, 100.0]
    assert [s.end for s in transcript.since(60.0)] == [100.0]
