"""Personal data in what was said: found and masked before it is stored."""

from __future__ import annotations

from .kinds import Found, Kind
from .redactor import Redactor
from .thread import Masked, Settled, Thread

__all__ = ["Found", "Kind", "Masked", "Redactor", "Settled", "Thread"]
