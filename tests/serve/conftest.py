"""One Ray for all tests that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import odd
from .cluster import Cluster, running


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def fakes(cluster: Cluster) -> str:
    """The address of a service with the twins of all engines."""
    from infra.serve.app import arranged

    return cluster.run(arranged(odd.fakes), "fakes")


@pytest.fixture(scope="session")
def odds(cluster: Cluster) -> str:
    """The address of a service with engines that stumble."""
    from infra.serve.app import arranged

    return cluster.run(arranged(odd.odd), "odds")
