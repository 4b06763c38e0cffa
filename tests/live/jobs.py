"""The agent's job processes: one a room."""

from __future__ import annotations

import psutil

from infra.stack import Stack


def in_rooms(stack: Stack) -> set[int]:
    """The job processes that are in some room: they have media sockets."""
    worker = stack.pid("agent")
    assert worker
    children = psutil.Process(worker).children(recursive=True)
    return {process.pid for process in children if process.net_connections(kind="udp")}
