"""The tracks of a room that are listened to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from ..aio import TaskScope
from ..quotas import PEOPLE
from ..rate_limit import TokenBucket
from .track import TrackLine


class Tracks:
    """A line for each track, with a wall of its own; a track that can't be listened to now is tried again.

    `line` makes one for somebody's track; its part of `tasks` is `track.<sid>`.
    """

    LISTENED, LISTENED_PER_SECOND = 20, 1.0
    """How often one person's microphones may be listened to anew (unmuted, published, in another language): so many
    times at once, then so many a second. Later ones wait."""
    SETTLING = 100
    """Tracks that are listened to or settle what was heard; those beyond it wait."""

    def __init__(self, line: Callable[[str, str], TrackLine], tasks: TaskScope, now: Callable[[], float]) -> None:
        self._line = line
        self._tasks = tasks
        self._now = now
        self._lines: dict[str, TrackLine] = {}
        self._postponed: dict[str, str] = {}
        self._listens: dict[str, TokenBucket] = {}
        self._hearing: set[asyncio.Task[None]] = set()
        self._dropped = 0.0

    def __iter__(self) -> Iterator[TrackLine]:
        return iter(list(self._lines.values()))

    def line(self, track: str) -> TrackLine | None:
        """The line of a track that is listened to."""
        return self._lines.get(track)

    def listen(self, identity: str, track: str) -> None:
        """A track can be heard from now on."""
        if track in self._lines:
            return
        if len(self._hearing) >= self.SETTLING or not self._may_listen(identity):
            self._postponed[track] = identity
            return
        self._postponed.pop(track, None)
        line = self._lines[track] = self._line(identity, track)
        hearing = self._tasks.begin_part(f"track.{track}", line.run)
        self._hearing.add(hearing)
        hearing.add_done_callback(self._hearing.discard)

    def listen_to_who_waits(self) -> None:
        """Those that found no place, once more."""
        for track, identity in list(self._postponed.items()):
            self.listen(identity, track)

    def stop(self, track: str) -> None:
        """A track was muted, lost or ended: settle what was heard on it."""
        self._postponed.pop(track, None)
        if line := self._lines.pop(track, None):
            line.inbox.close()
            self._dropped += line.inbox.dropped

    def begin_anew(self, identity: str) -> None:
        """Somebody speaks another language from now on."""
        for line in [line for line in self if line.identity == identity]:
            self.stop(line.track)
            self.listen(identity, line.track)

    def left(self, identity: str) -> None:
        """Somebody is gone; what they were saying is still settled."""
        for line in [line for line in self if line.identity == identity]:
            self.stop(line.track)
        for track in [track for track, who in self._postponed.items() if who == identity]:
            self.stop(track)

    def stop_all(self) -> set[asyncio.Task[None]]:
        """The tasks that settle what was heard."""
        for line in self:
            self.stop(line.track)
        return self._hearing

    @property
    def waiting(self) -> float:
        """Seconds of sound in the longest inbox."""
        return max((line.inbox.seconds for line in self), default=0.0)

    @property
    def dropped(self) -> float:
        """Seconds of sound that nobody heard, on all tracks there were."""
        return self._dropped + sum(line.inbox.dropped for line in self)

    def _may_listen(self, identity: str) -> bool:
        now = self._now()
        if identity not in self._listens:
            while len(self._listens) >= PEOPLE:
                del self._listens[next(iter(self._listens))]
            self._listens[identity] = TokenBucket(self.LISTENED, self.LISTENED_PER_SECOND, now)
        return self._listens[identity].take(now)
