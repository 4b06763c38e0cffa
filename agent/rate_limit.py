"""How often guests may do what costs the others something."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from .errors import DragomanError

Seconds = float

KNOWN = 1_000
"""Participants remembered, those who left too; beyond that whoever came by longest ago is forgotten."""


class TokenBucket:
    """`burst` tokens, full at first, refilled by `per_second` a second."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, burst: float, per_second: float, now: Seconds) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = burst
        self._at = now

    def take(self, now: Seconds) -> bool:
        """One token; False where there is none."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class _Caller:
    """One participant's calls, and how much abuse of them is still borne."""

    __slots__ = ("calls", "ignored_until", "patience")

    def __init__(self, now: Seconds) -> None:
        self.calls = TokenBucket(RateLimit.BURST, RateLimit.PER_SECOND, now)
        self.patience = TokenBucket(RateLimit.STRIKES, RateLimit.FORGIVEN, now)
        self.ignored_until = 0.0


class RateLimit:
    """Calls of one room's participants: so many each, and so many together.

    Each refusal is a strike. Who has used up `STRIKES` is ignored for `IGNORED` seconds: each call is answered
    `too_many_calls` at once. Who leaves and comes back under the same identity is remembered; who comes back under
    another one still meets the room's own bucket. At most `KNOWN` participants are remembered.
    """

    BURST, PER_SECOND = 20, 5.0
    ROOM_BURST, ROOM_PER_SECOND = 600, 100.0
    """Two hundred pages that come back at once ask three times each."""
    STRIKES, FORGIVEN = 20, 0.5
    """Refusals that are borne, and how many of them are forgiven a second."""
    IGNORED: Seconds = 30.0

    def __init__(self, now: Callable[[], Seconds]) -> None:
        self._now = now
        self._room = TokenBucket(self.ROOM_BURST, self.ROOM_PER_SECOND, now())
        self._callers: OrderedDict[str, _Caller] = OrderedDict()

    def admit(self, identity: str) -> None:
        """A call of theirs. Raises `too_many_calls`."""
        now, caller = self._now(), self._caller(identity)
        if now < caller.ignored_until:
            raise DragomanError("too_many_calls", "Too many calls: nothing is answered for half a minute.")
        if not caller.calls.take(now):
            self.strike(identity)
            raise DragomanError("too_many_calls", "Too many calls; wait a little.")
        if not self._room.take(now):
            raise DragomanError("too_many_calls", "Too many calls in this room; wait a little.")

    def strike(self, identity: str) -> None:
        """Something of theirs was refused because it is too much."""
        now, caller = self._now(), self._caller(identity)
        if not caller.patience.take(now):
            caller.patience = TokenBucket(self.STRIKES, self.FORGIVEN, now)
            caller.ignored_until = now + self.IGNORED

    def __len__(self) -> int:
        """How many participants are remembered."""
        return len(self._callers)

    def _caller(self, identity: str) -> _Caller:
        caller = self._callers.pop(identity, None) or _Caller(self._now())
        self._callers[identity] = caller
        if len(self._callers) > KNOWN:
            self._callers.popitem(last=False)
        return caller


class Spacing:
    """At most one of something in so many seconds, for each who does it. Remembers `KNOWN` of them."""

    def __init__(self, seconds: Seconds, now: Callable[[], Seconds]) -> None:
        self._seconds = seconds
        self._now = now
        self._last: OrderedDict[str, Seconds] = OrderedDict()

    def take(self, who: str) -> None:
        """Do it now. Raises `too_soon`."""
        now, last = self._now(), self._last.get(who)
        if last is not None and now - last < self._seconds:
            raise DragomanError("too_soon", f"Once in {self._seconds:g} seconds.")
        self._last.pop(who, None)
        self._last[who] = now
        if len(self._last) > KNOWN:
            self._last.popitem(last=False)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._last)
