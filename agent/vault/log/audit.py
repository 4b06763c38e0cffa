"""The log: each line is chained to the one before it, and who writes it can't read or change it.

What can go wrong, and what shows it:

- **A line is edited, removed, moved or added.** Each line's hash covers its own content and the hash before it; a
  database function writes it under a lock of the tenant's head, and the roles that append have no right to read,
  change or delete. `verify` follows the chain in one statement and names the lines (see `Finding`).
- **The whole chain is made anew**, by somebody with every right in the database. The newest hash is signed with the
  tenant's key and put outside the database every five minutes (`anchors.py`): a chain that doesn't meet its anchors is
  found.
- **The newest lines are cut off.** The anchors say how long the log was; up to five minutes can be lost unseen.
- **Something is done and not logged.** The line is written first, in the same transaction as what it tells. Where the
  log can't be written, nothing is read and nothing is destroyed.
- **One writer blocks everybody.** A line waits at most `PATIENCE_MS` for the one before it, and then fails with what
  it belongs to.
- **Old lines have to go** by the policy on the log itself: a signed checkpoint says up to where, and the chain goes on
  from its hash.

No line holds anything that was said: who did it, what kind of thing, its id, how it ended, and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..db.pool import Pool
from .anchors import Anchors

LOG = text("SELECT vault_audit.append(:action, :object, :outcome, :detail)").bindparams(
    bindparam("detail", type_=JSONB)
)
"""A line, in a transaction that ends only with it."""
PATIENCE_MS = 3000
"""How long a line waits for the one before it to be written."""
MOST = 1000
"""Findings that are told; where there are more, nobody reads on."""

_CHAIN = text("""
    WITH forgotten AS (
        SELECT seq, hash, content, signature FROM vault_audit.checkpoint WHERE tenant_id = :tenant
        ORDER BY seq DESC LIMIT 1),
    line AS (
        SELECT e.seq, e.hash, lead(e.seq) OVER one_by_one IS NULL AS last,
            lag(e.seq, 1, coalesce((SELECT seq FROM forgotten), 0)) OVER one_by_one AS before,
            e.hash IS DISTINCT FROM vault_audit.digest(e) AS edited,
            e.prev IS DISTINCT FROM
                lag(e.hash, 1, coalesce((SELECT hash FROM forgotten), '\\x00')) OVER one_by_one AS loose
        FROM vault_audit.event e WHERE e.tenant_id = :tenant WINDOW one_by_one AS (ORDER BY e.seq))
    SELECT line.seq, line.before, line.edited, line.last, line.hash, line.loose, head.seq AS head,
        head.hash AS head_hash, forgotten.seq AS forgotten, forgotten.hash AS forgotten_hash,
        forgotten.content, forgotten.signature
    FROM (SELECT) AS always
    LEFT JOIN vault_audit.head ON head.tenant_id = :tenant
    LEFT JOIN forgotten ON true
    LEFT JOIN line ON line.edited OR line.loose OR line.last OR line.seq <> line.before + 1
    ORDER BY line.last DESC NULLS LAST, line.seq LIMIT :most
""")
_ANCHORED = text("""
    SELECT a.seq, e.hash, a.seq <= c.seq IS TRUE AS forgotten FROM unnest(CAST(:seqs AS bigint[])) AS a (seq)
    CROSS JOIN (SELECT max(seq) AS seq FROM vault_audit.checkpoint WHERE tenant_id = :tenant) c
    LEFT JOIN vault_audit.event e ON e.tenant_id = :tenant AND e.seq = a.seq ORDER BY a.seq
""")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and with which lines: `first` to `last`, both among them.

    `edited`: a line is not what its hash says. `removed`: lines are missing. `unchained`: a line does not follow from
    the one before it; one of the two was changed, or moved. `added`: lines that nobody wrote through the log. `cut`:
    the log was longer once. `rewritten`: lines chain, but not to what was anchored. `forgotten`: lines are gone, and
    nobody with the tenant's key signed that they should be. `anchors`: lines of the file of anchors, by their number in
    it, that are not the tenant's.
    """

    what: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Report:
    """How far the log goes, from where, up to where it is anchored, and what is wrong with it."""

    last: int
    forgotten: int
    anchored: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return not self.findings


