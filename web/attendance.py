"""Every live room has exactly one interpreter: the rules, without a clock, a network or a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .sfu import Person

Seconds = float

PULSE: Seconds = 2.0
"""An interpreter beats twice a second; silent for so long, it is taken for dead."""
GRACE: Seconds = 8.0
"""What an interpreter may take from the call to its first beat."""
MISSING: Seconds = 6.0
"""How long one may beat without being in the room, as while it reconnects."""
STAYS: Seconds = 30.0
"""One that beats for so long has stayed: the count of calls starts anew."""
LONGEST: Seconds = 15.0
"""Between two calls that nobody answers: a worker that comes back finds its rooms by them."""
CRASHES = 3
"""Calls in a row that are made at once; after so many an interpreter dies of something that haste won't heal."""

Why = Literal["silent", "older", "missing", "never_beat", "dismissed"]


@dataclass(frozen=True, slots=True)
class Beat:
    """What an interpreter last told us. Times are seconds before now."""

    job: str
    identity: str
    epoch: int
    age: Seconds
    """Since its last beat."""
    since: Seconds
    """Since its first."""
    missing: Seconds | None = None
    """Since we first looked and it was not in the room."""
    dismissed: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """One room, as the tables and the LiveKit server tell it."""

    people: tuple[Person, ...] = ()
    beats: tuple[Beat, ...] = ()
    called: Seconds | None = None
    """Since an interpreter was last called."""
    calls: int = 0
    """Calls since one last stayed."""
    now: Seconds = 0.0
    """Unix time, for `Person.joined_at`."""
    watched: Seconds = LONGEST
    """How long we have been able to hear beats at all: nobody is taken for dead while we were away."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about a room."""

    remove: Mapping[str, Why] = field(default_factory=dict)
    """Identities to take out of the room."""
    dismiss: frozenset[str] = frozenset()
    """Jobs to be told to leave."""
    missing: frozenset[str] = frozenset()
    """Jobs that beat but are not in the room."""
    call: bool = False
    settled: bool = False
    """Nothing is owed to this room: forget when it was called, and how often."""


def decide(scene: Scene) -> Verdict:
    """Keep the newest interpreter that lives, take out all others, call one where people have none."""
    beats = [beat for beat in scene.beats if not beat.dismissed]
    if scene.watched < PULSE and any(beat.age >= PULSE for beat in beats):
        return Verdict()
    best = newest(scene)
    present = {person.identity: person for person in scene.people if person.interpreter}
    known = {beat.identity for beat in scene.beats}
    starting = {name for name, person in present.items() if name not in known and _arrived(scene, person) < GRACE}
    kept = starting | ({best.identity} if best else set())
    humans = any(person.human for person in scene.people)
    return Verdict(
        remove={name: _why(scene, name) for name in present if name not in kept},
        dismiss=frozenset(beat.job for beat in beats if beat is not best),
        missing=frozenset(beat.job for beat in beats if beat is best and beat.identity not in present),
        call=humans and not kept and not _under_way(scene),
        settled=best.since >= STAYS if best else not humans and not _under_way(scene),
    )


def is_due(scene: Scene) -> bool:
    """Whether a room needs a look at once. `scene` may lack the people: this asks no LiveKit server."""
    beats = [beat for beat in scene.beats if not beat.dismissed]
    best = newest(scene)
    if any(beat is not best or beat.missing is not None for beat in beats):
        return True
    return best is None and scene.called is not None and not _under_way(scene)


def newest(scene: Scene) -> Beat | None:
    """The interpreter that counts: of those that live, the one with the highest epoch."""
    living = [beat for beat in scene.beats if not beat.dismissed and beat.age < PULSE and not _lost(beat)]
    return max(living, key=lambda beat: beat.epoch, default=None)


def patience(calls: int, answered: bool) -> Seconds:
    """How long to wait after the last of so many calls before the next."""
    if answered:
        return 0.0 if calls <= CRASHES else min(LONGEST, 2.0 ** (calls - CRASHES))
    return min(LONGEST, GRACE * 2.0 ** (calls - 1))


def _under_way(scene: Scene) -> bool:
    if scene.called is None:
        return False
    answered = any(beat.since < scene.called for beat in scene.beats)
    return scene.called < patience(scene.calls, answered)


def _lost(beat: Beat) -> bool:
    return beat.missing is not None and beat.missing >= MISSING


def _arrived(scene: Scene, person: Person) -> Seconds:
    return min(scene.now - person.joined_at, scene.watched)


def _why(scene: Scene, identity: str) -> Why:
    beat = next((beat for beat in scene.beats if beat.identity == identity), None)
    if beat is None:
        return "never_beat"
    if beat.dismissed:
        return "dismissed"
    if beat.age >= PULSE:
        return "silent"
    return "missing" if _lost(beat) else "older"
