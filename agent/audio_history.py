"""What was heard lately on each track, for who hears a clause a second time."""

from __future__ import annotations

import math
from collections import deque

from .nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Segment


class AudioHistory:
    """The last `kept` seconds of tracks: of all of them, or of those that are followed.

    At most `MOST` tracks, the newest.
    """

    MOST = 100

    AROUND = 0.25
    """Seconds before and after a clause that are heard with it: word times are not exact."""

    def __init__(self, kept: float = 60.0, *, of_all: bool = True) -> None:
        self._kept = kept
        self._of_all = of_all
        self._followed: set[str] = set()
        self._tracks: dict[str, deque[Chunk]] = {}

    def follow(self, track: str) -> None:
        """Somebody needs this one from now on."""
        self._followed.add(track)

    def unfollow(self, track: str) -> None:
        """Nobody needs it any more; nothing of it stays unless all tracks are kept."""
        self._followed.discard(track)
        if not self._of_all:
            self._tracks.pop(track, None)

    def hear(self, chunk: Chunk) -> None:
        """Remember it, and forget what is too old, of tracks that have ended too."""
        if not self._of_all and chunk.track not in self._followed:
            return
        self._tracks.setdefault(chunk.track, deque()).append(chunk)
        if len(self._tracks) > self.MOST:
            del self._tracks[next(iter(self._tracks))]
        for track, chunks in list(self._tracks.items()):
            while chunks and chunks[0].end < chunk.end - self._kept:
                chunks.popleft()
            if not chunks:
                del self._tracks[track]

    def of(self, segment: Segment, since: float = -math.inf) -> bytes:
        """The clause as 16 kHz mono int16, and nothing before `since`; empty where its beginning is forgotten."""
        start, end = max(since, segment.start - self.AROUND), segment.end + self.AROUND
        chunks = self._tracks.get(segment.track)
        if not chunks or chunks[0].start > segment.start:
            return b""
        return b"".join(_between(chunk, start, end) for chunk in chunks)

    @property
    def size(self) -> int:
        """Bytes of sound that are remembered."""
        return sum(len(chunk.pcm) for chunks in self._tracks.values() for chunk in chunks)


def _between(chunk: Chunk, start: float, end: float) -> bytes:
    first, last = (max(0, round((at - chunk.start) * SAMPLE_RATE)) for at in (start, end))
    return chunk.pcm[first * SAMPLE_BYTES : last * SAMPLE_BYTES]
