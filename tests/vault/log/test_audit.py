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
from agent.vault.log import audit
from agent.vault.log.audit import Finding, Report, append, verify

from ..kept_meetings import NOW, Archive, an_archive

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
async def archive(migrated: str, tmp_path: Path) -> AsyncIterator[Archive]:
    async with an_archive(migrated, tmp_path) as one:
        yield one


async def checked(archive: Archive, anchored: bool = False) -> Report:
    return await verify(archive.pools[Role.AUDITOR], archive.tenant, archive.anchors if anchored else None)


def names(report: Report, seq: int) -> bool:
    """Whether a finding names that line."""
    return any(finding.first <= seq <= finding.last for finding in report.findings)


async def test_a_log_that_nobody_touched_is_sound(archive: Archive):
    empty = await checked(archive)
    await archive.lines(5)
    await archive.anchors.drop(archive.pools[Role.RETENTION])
    await archive.lines(2)

    assert empty == Report(0, 0, 0, ())
    assert await checked(archive, anchored=True) == Report(last=7, forgotten=0, anchored=5, findings=())


async def test_who_writes_the_log_can_neither_read_nor_change_it(archive: Archive):
    await archive.lines(2)

    for role in (Role.AGENT, Role.WEB, Role.RETENTION):
        for statement in ("SELECT * FROM vault_audit.event", "DELETE FROM vault_audit.event",
                          "UPDATE vault_audit.event SET actor = 'ben'", "TRUNCATE vault_audit.event"):  # fmt: skip
            with pytest.raises(DBAPIError, match="permission denied"):
                async with archive.pools[role].transaction(archive.tenant, principal="ana") as connection:
                    await connection.execute(text(statement))
    for statement in ("DELETE FROM vault_audit.event", "UPDATE vault_audit.event SET actor = 'ben'",
                      "TRUNCATE vault_audit.event"):  # fmt: skip
        with pytest.raises(asyncpg.PostgresError, match="only ever added to"):
            await archive.owner.execute(statement)


