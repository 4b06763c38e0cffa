"""What a person may set about running Dragoman on one machine, read once."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .logins import ROLES, address_of
from .setup.paths import HERE

# Each with its default and what it is; docs/settings.md says the same.
PORTS: Mapping[str, int] = {
    "DRAGOMAN_WEB_PORT": 8080,
    "DRAGOMAN_AGENT_PORT": 8081,
    "DRAGOMAN_SFU_PORT": 7880,
    "DRAGOMAN_SFU_UDP_PORT": 7882,
    "DRAGOMAN_PAGE_PORT": 5173,
}
OTHERS = (
    "DRAGOMAN_VAR",
    "DRAGOMAN_CHROMIUM",
    "DRAGOMAN_POSTGRES_PASSWORD",
    *(address_of(role) for role in ROLES),
)


class Refused(Exception):
    """Settings or ports with which nothing can start; one sentence for a person."""


@dataclass(frozen=True)
class Local:
    """One Dragoman on this machine: its folder, its ports, and whose SFU, database and engines it uses."""

    var: Path
    web_host: str
    web_port: int
    agent_port: int
    sfu_port: int
    sfu_udp_port: int
    page_port: int
    given: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://{self.web_host}:{self.web_port}"

    @property
    def page_url(self) -> str:
        """Where `infra/dev` serves the pages as they are changed."""
        return f"http://127.0.0.1:{self.page_port}"

    @property
    def own_sfu(self) -> bool:
        return not self.given.get("LIVEKIT_URL")

    @property
    def own_database(self) -> bool:
        return not self.given.get("DATABASE_URL")

    @property
    def own_engines(self) -> bool:
        return not self.given.get("DRAGOMAN_ENGINES")

    @property
    def processes(self) -> frozenset[str]:
        """The names in the Procfile that are ours to start."""
        ours = {
            "postgres": self.own_database,
            "sfu": self.own_sfu,
            "engines": self.own_engines,
            "sweep": self.own_database or bool(self.given.get(address_of("retention"))),
        }
        return frozenset({"agent", "web"} | {name for name, own in ours.items() if own})


def read(given: Mapping[str, str]) -> Local:
    """Raises `Refused` with everything that is wrong or missing."""
    wrong: list[str] = []
    ports = {name: _port(given.get(name, ""), default, name, wrong) for name, default in PORTS.items()}
    if given.get("LIVEKIT_URL"):
        lacking = [name for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET") if not given.get(name)]
        wrong += [f"LIVEKIT_URL is set, so {name} must be too" for name in lacking]
    if wrong:
        raise Refused("; ".join(wrong))
    return Local(
        var=(HERE.root / given.get("DRAGOMAN_VAR", "var")).resolve(),
        web_host=given.get("DRAGOMAN_WEB_HOST", "127.0.0.1"),
        web_port=ports["DRAGOMAN_WEB_PORT"],
        agent_port=ports["DRAGOMAN_AGENT_PORT"],
        sfu_port=ports["DRAGOMAN_SFU_PORT"],
        sfu_udp_port=ports["DRAGOMAN_SFU_UDP_PORT"],
        page_port=ports["DRAGOMAN_PAGE_PORT"],
        given=dict(given),
    )


def on_free_ports(var: Path, given: Mapping[str, str]) -> Local:
    """A Dragoman beside others, for tests: `given` counts, but for the ports and the folder."""
    free = {name: str(_free(_kind(name))) for name in PORTS}
    return read({**given, **free, "DRAGOMAN_VAR": str(var)})


def refuse_occupied(local: Local, developing: bool = False) -> None:
    """Raises `Refused` when somebody else has a port that we need; the page's own where somebody is `developing`."""
    wanted = {
        "DRAGOMAN_WEB_PORT": (local.web_host, local.web_port),
        "DRAGOMAN_AGENT_PORT": ("127.0.0.1", local.agent_port),
    }
    if developing:
        wanted["DRAGOMAN_PAGE_PORT"] = ("127.0.0.1", local.page_port)
    if local.own_sfu:
        wanted["DRAGOMAN_SFU_PORT"] = ("127.0.0.1", local.sfu_port)
        wanted["DRAGOMAN_SFU_UDP_PORT"] = ("127.0.0.1", local.sfu_udp_port)
    for name, (host, port) in wanted.items():
        if not _is_free(host, port, _kind(name)):
            raise Refused(
                f"Port {port} is in use by another program: stop that, or set {name} to a free port and start again."
            )


def _port(text: str, default: int, name: str, wrong: list[str]) -> int:
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        wrong.append(f"{name} is {text!r}, not a port from 1 to 65535")
        return default
    return int(text)


def _kind(name: str) -> socket.SocketKind:
    return socket.SOCK_DGRAM if "UDP" in name else socket.SOCK_STREAM


def _is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as asked:
        if kind == socket.SOCK_STREAM:
            # As servers do, so that connections of a run that just ended don't count as somebody there.
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((host, port))
        except OSError:
            return False
        return True


def _free(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
