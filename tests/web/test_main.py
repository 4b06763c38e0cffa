"""Starting: what stands in the way is one clear sentence."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from web.__main__ import main


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """All that is needed, and the log as it was at the end."""
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "a-secret-of-at-least-32-characters")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@/nothing?host=/nowhere")
    monkeypatch.setenv("DRAGOMAN_HOST_SECRET", "hush")
    handlers, level = logging.root.handlers[:], logging.root.level
    yield monkeypatch
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_all_that_is_missing_is_named_at_once(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("DATABASE_URL")
    environment.delenv("DRAGOMAN_HOST_SECRET")

    assert main() == 2

    said = capsys.readouterr().err
    assert said == "Dragoman's web server cannot start: missing: DATABASE_URL, DRAGOMAN_HOST_SECRET\n"


def test_a_port_that_is_taken_is_said_to_be_taken(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment.setenv("DRAGOMAN_WEB_PORT", str(port))

        assert main() == 1

    said = capsys.readouterr().err.splitlines()
    assert said[-1] == f"Dragoman's web server cannot listen at 127.0.0.1:{port}: another program does."
    assert "hush" not in "".join(said)
