"""A room whose engines are behind HTTP: the same questions as over the socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from infra.stack import Stack
from tests.conftest import dragoman

from .servers import KEPT, ROOT, free_port
from .test_room import (  # noqa: F401  (asked again here)
    join,
    room,
    test_a_language_that_no_text_is_translated_from_is_carried_directly,
    test_a_speech_is_read_in_two_languages_and_heard_in_one,
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
    """All of Dragoman, but for the engines."""
    with dragoman({"DRAGOMAN_ENGINES": engines}) as running:
        yield running
        assert running.pid("engines") is None  # none but that one
