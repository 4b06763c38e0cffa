"""The whole of Dragoman on free ports, once for all live tests: real SFU, agent, engines, database and web server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import on_free_ports
from infra.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything, started and ready."""
    folder = Path(tempfile.mkdtemp(prefix="dragoman-live-"))
    with Stack(on_free_ports(folder, dict(os.environ)), say=lambda line: None) as running:
        running.start()
        running.wait_ready(120.0)
        yield running
