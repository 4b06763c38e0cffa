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

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import VaultError
from ..db.pool import Pool
from . import statements
from .anchors import Anchors

PATIENCE_MS = 3000
"""How long a line waits for the one before it to be written."""
MOST = 1000
"""Findings that are told; where there are more, nobody reads on."""


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
        await connection.execute(statements.patience(PATIENCE_MS))
        return int((await connection.execute(statements.LOG, say)).scalar_one())
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
        rows = (await connection.execute(statements.CHAIN, {"tenant": tenant, "most": MOST})).all()
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
        rows = (await connection.execute(statements.ANCHORED, {"tenant": tenant, "seqs": sorted(anchored)})).all()
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
