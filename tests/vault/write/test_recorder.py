"""What was settled is on the disk before it is shown, and in Postgres soon after; sealed in both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from agent.errors import VaultError
from agent.vault.crypto.envelope import DataKey, open_
from agent.vault.crypto.ids import of_name
from agent.vault.crypto.keys import TenantKeys
from agent.vault.db.pool import Pool, Role
from agent.vault.policy.effective_policy import Keeps
from agent.vault.write.data_keys import KEY_LIFE
from agent.vault.write.store import Batch, Store

from ..numbered_finals import MEETING, TENANT, TOLD, caption, files, keys_of, numbers, running, segment, stored
from .test_spool import no_more_than


async def asked(url: str, question: str, *given: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch(question, *given)
    await connection.close()
    return list(found)


async def speakers(url: str, folder: Path) -> list[dict[str, str]]:
    """Identity and name of those who spoke."""
    pool = Pool(SecretStr(url), Role.AGENT)
    tenant, found = keys_of(pool, folder), []
    for row in await asked(
        url,
        "SELECT s.id, s.key_id, s.sealed, k.wrapped, k.tenant_key_version AS version FROM vault.speaker s "
        "JOIN vault_keys.data_key k ON k.id = s.key_id",
    ):
        key = await tenant.unwrap_data_key(row["key_id"], MEETING.id, row["id"], row["wrapped"], row["version"])
        place = of_name(TENANT, MEETING.room, MEETING.id, row["id"])
        found.append(json.loads(open_(key, place, row["sealed"])))
    await pool.close()
    return found


async def keys(url: str) -> dict[str, int]:
    """How many there are of each kind."""
    return {row[0]: row[1] for row in await asked(url, "SELECT kind, count(*) FROM vault_keys.data_key GROUP BY kind")}


async def subject(url: str, folder: Path, identity: str) -> UUID:
    """The pseudonym of a person."""
    pool = Pool(SecretStr(url), Role.AGENT)
    found = await keys_of(pool, folder).subject(identity)
    await pool.close()
    return found


async def destroy_keys_of(url: str, subject: UUID) -> None:
    """As retention does it."""
    await asked(
        url,
        "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = now() WHERE subject = $1",
        subject,
    )
    await asked(
        url, "DELETE FROM vault.record r USING vault_keys.data_key k WHERE k.id = r.key_id AND k.subject = $1", subject
    )


async def meeting_times(url: str) -> list[datetime]:
    """By which it is decided what is due."""
    (row,) = await asked(url, "SELECT started_at, last_at, day FROM vault.meeting")
    return [row["started_at"], row["last_at"]]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other threads and processes
            await asyncio.sleep(0.02)


async def until_stored(url: str, count: int) -> None:
    """So many records, of which no key is destroyed."""
    async with asyncio.timeout(20):
        while len(await asked(url, "SELECT FROM vault.record")) != count:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)


async def test_speakers_beyond_those_remembered_are_forgotten_and_kept_with_new_keys_when_they_speak_again(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agent.vault.write.speakers.MOST", 3)
    async with running(kept_url, tmp_path) as keeper:
        for number in range(10):
            await keeper.keep(segment(number, identity=f"guest-{number % 5}"))
            assert len(keeper._sealing.speakers) <= 3
            assert len(keeper._sealing.keys) <= 6

    assert numbers(await stored(kept_url, tmp_path)) == list(range(10))
    assert {one["identity"] for one in await speakers(kept_url, tmp_path)} == {f"guest-{n}" for n in range(5)}


async def test_what_was_said_and_its_translation_are_stored_once(kept_url: str, tmp_path: Path):
    async with running(kept_url, tmp_path) as keeper:
        for number in range(50):
            said = segment(number)
            await keeper.keep(said)
            await keeper.keep(caption(said, "es"))

    found = await stored(kept_url, tmp_path)
    assert numbers(found) == list(range(50))
    assert numbers(found, "translation") == list(range(50))
    assert found[0].text == "number 0"
    assert files(tmp_path) == []


async def test_finals_come_back_in_their_order(kept_url: str, tmp_path: Path):
    shown: list[int] = []
    async with running(kept_url, tmp_path) as keeper:
        for number in range(30):
            future = keeper.keep(segment(number, identity=f"guest-{number % 3}"))
            assert future
            future.add_done_callback(lambda _, number=number: shown.append(number))
        await asyncio.wait([future])

    assert shown == list(range(30))


async def test_who_speaks_is_named_once_and_anew_when_the_name_changes(kept_url: str, tmp_path: Path):
    names = {"guest-ana": "Ana"}
    async with running(kept_url, tmp_path, name_of=lambda identity: names[identity]) as keeper:
        await keeper.keep(segment(0))
        await keeper.keep(segment(1))
        names["guest-ana"] = "Ana María"
        await keeper.keep(segment(2))

    assert await speakers(kept_url, tmp_path) == [{"identity": "guest-ana", "name": "Ana María"}]


async def test_each_speaker_and_each_kind_has_a_key_of_its_own_and_none_seals_for_more_than_a_day(
    kept_url: str, tmp_path: Path
):
    clock = [0.0]
    async with running(kept_url, tmp_path, now=lambda: clock[0]) as keeper:
        for day in range(2):
            clock[0] = day * KEY_LIFE
            for identity in ("guest-ana", "guest-ben"):
                said = segment(day, identity=identity)
                await keeper.keep(said)
                await keeper.keep(caption(said, "es"))
                await keeper.keep(caption(said, "fr"))

    kinds = await keys(kept_url)
    assert kinds == {"source": 4, "translation": 4, "name": 4}
    assert len(await stored(kept_url, tmp_path)) == 2 * 2 * 3


@pytest.mark.parametrize(
    ("terms", "kinds"),
    [
        ({"translation": "not at all"}, {"source"}),
        ({"source": "not at all"}, {"translation"}),
        ({}, {"source", "translation"}),
    ],
)
async def test_only_what_was_agreed_is_kept(kept_url: str, tmp_path: Path, terms: dict[str, str], kinds: set[str]):
    async with running(kept_url, tmp_path, keeps=Keeps.heard(TOLD | terms)) as keeper:
        said = segment(1)
        for final in (keeper.keep(said), keeper.keep(caption(said, "es"))):
            if final:
                await final

    assert {one.kind for one in await stored(kept_url, tmp_path)} == kinds


async def test_what_cannot_be_written_down_is_shown_and_reaches_postgres_from_memory(kept_url: str, tmp_path: Path):
    states: list[str] = []
    async with running(kept_url, tmp_path, tell=states.append) as keeper:
        await keeper.keep(segment(0))
        with no_more_than(4_096):
            for number in range(1, 50):
                await asyncio.wait_for(keeper.keep(segment(number, identity=f"guest-{number % 7}")), 5)
            await until(lambda: not keeper._held)
        await keeper.keep(segment(50))

    assert states == ["failing", "ok"]
    assert keeper.losses.counts == {}
    assert numbers(await stored(kept_url, tmp_path)) == list(range(51))


async def test_what_neither_disk_nor_database_takes_is_counted_beyond_a_bound(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agent.vault.write.held_rows.HELD", 20)
    async with running(kept_url, tmp_path) as keeper:
        await keeper.keep(segment(0))
        keeper._carrier._store.write = away  # type: ignore[method-assign]
        with no_more_than(4_096):
            for number in range(1, 50):
                await asyncio.wait_for(keeper.keep(segment(number)), 5)
        state, lost, held = keeper.state, keeper.losses.counts, len(keeper._held)
        del keeper._carrier._store.write
        await keeper.keep(segment(50))

    assert state == "failing"
    assert held == 20
    assert lost == {"memory": 49 - held}
    assert keeper.state == "ok"


async def away(batch: Batch) -> frozenset[UUID]:
    raise VaultError("vault_away", "Nobody answers.")


async def test_a_speaker_for_whom_there_is_no_key_is_shown_and_not_kept_and_never_in_the_clear(
    kept_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    states, pool = list[str](), Pool(SecretStr(kept_url), Role.AGENT)
    keys = Keyless(keys_of(pool, tmp_path))
    async with running(kept_url, tmp_path, keys=keys, tell=states.append) as keeper:
        await keeper.keep(segment(0))
        keys.away = True
        await asyncio.wait_for(keeper.keep(segment(1, identity="guest-ben")), 5)
        await keeper.keep(segment(2))  # whoever has spoken before goes on to be kept
        keys.away = False
        await keeper.keep(segment(3, identity="guest-ben"))
    await pool.close()

    assert numbers(await stored(kept_url, tmp_path)) == [0, 2, 3]
    assert "away" in states
    assert states[-1] == "ok"
    assert keeper.losses.counts == {"no_key": 1}
    assert "number" not in caplog.text


class Keyless:
    """The tenant's keys, of which nobody gives any while they are away."""

    def __init__(self, keys: TenantKeys) -> None:
        self.away = False
        self._keys = keys

    async def fresh_data_key(self, meeting: UUID, speaker: UUID) -> tuple[DataKey, bytes, int]:
        self._look()
        return await self._keys.fresh_data_key(meeting, speaker)

    async def subject(self, identity: str) -> UUID:
        self._look()
        return await self._keys.subject(identity)

    def _look(self) -> None:
        if self.away:
            raise VaultError("keys_away", "Nobody answers.")


