"""The log: what is changed in it is found, whoever changes it, and it is forgotten in its own time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agent.errors import VaultError
from agent.vault.db.pool import Role
from agent.vault.log.audit import Finding, Report, append, verify

from ..kept_meetings import NOW, Kept, kept

RECHAIN = """
    DO $$ DECLARE e vault_audit.event; was bigint; h bytea := '\\x00'; n bigint := 0; BEGIN
      FOR e IN SELECT * FROM vault_audit.event WHERE tenant_id = '{tenant}' ORDER BY seq LOOP
        was := e.seq; n := n + 1; e.seq := n; e.prev := h; h := vault_audit.digest(e);
        UPDATE vault_audit.event SET seq = n, prev = e.prev, hash = h WHERE tenant_id = e.tenant_id AND seq = was;
      END LOOP;
      UPDATE vault_audit.head SET seq = n, hash = h WHERE tenant_id = '{tenant}';
    END $$
"""
"""As who knows how it is made would hide a change: every line chained anew, and the head with them."""
CHANGES = {
    "at": "at + interval '1 microsecond'",
    "actor": "actor || '!'",
    "action": "'wrote'",
    "object": "object || ' '",
    "outcome": "'denied'",
    "detail": """'{"n": 1}'""",
    "prev": "sha256(prev)",
    "hash": "sha256(hash)",
}


@pytest.fixture
async def house(migrated: str, tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept(migrated, tmp_path) as one:
        yield one


async def checked(house: Kept, anchored: bool = False) -> Report:
    return await verify(house.pools[Role.AUDITOR], house.tenant, house.anchors if anchored else None)


def names(report: Report, seq: int) -> bool:
    """Whether a finding names that line."""
    return any(finding.first <= seq <= finding.last for finding in report.findings)


async def test_a_log_that_nobody_touched_is_sound(house: Kept):
    empty = await checked(house)
    await house.lines(5)
    await house.anchors.drop(house.pools[Role.RETENTION])
    await house.lines(2)

    assert empty == Report(0, 0, 0, ())
    assert await checked(house, anchored=True) == Report(last=7, forgotten=0, anchored=5, findings=())


async def test_who_writes_the_log_can_neither_read_nor_change_it(house: Kept):
    await house.lines(2)

    for role in (Role.AGENT, Role.WEB, Role.RETENTION):
        for statement in ("SELECT * FROM vault_audit.event", "DELETE FROM vault_audit.event",
                          "UPDATE vault_audit.event SET actor = 'ben'", "TRUNCATE vault_audit.event"):  # fmt: skip
            with pytest.raises(DBAPIError, match="permission denied"):
                async with house.pools[role].transaction(house.tenant, principal="ana") as connection:
                    await connection.execute(text(statement))
    for statement in ("DELETE FROM vault_audit.event", "UPDATE vault_audit.event SET actor = 'ben'",
                      "TRUNCATE vault_audit.event"):  # fmt: skip
        with pytest.raises(asyncpg.PostgresError, match="only ever added to"):
            await house.owner.execute(statement)


async def test_the_auditor_sees_its_own_tenants_log_and_nothing_that_was_said(
    house: Kept, migrated: str, tmp_path: Path
):
    await house.lines(1)
    async with kept(migrated, tmp_path / "other") as other:
        await other.lines(1)
    async with house.pools[Role.AUDITOR].transaction(house.tenant) as connection:
        seen = (await connection.execute(text("SELECT DISTINCT tenant_id FROM vault_audit.event"))).scalars().all()

    assert seen == [house.tenant]
    for table in ("vault.record", "vault.speaker", "vault_keys.data_key", "vault_keys.tenant_key"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with house.pools[Role.AUDITOR].transaction(house.tenant) as connection:
                await connection.execute(text(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("column", CHANGES)
async def test_promise_24_a_line_edited_by_a_superuser_is_named(house: Kept, column: str):
    await house.lines(5)

    await house.tamper(f"UPDATE vault_audit.event SET {column} = {CHANGES[column]} WHERE tenant_id = $1 AND seq = 3",
                       house.tenant)  # fmt: skip

    assert names(await checked(house), 3)


async def test_promise_24_an_impossible_time_is_a_finding_too(house: Kept):
    await house.lines(3)

    await house.tamper("UPDATE vault_audit.event SET at = 'infinity' WHERE tenant_id = $1 AND seq = 2", house.tenant)

    assert (await checked(house)).findings == (Finding("edited", 2, 2),)


async def test_promise_24_an_edited_line_with_its_own_hash_made_anew_is_named(house: Kept):
    await house.lines(5)

    await house.tamper("UPDATE vault_audit.event SET actor = 'ben' WHERE tenant_id = $1 AND seq = 3", house.tenant)
    await house.tamper("UPDATE vault_audit.event e SET hash = vault_audit.digest(e) WHERE tenant_id = $1 AND seq = 3",
                       house.tenant)  # fmt: skip

    assert (await checked(house)).findings == (Finding("unchained", 3, 4),)


async def test_promise_24_the_last_line_edited_with_its_hash_made_anew_is_named(house: Kept):
    await house.lines(5)

    await house.tamper("UPDATE vault_audit.event SET actor = 'ben' WHERE tenant_id = $1 AND seq = 5", house.tenant)
    await house.tamper("UPDATE vault_audit.event e SET hash = vault_audit.digest(e) WHERE tenant_id = $1 AND seq = 5",
                       house.tenant)  # fmt: skip

    assert (await checked(house)).findings == (Finding("unchained", 5, 5),)


async def test_promise_24_removed_lines_are_named(house: Kept):
    await house.lines(9)

    await house.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq IN (1, 4, 5)", house.tenant)

    assert (await checked(house)).findings == (Finding("removed", 1, 1), Finding("removed", 4, 5))


async def test_promise_24_lines_that_changed_places_are_named(house: Kept):
    await house.lines(5)

    await house.tamper("UPDATE vault_audit.event SET seq = CASE seq WHEN 2 THEN -4 ELSE -2 END"
                       " WHERE tenant_id = $1 AND seq IN (2, 4)", house.tenant)  # fmt: skip
    await house.tamper("UPDATE vault_audit.event SET seq = -seq WHERE tenant_id = $1 AND seq < 0", house.tenant)

    report = await checked(house)
    assert names(report, 2)
    assert names(report, 4)


async def test_promise_24_a_tail_that_was_cut_is_named_by_the_head(house: Kept):
    await house.lines(5)

    await house.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq > 3", house.tenant)

    assert (await checked(house)).findings == (Finding("cut", 4, 5),)


async def test_promise_24_a_tail_cut_together_with_its_head_is_named_by_the_anchor(house: Kept):
    await house.lines(5)
    await house.anchors.drop(house.pools[Role.AUDITOR])

    await house.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq > 3", house.tenant)
    await house.tamper(RECHAIN.format(tenant=house.tenant))

    assert (await checked(house)).sound
    assert (await checked(house, anchored=True)).findings == (Finding("cut", 4, 5),)


async def test_promise_24_a_log_that_is_gone_with_its_head_is_named_by_the_anchor(house: Kept):
    await house.lines(5)
    await house.anchors.drop(house.pools[Role.AUDITOR])

    for table in ("event", "head"):
        await house.tamper(f"DELETE FROM vault_audit.{table} WHERE tenant_id = $1", house.tenant)

    assert (await checked(house, anchored=True)).findings == (Finding("cut", 1, 5),)


async def test_promise_24_a_chain_made_anew_is_named_from_the_last_anchor_that_agrees(house: Kept):
    for _ in range(3):
        await house.lines(3)
        await house.anchors.drop(house.pools[Role.AUDITOR])

    await house.tamper("UPDATE vault_audit.event SET actor = 'ben' WHERE tenant_id = $1 AND seq = 5", house.tenant)
    await house.tamper(RECHAIN.format(tenant=house.tenant))

    assert (await checked(house)).sound
    assert (await checked(house, anchored=True)).findings == (Finding("rewritten", 4, 9),)


async def test_promise_24_a_line_slipped_in_is_named(house: Kept):
    await house.lines(3)

    slip = "SELECT tenant_id, 4, at, actor, action, object, outcome, detail, hash, sha256(hash) FROM vault_audit.event"
    await house.tamper(f"INSERT INTO vault_audit.event {slip} WHERE tenant_id = $1 AND seq = 3", house.tenant)

    assert names(await checked(house), 4)


TAMPERINGS = st.tuples(
    st.sampled_from(["edit", "edit with hash", "remove", "swap", "cut", "cut with head", "slip in"]),
    st.sampled_from(sorted(CHANGES)),
    st.integers(1, 8),
    st.integers(1, 8),
    st.booleans(),
    st.integers(0, 8),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tampering=TAMPERINGS)
def test_promise_24_every_tampering_is_found_from_the_chain_or_once_anchored(
    migrated: str, tmp_path: Path, tampering: tuple[str, str, int, int, bool, int]
):
    how, column, at, other, rechained, anchored = tampering

    async def run() -> None:
        async with kept(migrated, tmp_path) as house:
            await house.lines(anchored)
            await house.anchors.drop(house.pools[Role.AUDITOR])
            await house.lines(8 - anchored)
            before = [row["hash"] for row in await house.log()]
            await tamper(house, how, column, at, other)
            if rechained:
                await house.tamper(RECHAIN.format(tenant=house.tenant))
            after = [row["hash"] for row in await house.log()]
            # A chain made anew by somebody who can write everywhere is one that the log alone can't tell from another.
            hidden = rechained or how == "cut with head"
            if not hidden and (how != "swap" or at != other):
                assert not (await checked(house)).sound
            if before[:anchored] != after[:anchored] or (not hidden and (how != "swap" or at != other)):
                report = await checked(house, anchored=True)
                assert not report.sound
                assert names(report, at) or names(report, other) or rechained

    asyncio.run(run())


async def tamper(house: Kept, how: str, column: str, at: int, other: int) -> None:
    where = "WHERE tenant_id = $1 AND seq"
    match how:
        case "edit" | "edit with hash":
            changed = CHANGES[column]
            await house.tamper(f"UPDATE vault_audit.event SET {column} = {changed} {where} = $2", house.tenant, at)
            if how == "edit with hash" and column != "hash":
                rehash = f"UPDATE vault_audit.event e SET hash = vault_audit.digest(e) {where} = $2"
                await house.tamper(rehash, house.tenant, at)
        case "remove":
            await house.tamper(f"DELETE FROM vault_audit.event {where} = $2", house.tenant, at)
        case "swap":
            swap = f"UPDATE vault_audit.event SET seq = CASE seq WHEN $2 THEN -$3 ELSE -$2 END {where} IN ($2, $3)"
            await house.tamper(swap.replace("$2", str(at)).replace("$3", str(other)), house.tenant)
            await house.tamper(f"UPDATE vault_audit.event SET seq = -seq {where} < 0", house.tenant)
        case "cut" | "cut with head":
            await house.tamper(f"DELETE FROM vault_audit.event {where} >= $2", house.tenant, at)
            if how == "cut with head":
                await house.tamper(RECHAIN.format(tenant=house.tenant))
        case "slip in":
            await house.tamper(f"UPDATE vault_audit.event SET seq = seq * 2 + 100 {where} > 0", house.tenant)
            await house.tamper("INSERT INTO vault_audit.event SELECT tenant_id, seq - 1, at, 'ben', action, object,"
                               f" outcome, detail, prev, sha256(hash) FROM vault_audit.event {where} = $2 * 2 + 100",
                               house.tenant, at)  # fmt: skip


async def test_an_anchor_is_dropped_only_where_the_log_has_moved(house: Kept):
    nothing = await house.anchors.drop(house.pools[Role.RETENTION])
    await house.lines(2)

    dropped = [await house.anchors.drop(house.pools[Role.RETENTION]) for _ in range(2)]

    assert (nothing, dropped) == (None, [2, None])


async def test_what_a_crash_left_half_written_is_no_anchor_and_spoils_none(house: Kept):
    await house.lines(1)
    await house.anchors.drop(house.pools[Role.RETENTION])
    [file] = (house.folder / "anchors").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:40])

    torn = await checked(house, anchored=True)
    await house.lines(1)
    await house.anchors.drop(house.pools[Role.RETENTION])

    assert (torn.sound, torn.anchored) == (True, 1)
    assert await checked(house, anchored=True) == Report(2, 0, 2, ())
    assert file.read_bytes().startswith(whole + b'{"content"')


async def test_an_anchor_that_somebody_else_signed_or_changed_is_named(house: Kept, migrated: str, tmp_path: Path):
    await house.lines(2)
    await house.anchors.drop(house.pools[Role.RETENTION])
    [file] = (house.folder / "anchors").iterdir()
    own = json.loads(file.read_text())
    async with kept(migrated, tmp_path / "other") as other:
        await other.lines(2)
        await other.anchors.drop(other.pools[Role.RETENTION])
        [foreign] = (other.folder / "anchors").iterdir()
        theirs = foreign.read_text()
    changed = json.dumps({**own, "content": own["content"].replace('"seq":2', '"seq":1')})

    file.write_text(file.read_text() + theirs + changed + "\nnot even JSON\n")

    assert (await checked(house, anchored=True)).findings == tuple(Finding("anchors", n, n) for n in (2, 3, 4))


async def test_where_no_anchor_can_be_written_it_says_so(house: Kept):
    await house.lines(1)
    (house.folder / "anchors").write_text("a file stands where the folder should")

    with pytest.raises(VaultError) as raised:
        await house.anchors.drop(house.pools[Role.RETENTION])

    assert raised.value.code == "anchors_away"


async def test_the_log_is_forgotten_by_the_longest_term_in_force_and_stays_verifiable(house: Kept):
    await house.policy("p", 2, audit="10 days")
    await house.policy("q", audit="30 days")
    await house.lines(6)
    await house.anchors.drop(house.pools[Role.RETENTION])
    await house.owner.execute(NOW.format(" + interval '20 days'"))
    early = await house.anchors.forget(house.pools[Role.RETENTION])
    await house.owner.execute(NOW.format(" + interval '31 days'"))

    forgotten = await house.anchors.forget(house.pools[Role.RETENTION])
    await house.lines(2)
    await house.anchors.drop(house.pools[Role.RETENTION])

    assert (early, forgotten) == (0, 6)
    assert [row["seq"] for row in await house.log()] == [7, 8, 9]
    assert await checked(house, anchored=True) == Report(last=9, forgotten=6, anchored=9, findings=())


async def test_a_log_that_is_kept_for_ever_or_for_a_matter_is_not_forgotten(house: Kept):
    await house.policy("p", 2, audit="1 days")
    await house.lines(3)
    await house.owner.execute(NOW.format(" + interval '9 days'"))
    held = "INSERT INTO vault_keys.hold (tenant_id, id, matter, placed_by) VALUES ($1, gen_random_uuid(), 'm', 'x')"
    await house.owner.execute(held, house.tenant)

    under_hold = await house.anchors.forget(house.pools[Role.RETENTION])
    await house.tamper("DELETE FROM vault_keys.hold WHERE tenant_id = $1", house.tenant)
    await house.policy("q", audit="forever")
    for_ever = await house.anchors.forget(house.pools[Role.RETENTION])
    with pytest.raises(DBAPIError, match="not to be forgotten up to there"):
        async with house.pools[Role.RETENTION].transaction(house.tenant) as connection:
            await connection.execute(text("SELECT vault_audit.forget(1, '', '', '')"))

    assert (under_hold, for_ever) == (0, 0)


async def test_only_the_retention_role_forgets(house: Kept):
    for role in (Role.AGENT, Role.WEB, Role.AUDITOR):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with house.pools[role].transaction(house.tenant) as connection:
                await connection.execute(text("SELECT vault_audit.forget(1, '', '', '')"))


async def test_promise_24_a_checkpoint_that_the_tenants_key_never_signed_excuses_nothing(house: Kept):
    await house.lines(6)
    hash_ = (await house.log())[3]["hash"]

    await house.tamper("INSERT INTO vault_audit.checkpoint VALUES ($1, 4, $2, '{}', '')", house.tenant, hash_)
    await house.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq <= 4", house.tenant)

    assert (await checked(house, anchored=True)).findings == (Finding("forgotten", 1, 4),)


async def test_a_line_waits_for_the_one_before_it_and_not_for_ever(house: Kept):
    await house.lines(1)
    lock = house.owner.transaction()
    await lock.start()
    await house.owner.execute("LOCK vault_audit.event IN ACCESS EXCLUSIVE MODE")

    with pytest.raises(VaultError) as raised:
        async with house.pools[Role.WEB].transaction(house.tenant, principal="ana") as connection:
            await append(connection, "read", "x", "allowed")
    await lock.rollback()

    assert raised.value.code == "audit_away"
