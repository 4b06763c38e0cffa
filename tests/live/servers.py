"""A real LiveKit server and real workers, for as long as a test needs them."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent.parent
KEPT = (sys.executable, "-m", "infra.supervise")
"""Ends what it started even where the tests themselves are killed."""
CONFIG = """
port: {port}
bind_addresses: ["127.0.0.1"]
rtc:
  tcp_port: {tcp}
  udp_port: {udp}
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  interfaces: {{includes: [lo]}}
keys: {{{key}: "{secret}"}}
webhook: {{api_key: {key}, urls: ["{webhook}"]}}
logging: {{level: info}}
"""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody has just now, below those that the kernel gives to outgoing connections."""
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def binary() -> Path:
    """livekit-server, as `infra/run` builds it or DRAGOMAN_SFU names it; else the test is skipped."""
    path = Path(os.environ.get("DRAGOMAN_SFU", ROOT / "var" / "bin" / "livekit-server"))
    if not path.is_file():
        pytest.skip(f"no livekit-server at {path}")
    return path


class LiveSfu:
    """A livekit-server on loopback that can be stopped and started again at the same address."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self.port = free_port()
        self.key, self.secret = "test", secrets.token_urlsafe(32)
        self._binary = binary()
        self._folder = folder
        ports = {"port": self.port, "tcp": free_port(), "udp": free_port(socket.SOCK_DGRAM)}
        config = CONFIG.format(**ports, key=self.key, secret=self.secret, webhook=webhook)
        (folder / "livekit.yaml").write_text(config)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self._folder / "livekit.log").open("ab") as log:
            line = [*KEPT, self._binary, "--config", self._folder / "livekit.yaml"]
            self._process = subprocess.Popen(line, cwd=ROOT, stdout=log, stderr=log)
        wait(self._answers, 20)

    def stop(self) -> None:
        """At once, as a power cut would: a polite stop waits for everybody to leave."""
        _cut(self._process)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class LiveWorker:
    """A worker process with the interpreter of `beater.py`, and with more in its environment where a test gives it."""

    def __init__(self, sfu: LiveSfu, web: str, folder: Path, name: str = "interpreter", **more: str) -> None:
        self._sfu = sfu
        self.port = free_port()
        self._log = folder / f"worker-{self.port}.log"
        self._environment = {
            **os.environ,
            "LIVEKIT_URL": sfu.url,
            "LIVEKIT_API_KEY": sfu.key,
            "LIVEKIT_API_SECRET": sfu.secret,
            "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
            "DRAGOMAN_WEB": web,
            "DRAGOMAN_AGENT_PORT": str(self.port),
            "DRAGOMAN_AGENT_NAME": name,
            **more,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it is registered with LiveKit."""
        with self._log.open("ab") as log:
            line = [*KEPT, sys.executable, "-m", "tests.live.beater"]
            self._process = subprocess.Popen(line, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        wait(lambda: "registered" in self._log.read_text(), 120)

    def jobs(self) -> list[int]:
        """Processes that interpret a room: those below the worker that are connected to LiveKit."""
        assert self._process
        (worker,) = psutil.Process(self._process.pid).children()
        return [process.pid for process in worker.children(recursive=True) if self._connected(process)]

    def kill_jobs(self) -> list[int]:
        """`kill -9`, as the kernel does where memory runs out."""
        found = self.jobs()
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return found

    def stop(self) -> None:
        """With all its processes."""
        _cut(self._process)

    def _connected(self, process: psutil.Process) -> bool:
        try:
            ends = process.net_connections()
        except psutil.Error:
            return False
        return any(end.raddr and end.raddr.port == self._sfu.port and end.status == "ESTABLISHED" for end in ends)


def _cut(process: subprocess.Popen[bytes] | None) -> None:
    """Kill everything below; its keeper then ends by itself."""
    if process is None or process.poll() is not None:
        return
    for below in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            below.kill()
    process.wait(20)


def wait(true: Callable[[], bool], within: float) -> None:
    """Waits for what other processes do. Raises `TimeoutError`."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
