"""What everybody in a room can read of its interpreter: its attributes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence

from .engines import Consent
from .wire_names import Attribute

log = logging.getLogger(__name__)

ATTRIBUTE_LIMIT = 12_000
"""Characters of an attribute; LiveKit takes 64 KiB of all of them together."""


class Telling:
    """Puts attributes; `put` sends those that differ, as soon as it can. `changed` hears of every change of state."""

    def __init__(self, put: Callable[[Mapping[str, str]], None], changed: Callable[[], None]) -> None:
        self._put = put
        self._changed = changed
        self._state = "starting"
        self._lenders: set[str] = set()
        self.encrypted = False
        """Whether somebody's sound is encrypted from end to end."""

    @property
    def state(self) -> str:
        """As everybody is told it."""
        return "encrypted" if self.encrypted else self._state

    def begun(self, key: str, zero: float) -> None:
        """Our key's public half, and when the room's clock began (Unix seconds)."""
        self._put({Attribute.KEY: key, Attribute.ZERO: str(round(zero * 1000))})

    def tell_encrypted(self, is_so: bool) -> None:
        if is_so != self.encrypted:
            self.encrypted = is_so
            log.warning("encrypted from end to end: not interpreted" if is_so else "no longer encrypted")
            self._put({Attribute.STATE: self.state})
            self._changed()

    def tell_unheard(self, identities: Sequence[str]) -> None:
        """Who has a microphone that is not listened to."""
        self._put({Attribute.UNHEARD: json.dumps(list(identities), separators=(",", ":"))})

    # What a room tells (room.Tells)

    def tell_state(self, state: str, languages: Sequence[str], detected: Mapping[str, str]) -> None:
        self._state = state
        self._changed()
        self._put(
            {
                Attribute.STATE: self.state,
                Attribute.LANGUAGES: ",".join(sorted(languages)),
                Attribute.DETECTED: by_identity(detected),
            }
        )

    def tell_spoken(self, spoken: Mapping[str, str]) -> None:
        self._put({Attribute.SPOKEN: by_identity(spoken)})

    def tell_suggested(self, suggested: Mapping[str, str]) -> None:
        self._put({Attribute.SUGGESTED: by_identity(suggested)})

    def tell_failing(self, failing: Mapping[str, str], by_kind: Mapping[str, int]) -> None:
        told = {Attribute.FAILED: failing, Attribute.FAILURES: by_kind}
        self._put({name: json.dumps(what, separators=(",", ":"), sort_keys=True) for name, what in told.items()})

    def tell_lent(self, consent: Consent, stands: bool) -> None:
        """Somebody lent their voice to their dubs, or that is over: it is written down, too."""
        log.info("a voice like their own: %s, %s", consent.identity, "agreed" if stands else "over")
        self._lenders = self._lenders | {consent.identity} if stands else self._lenders - {consent.identity}
        self._put({Attribute.LENT: json.dumps(sorted(self._lenders), separators=(",", ":"))})

    def tell_alike(self, languages: Sequence[str]) -> None:
        """In which languages people may be dubbed in a voice like their own."""
        self._put({Attribute.ALIKE: ",".join(languages)})

    def tell_keeping(self, keeps: str, state: str) -> None:
        self._put({Attribute.KEEPS: keeps, Attribute.KEEPING: state})


def by_identity(said: Mapping[str, str]) -> str:
    """JSON of something about each person, of as many as have room in an attribute."""
    pairs, length = [], 2
    for identity, value in sorted(said.items()):
        pair = f"{json.dumps(identity)}:{json.dumps(value)}"
        length += len(pair) + 1
        if length > ATTRIBUTE_LIMIT:
            break
        pairs.append(pair)
    return "{" + ",".join(pairs) + "}"
