"""Who said it: pure functions over times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from ..nouns import Segment, Turn


def attribute(segment: Segment, turns: Iterable[Turn]) -> Segment:
    """The segment with the voice that held the floor longest during it.

    Without a turn that overlaps it, the segment stays as it is: its track has one voice.
    """
    held: defaultdict[str, float] = defaultdict(float)
    for turn in turns:
        if turn.track == segment.track:
            held[turn.voice] += max(0.0, min(turn.end, segment.end) - max(turn.start, segment.start))
    longest = max(held, key=held.__getitem__, default=None)
    return segment if longest is None or held[longest] == 0.0 else replace(segment, speaker=longest)
