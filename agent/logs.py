"""Logging, the same in every process: a line of JSON for each thing that happened.

Never a name, a secret, or what was said.
"""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

NAMES = {"levelname": "level", "name": "from", "message": "event", "exc_info": "trace"}
"""What a line calls the parts of a record."""
LINE = ("at", *NAMES.values())
FIELDS = (
    *("route", "method", "status", "ms", "code", "room", "removed", "called", "of", "ahead_s", "peer", "beats"),
    *("meeting", "key_id"),
)
"""What a line of ours may carry besides; anything else that somebody adds is left out."""
OURS = {"agent", "web", "infra"}


class Lines(JsonFormatter):
    """A record as one line of JSON."""

    def __init__(self) -> None:
        super().__init__(
            ("levelname", "name", "message"),
            rename_fields=NAMES,
            # Whatever a library adds under one of our names doesn't take its place.
            reserved_attrs=[*RESERVED_ATTRS, *LINE],
            timestamp="at",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        log_data["level"] = log_data["level"].lower()
        fields = FIELDS if log_data["from"].split(".")[0] in OURS else ()
        return {name: log_data[name] for name in (*LINE, *fields) if name in log_data}


def start(level: str) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler])
