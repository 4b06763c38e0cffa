"""How long something is kept, as a policy writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import VaultError

LONGEST = 36_500
"""Days; whoever means longer writes `forever`."""
_DAYS = re.compile(r"(meeting end \+ )?([1-9][0-9]{0,4}) days", re.ASCII)


@dataclass(frozen=True, slots=True)
class Term:
    """`not at all`, `forever`, `N days` from when it was stored, or `meeting end + N days`."""

    kept: bool = True
    days: int | None = None
    """None: for ever, where it is kept at all."""
    from_end: bool = False
    """The days count from the meeting's end."""

    @classmethod
    def parse(cls, text: str) -> Term:
        """Raises `bad_term`."""
        if text == "not at all":
            return NOT_AT_ALL
        if text == "forever":
            return FOREVER
        found = _DAYS.fullmatch(text)
        if found is None or int(found[2]) > LONGEST:
            raise VaultError(
                "bad_term",
                f"A term is `N days`, `meeting end + N days` (N from 1 to {LONGEST}), `forever` or `not at all`.",
            )
        return cls(days=int(found[2]), from_end=found[1] is not None)

    def __str__(self) -> str:
        if not self.kept:
            return "not at all"
        if self.days is None:
            return "forever"
        return f"meeting end + {self.days} days" if self.from_end else f"{self.days} days"


NOT_AT_ALL = Term(kept=False)
FOREVER = Term()


def stricter(one: Term, other: Term) -> Term:
    """The one that ends first.

    Where one counts from the meeting's end and the other from storing, with more days, that hangs on how long the
    meeting lasts: it is then the fewer days from the end, which nothing outlives in a meeting shorter than the
    difference. In a longer one the database, which goes by both, forgets sooner than that.
    """
    return min(one, other, key=_order)


def _order(term: Term) -> tuple[bool, float, bool]:
    return term.kept, float("inf") if term.days is None else term.days, term.from_end
