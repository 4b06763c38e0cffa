"""What the web server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STATES = ("starting", "listening", "degraded", "slower", "merging", "captions_only", "skipping", "engines_away")
"""What an interpreter says of itself, as in docs/wire.md."""


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
        self.refused = self._counter("beats_refused", "Heartbeats that were not taken for an interpreter's")
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

    def interpreted(self, states: Mapping[str, int]) -> None:
        """How many interpreters are in each of the states that there are; none where nobody knows."""
        for state in STATES:
            self.interpreters.labels(state).set(states.get(state, 0))

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"dragoman_web_{name}", says, labels, registry=self.registry)


METRICS = web.AppKey("metrics", Metrics)
