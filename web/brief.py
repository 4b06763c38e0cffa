"""What an interpreter is told of a room when it is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from .policies import Policies
from .tables import rooms


async def brief(connection: AsyncConnection, policies: Policies, room: str) -> str:
    """JSON: its names and terms, and what it keeps; empty where there is nothing to say.

    Raises `unknown_policy`, `vault_away`: nobody is called who can't be told what to keep.
    """
    row = (await connection.execute(select(rooms.c.glossary, rooms.c.keeps).where(rooms.c.slug == room))).one_or_none()
    if row is None:
        return ""
    keeps = await policies.of(row.keeps)
    said = {"glossary": row.glossary or None, "keeps": keeps and keeps.told()}
    given = {name: value for name, value in said.items() if value}
    return told(given) if given else ""


def told(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