async def test_the_auditor_sees_its_own_tenants_log_and_nothing_that_was_said(
    archive: Archive, migrated: str, tmp_path: Path
):
    await archive.lines(1)
    async with an_archive(migrated, tmp_path / "other") as other:
        await other.lines(1)
    async with archive.pools[Role.AUDITOR].transaction(archive.tenant) as connection:
        seen = (await connection.execute(text("SELECT DISTINCT tenant_id FROM vault_audit.event"))).scalars().all()

    assert seen == [archive.tenant]
    for table in ("vault.record", "vault.speaker", "vault_keys.data_key", "vault_keys.tenant_key"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with archive.pools[Role.AUDITOR].transaction(archive.tenant) as connection:
                await connection.execute(text(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("column", CHANGES)
async def test_promise_24_a_line_edited_by_a_superuser_is_named(archive: Archive, column: str):
    await archive.lines(5)

    await archive.tamper(f"UPDATE vault_audit.event SET {column} = {CHANGES[column]} WHERE tenant_id = $1 AND seq = 3",
                       archive.tenant)  # fmt: skip

    assert names(await checked(archive), 3)


async def test_promise_24_an_impossible_time_is_a_finding_too(archive: Archive):
    await archive.lines(3)

    await archive.tamper(
        "UPDATE vault_audit.event SET at = 'infinity' WHERE tenant_id = $1 AND seq = 2", archive.tenant
    )

    assert (await checked(archive)).findings == (Finding("edited", 2, 2),)


async def test_promise_24_an_edited_line_with_its_own_hash_made_anew_is_named(archive: Archive):
    await archive.lines(5)

    await archive.tamper("UPDATE vault_audit.event SET actor = 'ben' WHERE tenant_id = $1 AND seq = 3", archive.tenant)
    await archive.tamper("UPDATE vault_audit.event e SET hash = vault_audit.digest(e) WHERE tenant_id = $1 AND seq = 3",
                       archive.tenant)  # fmt: skip

    assert (await checked(archive)).findings == (Finding("unchained", 3, 4),)


async def test_promise_24_the_last_line_edited_with_its_hash_made_anew_is_named(archive: Archive):
    await archive.lines(5)

    await archive.tamper("UPDATE vault_audit.event SET actor = 'ben' WHERE tenant_id = $1 AND seq = 5", archive.tenant)
    await archive.tamper("UPDATE vault_audit.event e SET hash = vault_audit.digest(e) WHERE tenant_id = $1 AND seq = 5",
                       archive.tenant)  # fmt: skip

    assert (await checked(archive)).findings == (Finding("unchained", 5, 5),)


async def test_promise_24_removed_lines_are_named(archive: Archive):
    await archive.lines(9)

    await archive.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq IN (1, 4, 5)", archive.tenant)

    assert (await checked(archive)).findings == (Finding("removed", 1, 1), Finding("removed", 4, 5))


async def test_promise_24_lines_that_changed_places_are_named(archive: Archive):
    await archive.lines(5)

    await archive.tamper("UPDATE vault_audit.event SET seq = CASE seq WHEN 2 THEN -4 ELSE -2 END"
                       " WHERE tenant_id = $1 AND seq IN (2, 4)", archive.tenant)  # fmt: skip
    await archive.tamper("UPDATE vault_audit.event SET seq = -seq WHERE tenant_id = $1 AND seq < 0", archive.tenant)

    report = await checked(archive)
    assert names(report, 2)
    assert names(report, 4)


async def test_promise_24_a_tail_that_was_cut_is_named_by_the_head(archive: Archive):
    await archive.lines(5)

    await archive.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq > 3", archive.tenant)

    assert (await checked(archive)).findings == (Finding("cut", 4, 5),)


async def test_promise_24_a_tail_cut_together_with_its_head_is_named_by_the_anchor(archive: Archive):
    await archive.lines(5)
    await archive.anchors.drop(archive.pools[Role.AUDITOR])

    await archive.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq > 3", archive.tenant)
    await archive.tamper(RECHAIN.format(tenant=archive.tenant))

    assert (await checked(archive)).sound
    assert (await checked(archive, anchored=True)).findings == (Finding("cut", 4, 5),)


async def test_promise_24_a_log_that_is_gone_with_its_head_is_named_by_the_anchor(archive: Archive):
    await archive.lines(5)
    await archive.anchors.drop(archive.pools[Role.AUDITOR])

    for table in ("event", "head"):
        await archive.tamper(f"DELETE FROM vault_audit.{table} WHERE tenant_id = $1", archive.tenant)

    assert (await checked(archive, anchored=True)).findings == (Finding("cut", 1, 5),)


async def test_promise_24_a_chain_made_anew_is_named_from_the_last_anchor_that_agrees(archive: Archive):
    for _ in range(3):
        await archive.lines(3)
        await archive.anchors.drop(archive.pools[Role.AUDITOR])

    await archive.tamper("UPDATE vault_audit.event SET actor = 'ben' WHERE tenant_id = $1 AND seq = 5", archive.tenant)
    await archive.tamper(RECHAIN.format(tenant=archive.tenant))

    assert (await checked(archive)).sound
    assert (await checked(archive, anchored=True)).findings == (Finding("rewritten", 4, 9),)


async def test_promise_24_a_line_slipped_in_is_named(archive: Archive):
    await archive.lines(3)

    slip = "SELECT tenant_id, 4, at, actor, action, object, outcome, detail, hash, sha256(hash) FROM vault_audit.event"
    await archive.tamper(f"INSERT INTO vault_audit.event {slip} WHERE tenant_id = $1 AND seq = 3", archive.tenant)

    assert names(await checked(archive), 4)


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
        async with an_archive(migrated, tmp_path) as archive:
            await archive.lines(anchored)
            await archive.anchors.drop(archive.pools[Role.AUDITOR])
            await archive.lines(8 - anchored)
            before = [row["hash"] for row in await archive.log()]
            await tamper(archive, how, column, at, other)
            if rechained:
                await archive.tamper(RECHAIN.format(tenant=archive.tenant))
            after = [row["hash"] for row in await archive.log()]
            # A chain made anew by somebody who can write everywhere is one that the log alone can't tell from another.
            hidden = rechained or how == "cut with head"
            if not hidden and (how != "swap" or at != other):
                assert not (await checked(archive)).sound
            if before[:anchored] != after[:anchored] or (not hidden and (how != "swap" or at != other)):
                report = await checked(archive, anchored=True)
                assert not report.sound
                assert names(report, at) or names(report, other) or rechained

    asyncio.run(run())


async def tamper(archive: Archive, how: str, column: str, at: int, other: int) -> None:
    where = "WHERE tenant_id = $1 AND seq"
    match how:
        case "edit" | "edit with hash":
            changed = CHANGES[column]
            await archive.tamper(f"UPDATE vault_audit.event SET {column} = {changed} {where} = $2", archive.tenant, at)
            if how == "edit with hash" and column != "hash":
                rehash = f"UPDATE vault_audit.event e SET hash = vault_audit.digest(e) {where} = $2"
                await archive.tamper(rehash, archive.tenant, at)
        case "remove":
            await archive.tamper(f"DELETE FROM vault_audit.event {where} = $2", archive.tenant, at)
        case "swap":
            swap = f"UPDATE vault_audit.event SET seq = CASE seq WHEN $2 THEN -$3 ELSE -$2 END {where} IN ($2, $3)"
            await archive.tamper(swap.replace("$2", str(at)).replace("$3", str(other)), archive.tenant)
            await archive.tamper(f"UPDATE vault_audit.event SET seq = -seq {where} < 0", archive.tenant)
        case "cut" | "cut with head":
            await archive.tamper(f"DELETE FROM vault_audit.event {where} >= $2", archive.tenant, at)
            if how == "cut with head":
                await archive.tamper(RECHAIN.format(tenant=archive.tenant))
        case "slip in":
            await archive.tamper(f"UPDATE vault_audit.event SET seq = seq * 2 + 100 {where} > 0", archive.tenant)
            await archive.tamper("INSERT INTO vault_audit.event SELECT tenant_id, seq - 1, at, 'ben', action, object,"
                               f" outcome, detail, prev, sha256(hash) FROM vault_audit.event {where} = $2 * 2 + 100",
                               archive.tenant, at)  # fmt: skip


async def test_an_anchor_is_dropped_only_where_the_log_has_moved(archive: Archive):
    nothing = await archive.anchors.drop(archive.pools[Role.RETENTION])
    await archive.lines(2)

    dropped = [await archive.anchors.drop(archive.pools[Role.RETENTION]) for _ in range(2)]

    assert (nothing, dropped) == (None, [2, None])


async def test_what_a_crash_left_half_written_is_no_anchor_and_spoils_none(archive: Archive):
    await archive.lines(1)
    await archive.anchors.drop(archive.pools[Role.RETENTION])
    [file] = (archive.folder / "anchors").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:40])

    torn = await checked(archive, anchored=True)
    await archive.lines(1)
    await archive.anchors.drop(archive.pools[Role.RETENTION])

    assert (torn.sound, torn.anchored) == (True, 1)
    assert await checked(archive, anchored=True) == Report(2, 0, 2, ())
    assert file.read_bytes().startswith(whole + b'{"content"')


async def test_an_anchor_that_somebody_else_signed_or_changed_is_named(archive: Archive, migrated: str, tmp_path: Path):
    await archive.lines(2)
    await archive.anchors.drop(archive.pools[Role.RETENTION])
    [file] = (archive.folder / "anchors").iterdir()
    own = json.loads(file.read_text())
    async with an_archive(migrated, tmp_path / "other") as other:
        await other.lines(2)
        await other.anchors.drop(other.pools[Role.RETENTION])
        [foreign] = (other.folder / "anchors").iterdir()
        theirs = foreign.read_text()
    changed = json.dumps({**own, "content": own["content"].replace('"seq":2', '"seq":1')})

    file.write_text(file.read_text() + theirs + changed + "\nnot even JSON\n")

    assert (await checked(archive, anchored=True)).findings == tuple(Finding("anchors", n, n) for n in (2, 3, 4))


async def test_where_no_anchor_can_be_written_it_says_so(archive: Archive):
    await archive.lines(1)
    (archive.folder / "anchors").write_text("a file stands where the folder should")

    with pytest.raises(VaultError) as raised:
        await archive.anchors.drop(archive.pools[Role.RETENTION])

    assert raised.value.code == "anchors_away"


async def test_the_log_is_forgotten_by_the_longest_term_in_force_and_stays_verifiable(archive: Archive):
    await archive.policy("p", 2, audit="10 days")
    await archive.policy("q", audit="30 days")
    await archive.lines(6)
    await archive.anchors.drop(archive.pools[Role.RETENTION])
    await archive.owner.execute(NOW.format(" + interval '20 days'"))
    early = await archive.anchors.forget(archive.pools[Role.RETENTION])
    await archive.owner.execute(NOW.format(" + interval '31 days'"))

    forgotten = await archive.anchors.forget(archive.pools[Role.RETENTION])
    await archive.lines(2)
    await archive.anchors.drop(archive.pools[Role.RETENTION])

    assert (early, forgotten) == (0, 6)
    assert [row["seq"] for row in await archive.log()] == [7, 8, 9]
    assert await checked(archive, anchored=True) == Report(last=9, forgotten=6, anchored=9, findings=())


async def test_a_log_that_is_kept_for_ever_or_for_a_matter_is_not_forgotten(archive: Archive):
    await archive.policy("p", 2, audit="1 days")
    await archive.lines(3)
    await archive.owner.execute(NOW.format(" + interval '9 days'"))
    held = "INSERT INTO vault_keys.hold (tenant_id, id, matter, placed_by) VALUES ($1, gen_random_uuid(), 'm', 'x')"
    await archive.owner.execute(held, archive.tenant)

    under_hold = await archive.anchors.forget(archive.pools[Role.RETENTION])
    await archive.tamper("DELETE FROM vault_keys.hold WHERE tenant_id = $1", archive.tenant)
    await archive.policy("q", audit="forever")
    for_ever = await archive.anchors.forget(archive.pools[Role.RETENTION])
    with pytest.raises(DBAPIError, match="not to be forgotten up to there"):
        async with archive.pools[Role.RETENTION].transaction(archive.tenant) as connection:
            await connection.execute(text("SELECT vault_audit.forget(1, '', '', '')"))

    assert (under_hold, for_ever) == (0, 0)


async def test_only_the_retention_role_forgets(archive: Archive):
    for role in (Role.AGENT, Role.WEB, Role.AUDITOR):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with archive.pools[role].transaction(archive.tenant) as connection:
                await connection.execute(text("SELECT vault_audit.forget(1, '', '', '')"))


async def test_promise_24_a_checkpoint_that_the_tenants_key_never_signed_excuses_nothing(archive: Archive):
    await archive.lines(6)
    hash_ = (await archive.log())[3]["hash"]

    await archive.tamper("INSERT INTO vault_audit.checkpoint VALUES ($1, 4, $2, '{}', '')", archive.tenant, hash_)
    await archive.tamper("DELETE FROM vault_audit.event WHERE tenant_id = $1 AND seq <= 4", archive.tenant)

    assert (await checked(archive, anchored=True)).findings == (Finding("forgotten", 1, 4),)


async def test_a_line_waits_for_the_one_before_it_and_not_for_ever(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit, "PATIENCE_MS", 300)
    await archive.lines(1)
    lock = archive.owner.transaction()
    await lock.start()
    await archive.owner.execute("LOCK vault_audit.event IN ACCESS EXCLUSIVE MODE")

    with pytest.raises(VaultError) as raised:
        async with archive.pools[Role.WEB].transaction(archive.tenant, principal="ana") as connection:
            await append(connection, "read", "x", "allowed")
    await lock.rollback()

    assert raised.value.code == "audit_away"
