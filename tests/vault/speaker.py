"""An agent as far as keeping goes, in a process that can be killed: it speaks numbered finals until it is.

Started once, it makes a child for each line it reads, `FIRST SHOWN`: the child replays what its predecessors left,
speaks numbers from FIRST on, and writes each to the file SHOWN when it may be shown, and not before.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from pydantic import SecretStr

from agent.vault.db.pool import Pool, Role
from agent.vault.write.replay import replay
from agent.vault.write.spool import Spool
from agent.vault.write.store import Store

from .numbered_finals import MEETING, caption, keys_of, recorder, segment

TOGETHER = 5
"""Finals that are settled at once, as those of several languages are."""


async def speak(url: str, folder: Path, first: int, shown: int) -> None:
    """Until killed."""
    pool = Pool(SecretStr(url), Role.AGENT)
    keys = keys_of(pool, folder)
    await keys.ready()
    spool = await Spool.create(folder / "spool", MEETING)
    keeper = recorder(keys, spool, Store(pool, MEETING))
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run())
        group.create_task(replay(folder / "spool", pool))
        for number in itertools.count(first, TOGETHER):
            waiting = []
            for each in range(number, number + TOGETHER):
                said = segment(each, identity=f"guest-{each % 3}")
                keeper.keep(said)
                final = keeper.keep(caption(said, "es"))
                assert final
                final.add_done_callback(lambda _, each=each: os.write(shown, f"{each}\n".encode()))
                waiting.append(final)
            await asyncio.wait(waiting)
            await asyncio.sleep(0.002)


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    for line in sys.stdin:
        first, shown = line.split()
        if not (child := os.fork()):
            out = os.open(shown, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            asyncio.run(speak(url, folder, int(first), out))
        print(child, flush=True)


if __name__ == "__main__":
    main()
