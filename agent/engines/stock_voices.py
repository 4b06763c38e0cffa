"""Which of an engine's stock voices a speaker has: a pure function over names."""

from __future__ import annotations

import hashlib


def seat(voice: str | None, count: int) -> int:
    """The voice (0 to `count` - 1) of the speaker who is named last in `voice`, always the same one.

    Names are words. Those before the last are of speakers who have their voices already, in the order in which they
    got them: each takes the voice that its name comes to, or the next free one. So while
    there are no more speakers than voices no two share one, and nobody's voice changes when others come.
    """
    taken: set[int] = set()
    at = 0
    for name in (voice or "").split():
        at = first(name, count)
        if len(taken) < count:
            while at in taken:
                at = (at + 1) % count
        taken.add(at)
    return at


def first(name: str, count: int) -> int:
    """What a name alone comes to."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % count
