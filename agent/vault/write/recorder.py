"""The listener that keeps: what was settled is sealed and on the disk before anybody sees it, and soon in Postgres."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from ...errors import VaultError
from ...nouns import Caption, Record, Segment
from ..crypto.envelope import DataKey, Place, seal
from ..crypto.ids import of_name, segment_id, speaker_id
from ..policy.effective_policy import Keeps
from .spool import Spool
from .spool_file import Item
from .store import Batch, Key, Meeting, Speaker, Store
from .texts import Text, texts

log = logging.getLogger(__name__)

Seconds = float

KEY_LIFE: Seconds = 24 * 3600.0
"""A data key seals for so long at most."""
GATHER: Seconds = 0.2
"""For so long records gather before they go to Postgres together."""
PAUSES: tuple[Seconds, Seconds] = (0.2, 5.0)
"""Between two tries at Postgres: the first, and the longest that it doubles to."""
HELD = 10_000
"""Rows that are held in memory while the disk takes none; beyond it the oldest are lost, and counted."""
SPEAKERS = 1_000
"""Voices whose pseudonym, name and keys are remembered; one that spoke before as many others gets new keys."""


class Keys(Protocol):
    """What the keeper asks of the tenant's keys. Both may raise `VaultError`."""

    async def fresh_data_key(self, meeting: UUID, speaker: UUID) -> tuple[DataKey, bytes, int]: ...

    async def subject(self, identity: str) -> UUID: ...


@dataclass(slots=True)
class _Sealer:
    """A key in use: it travels with what it seals until it is on the disk too."""

    key: DataKey
    row: Key
    made: Seconds
    arrived: bool = False


@dataclass(frozen=True, slots=True)
class _Who:
    id: UUID
    subject: UUID
    voice: str | None


@dataclass(frozen=True, slots=True)
class _Final:
    said: Segment | Caption
    shown: asyncio.Future[None]


