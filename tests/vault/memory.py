"""The same rules in plain Python, without a database: policies, holds, what is due, what a sweep and an erasure leave.

The tests ask both and compare. Times are aware datetimes of one clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from agent.vault.forget.scope import Scope
from agent.vault.policy.terms import Term

MARGIN = timedelta(minutes=25)
"""How long a key outlives what it sealed, for clocks that are wrong."""
GRACE = timedelta(days=30)
DELAY = timedelta(days=1)
KINDS = ("source", "translation", "redacted")


def shorter(a: Term, b: Term) -> bool:
    """Whether `a` may forget something earlier than `b` does."""
    if a == b or (a.kept and a.days is None) or not b.kept:
        return False
    if not a.kept or b.days is None:
        return True
    assert a.days is not None
    return a.days < b.days if a.from_end or not b.from_end else True


@dataclass
class Version:
    terms: dict[str, Term]
    by: str
    effective: datetime | None = None


@dataclass
class Record:
    kind: str
    key: UUID
    stored: datetime


@dataclass
class Key:
    id: UUID
    meeting: UUID
    speaker: UUID
    subject: UUID
    kind: str
    created: datetime
    destroyed: bool = False


@dataclass
class Meeting:
    id: UUID
    room: str
    policy: str
    started: datetime
    last: datetime
    ended: datetime | None = None
    destroyed: bool = False
    records: dict[tuple[UUID, str], Record] = field(default_factory=dict)

    def over(self, at: datetime) -> datetime | None:
        """When it ended; by itself a day after its last record."""
        if self.ended is None and self.last + timedelta(days=1) <= at:
            return self.last + timedelta(days=1)
        return self.ended


@dataclass
class Held:
    scope: Scope
    grace_until: datetime | None = None


@dataclass
class Memory:
    """One tenant's vault."""

    now: datetime
    policies: dict[str, list[Version]] = field(default_factory=dict)
    default: str | None = None
    meetings: dict[UUID, Meeting] = field(default_factory=dict)
    keys: dict[UUID, Key] = field(default_factory=dict)
    holds: dict[UUID, Held] = field(default_factory=dict)
    erased: list[tuple[Scope, datetime]] = field(default_factory=list)
    waiting: list[Scope] = field(default_factory=list)
    """Erasures that a hold forbade."""
    tombstones: dict[UUID, int] = field(default_factory=dict)

    def propose(self, name: str, terms: dict[str, Term], by: str) -> int:
        self.policies.setdefault(name, []).append(Version(terms, by))
        return len(self.policies[name])

    def approve(self, name: str, version: int, by: str) -> str:
        """`ok`, or the code of what forbids it."""
        versions = self.policies[name]
        chosen, later = versions[version - 1], versions[version:]
        if chosen.effective:
            return "approved"
        if any(one.effective for one in later):
            return "superseded"
        in_force = self._in_force(name, self.now)
        since = versions.index(in_force) if in_force else 0
        before = [one for one in versions[since : version - 1] if one.effective]
        shortens = any(shorter(chosen.terms[kind], one.terms[kind]) for one in before for kind in KINDS)
        if shortens and by == chosen.by:
            return "second_person"
        chosen.effective = self.now + (DELAY if shortens else timedelta())
        return "ok"

    def due(self, meeting: Meeting, kind: str, at: datetime) -> datetime | None:
        """What was stored until then is due; None: nothing."""
        names = [meeting.policy, *([self.default] if self.default else [])]
        found = [self._since(name, meeting, kind, at) for name in names]
        return max((since for since in found if since), default=None)

    def readable(self, meeting: Meeting) -> set[tuple[UUID, str]]:
        """Segments and kinds that may still be seen, and opened."""
        due = {kind: self.due(meeting, kind, self.now) for kind in KINDS}
        return {
            which
            for which, record in meeting.records.items()
            if not self.keys[record.key].destroyed and not _until(record.stored, due[record.kind])
        }

    def is_held(self, key: Key) -> bool:
        return any(
            self._covers(held.scope, key) and (held.grace_until is None or held.grace_until > self.now - MARGIN)
            for held in self.holds.values()
        )

    def takes(self, meeting: Meeting, subject: UUID) -> bool:
        """Whether a new key for that person is still taken."""
        return not any(
            scope.room in (None, meeting.room)
            and scope.meeting in (None, meeting.id)
            and scope.subject in (None, subject)
            and (scope.meeting is not None or meeting.started <= at)
            for scope, at in self.erased
        )

    def erase(self, scope: Scope) -> str:
        """`done` or `held`; what is held is done by a sweep, later."""
        doomed = [key for key in self._active() if self._covers(scope, key)]
        if any(self.is_held(key) for key in doomed):
            self.waiting.append(scope)
            return "held"
        self._destroy(doomed)
        self.erased.append((scope, self.now))
        if scope.subject is None:
            for meeting in self.meetings.values():
                if scope.room in (None, meeting.room) and scope.meeting in (None, meeting.id):
                    meeting.destroyed = True
        return "done"

    def sweep(self) -> None:
        waiting, self.waiting = self.waiting, []
        for scope in waiting:
            self.erase(scope)
        at = self.now - MARGIN
        open_ = [meeting for meeting in self.meetings.values() if not meeting.destroyed]
        self._destroy([key for meeting in open_ for key in self._due_keys(meeting, at)])
        over = [meeting for meeting in open_ if meeting.over(at)]
        self._destroy([key for meeting in over for key in self._bare_names(meeting)])
        for meeting in over:
            meeting.destroyed = not any(key.meeting == meeting.id for key in self._active())

    def _due_keys(self, meeting: Meeting, at: datetime) -> Iterator[Key]:
        for key in self._active():
            if key.meeting == meeting.id and key.kind != "name" and not self.is_held(key):
                stored = [record.stored for record in meeting.records.values() if record.key == key.id]
                if _until(max([*stored, key.created]), self.due(meeting, key.kind, at)):
                    yield key

    def _bare_names(self, meeting: Meeting) -> Iterator[Key]:
        here = [key for key in self._active() if key.meeting == meeting.id]
        speaking = {key.speaker for key in here if key.kind != "name"}
        for key in here:
            if key.kind == "name" and key.speaker not in speaking and not self.is_held(key):
                yield key

    def _destroy(self, keys: Iterable[Key]) -> None:
        for key in list(keys):
            key.destroyed = True
            records = self.meetings[key.meeting].records
            gone = [which for which, record in records.items() if record.key == key.id]
            self.tombstones[key.id] = len(gone)
            for which in gone:
                del records[which]

    def _active(self) -> list[Key]:
        return [key for key in self.keys.values() if not key.destroyed]

    def _covers(self, scope: Scope, key: Key) -> bool:
        room = self.meetings[key.meeting].room
        return (
            scope.room in (None, room) and scope.meeting in (None, key.meeting) and scope.subject in (None, key.subject)
        )

    def _in_force(self, name: str, at: datetime) -> Version | None:
        found = [one for one in self.policies[name] if one.effective and one.effective <= at]
        return found[-1] if found else None

    def _since(self, name: str, meeting: Meeting, kind: str, at: datetime) -> datetime | None:
        version = self._in_force(name, at)
        if version is None or ((term := version.terms[kind]).days is None and term.kept):
            return None
        if term.days is None:
            return at + timedelta(days=1)
        days = timedelta(days=term.days)
        if not term.from_end:
            return at - days
        over = meeting.over(at)
        return at + timedelta(days=1) if over and over + days <= at else None


def _until(stored: datetime, since: datetime | None) -> bool:
    return since is not None and stored <= since
