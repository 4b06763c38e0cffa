"""The process that forgets in time: a sweep now and then, the log's old lines with it, and anchors for the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import select

from ...errors import DragomanError
from ..db.pool import Role
from ..db.tables import tenant
from ..desk import Desk
from ..log.anchors import EVERY as ANCHORED_EVERY
from ..log.anchors import Anchors

log = logging.getLogger(__name__)

FIRST = 1.0
"""Seconds between two tries until there is a ledger: it has to be there before anything is kept."""


async def forever(desk: Desk, every: float) -> None:
    """Sweeps every so many seconds until it is cancelled; what fails is said and tried again the next time."""
    anchors: dict[UUID, Anchors] = {}
    anchored = -ANCHORED_EVERY
    while True:
        with _said():
            log.info("swept: %s", await desk.sweep().once() or "somebody else does")
        if time.monotonic() - anchored >= ANCHORED_EVERY:
            anchored = time.monotonic()
            with _said():
                await _log(desk, anchors)
        await asyncio.sleep(every if await desk.ledger().is_there() else min(every, FIRST))


async def _log(desk: Desk, anchors: dict[UUID, Anchors]) -> None:
    """Every tenant's log: where it stands is signed and put outside the database, and old lines go."""
    pool = desk.pool(Role.RETENTION)
    async with pool.transaction(desk.tenant) as connection:
        tenants = list((await connection.execute(select(tenant.c.id))).scalars())
    for each in tenants:
        kept = anchors.setdefault(each, desk.anchors(each))
        with _said():
            await kept.drop(pool)
        with _said():
            await kept.forget(pool)


@contextmanager
def _said() -> Iterator[None]:
    """What fails is said, and keeps nothing else from being done."""
    try:
        yield
    except DragomanError as error:
        log.error("%s", error)
