"""What the web server counts, for Prometheus."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


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
        self.missed = self._counter("beats_missed", "Interpreters that fell silent")
        self.dispatches = self._counter("dispatches", "Calls for an interpreter", "why")
        self.removals = self._counter("removals", "Interpreters taken out of a room", "why")
        self.webhooks = self._counter("webhooks", "Webhooks of the LiveKit server", "outcome")
        self.sweeps = self._counter("sweeps", "Looks at all live rooms")
        self.leader = Gauge("dragoman_web_leader", "1 where this server attends the rooms", registry=self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"dragoman_web_{name}", says, labels, registry=self.registry)


METRICS = web.AppKey("metrics", Metrics)
