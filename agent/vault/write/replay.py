"""Spools that dead processes left on this machine: carried to Postgres by whoever finds them.

What can go wrong, and why things happen in this order:

- **A living process' spool is taken.** Its lock is the kernel's, and is free only when its owner is dead. Whoever
  can't take it leaves the spool alone.
- **It is cut short, or done twice.** What Postgres has is acknowledged after its commit and then wiped. What was not is
  sent again, and Postgres stores each record once.
- **Somebody was erased meanwhile.** Postgres refuses what it is sent under a destroyed key and says so; the spool wipes
  that key and what it seals.
- **The meeting's end was not told.** The spool remembers that it has to be, and it is told after the last record.
- **One spool fails.** It is logged and tried again after `EVERY` seconds; the others go on. Rows of a damaged file that
  can't be read are counted (`Losses`).
- **A damaged file stays for ever, with wrapped keys in it.** It goes after `STAYS`, by the time at which it was last
  written. Nothing reads it before: it stays for an operator who wants to look at it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from ...errors import VaultError
from ..db.pool import Pool
from .journal import SET_ASIDE
from .lock import Lock
from .losses import Losses
from .spool import SUFFIX, Spool
from .store import Store

log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two looks for such spools."""
STAYS = 24 * 3600.0
"""Seconds for which a damaged file stays. Not longer, because it may hold wrapped keys."""


async def look_after(folder: Path, pool: Pool, losses: Losses | None = None) -> None:
    """Replay what is left there, again and again, until cancelled."""
    while True:
        try:
            await replay(folder, pool, losses)
            discard(folder)
        except Exception:
            # Whatever stands in that folder, it may not end the worker, and with it everybody's captions.
            log.exception("spools are not replayed")
        await asyncio.sleep(EVERY)


async def replay(folder: Path, pool: Pool, losses: Losses | None = None) -> int:
    """Carry every spool without a living owner. Answers how many records that were. What fails is tried next time."""
    carried = 0
    for path in _left(folder):
        try:
            if spool := await Spool.adopt(path, losses=losses):
                try:
                    carried += await _carry(spool, pool)
                finally:
                    await spool.close()
        except VaultError as error:
            log.warning("a spool is not replayed yet: %s", error)
    return carried


def discard(folder: Path) -> None:
    """Delete damaged files that have stayed for their time, and locks without a spool."""
    for path in folder.glob("*.lock"):
        if not path.with_suffix(SUFFIX).exists() and (lock := Lock(path.with_suffix(SUFFIX))).take():
            lock.release(remove=True)
    for path in folder.glob(f"*{SET_ASIDE}*"):
        if time.time() - path.stat().st_mtime > STAYS:
            path.unlink()


async def _carry(spool: Spool, pool: Pool) -> int:
    store, carried = Store(pool, spool.meeting), 0
    while (taken := await spool.take()).batch:
        dead = await store.write(taken.batch)
        spool.acknowledge(taken)
        if dead:
            await spool.forget(dead)
        carried += len(taken.batch.records)
    if await spool.is_over():
        await store.finish()
        await spool.said_over()
    log.info("a spool was replayed: %d records", carried)
    return carried


def _left(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))
