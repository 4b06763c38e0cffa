"""One transcript, told to all who listen."""

from __future__ import annotations

from collections import deque

from .aio import Feed
from .nouns import Hypothesis, Segment

Said = Hypothesis | Segment


class Transcript:
    """What was said in one room. Remembers the segments of the last `memory` seconds, at most `most`."""

    FEED = 5_000
    """Segments and hypotheses that may wait for a listener; beyond them it gets `FeedOverflow` and listens anew."""

    def __init__(self, memory: float = 600.0, most: int = 500) -> None:
        self._memory = memory
        self._recent: deque[Segment] = deque(maxlen=most)
        self._listeners: set[Feed[Said]] = set()
        self._closed = False

    def tell(self, said: Said) -> None:
        """Tell everybody who listens. Never waits.

        A listener gets every segment, and of a hypothesis only the newest revision.
        """
        if isinstance(said, Segment):
            self._recent.append(said)
            while self._recent[0].end < said.end - self._memory:
                self._recent.popleft()
        for feed in self._listeners:
            feed.put(said, replaces=said.id)

    def listen(self) -> Feed[Said]:
        """A feed of what is said from now on; close it with `leave`. It ends at once where the room is over."""
        feed: Feed[Said] = Feed(self.FEED)
        self._listeners.add(feed)
        if self._closed:
            feed.close()
        return feed

    def leave(self, feed: Feed[Said]) -> None:
        """Stop listening: the feed ends after what still waits in it."""
        self._listeners.discard(feed)
        feed.close()

    def since(self, start: float) -> list[Segment]:
        """The remembered segments that ended after `start` (seconds on the room's clock), oldest first."""
        return [segment for segment in self._recent if segment.end > start]

    def close(self) -> None:
        """Nothing more will be said."""
        self._closed = True
        for feed in self._listeners:
            feed.close()