async def test_a_key_that_was_destroyed_takes_along_what_it_sealed_and_whoever_it_was_speaks_on_under_a_fresh_one(
    kept_url: str, tmp_path: Path
):
    async with running(kept_url, tmp_path) as keeper:
        await keeper.keep(segment(0))
        await keeper.keep(segment(1, identity="guest-ben"))
        await until_stored(kept_url, 2)
        await destroy_keys_of(kept_url, await subject(kept_url, tmp_path, "guest-ana"))
        await keeper.keep(segment(2))
        await keeper.keep(segment(3, identity="guest-ben"))
        await until(lambda: len(keeper._sealing.keys) < 4)  # ana's are given up
        await keeper.keep(segment(4))

    assert numbers(await stored(kept_url, tmp_path)) == [1, 3, 4]
    assert {one["identity"] for one in await speakers(kept_url, tmp_path)} == {"guest-ana", "guest-ben"}


async def test_a_replay_names_nobody_who_was_erased_meanwhile(kept_url: str, tmp_path: Path):
    async with running(kept_url, tmp_path) as keeper:
        await keeper.keep(segment(0))
        taken = await keeper._spool.take()
    await destroy_keys_of(kept_url, await subject(kept_url, tmp_path, "guest-ana"))
    await asked(kept_url, "DELETE FROM vault.speaker")
    pool = Pool(SecretStr(kept_url), Role.AGENT)

    assert taken.batch.keys
    dead = await Store(pool, MEETING).write(taken.batch)
    await pool.close()

    assert dead == {key.id for key in taken.batch.keys}
    assert await asked(kept_url, "SELECT FROM vault.speaker") == []
    assert await stored(kept_url, tmp_path) == []


