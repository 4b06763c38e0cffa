"""Whatever is done in whatever order, the database does what a plain account of the rules says.

`VAULT_STEPS=100000 pytest tests/vault/test_machine.py` takes as many steps as a release does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agent.errors import VaultError
from agent.vault.db.pool import Role
from agent.vault.forget.leftover_rows import clear
from agent.vault.forget.scope import Scope
from agent.vault.policy.policies import Rules
from agent.vault.policy.terms import FOREVER, NOT_AT_ALL, Term
from tests.vault.memory import MARGIN, Held, Key, Meeting, Memory, Record

from .crash import Crash, Fuse
from .moved_clock import START, Tenant

STEPS = int(os.environ.get("VAULT_STEPS", "0"))
"""0: some hundred, the same ones each time."""
EACH = 40
T = TypeVar("T")
NTH = st.integers(0, 11)
ROOMS = ("r", "s")
NAMES = ("p", "q")
PEOPLE = [UUID(int=1), UUID(int=2)]
TERMS = st.sampled_from(["1 days", "2 days", "3 days", "meeting end + 1 days", "meeting end + 2 days", "forever"])
SCOPES = st.tuples(st.sampled_from([None, *ROOMS]), st.booleans(), st.sampled_from([None, *PEOPLE]))


@dataclass
class Words:
    meeting: UUID
    segment: UUID
    kind: str
    person: UUID
    rev: int = 1


class Vault(RuleBasedStateMachine):
    """The database and the account of it, side by side."""

    tenant: Tenant
    runner: asyncio.Runner
    seen: Counter[str]
    """What sweeps met, over all examples."""
    words = Bundle("words")
    versions = Bundle("versions")
    holds = Bundle("holds")

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(target=words, source=TERMS, translation=TERMS, default=st.integers(0, 3))
    def begin(self, source: str, translation: str, default: int) -> MultipleResults[Words]:
        """Two meetings in which two people said something."""
        self.do(self.tenant.renew())
        self.memory = Memory(START)
        self.speakers: dict[tuple[UUID, UUID], UUID] = {}
        self.using: dict[tuple[UUID, UUID, str], UUID] = {}
        for name, first, second in (("p", source, translation), ("q", translation, source)):
            self.propose(name, first, second)
            self.approve((name, 1), "ana")
        if default == 0:
            self.do(self.tenant.policies.make_default("q", by="ana"))
            self.memory.default = "q"
        talks = itertools.product((self.met("r", "p"), self.met("s", "q")), PEOPLE, ("source", "translation"))
        return multiple(*(self.speak_in(*talk) for talk in talks))

    @rule(target=versions, name=st.sampled_from(NAMES), source=TERMS, translation=TERMS)
    def propose(self, name: str, source: str, translation: str) -> tuple[str, int]:
        terms = {"source": Term.parse(source), "translation": Term.parse(translation), "redacted": NOT_AT_ALL}
        made = self.do(self.tenant.policies.propose(name, Rules(audit=FOREVER, **terms), by="ana"))
        assert made.version == self.memory.propose(name, terms, "ana")
        return name, made.version

    @rule(version=versions, by=st.sampled_from(["ana", "ben"]))
    def approve(self, version: tuple[str, int], by: str) -> None:
        try:
            self.do(self.tenant.policies.approve(*version, by=by))
            answer = "ok"
        except VaultError as error:
            answer = error.code
        assert answer == self.memory.approve(*version, by)

    @precondition(lambda self: len(self.memory.meetings) < 4)
    @rule(room=st.sampled_from(ROOMS), policy=st.sampled_from(NAMES))
    def meet(self, room: str, policy: str) -> None:
        self.met(room, policy)

    def met(self, room: str, policy: str) -> UUID:
        id = self.do(self.tenant.meet(room, policy))
        now = self.memory.now
        self.memory.meetings[id] = Meeting(id, room, policy, now, now)
        return id

    @rule(target=words, nth=NTH, person=st.sampled_from(PEOPLE), kind=st.sampled_from(["source", "translation"]))
    def speak(self, nth: int, person: UUID, kind: str) -> Words:
        return self.speak_in(self.meeting(nth), person, kind)

    def meeting(self, nth: int) -> UUID:
        return list(self.memory.meetings)[nth % len(self.memory.meetings)]

    def speak_in(self, meeting: UUID, person: UUID, kind: str) -> Words:
        said = Words(meeting, uuid4(), kind, person)
        self.store(said, person)
        return said

    @rule(target=words, said=words)
    def go_on(self, said: Words) -> Words:
        """Somebody says more, under the same key if it lives."""
        return self.speak_in(said.meeting, said.person, said.kind)

    @rule(said=words, person=st.sampled_from(PEOPLE))
    def correct(self, said: Words, person: UUID) -> None:
        """The same words, of another person."""
        said.rev += 1
        self.store(said, person)

    @rule(nth=NTH)
    def end(self, nth: int) -> None:
        told = self.memory.meetings[self.meeting(nth)]
        self.do(self.tenant.end(told.id, told.room))
        told.ended = told.ended or self.memory.now

    @precondition(lambda self: len(self.memory.holds) < 3)
    @rule(target=holds, scope=SCOPES, nth=NTH)
    def hold(self, scope: tuple[str | None, bool, UUID | None], nth: int) -> UUID:
        meant = self.scope(scope, nth)
        placed = self.do(self.tenant.holds.place(meant, matter="a case", by="ana"))
        self.memory.holds[placed.hold.id] = Held(meant)
        gone = [key for key in self.memory.keys.values() if key.destroyed and self.memory._covers(meant, key)]
        assert placed.keys_gone == len(gone)
        return placed.hold.id

    @rule(hold=holds)
    def release(self, hold: UUID) -> None:
        held = self.memory.holds[hold]
        if held.grace_until is None:
            released = self.do(self.tenant.holds.release(hold, by="ben"))
            held.grace_until = self.memory.now + timedelta(days=30)
            assert released.grace_until == held.grace_until

    @rule(scope=SCOPES, nth=NTH)
    def erase(self, scope: tuple[str | None, bool, UUID | None], nth: int) -> None:
        if (meant := self.scope(scope, nth)) == Scope():
            return
        answer = self.do(self.erased(meant))
        assert answer == self.memory.erase(meant)

    @rule(
        hours=st.sampled_from([0.5, 24, 25, 25, 49, 49, 721]),
        how=st.sampled_from(["", "", "whole", "whole", "killed", "two at once"]),
        at=st.integers(1, 60),
    )
    def wait(self, hours: float, how: str, at: int) -> None:
        """Time goes by, and then mostly a sweep."""
        self.memory.now += timedelta(hours=hours)
        self.do(self.tenant.set_clock(self.memory.now))
        if how:
            self.swept(how, at)

    @rule()
    def a_day_later(self) -> None:
        self.wait(25, "whole", 0)

    @rule()
    def two_days_later(self) -> None:
        self.wait(49, "whole", 0)

    def swept(self, how: str, at: int) -> None:
        self.count()
        if how == "killed":
            self.do(self.killed(at))
            self.partly()
        if how == "two at once":
            self.do(self.both())
        self.do(self.tenant.sweep())
        self.memory.sweep()

    @invariant()
    def the_database_is_what_the_rules_say(self) -> None:
        """Keys live, tombstones count, rows stand while their keys do and are seen until they are due."""
        if hasattr(self, "memory"):
            meetings = self.memory.meetings.values()
            seen = {(segment, kind) for one in meetings for segment, kind in self.memory.readable(one)}
            stored = {which for one in meetings for which in one.records}
            alive = {key.id for key in self.memory.keys.values() if not key.destroyed}
            assert self.do(self.found()) == (alive, self.memory.tombstones, stored, seen)

    def scope(self, drawn: tuple[str | None, bool, UUID | None], nth: int) -> Scope:
        room, this, subject = drawn
        return Scope(room, self.meeting(nth) if this else None, subject)

    def store(self, said: Words, person: UUID) -> None:
        """As an agent does: with a new key where it has none that lives."""
        told = self.memory.meetings[said.meeting]
        speaker = self.speakers.setdefault((said.meeting, person), uuid4())
        for kind in ("name", said.kind):
            used = self.memory.keys.get(self.using.get((said.meeting, person, kind), UUID(int=0)))
            if used is None or used.destroyed:
                key, _, answer = self.do(self.tenant.key(said.meeting, speaker, person, kind, told.room))
                assert answer == ("active" if self.memory.takes(told, person) else "destroyed")
                if answer == "destroyed":
                    return
                self.memory.keys[key] = Key(key, said.meeting, speaker, person, kind, self.memory.now)
                self.using[said.meeting, person, kind] = key
        key = self.using[said.meeting, person, said.kind]
        segments = [said.segment]
        _, dead = self.do(
            self.tenant.store(said.meeting, speaker, key, said.kind, told.room, segments, said.rev, self.memory.now)
        )
        assert dead == []
        before = told.records.get((said.segment, said.kind))
        told.records[said.segment, said.kind] = Record(said.kind, key, before.stored if before else self.memory.now)
        told.last, told.ended, told.destroyed = self.memory.now, None, False

    async def erased(self, scope: Scope) -> str:
        erasures = self.tenant.erasures
        erasure = await erasures.carry_out(await erasures.request(scope, by="ana"))
        await clear(self.tenant.retention, self.tenant.id, list(erasure.keys))
        return erasure.state

    def count(self) -> None:
        """What the sweep is going to meet."""
        for key in self.memory.keys.values():
            if key.destroyed or key.kind == "name":
                continue
            told = self.memory.meetings[key.meeting]
            since = self.memory.due(told, key.kind, self.memory.now - MARGIN)
            if since and key.created <= since:
                stored = [record.stored for record in told.records.values() if record.key == key.id]
                newer = max(stored, default=since) > since
                self.seen["held" if self.memory.is_held(key) else "has something newer" if newer else "due"] += 1

    async def both(self) -> None:
        await asyncio.gather(self.tenant.sweep(), self.tenant.sweep())

    async def killed(self, at: int) -> None:
        fuse = Fuse(self.tenant.url, Role.RETENTION, at)
        try:
            await self.tenant.sweep(pool=fuse.pool)
        except Crash:
            pass
        finally:
            await fuse.pool.close()

    def partly(self) -> None:
        """In the middle of a sweep: no held key is gone, and each that is gone has its tombstone."""
        alive, tombstones = self.do(self.tenant.alive()), self.do(self.tenant.tombstones())
        held = {key.id for key in self.memory.keys.values() if not key.destroyed and self.memory.is_held(key)}
        assert held <= alive
        assert alive | set(tombstones) == set(self.memory.keys)
        assert not alive & set(tombstones)

    async def found(self) -> tuple[set[UUID], dict[UUID, int], set[tuple[UUID, str]], set[tuple[UUID, str]]]:
        """Keys that live, tombstones, rows that are there, and those of them that may be seen."""
        rows = await self.tenant.owner.fetch(
            "SELECT segment_id, kind, stored_at > vault.due_since(tenant_id, meeting_id, kind) FROM vault.record"
            " WHERE tenant_id = $1",
            self.tenant.id,
        )
        stored, seen = {(row[0], row[1]) for row in rows}, {(row[0], row[1]) for row in rows if row[2]}
        return await self.tenant.alive(), await self.tenant.tombstones(), stored, seen


def test_promise_18_and_20_the_database_keeps_and_forgets_what_a_plain_account_of_the_rules_says(
    own_url: str, tmp_path: Path
) -> None:
    with asyncio.Runner() as runner:
        opened = Tenant.open(own_url, tmp_path / "ledger")
        tenant = runner.run(opened.__aenter__())
        # Vacuuming takes most of a sweep's time, and changes nothing here.
        runner.run(tenant.owner.execute("REVOKE MAINTAIN ON vault_keys.data_key FROM dragoman_retention"))
        machine = type("Machine", (Vault,), {"tenant": tenant, "runner": runner, "seen": Counter()})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=max(1, (STEPS or 800) // EACH),
                    derandomize=not STEPS,
                    stateful_step_count=EACH,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    print_blob=True,
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))

    assert set(machine.seen) == {"due", "held", "has something newer"}  # or it has shown less than it says
