"""What was settled, on its way to whoever keeps it."""

from __future__ import annotations

from collections.abc import Callable

from .captions import Written
from .languages import same_language
from .nouns import Caption, Segment

Keep = Callable[[Segment | Caption], Written | None]
"""Takes what was settled, as it was said or in another language, and answers when it may be shown: None, at once."""


class Recording:
    """Hands on what was said and each translation of it, once. Remembers the last 500 clauses that are on their way."""

    CLAUSES = 500

    def __init__(self, keep: Keep | None, fell: Callable[[Exception], None]) -> None:
        self._keep = keep or (lambda said: None)
        self._fell = fell
        self._written: dict[str, Written] = {}

    def said(self, segment: Segment) -> None:
        """What was said, whoever reads it."""
        if written := self._kept(segment):
            self._written[segment.id] = written
            while len(self._written) > self.CLAUSES:
                del self._written[next(iter(self._written))]

    def final(self, caption: Caption) -> Written | None:
        """A final of a language, and what it waits for before it may be shown."""
        if same_language(caption.source, caption.lang):
            return self._written.get(caption.id)
        return self._kept(caption)

    def _kept(self, said: Segment | Caption) -> Written | None:
        """What it waits for; nothing where the recorder fails: people are told that, and read on."""
        try:
            return self._keep(said)
        except Exception as error:
            self._fell(error)
            return None
