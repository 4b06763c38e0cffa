"""The key tree on a real Postgres: what opens what, what goes on while somebody is away, and rotation under fire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from cryptography.exceptions import InvalidSignature
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import VaultError
from agent.vault.crypto.envelope import DataKey, key_of
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.crypto.keys import GRACE, HELD, TenantKeys
from agent.vault.crypto.root_key import Several
from agent.vault.crypto.rotation import destroy_retired, renew, rewrap, rotate, rotate_root, tenants
from agent.vault.crypto.transit import Transit
from agent.vault.crypto.wrapper import Wrapper
from agent.vault.db.pool import Pool, Role
from tests.postgres.rotating import ADD, Fire
from tests.vault.faults import Front, front
from tests.vault.transit import TOKEN, StandIn

MEETING, SPEAKER = uuid4(), uuid4()
MINUTE = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Place:
    """One tenant in the database, and pools in the roles that are asked for."""

    def __init__(self, url: str, wrapper: Wrapper) -> None:
        self.url, self.wrapper, self.tenant = url, wrapper, uuid4()
        self._pools: dict[Role, Pool] = {}

    def pool(self, role: Role) -> Pool:
        return self._pools.setdefault(role, Pool(SecretStr(self.url), role))

    def keys(self, role: Role = Role.AGENT, **more: Any) -> TenantKeys:
        """As a process that has just begun has them."""
        return TenantKeys(self.pool(role), self.wrapper, self.tenant, **more)

    async def add(self, key: DataKey, wrapped: bytes, version: int) -> str:
        given = {"meeting": MEETING, "id": key.id, "speaker": SPEAKER, "subject": SPEAKER}
        async with self.pool(Role.AGENT).transaction(self.tenant, room="demo") as connection:
            answer = await connection.execute(ADD, {**given, "version": version, "wrapped": wrapped})
            return str(answer.scalar_one())

    async def added(self, keys: TenantKeys) -> DataKey:
        key, wrapped, version = await keys.fresh_data_key(MEETING, SPEAKER)
        assert await self.add(key, wrapped, version) == "active"
        return key

    async def row(self, key: DataKey) -> tuple[bytes | None, int]:
        query = "SELECT wrapped, tenant_key_version FROM vault_keys.data_key WHERE tenant_id = $1 AND id = $2"
        [row] = await self.fetch(query, self.tenant, key.id)
        return tuple(row)  # type: ignore[return-value]

    async def opened(self, key: DataKey) -> bytes:
        """The key's secret, as a web server that has just begun reads it."""
        return (await self.keys(Role.WEB).unwrap_data_key(key.id, MEETING, SPEAKER, *await self.row(key))).secret

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetch(query, *values)  # type: ignore[no-any-return]
        finally:
            await connection.close()

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.close()


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "root.key")


@pytest.fixture
async def place(migrated: str, file: KeyFile) -> AsyncIterator[Place]:
    one = Place(migrated, file)
    yield one
    await one.close()


