"""What many replicas have counted, on one page for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class SharedTranslations(Collector):
    """The pages of replicas as one, each figure under the name of its replica."""

    def __init__(self, pages: Iterable[tuple[str, bytes]]) -> None:
        self._families: dict[str, Metric] = {}
        for replica, page in pages:
            for family in text_string_to_metric_families(page.decode()):
                self._add(replica, family)

    def collect(self) -> Iterable[Metric]:
        return self._families.values()

    def _add(self, replica: str, family: Metric) -> None:
        known = self._families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        known.samples += [sample._replace(labels={**sample.labels, "replica": replica}) for sample in family.samples]


def together(pages: Iterable[tuple[str, bytes]]) -> bytes:
    """One page of the pages of these replicas."""
    registry = CollectorRegistry()
    registry.register(SharedTranslations(pages))
    return generate_latest(registry)
