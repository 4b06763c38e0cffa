"""Every live room has exactly one interpreter: the rules, without a clock, a network or a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .livekit import Person

Seconds = float

DOUBT: Seconds = 1.0
"""An interpreter beats twice a second; silent for so long, it is asked whether it lives."""
PULSE: Seconds = 2.0
"""Silent for so long, and without an answer, it is taken for dead."""
GRACE: Seconds = 8.0
"""What an interpreter may take from the call to its first beat."""
MISSING: Seconds = 6.0
"""How long one may beat without being in the room, as while it reconnects."""
UNTAKEN: Seconds = 1.5
"""What LiveKit may take to find a worker for a call; one that has none by then is made again when one is free."""
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
    seen: Mapping[str, Seconds] = field(default_factory=dict)
    """Since we first saw each interpreter in the room, by our own clock; one that isn't named came just now."""
    free: int = 0
    """Rooms that the workers could take now, as far as they have told."""
    taken: bool = True
    """Whether a worker has taken the last call, as far as we know."""
    answered: frozenset[str] = frozenset()
    """Identities that answered a call just now: they live, whatever became of their beats."""
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


def doubtful(scene: Scene) -> frozenset[str]:
    """Interpreters that LiveKit shows in the room and that are silent towards us: to be asked before they are judged.

    Beats are late for many reasons (a slow database, a web server that was away) of which captions know nothing.
    """
    known = {beat.identity: beat for beat in scene.beats}
    return frozenset(name for name in _present(scene) if _in_doubt(scene, name, known.get(name)))


def decide(scene: Scene) -> Verdict:
    """Keep the newest interpreter that lives, take out all others, call one where people have none."""
    beats = [beat for beat in scene.beats if not beat.dismissed]
    if scene.watched < PULSE and any(beat.age >= PULSE for beat in beats):
        return Verdict()
    best = newest(scene)
    present = _present(scene)
    known = {beat.identity for beat in scene.beats}
    starting = {name for name in present - known if name in scene.answered or not _overdue(scene, name)}
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
    if any(beat is not best or beat.missing is not None or beat.age >= DOUBT for beat in beats):
        return True
    return best is None and scene.called is not None and (unanswered(scene) or not _under_way(scene))


def newest(scene: Scene) -> Beat | None:
    """The interpreter that counts: of those that live, the one with the highest epoch."""
    living = [beat for beat in scene.beats if not beat.dismissed and not _silent(scene, beat) and not _lost(beat)]
    return max(living, key=lambda beat: beat.epoch, default=None)


def unanswered(scene: Scene) -> bool:
    """Whether another call is due if no worker took the last one: somebody could take it now."""
    if scene.called is None or _has_answered(scene, scene.called):
        return False
    return scene.called >= UNTAKEN and scene.free > 0


def patience(calls: int, answered: bool) -> Seconds:
    """How long to wait after the last of so many calls before the next."""
    if answered:
        return 0.0 if calls <= CRASHES else min(LONGEST, 2.0 ** (calls - CRASHES))
    return min(LONGEST, GRACE * 2.0 ** (calls - 1))


def _under_way(scene: Scene) -> bool:
    if scene.called is None:
        return False
    if not scene.taken and unanswered(scene):
        return False
    return scene.called < patience(scene.calls, _has_answered(scene, scene.called))


def _has_answered(scene: Scene, called: Seconds) -> bool:
    return any(beat.since < called for beat in scene.beats)


def _lost(beat: Beat) -> bool:
    return beat.missing is not None and beat.missing >= MISSING


def _silent(scene: Scene, beat: Beat) -> bool:
    return beat.age >= PULSE and beat.identity not in scene.answered


def _present(scene: Scene) -> frozenset[str]:
    return frozenset(person.identity for person in scene.people if person.interpreter)


def _overdue(scene: Scene, identity: str) -> bool:
    """Whether one that we know nothing of but that it is there has had the time to its first beat."""
    return scene.seen.get(identity, 0.0) >= GRACE


def _in_doubt(scene: Scene, identity: str, beat: Beat | None) -> bool:
    if beat is None:
        return _overdue(scene, identity)
    return not beat.dismissed and not _lost(beat) and beat.age >= DOUBT and identity not in scene.answered


def _why(scene: Scene, identity: str) -> Why:
    beat = next((beat for beat in scene.beats if beat.identity == identity), None)
    if beat is None:
        return "never_beat"
    if beat.dismissed:
        return "dismissed"
    if _silent(scene, beat):
        return "silent"
    return "missing" if _lost(beat) else "older"