@pytest.fixture
async def between(place: Place, tmp_path: Path) -> AsyncIterator[Front]:
    """The root key is held by a Vault, and this stands before it."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with TestServer(StandIn().app()) as server, front(str(server.make_url(""))) as one:
        place.wrapper = Transit(one.url, "transit", "dragoman", token)
        yield one


async def code(failing: Awaitable[object]) -> str:
    with pytest.raises(VaultError) as failed:
        await failing
    return failed.value.code


async def test_a_data_key_that_one_process_stored_opens_in_another(place: Place):
    key = await place.added(place.keys())

    assert await place.opened(key) == key.secret


async def test_processes_that_begin_together_agree_on_the_tenants_keys(place: Place):
    several = [place.keys() for _ in range(6)]

    made = await asyncio.gather(*(place.added(keys) for keys in several))

    assert [await place.opened(key) for key in made] == [key.secret for key in made]
    assert len({await keys.subject("ana") for keys in several}) == 1


async def test_promise_14_a_data_key_opens_only_for_its_tenant_meeting_speaker_and_id(place: Place, migrated: str):
    keys, other = place.keys(), Place(migrated, place.wrapper)
    key, wrapped, version = await keys.fresh_data_key(MEETING, SPEAKER)
    await other.added(other.keys())

    swapped = [
        keys.unwrap_data_key(uuid4(), MEETING, SPEAKER, wrapped, version),
        keys.unwrap_data_key(key.id, uuid4(), SPEAKER, wrapped, version),
        keys.unwrap_data_key(key.id, SPEAKER, MEETING, wrapped, version),
        keys.unwrap_data_key(key.id, MEETING, uuid4(), wrapped, version),
        other.keys().unwrap_data_key(key.id, MEETING, SPEAKER, wrapped, version),
    ]
    assert [await code(one) for one in swapped] == ["does_not_open"] * 5
    await other.close()


async def test_promise_14_a_tenant_key_moved_to_another_tenant_purpose_or_version_is_refused(
    place: Place, migrated: str
):
    await place.keys().ready()
    other = Place(migrated, place.wrapper)
    copy = """INSERT INTO vault_keys.tenant_key (tenant_id, purpose, version, wrapper_ref, wrapped)
        SELECT $1, $2, $3, wrapper_ref, wrapped FROM vault_keys.tenant_key WHERE tenant_id = $4 AND purpose = 'wrap'"""
    await place.fetch(copy, other.tenant, "wrap", 1, place.tenant)
    await place.fetch(copy, place.tenant, "sign", 1, place.tenant)
    await place.fetch(copy, place.tenant, "wrap", 2, place.tenant)

    assert await code(other.keys().fresh_data_key(MEETING, SPEAKER)) == "key_refused"
    assert await code(place.keys().sign(b"")) == "key_refused"
    assert await code(place.keys().fresh_data_key(MEETING, SPEAKER)) == "key_refused"
    await other.close()


async def test_a_person_has_one_pseudonym_in_all_meetings_of_a_tenant_and_another_elsewhere(
    place: Place, migrated: str
):
    other = Place(migrated, place.wrapper)
    before = await place.keys().subject("ana")
    await place.added(place.keys())
    await rotate(place.pool(Role.KEYS), place.wrapper, place.tenant)

    assert before == await place.keys().subject("ana")
    assert (before.version, before.variant) == (8, "specified in RFC 4122")
    assert len({before, await place.keys().subject("Ana"), await other.keys().subject("ana")}) == 3
    await other.close()


async def test_what_is_signed_is_checked_with_the_tenants_public_key(place: Place):
    await place.keys().sign(b"made")
    retention = place.keys(Role.RETENTION)

    signature = await retention.sign(b"a receipt")

    (await place.keys().public_key()).verify(signature, b"a receipt")
    with pytest.raises(InvalidSignature):
        (await place.keys().public_key()).verify(signature, b"another")


async def test_who_destroys_signs_and_tells_pseudonyms_but_has_no_key_that_opens_anything(place: Place):
    await place.keys().ready()
    retention = place.keys(Role.RETENTION)

    await retention.sign(b"a receipt")
    assert await retention.subject("ana") == await place.keys().subject("ana")
    assert await code(retention.fresh_data_key(MEETING, SPEAKER)) == "no_key"


async def test_who_destroys_makes_no_key_that_wraps(place: Place):
    assert await code(place.keys(Role.RETENTION).fresh_data_key(MEETING, SPEAKER)) == "no_key"


async def test_a_destroyed_key_is_said_to_be_destroyed(place: Place):
    keys = place.keys()

    assert await code(keys.unwrap_data_key(uuid4(), MEETING, SPEAKER, None, 1)) == "key_destroyed"
    assert await code(keys.unwrap_data_key(uuid4(), MEETING, SPEAKER, b"", 7)) == "no_key"


async def test_no_secret_shows_when_keys_are_printed(place: Place):
    keys = place.keys()
    key, _, _ = await keys.fresh_data_key(MEETING, SPEAKER)

    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in f"{keys!r} {vars(keys)!r} {key!r}"
    assert "secret" not in f"{vars(keys)!r}"


async def test_promise_33_a_fresh_data_key_asks_nobody_while_the_tenants_key_is_at_hand(place: Place, between: Front):
    clock = Clock()
    keys = place.keys(clock=clock)
    await keys.ready()
    asked = between.asked

    clock.now += HELD - 1
    await asyncio.gather(*(keys.fresh_data_key(MEETING, uuid4()) for _ in range(200)))

    assert between.asked == asked


async def test_promise_33_a_room_that_runs_goes_on_for_30_minutes_without_whoever_holds_the_root_key(
    place: Place, between: Front
):
    clock = Clock()
    keys = place.keys(clock=clock)
    await keys.ready()
    made = [await place.added(keys)]
    between.away = True

    for _ in range(30):
        clock.now += MINUTE
        made.append(await place.added(keys))  # somebody joins and speaks
        await keys.subject("ana")
    cold = [await code(place.keys().fresh_data_key(MEETING, SPEAKER)), await code(place.keys().ready())]
    rows = await place.fetch("SELECT wrapped FROM vault_keys.data_key WHERE tenant_id = $1", place.tenant)
    between.away = False

    assert cold == ["keys_away", "keys_away"]  # a new room in a new process keeps nothing, and is told why
    assert len(rows) == 31
    assert not [row for row in rows for key in made if key.secret in row["wrapped"]]  # no row is in plaintext
    assert {key_of(row["wrapped"]) for row in rows} == {key_of(rows[0]["wrapped"])}
    assert [await place.opened(key) for key in made] == [key.secret for key in made]


async def test_promise_33_after_an_hour_without_an_answer_the_key_at_hand_is_given_up(place: Place, between: Front):
    clock = Clock()
    keys = place.keys(clock=clock)
    await keys.ready()
    between.away = True

    clock.now += GRACE + 1
    given_up = await code(keys.fresh_data_key(MEETING, SPEAKER))
    between.away = False

    assert given_up == "keys_away"
    await place.added(keys)


@pytest.mark.parametrize("trouble", ["slow", "errors", "garbage"])
async def test_promise_33_trouble_with_a_renewal_holds_nobody_up(place: Place, between: Front, trouble: str):
    clock = Clock()
    keys = place.keys(clock=clock)
    await keys.ready()
    between.slow = 30.0 if trouble == "slow" else 0.0
    between.answer = {"errors": (500, b""), "garbage": (200, b"<html>")}.get(trouble)

    clock.now += HELD + 1
    async with asyncio.timeout(2.0):
        await keys.fresh_data_key(MEETING, SPEAKER)
        asked = between.asked
        await asyncio.gather(*(keys.fresh_data_key(MEETING, uuid4()) for _ in range(50)))

    assert between.asked == asked  # nor is it asked again at once


async def test_promise_33_a_no_is_heard_at_the_next_renewal_though_a_key_is_at_hand(place: Place, between: Front):
    clock = Clock()
    keys = place.keys(clock=clock)
    await keys.ready()
    between.answer = (403, b'{"errors": ["permission denied"]}')

    clock.now += HELD + 1
    first = await code(keys.fresh_data_key(MEETING, SPEAKER))
    between.away = True

    assert (first, await code(keys.fresh_data_key(MEETING, SPEAKER))) == ("key_refused", "keys_away")


async def test_promise_33_a_wrapper_that_loses_what_it_wraps_makes_no_tenant_key(place: Place, between: Front):
    between.answer = (200, b'{"data": {"ciphertext": "vault:v1:AAAA"}}')

    assert await code(place.keys().ready()) == "keys_away"
    assert await place.fetch("SELECT FROM vault_keys.tenant_key WHERE tenant_id = $1", place.tenant) == []


class Unplugged(Pool):
    """A pool whose database may be away."""

    away = False

    @asynccontextmanager
    async def transaction(self, tenant: UUID, **more: Any) -> AsyncIterator[AsyncConnection]:
        if self.away:
            raise VaultError("vault_away", "The database of what is kept does not answer.")
        async with super().transaction(tenant, **more) as connection:
            yield connection


async def test_a_room_that_runs_makes_keys_while_the_database_is_away(place: Place):
    clock, pool = Clock(), Unplugged(SecretStr(place.url), Role.AGENT)
    keys = TenantKeys(pool, place.wrapper, place.tenant, clock=clock)
    await keys.ready()
    pool.away = True
    clock.now += 12 * MINUTE

    key, wrapped, version = await keys.fresh_data_key(MEETING, SPEAKER)
    cold = await code(TenantKeys(pool, place.wrapper, place.tenant).ready())

    assert cold == "vault_away"
    assert await place.add(key, wrapped, version) == "active"
    assert await place.opened(key) == key.secret
    await pool.close()


async def test_rotation_puts_every_key_under_the_new_version(place: Place):
    keys = place.keys()
    made = [await place.added(keys) for _ in range(25)]
    before = [await place.row(key) for key in made]

    done = await rotate(place.pool(Role.KEYS), place.wrapper, place.tenant, batch=10)

    after = [await place.row(key) for key in made]
    assert (done.version, done.keys, list(done.unreadable)) == (2, 25, [])
    assert [version for _, version in after] == [2] * 25
    assert not {wrapped for wrapped, _ in before} & {wrapped for wrapped, _ in after}
    assert [await place.opened(key) for key in made] == [key.secret for key in made]


async def test_who_rotates_knows_everybody_who_has_keys(place: Place):
    before = await tenants(place.pool(Role.KEYS))
    await place.keys().ready()

    assert place.tenant not in before
    assert place.tenant in await tenants(place.pool(Role.KEYS))


async def test_a_rotation_that_was_cut_off_is_gone_on_with_and_not_begun_again(place: Place):
    made = [await place.added(place.keys()) for _ in range(3)]
    pool = place.pool(Role.KEYS)

    assert await renew(pool, place.wrapper, place.tenant) == 2  # and there it was killed
    done = await rotate(pool, place.wrapper, place.tenant)

    assert (done.version, done.keys) == (2, 3)
    assert [await place.opened(key) for key in made] == [key.secret for key in made]


async def test_rotations_at_the_same_time_end_with_one_newest_version(place: Place):
    made = [await place.added(place.keys()) for _ in range(40)]
    pool = place.pool(Role.KEYS)
    await renew(pool, place.wrapper, place.tenant)

    done = await asyncio.gather(*(rewrap(pool, place.wrapper, place.tenant, batch=5) for _ in range(3)))

    assert sum(one.keys for one in done) == 40
    assert [await place.opened(key) for key in made] == [key.secret for key in made]


async def test_what_was_destroyed_stays_destroyed_through_a_rotation(place: Place):
    gone, kept = [await place.added(place.keys()) for _ in range(2)]
    destroy = "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL, destroyed_at = now() WHERE id = $1"
    await place.fetch(destroy, gone.id)

    done = await rotate(place.pool(Role.KEYS), place.wrapper, place.tenant)

    assert (done.keys, list(done.unreadable)) == (1, [])
    assert await place.row(gone) == (None, 1)
    assert await code(place.opened(gone)) == "key_destroyed"
    assert await place.opened(kept) == kept.secret


async def test_a_key_that_nobody_can_read_is_named_and_stops_nothing(place: Place):
    spoilt, kept = [await place.added(place.keys()) for _ in range(2)]
    await spoil(place, spoilt)
    pool = place.pool(Role.KEYS)

    done = await rotate(pool, place.wrapper, place.tenant)

    assert (done.keys, list(done.unreadable)) == (1, [spoilt.id])
    assert await place.opened(kept) == kept.secret
    assert await destroy_retired(pool, place.tenant, linger=timedelta()) == []  # it may still be wanted


async def spoil(place: Place, key: DataKey) -> None:
    """Changes a wrapped key on the disk, as no role can."""
    connection = await asyncpg.connect(place.url)
    await connection.execute("SET session_replication_role = replica")
    other = "UPDATE vault_keys.data_key SET wrapped = set_byte(wrapped, 150, 255 - get_byte(wrapped, 150))"
    await connection.execute(other + " WHERE id = $1", key.id)
    await connection.close()


async def test_a_version_lingers_and_is_then_destroyed_for_good(place: Place):
    key = await place.added(place.keys())
    pool = place.pool(Role.KEYS)
    await rotate(pool, place.wrapper, place.tenant)

    early = await destroy_retired(pool, place.tenant)
    late = await destroy_retired(pool, place.tenant, linger=timedelta())

    assert (list(early), list(late)) == ([], [1])
    query = "SELECT wrapped FROM vault_keys.tenant_key WHERE tenant_id = $1 AND version = 1 AND purpose = 'wrap'"
    assert [row["wrapped"] for row in await place.fetch(query, place.tenant)] == [None]
    assert await place.opened(key) == key.secret
    assert await code(place.keys().ready([1])) == "key_destroyed"


async def test_where_the_root_key_was_lost_no_other_is_made_in_its_place(place: Place, tmp_path: Path):
    await place.keys().fresh_data_key(MEETING, SPEAKER)  # `index` and `sign` are not there yet
    (tmp_path / "root.key").rename(tmp_path / "lost.key")

    assert await code(place.keys().subject("guest-ana")) == "keys_away"
    assert not (tmp_path / "root.key").exists()


async def test_retention_makes_the_key_that_it_signs_with_and_none_that_opens(place: Place):
    retention = TenantKeys(place.pool(Role.RETENTION), place.wrapper, place.tenant)

    (await retention.public_key()).verify(await retention.sign(b"said"), b"said")
    assert await retention.subject("guest-ana") == await place.keys().subject("guest-ana")
    assert await code(retention.fresh_data_key(MEETING, SPEAKER)) == "no_key"


async def test_nobody_destroys_a_version_that_keys_need(place: Place):
    key = await place.added(place.keys())
    destroy = text("UPDATE vault_keys.tenant_key SET state = 'destroyed', wrapped = NULL WHERE tenant_id = :tenant")

    assert await refusal(place, Role.KEYS, destroy) == "P0K07"
    assert await place.opened(key) == key.secret


async def test_a_key_under_a_destroyed_version_is_not_taken_but_one_that_was_rewrapped_may_come_again(place: Place):
    keys = place.keys()
    known, late = await keys.fresh_data_key(MEETING, SPEAKER), await keys.fresh_data_key(MEETING, SPEAKER)
    await place.add(*known)
    pool = place.pool(Role.KEYS)
    await rotate(pool, place.wrapper, place.tenant)
    await destroy_retired(pool, place.tenant, linger=timedelta())

    again = await place.add(*known)
    with pytest.raises(DBAPIError) as refused:
        await place.add(*late)
    await place.add(late[0], *await place.keys().wrap_data_key(late[0], MEETING, SPEAKER))

    assert (again, refused.value.orig.sqlstate) == ("active", "P0K06")  # type: ignore[union-attr]
    assert await place.opened(known[0]) == known[0].secret
    assert await place.opened(late[0]) == late[0].secret


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM vault.record",
        "SELECT FROM vault.speaker",
        "SELECT FROM vault_audit.event",
        "DELETE FROM vault_keys.data_key",
        "DELETE FROM vault_keys.tenant_key",
        "UPDATE vault_keys.data_key SET state = 'destroyed', wrapped = NULL",
        "TRUNCATE vault_keys.tenant_key",
    ],
)
async def test_who_rotates_reads_no_record_and_destroys_no_data_key(place: Place, statement: str):
    assert await refusal(place, Role.KEYS, text(statement)) == "42501"


async def refusal(place: Place, role: Role, statement: Any) -> str:
    """How Postgres calls its reason."""
    with pytest.raises(DBAPIError) as refused:
        async with place.pool(role).transaction(place.tenant) as connection:
            await connection.execute(statement, {"tenant": place.tenant})
    return str(refused.value.orig.sqlstate)  # type: ignore[union-attr]


async def test_promise_16_rotation_never_loses_data(migrated: str, tmp_path: Path):
    fire = Fire(migrated, tmp_path)
    await fire.fill(20_000)

    outcome = await fire.rage(kills=10, batch=50, longest=0.4)

    assert (outcome.unreadable, outcome.destroyed, outcome.kills) == (0, (1,), 10)
    assert min(outcome.left) < max(outcome.left)  # it was killed in the middle
    assert outcome.reads > 100
    assert outcome.writes > 100


@pytest.fixture
async def alone(own_url: str, file: KeyFile) -> AsyncIterator[Place]:
    """A database with this tenant only: the root's rotation is everybody's."""
    one = Place(own_url, file)
    yield one
    await one.close()


async def test_promise_16_the_root_is_rotated_and_its_old_version_forgotten(alone: Place, file: KeyFile):
    await alone.keys().ready()
    made = [await alone.added(alone.keys()) for _ in range(3)]
    [old] = file.versions()
    file.rotate()

    counts = [await rotate_root(alone.pool(Role.KEYS), file) for _ in range(2)]  # the second as after a kill
    file.forget(old)

    assert counts == [2, 2]  # one wraps, one makes pseudonyms
    assert [await alone.opened(key) for key in made] == [key.secret for key in made]


async def test_promise_16_the_root_moves_to_another_holder(alone: Place, file: KeyFile, between_alone: Transit):
    made = [await alone.added(alone.keys()) for _ in range(3)]

    await rotate_root(alone.pool(Role.KEYS), Several([between_alone, file]))
    alone.wrapper = between_alone

    assert [await alone.opened(key) for key in made] == [key.secret for key in made]
    rows = await alone.fetch("SELECT wrapper_ref, wrapped FROM vault_keys.tenant_key")
    assert {(row["wrapper_ref"], row["wrapped"][:9]) for row in rows} == {(between_alone.ref, b"vault:v1:")}


@pytest.fixture
async def between_alone(tmp_path: Path) -> AsyncIterator[Transit]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with TestServer(StandIn().app()) as server:
        yield Transit(str(server.make_url("")).rstrip("/"), "transit", "dragoman", token)
