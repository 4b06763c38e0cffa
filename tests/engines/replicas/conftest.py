"""One Ray for all tests that need it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from . import odd
from .cluster import TOLD, Cluster, running


@pytest.fixture(scope="session")
def told() -> None:
    """What Ray is told. It reads some of that when it is imported, so tests that import it ask for this."""
    os.environ.update(TOLD)


@pytest.fixture(scope="session")
def cluster(told: None) -> Iterator[Cluster]:
    with running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def fakes(cluster: Cluster) -> str:
    """The address of a service with the twins of all engines."""
    from agent.engines.replicas.app import arranged

    return cluster.run(arranged(odd.fakes), "fakes")


@pytest.fixture(scope="session")
def odds(cluster: Cluster) -> str:
    """The address of a service with engines that stumble."""
    from agent.engines.replicas.app import arranged

    return cluster.run(arranged(odd.odd), "odds")
