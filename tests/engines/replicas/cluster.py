"""Ray on this machine, on loopback only, for as long as tests need it."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil

from tests.live.servers import ROOT, free_port, wait

TOLD: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_automatic_object_spilling_enabled": "0",  # what was said stays in memory
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),  # else Ray makes one and keeps it in our home
    "RAY_SERVE_LOG_TO_STDERR": "0",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",  # a machine that runs tests may be slow
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "30",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # which on Linux, too, keeps Ray on loopback
    "PYTHONPATH": str(ROOT),  # replicas import what is here
}


class Cluster:
    """A node, and Serve at an address."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def run(self, application: Any, name: str) -> str:
        """Deploys it, or a new version of it; its address when all of it runs."""
        from ray import serve

        serve.run(application, name=name, route_prefix=f"/{name}")
        wait(lambda: _ready(f"{self.url}/{name}/readyz"), 60)
        return f"{self.url}/{name}"

    def delete(self, name: str) -> None:
        from ray import serve

        serve.delete(name)

    def replicas(self, name: str, deployment: str) -> list[int]:
        """The processes of the replicas of one deployment."""
        title = f"ray::ServeReplica:{name}:{deployment}"
        return [process.pid for process in _ours() if _title(process).startswith(title)]


@contextmanager
def running() -> Iterator[Cluster]:
    """All that Ray has started has ended at the end, or the test fails."""
    import ray
    from ray import serve

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # a socket's path is at most 107 bytes
    before = {process.pid for process in _ours()}
    port = free_port()
    try:
        _start(folder)
        serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
        yield Cluster(port)
        serve.shutdown()
    finally:
        started = [process for process in _ours() if process.pid not in before]
        ray.shutdown()
        _, left = psutil.wait_procs(started, timeout=20)
        shutil.rmtree(folder, ignore_errors=True)
    assert left == []


def _start(folder: str) -> None:
    """A node whose helpers were not up within 15 s gives up, and a busy machine may need longer: then once more."""
    import ray

    for again in (True, True, False):
        try:
            ray.init(
                num_cpus=4,  # what Ray shares out, whatever there is
                object_store_memory=200_000_000,
                include_dashboard=False,
                log_to_driver=False,
                _temp_dir=folder,
            )
            return
        except Exception as error:  # Ray has no narrower one
            ray.shutdown()
            if not again or "timed out" not in str(error):
                raise


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  (ours)
            return bool(answer.status == 200)
    except OSError:
        return False


def _ours() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
