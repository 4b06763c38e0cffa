"""What an interpreter is told of a room when it is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..policies import Policies
from ..tables import interpreters, rooms


async def brief(connection: AsyncConnection, policies: Policies, room: str) -> str:
    """JSON: its epoch, its names and terms, and what it keeps; empty where there is no such room of ours.

    Each brief has an epoch of its own, by the database's clock and above all that the room
    had, so that the clocks of workers decide nothing.
    Raises `unknown_policy`, `vault_away`: nobody is called who can't be told what to keep.
    """
    row = (await connection.execute(select(rooms.c.glossary, rooms.c.keeps).where(rooms.c.slug == room))).one_or_none()
    if row is None:
        return ""
    keeps = await policies.of(row.keeps)
    said = {
        "epoch": await _next_epoch(connection, room),
        "glossary": row.glossary or None,
        "keeps": keeps and keeps.told(),
    }
    return told({name: value for name, value in said.items() if value})


async def _next_epoch(connection: AsyncConnection, room: str) -> int:
    clock = cast(func.date_part("epoch", func.clock_timestamp()) * 1000, BigInteger)
    had = select(func.coalesce(func.max(interpreters.c.epoch), 0)).where(interpreters.c.room == room).scalar_subquery()
    above = func.greatest(clock, rooms.c.epoch + 1, had + 1)
    put = update(rooms).where(rooms.c.slug == room).values(epoch=above).returning(rooms.c.epoch)
    return int((await connection.execute(put)).scalar_one())


def told(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
