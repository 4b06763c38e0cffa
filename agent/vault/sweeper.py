"""The process that forgets in time: a sweep now and then, the log's old lines with it, and anchors for the log."""

from __future__ import annotations

import asyncio
import logging
import time
from uuid import UUID

from sqlalchemy import select

from ..errors import DragomanError
from .anchors import EVERY as ANCHORED_EVERY
from .anchors import Anchors
from .desk import Desk
from .pool import Role
from .tables import tenant

log = logging.getLogger(__name__)


async def forever(desk: Desk, every: float) -> None:
    """Sweeps every so many seconds until it is cancelled; what fails is said and tried again the next time."""
    anchors: dict[UUID, Anchors] = {}
    anchored = -ANCHORED_EVERY
    while True:
        try:
            log.info("swept: %s", await desk.sweep().once() or "somebody else does")
            if time.monotonic() - anchored >= ANCHORED_EVERY:
                await _log(desk, anchors)
                anchored = time.monotonic()
        except DragomanError as error:
            log.error("%s", error)
        await asyncio.sleep(every)


async def _log(desk: Desk, anchors: dict[UUID, Anchors]) -> None:
    """Every tenant's log: old lines go, and where it stands is signed and put outside the database."""
    pool = desk.pool(Role.RETENTION)
    async with pool.transaction(desk.tenant) as connection:
        tenants = list((await connection.execute(select(tenant.c.id))).scalars())
    for each in tenants:
        kept = anchors.setdefault(each, desk.anchors(each))
        await kept.forget(pool)
        await kept.drop(pool)
