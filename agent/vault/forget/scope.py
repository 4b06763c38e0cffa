"""What a hold or an erasure covers: all that agrees with everything that is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """A room, a meeting, a person (`TenantKeys.subject`), or a person in one of them; empty: all of the tenant's."""

    room: str | None = None
    meeting: UUID | None = None
    subject: UUID | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """For a statement."""
        return {"room": self.room, "meeting": self.meeting, "subject": self.subject}

    @property
    def said(self) -> dict[str, str]:
        """For a log or a receipt."""
        return {name: str(value) for name, value in self.parameters.items() if value is not None}
