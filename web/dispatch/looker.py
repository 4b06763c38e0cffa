"""One look at one room: who is there, what the rules say of it, and what is done about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..database import Database
from ..metrics import Metrics
from ..policies import Policies
from .alive import Asking
from .interpreters import heard, note, note_call, scene_of
from .job_metadata import brief
from .livekit import Person, Sfu
from .rules import PULSE, Scene, Verdict, decide, doubtful, unanswered

log = logging.getLogger(__name__)

Seconds = float


class Sightings:
    """When we first saw each interpreter in each room, by our own clock: no other machine's is compared with ours.

    Bounded by what LiveKit shows: of a room only those present now are remembered, and of rooms those that live.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._first: dict[str, dict[str, float]] = {}

    def of(self, room: str, people: Iterable[Person]) -> Mapping[str, float]:
        """Seconds since each interpreter that is there now was first seen."""
        now, before = self._steady(), self._first.pop(room, {})
        first = {person.identity: before.get(person.identity, now) for person in people if person.interpreter}
        if first:
            self._first[room] = first
        return {identity: now - at for identity, at in first.items()}

    def keep(self, rooms: Collection[str]) -> None:
        """Forget all rooms but these."""
        self._first = {room: first for room, first in self._first.items() if room in rooms}


class Looker:
    """Looks at rooms for whoever attends them; `steady` is the clock of what was seen when."""

    def __init__(
        self,
        database: Database,
        policies: Policies,
        sfu: Sfu,
        asking: Asking,
        metrics: Metrics,
        steady: Callable[[], Seconds],
    ) -> None:
        self._database = database
        self._policies = policies
        self._sfu = sfu
        self._asking = asking
        self._metrics = metrics
        self._sightings = Sightings(steady)

    def keep(self, rooms: Collection[str]) -> None:
        """Forget who was seen in all rooms but these."""
        self._sightings.keep(rooms)

    async def look(self, room: str, watched: Seconds, free: int) -> Verdict:
        """Look at one room, note what is to be done, do it. Raises `sfu_away`, `database_away`.

        `watched` is for how long beats have been looked at, `free` how many rooms the workers could take.
        No transaction is open while LiveKit is asked: it may take its time, and others wait for the connection.
        """
        people = tuple(await self._sfu.people(room))
        seen = self._sightings.of(room, people)
        async with self._database.transaction() as connection:
            scene = await scene_of(connection, room)
        if scene is None:
            return Verdict()
        given: dict[str, Any] = {"people": people, "seen": seen, "watched": watched, "free": free}
        scene = replace(scene, **given)
        answered = await self._ask(room, doubtful(scene))
        taken = not unanswered(scene) or await self._sfu.taken(room)
        async with self._database.transaction() as connection:
            scene = await scene_of(connection, room)  # anew: beats may have come while we asked
            if scene is None:
                return Verdict()
            verdict = decide(replace(scene, **given, answered=answered, taken=taken))
            await note(connection, room, verdict)
        # Out first, then in: LiveKit ends the job of whoever it finds under an identity that goes.
        for identity, why in verdict.remove.items():
            await self._sfu.remove(room, identity)
            self._metrics.removals.labels(why).inc()
        if verdict.call:
            await self._call(room, scene.calls)
        self._tell(room, scene, verdict)
        return verdict

    async def _ask(self, room: str, names: Collection[str]) -> frozenset[str]:
        """Which of these interpreters live: an answer counts as a beat, and is noted as one."""
        if not names:
            return frozenset()
        pulses = await self._asking.ask(room, names)
        self._metrics.asked.labels("answered").inc(len(pulses))
        self._metrics.asked.labels("silent").inc(len(names) - len(pulses))
        async with self._database.transaction() as connection:
            for job, pulse in pulses.items():
                await heard(connection, job, pulse)
        return frozenset(pulse.identity for pulse in pulses.values())

    async def _call(self, room: str, calls: int) -> None:
        """Call an interpreter; noted only once LiveKit has taken the call."""
        async with self._database.transaction() as connection:
            told = await brief(connection, self._policies, room)
        if await self._sfu.call(room, told):
            async with self._database.transaction() as connection:
                await note_call(connection, room, calls + 1)
            self._metrics.dispatches.labels("again" if calls else "attended").inc()

    def _tell(self, room: str, scene: Scene, verdict: Verdict) -> None:
        """Changes go to the log and the counters."""
        silent = sum(beat.job in verdict.dismiss and beat.age >= PULSE for beat in scene.beats)
        self._metrics.missed.inc(silent)
        if verdict.remove or verdict.call:
            log.info("attended", extra={"room": room, "removed": len(verdict.remove), "called": verdict.call})
