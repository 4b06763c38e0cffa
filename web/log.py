"""Logging: one line of JSON for each thing that happened; never a name, a secret, or what was said."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

FIELDS = ("route", "method", "status", "ms", "code", "room", "removed", "called", "of", "ahead_s", "peer", "beats")
"""What a line may carry besides its event; anything else that somebody adds is left out."""


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def start(level: str) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
