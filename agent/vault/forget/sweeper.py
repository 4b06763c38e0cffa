"""The process that forgets in time: a sweep now and then, the log's old lines with it, and anchors for the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

from ...errors import DragomanError
from ..db.pool import Pool, Role
from ..log.anchors import EVERY as ANCHORED_EVERY
from ..log.anchors import Anchors
from ..log.ledger import Ledger
from . import statements
from .sweep import Sweep

log = logging.getLogger(__name__)

FIRST = 1.0
"""Seconds between two tries until there is a ledger. It has to be there before anything is kept."""


class Needs(Protocol):
    """What the process works with: things of one tenant, unless it names another."""

    @property
    def tenant(self) -> UUID: ...

    def pool(self, role: Role) -> Pool: ...

    def sweep(self) -> Sweep: ...

    def ledger(self) -> Ledger: ...

    def anchors(self, tenant: UUID) -> Anchors: ...


async def forever(needs: Needs, every: float) -> None:
    """Sweeps every so many seconds until it is cancelled. What fails is logged and tried again the next time."""
    anchors: dict[UUID, Anchors] = {}
    anchored = -ANCHORED_EVERY
    while True:
        with _said():
            log.info("swept: %s", await needs.sweep().once() or "somebody else does")
        if time.monotonic() - anchored >= ANCHORED_EVERY:
            anchored = time.monotonic()
            with _said():
                await _log(needs, anchors)
        await asyncio.sleep(every if await needs.ledger().is_there() else min(every, FIRST))


async def _log(needs: Needs, anchors: dict[UUID, Anchors]) -> None:
    """For every tenant: signs where the log stands, puts that outside the database, and forgets old lines."""
    pool = needs.pool(Role.RETENTION)
    async with pool.transaction(needs.tenant) as connection:
        tenants = list((await connection.execute(statements.EVERY_TENANT)).scalars())
    for each in tenants:
        kept = anchors.setdefault(each, needs.anchors(each))
        with _said():
            await kept.drop(pool)
        with _said():
            await kept.forget(pool)


@contextmanager
def _said() -> Iterator[None]:
    """Logs what fails, and lets everything else go on."""
    try:
        yield
    except DragomanError as error:
        log.error("%s", error)