async def test_promise_10_an_agent_whose_clock_is_wrong_changes_no_time_that_decides(kept_url: str, tmp_path: Path):
    right = datetime.now(UTC)
    for skew, number in ((-600.0, 0), (600.0, 1)):
        zero = right.timestamp() + skew
        async with running(kept_url, tmp_path, zero=zero) as keeper:
            await keeper.keep(segment(number, start=0.0))

    found = sorted(await stored(kept_url, tmp_path), key=lambda one: one.text)
    times = await meeting_times(kept_url)
    assert [round((one.said_at - right).total_seconds()) for one in found] == [-600, 600]
    assert all(abs((one.stored_at - right).total_seconds()) < 60 for one in found)
    assert all(abs((at - right).total_seconds()) < 60 for at in times)


async def test_a_fault_of_the_keeper_costs_one_final_its_keeping_and_nobody_their_reading(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    states: list[str] = []
    async with running(kept_url, tmp_path, tell=states.append) as keeper:
        items = keeper._sealing.items

        async def falls(said: Any) -> Any:
            if said.text == segment(2).text:
                raise KeyError(said.text)
            return await items(said)

        monkeypatch.setattr(keeper._sealing, "items", falls)
        for number in (1, 2, 3):
            await asyncio.wait_for(keeper.keep(segment(number)) or asyncio.sleep(0), 5)

    assert numbers(await stored(kept_url, tmp_path)) == [1, 3]
    assert (keeper.losses.counts, states) == ({"internal": 1}, ["failing", "ok"])
    assert segment(2).text not in caplog.text


async def test_a_disk_that_refuses_in_an_unheard_of_way_holds_nobody_up(
    kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with running(kept_url, tmp_path) as keeper:

        def put(items: Any) -> Any:
            raise RuntimeError("no")

        monkeypatch.setattr(keeper._spool, "put", put)
        await asyncio.wait_for(keeper.keep(segment(1)) or asyncio.sleep(0), 5)
        monkeypatch.undo()
        await asyncio.wait_for(keeper.keep(segment(2)) or asyncio.sleep(0), 5)

    assert numbers(await stored(kept_url, tmp_path)) == [2]
