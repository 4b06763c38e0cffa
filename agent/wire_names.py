"""What things are called on the wire: whoever reads or writes a room knows them by these names.

The page's are in `web/client/src/core/wireNames.ts`; `tests/data/wire-names.json` holds the two against each other.
"""

from __future__ import annotations

from enum import StrEnum

INTERPRETER = "interpreter-"
"""How the identity of an interpreter starts; its kind is AGENT as well."""


class Attribute(StrEnum):
    """Of participants: the first ones are an interpreter's, `HOST` is a person's."""

    KEY = "dragoman.key"
    EPOCH = "dragoman.epoch"
    STATE = "dragoman.state"
    LANGUAGES = "dragoman.languages"
    DETECTED = "dragoman.detected"
    SPOKEN = "dragoman.spoken"
    SUGGESTED = "dragoman.suggested"
    KEEPS = "dragoman.keeps"
    KEEPING = "dragoman.keeping"
    SYNTHETIC = "dragoman.synthetic"
    ZERO = "dragoman.zero"
    FAILED = "dragoman.failed"
    FAILURES = "dragoman.failures"
    UNHEARD = "dragoman.unheard"
    LENT = "dragoman.lent"
    ALIKE = "dragoman.alike"
    HOST = "dragoman.host"


class Method(StrEnum):
    """Calls that an interpreter answers."""

    ALIVE = "dragoman.alive"
    CAPTIONS = "dragoman.captions"
    LANGUAGES = "dragoman.languages"
    LEND = "dragoman.lend"
    SPEAKS = "dragoman.speaks"


def captions_track(lang: str) -> str:
    """The data track on which a language's captions are live."""
    return f"captions.{lang}"


def captions_topic(lang: str) -> str:
    """The topic of the text streams that carry a language's finals."""
    return f"captions/{lang}"


def dub_track(lang: str) -> str:
    """The audio track of a language's voice."""
    return f"dub.{lang}"


def cues_topic(lang: str) -> str:
    """The topic of the packets that say what a language's voice is doing."""
    return f"dub/{lang}"