class Recorder:
    """One meeting, kept by a policy.

    `keep` is handed whatever is settled; `run` owns the tasks that write it down and carry it to Postgres. While the
    disk takes nothing, rows are held in memory and go to Postgres from there. `tell` is told whenever the state
    changes: `ok`, `waiting` (the database is away, the disk keeps), `failing` (the disk takes nothing) or `away` (there
    is no key for what a new speaker says: it is not kept).
    """

    def __init__(
        self,
        keeps: Keeps,
        meeting: Meeting,
        keys: Keys,
        spool: Spool,
        store: Store,
        *,
        zero: float,
        name_of: Callable[[str], str] = lambda identity: "",
        names: Callable[[], Collection[str]] = tuple,
        tell: Callable[[str], None] = lambda state: None,
        now: Callable[[], Seconds] = time.monotonic,
    ) -> None:
        self.state = "ok"
        self.lost = 0
        """Finals that had no key, and rows that neither the disk nor Postgres took."""
        self._keeps = keeps
        self._meeting = meeting
        self._keys = keys
        self._spool = spool
        self._store = store
        self._zero = datetime.fromtimestamp(zero, UTC)
        self._name_of = name_of
        self._texts = texts(keeps, names)
        self._tell = tell
        self._now = now
        self._damaged = spool.damaged
        self._sealers: dict[tuple[UUID, str], _Sealer] = {}
        self._known: dict[tuple[str, str | None], _Who] = {}
        self._named: dict[UUID, tuple[UUID, str]] = {}
        self._settled: deque[_Final] = deque()
        self._came = asyncio.Event()
        self._held: deque[Item] = deque()
        self._away = False
        self._failing = False
        self._without_key = False
        self._arrived = asyncio.Event()
        self._closing = False
        self._sealed_all = False

    def keep(self, said: Segment | Caption) -> asyncio.Future[None] | None:
        """Seal it and write it down. Never waits.

        The future is done when it would survive a power cut, or when that failed: then it may be shown. None where the
        policy keeps nothing of this.
        """
        kinds = {"translation"} if isinstance(said, Caption) else {"source", "redacted"}
        if self._closing or not kinds & self._keeps.terms.keys():
            return None
        final = _Final(said, asyncio.get_running_loop().create_future())
        self._settled.append(final)
        self._came.set()
        return final.shown

    async def run(self) -> None:
        """Write down what is settled and carry it to Postgres, until closed."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._seal_all(), name="sealing")
            group.create_task(self._carry_all(), name="carrying")

    def close(self) -> None:
        """Nothing more is to be kept; `run` ends when the rest is carried."""
        self._closing = True
        self._came.set()

    async def _seal_all(self) -> None:
        while self._settled or not self._closing:
            await self._came.wait()
            self._came.clear()
            while self._settled:
                # What came together is written together: it waits for the disk once.
                finals = [self._settled.popleft() for _ in range(len(self._settled))]
                for items, final in [(await self._sealed_final(final), final) for final in finals]:
                    if items is None:
                        self._show(final)
                        continue
                    try:
                        self._write(items, final)
                    except Exception as error:
                        self._lose(error)
                        self._show(final)
        self._sealed_all = True
        self._arrived.set()

    async def _sealed_final(self, final: _Final) -> list[Item] | None:
        """None where nobody gives us a key: in the clear it is written nowhere."""
        try:
            return await self._items(final.said)
        except VaultError as error:
            self.lost += 1
            self._keyless(error)
            return None
        except Exception as error:
            self._lose(error)
            return None

    def _lose(self, error: Exception) -> None:
        """A fault of ours: this final isn't kept. It is read all the same, and the next one is kept."""
        self.lost += 1
        self._failed(VaultError("internal", f"The keeper failed ({type(error).__name__})."))

    async def _carry_all(self) -> None:
        pause = PAUSES[0]
        while not self._sealed_all or self._arrived.is_set():
            await self._arrived.wait()
            self._arrived.clear()
            try:
                while await self._carry():
                    pause = PAUSES[0]
            except Exception as error:
                self._not_carried(error)
                self._arrived.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSES[1])
                continue
            await asyncio.sleep(0 if self._closing else GATHER)

    # What a record is made of

    async def _items(self, said: Segment | Caption) -> list[Item]:
        items: list[Item] = []
        for text in await self._texts.of(said):
            who = await self._who(text.said)
            items += await self._naming(who, text.said.identity)
            items += await self._sealed(who, text)
        return items

    async def _sealed(self, who: _Who, text: Text) -> list[Item]:
        said, meeting, sealer = text.said, self._meeting, await self._sealer(who, text.kind)
        segment = segment_id(meeting.id, said.id)
        place = Place(meeting.tenant, meeting.room, meeting.id, segment, said.rev, text.lang, who.id, text.kind)
        record = Record(
            segment,
            text.kind,
            text.lang,
            said.rev,
            who.id,
            sealer.key.id,
            self._zero + timedelta(seconds=said.start),
            said.start,
            said.end,
            said.engine,
            text.tags,
            seal(sealer.key, place, text.text.encode("utf-8", "replace")),
        )
        return [record] if sealer.arrived else [sealer.row, record]

    async def _who(self, said: Segment | Caption) -> _Who:
        who = self._known.get((said.identity, said.speaker))
        if who is None:
            subject = await self._keys.subject(said.identity)
            who = _Who(speaker_id(self._meeting.id, subject, said.speaker), subject, said.speaker)
            self._known[said.identity, said.speaker] = who
            if len(self._known) > SPEAKERS:
                self._forget_speaker(next(iter(self._known)))
        return who

    def _forget_speaker(self, voice: tuple[str, str | None]) -> None:
        """What of theirs is on its way has its key with it, in the database or beside it."""
        who = self._known.pop(voice)
        self._named.pop(who.id, None)
        self._forget_sealers(lambda sealer: sealer.row.speaker == who.id)

    async def _naming(self, who: _Who, identity: str) -> list[Item]:
        """The speaker's name, where it is new or its key is."""
        sealer, name = await self._sealer(who, "name"), self._name_of(identity)
        if self._named.get(who.id) == (sealer.key.id, name):
            return []
        self._named[who.id] = (sealer.key.id, name)
        place = of_name(self._meeting.tenant, self._meeting.room, self._meeting.id, who.id)
        told = json.dumps({"identity": identity, "name": name}, ensure_ascii=False, separators=(",", ":"))
        sealed = seal(sealer.key, place, told.encode("utf-8", "replace"))
        speaker = Speaker(who.id, who.subject, who.voice, sealer.key.id, sealed)
        return [speaker] if sealer.arrived else [sealer.row, speaker]

    async def _sealer(self, who: _Who, kind: str) -> _Sealer:
        found = self._sealers.get((who.id, kind))
        if found is None or self._now() - found.made >= KEY_LIFE:
            key, wrapped, version = await self._keys.fresh_data_key(self._meeting.id, who.id)
            row = Key(key.id, who.id, who.subject, kind, version, wrapped)
            found = self._sealers[who.id, kind] = _Sealer(key, row, self._now())
        return found

    # To the disk

    def _write(self, items: Sequence[Item], final: _Final) -> None:
        def written(done: asyncio.Future[None]) -> None:
            if error := done.exception():
                self._hold(items)
                self._failed(error)
            else:
                self._written(items)
            self._arrived.set()
            self._show(final)

        self._spool.put(items).add_done_callback(written)

    @staticmethod
    def _show(final: _Final) -> None:
        if not final.shown.done():
            final.shown.set_result(None)

    def _written(self, items: Sequence[Item]) -> None:
        if self._spool.damaged != self._damaged:
            # Keys may be among what could not be read any more: from here on none of them is used.
            self._damaged = self._spool.damaged
            self._forget_sealers(lambda sealer: True)
        self._safe(items)
        self._failing = self._without_key = False
        self._tell_state()

    def _safe(self, items: Sequence[Item]) -> None:
        """The keys among them needn't travel any more."""
        keys = {item.id for item in items if isinstance(item, Key)}
        for sealer in self._sealers.values():
            sealer.arrived = sealer.arrived or sealer.key.id in keys

    def _keyless(self, error: VaultError) -> None:
        if not self._without_key:
            log.error("what is said can't be sealed: %s", error)
        self._without_key = True
        self._tell_state()

    def _hold(self, items: Sequence[Item]) -> None:
        self._held.extend(items)
        while len(self._held) > HELD:
            self._held.popleft()
            self.lost += 1

    def _failed(self, error: BaseException) -> None:
        if not self._failing:
            log.error("what is said can't be written down: %s", error)
        self._failing = True
        self._tell_state()

    # To Postgres

    async def _carry(self) -> bool:
        """One batch. Answers whether there was one."""
        if held := list(self._held):
            await self._carry_held(held)
            return True
        taken = await self._spool.take()
        if not taken.batch:
            return False
        dead = await self._store.write(taken.batch)
        self._spool.acknowledge(taken)
        await self._carried(dead)
        return True

    async def _carry_held(self, held: Sequence[Item]) -> None:
        """Straight from memory, whether or not the disk takes it by now."""
        dead = await self._store.write(
            Batch(
                tuple(item for item in held if isinstance(item, Key)),
                tuple(item for item in held if isinstance(item, Speaker)),
                tuple(item for item in held if isinstance(item, Record)),
            )
        )
        for item in held:
            if self._held and self._held[0] is item:  # else it had to make room meanwhile
                self._held.popleft()
        self._safe(held)
        await self._carried(dead)

    async def _carried(self, dead: frozenset[UUID]) -> None:
        self._away = False
        if dead:
            # All of that speaker's, for the key of the name may be destroyed too.
            erased = {sealer.row.speaker for sealer in self._sealers.values() if sealer.key.id in dead}
            self._forget_sealers(lambda sealer: sealer.row.speaker in erased)
            await self._spool.forget(dead)
        self._tell_state()

    def _forget_sealers(self, which: Callable[[_Sealer], bool]) -> None:
        gone = [place for place, sealer in self._sealers.items() if which(sealer)]
        for place in gone:
            del self._sealers[place]

    def _not_carried(self, error: Exception) -> None:
        if not isinstance(error, VaultError):
            error = VaultError("internal", f"The keeper failed ({type(error).__name__}).")
        if error.code == "internal" or error.code.startswith("spool"):
            self._failed(error)
            return
        if not self._away:
            log.warning("what is kept waits on this machine: %s", error)
        self._away = True
        self._tell_state()

    def _tell_state(self) -> None:
        state = "away" if self._without_key else "failing" if self._failing else "waiting" if self._away else "ok"
        if state != self.state:
            self.state = state
            self._tell(state)
