"""What the web server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from agent.vault import CAUSES

STATES = ("starting", "listening", "degraded", "slower", "merging", "captions_only", "skipping", "engines_away")
"""What an interpreter says of itself, as in docs/wire.md."""
REFUSALS = {
    *("bad_json", "bad_request", "not_allowed", "not_served", "unknown_language", "too_soon", "too_many_calls"),
    *("too_many_languages", "too_many_people", "too_many_microphones", "unread_streams"),
}
"""Why interpreters refuse what guests ask, as in docs/wire.md."""


PARTS = (
    *("captions", "captions_track", "dub", "track", "recognise", "diarize", "keeping", "sound", "calls", "cues"),
    *("attributes", "finals", "interims", "subscribe", "heartbeat", "served", "offer", "upkeep", "looking", "sfu"),
    "language",
)
"""Kinds of an interpreter's parts that may fail, as in docs/wire.md; any other one counts as `other`."""


LOSSES = {"sound_seconds", "captions"}
"""What interpreters may lose, as in docs/states.md."""


class Metrics:
    """The counters of one application. None has a label that people choose."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Answers given", "route", "method", "status")
        self.errors = self._counter("errors", "Errors answered", "code")
        self.seconds = Histogram("dragoman_web_request_seconds", "Time to an answer", ["route"], registry=self.registry)
        self.rooms = self._counter("rooms_made", "Rooms made by hosts")
        self.joins = self._counter("joins", "Tokens given to people")
        self.beats = self._counter("beats", "Heartbeats of interpreters")
        self.failures = self._counter("interpreter_failures", "Parts of interpreters that failed, by kind", "part")
        self.lost = self._counter("interpreter_lost", "What interpreters lost, in the unit that its name says", "what")
        self.refused = self._counter("beats_refused", "Heartbeats that were not taken for an interpreter's")
        self.refusals = self._counter("guests_refused", "What interpreters refused to guests", "code")
        self.unkept = self._counter("keeping_lost", "What was to be kept and could not be, by cause", "cause")
        self.missed = self._counter("beats_missed", "Interpreters that fell silent")
        self.hearing = Histogram(
            "dragoman_web_hearing_seconds",
            "From a room's call for an interpreter to the first beat of one that hears",
            buckets=(0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
            registry=self.registry,
        )
        self.asked = self._counter("asked", "Interpreters in doubt, asked whether they live", "outcome")
        self.dispatches = self._counter("dispatches", "Calls for an interpreter", "why")
        self.removals = self._counter("removals", "Interpreters taken out of a room", "why")
        self.webhooks = self._counter("webhooks", "Webhooks of the LiveKit server", "outcome")
        self.sweeps = self._counter("sweeps", "Looks at all live rooms")
        self.interpreters = Gauge(
            "dragoman_web_interpreters", "Rooms that are interpreted, by how", ["state"], registry=self.registry
        )
        self.places = Gauge("dragoman_web_places", "Rooms that the workers could take now", registry=self.registry)
        self.clocks = Gauge(
            "dragoman_web_clock_difference_seconds",
            "The clock that differs most from ours, in seconds ahead of it",
            registry=self.registry,
        )
        self.leader = Gauge("dragoman_web_leader", "1 where this server attends the rooms", registry=self.registry)

    def failed(self, failures: Mapping[str, int]) -> None:
        """What an interpreter tells of its parts: how often those of a kind failed since it last told."""
        for part, count in failures.items():
            self.failures.labels(part if part in PARTS else "other").inc(count)

    def missing(self, lost: Mapping[str, float]) -> None:
        """What an interpreter tells that it lost since it last told."""
        for what, amount in lost.items():
            self.lost.labels(what if what in LOSSES else "other").inc(amount)

    def not_kept(self, lost: Mapping[str, int]) -> None:
        """What an interpreter or a worker tells of what it could not keep since it last told."""
        for cause, count in lost.items():
            self.unkept.labels(cause if cause in CAUSES else "other").inc(count)

    def interpreted(self, states: Mapping[str, int]) -> None:
        """How many interpreters are in each of the states that there are; none where nobody knows."""
        for state in STATES:
            self.interpreters.labels(state).set(states.get(state, 0))

    def guests(self, refused: Mapping[str, int]) -> None:
        """What an interpreter refused; a code that we don't know is `other`."""
        for code, count in refused.items():
            self.refusals.labels(code if code in REFUSALS else "other").inc(max(0, count))

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"dragoman_web_{name}", says, labels, registry=self.registry)


METRICS = web.AppKey("metrics", Metrics)
