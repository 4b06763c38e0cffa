"""A room whose engines are behind HTTP: the same questions as over the socket."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import on_free_ports
from infra.stack import Stack

from .servers import KEPT, ROOT, free_port
from .test_room import (  # noqa: F401  (asked again here)
    join,
    room,
    test_a_language_that_no_text_is_translated_from_is_carried_directly,
    test_a_speech_is_read_in_two_languages_and_heard_in_one,
    test_nothing_is_said_over_noise,
)

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def engines() -> Iterator[str]:
    """The address of an engine service with the real engines."""
    address = f"http://127.0.0.1:{free_port()}"
    line = [*KEPT, sys.executable, "-m", "agent.engines"]
    service = subprocess.Popen(line, cwd=ROOT, env={**os.environ, "DRAGOMAN_ENGINES": address})
    yield address
    service.terminate()
    service.wait(20)


@pytest.fixture(scope="module")
def stack(engines: str) -> Iterator[Stack]:
    """All of Dragoman on free ports, but for the engines."""
    folder = Path(tempfile.mkdtemp(prefix="dragoman-live-"))
    given = {**os.environ, "DRAGOMAN_ENGINES": engines}
    with Stack(on_free_ports(folder, given), say=lambda line: None) as running:
        running.start()
        running.wait_ready(120.0)
        yield running
        assert running.pid("engines") is None  # none but that one
