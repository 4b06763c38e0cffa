"""What a meeting's keeper is told when the meeting begins."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ..policy.effective_policy import Keeps
from .store import Meeting


@dataclass(frozen=True, slots=True)
class Agreement:
    """A meeting, what people agreed to keep of it, and when the room's clock began (Unix seconds)."""

    meeting: Meeting
    keeps: Keeps
    zero: float


@dataclass(frozen=True, slots=True)
class Names:
    """How the people in a meeting are called, at the moment at which it is asked."""

    of: Callable[[str], str] = lambda identity: ""
    """A person's name, by identity; empty where nobody told it."""
    all: Callable[[], Collection[str]] = tuple
    """All of them: where a policy masks personal data, they are masked too."""