async def append(
    connection: AsyncConnection, action: str, object_: str, outcome: str, detail: Mapping[str, Any] | None = None
) -> int:
    """A line of whoever the transaction is of; its number. What was said belongs in none of it.

    The next line waits until this transaction ends. Raises `VaultError` (`audit_away`): then nothing else may be done.
    """
    say = {"action": action, "object": object_, "outcome": outcome, "detail": dict(detail or {})}
    try:
        await connection.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MS}"))
        return int((await connection.execute(LOG, say)).scalar_one())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise away() from error


def away() -> VaultError:
    return VaultError("audit_away", "The log can't be written, and without it nothing that is kept is read.")


async def verify(pool: Pool, tenant: UUID, anchors: Anchors | None = None) -> Report:
    """The whole log of a tenant against itself and against its anchors, as the auditor.

    A line that was changed together with all that follow it is found where an anchor was dropped after it. Raises
    `VaultError` (`vault_away`).
    """
    async with pool.transaction(tenant) as connection:
        rows = (await connection.execute(_CHAIN, {"tenant": tenant, "most": MOST})).all()
    end = rows[0]
    findings, anchored = [*_in_the_chain(rows), *_at_the_end(end)], 0
    if anchors:
        known = await anchors.read()
        anchored = max(known.hashes, default=0)
        findings += [Finding("anchors", number, number) for number in known.bad]
        findings += await _against(known.hashes, end.head or 0, pool, tenant)
        if end.forgotten and not await anchors.allow(end.content, end.signature, end.forgotten, end.forgotten_hash):
            findings.append(Finding("forgotten", 1, end.forgotten))
    told = sorted(findings, key=lambda each: (each.first, each.last, each.what))[:MOST]
    return Report(last=end.head or 0, forgotten=end.forgotten or 0, anchored=anchored, findings=tuple(told))


def _in_the_chain(rows: Sequence[Row[Any]]) -> Iterator[Finding]:
    for row in rows:
        if row.seq is None:
            continue
        if row.edited:
            yield Finding("edited", row.seq, row.seq)
        if row.seq > row.before + 1:
            yield Finding("removed", row.before + 1, row.seq - 1)
        elif row.seq <= row.before:
            yield Finding("added", row.seq, row.seq)
        elif row.loose:
            yield Finding("unchained", max(row.before, 1), row.seq)


def _at_the_end(row: Row[Any]) -> Iterator[Finding]:
    """The last line against the head, which every new line moves on."""
    last, head = row.seq or row.forgotten or 0, row.head or 0
    ends_in = row.hash if row.seq else row.forgotten_hash
    if head > last:
        yield Finding("cut", last + 1, head)
    elif head < last:
        yield Finding("added", head + 1, last)
    elif head and row.head_hash != ends_in:
        yield Finding("unchained", last, last)


async def _against(anchored: Mapping[int, Sequence[bytes]], head: int, pool: Pool, tenant: UUID) -> list[Finding]:
    """Runs of anchors whose line is gone or another now, each from the line after the last that agrees."""
    async with pool.transaction(tenant) as connection:
        rows = (await connection.execute(_ANCHORED, {"tenant": tenant, "seqs": sorted(anchored)})).all()
    findings, agreed = [], 0
    for same, run in groupby(rows, key=lambda row: row.forgotten or {row.hash} == set(anchored[row.seq])):
        seqs = {row.seq: row.hash for row in run}
        last = max(seqs)
        if not same and any(seqs.values()):
            findings.append(Finding("rewritten", agreed + 1, last))
        elif not same:
            cut = last > head
            findings.append(Finding("cut" if cut else "removed", max(agreed, head) + 1 if cut else min(seqs), last))
        agreed = last
    return findings
