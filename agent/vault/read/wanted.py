"""Which lines of a kept meeting somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of a meeting: one for each clause that agrees with all that is given.

    Without a language, in the one that was spoken; `kind` is `source`, `translation` or `redacted`, by default the
    first of them that is there. `identity` is a participant's, `since` and `until` are seconds on the room's clock,
    `text` is looked for without regard to case and diacritics.
    """

    lang: str | None = None
    kind: str | None = None
    speaker: UUID | None = None
    identity: str | None = field(default=None, repr=False)
    since: float | None = None
    until: float | None = None
    text: str | None = field(default=None, repr=False)


WHOLE = Wanted()
