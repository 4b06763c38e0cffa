"""What an interpreter is told when it is called: the room's glossary, and what of it is kept."""

from __future__ import annotations

import logging

from .calls import parsed
from .errors import DragomanError
from .terms.glossary import Glossary, parse
from .vault import Keeps

log = logging.getLogger(__name__)


def glossary_of(told: str) -> Glossary:
    """The names and terms in what we were told when we were called; none where they make no sense."""
    if not told:
        return Glossary()
    try:
        return parse(parsed(told).get("glossary", []))
    except DragomanError as error:
        log.warning("a room without its glossary: %s", error.code)
        return Glossary()


def keeps_of(told: str) -> Keeps | None:
    """What is kept, in what we were told when we were called; None where nothing is, or where it makes no sense."""
    try:
        keeps = parsed(told).get("keeps") if told else None
        return Keeps.heard(keeps) if keeps else None
    except DragomanError as error:
        log.error("nothing of this room is kept: %s", error.code)
        return None
