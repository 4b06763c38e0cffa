"""What each process is told, and nothing more: a secret goes to those that need it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import postgres
from .settings import Local
from .setup.place import HERE

_WHO_MAY_KNOW: Mapping[str, frozenset[str]] = {
    "LIVEKIT_API_KEY": frozenset({"agent", "web"}),
    "LIVEKIT_API_SECRET": frozenset({"agent", "web"}),
    "LIVEKIT_KEYS": frozenset({"sfu"}),
    "DATABASE_URL": frozenset({"web"}),
    "DRAGOMAN_HOST_SECRET": frozenset({"web"}),
    "DRAGOMAN_POSTGRES_PASSWORD": frozenset({"postgres"}),
}
_OF_A_PLUGIN = re.compile(r".*_(API_KEY|API_TOKEN|AUTH_TOKEN|SUBSCRIPTION_KEY|SPEECH_KEY|APPLICATION_CREDENTIALS)")
"""What LiveKit plugins read their keys from, for the processes that plugins run in."""
_PLUGINS_RUN_IN = frozenset({"agent", "engines"})


def everything(local: Local, secrets: Mapping[str, str]) -> dict[str, str]:
    """The environment of the whole stack: what was given, and the rest as it is on this machine."""
    made = dict(secrets)
    made["LIVEKIT_URL"] = f"ws://127.0.0.1:{local.sfu_port}"
    made["DATABASE_URL"] = postgres.url(local.var, secrets["DRAGOMAN_POSTGRES_PASSWORD"])
    made["DRAGOMAN_ENGINES"] = f"unix:{_short(local.var / 'engines.sock')}"
    made["DRAGOMAN_WEB"] = local.url
    made["DRAGOMAN_ROOT_KEY"] = f"file:{local.var / 'keys' / 'root.key'}"
    made |= {name: value for name, value in local.given.items() if value}
    made |= {
        "DRAGOMAN_VAR": str(local.var),
        "DRAGOMAN_WEB_HOST": local.web_host,
        "DRAGOMAN_WEB_PORT": str(local.web_port),
        "DRAGOMAN_AGENT_PORT": str(local.agent_port),
        "DRAGOMAN_SFU_PORT": str(local.sfu_port),
        "DRAGOMAN_SFU_UDP_PORT": str(local.sfu_udp_port),
        "PATH": f"{HERE.venv / 'bin'}:{local.given.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    made["LIVEKIT_KEYS"] = f"{made['LIVEKIT_API_KEY']}: {made['LIVEKIT_API_SECRET']}"
    return made


def of(process: str, all_of_it: Mapping[str, str]) -> dict[str, str]:
    """One process's part of it."""
    told = {name: value for name, value in all_of_it.items() if _may_know(process, name)}
    if process == "sfu":
        # It reads any LIVEKIT_… as a setting of its own.
        read = [name for name in told if name.startswith("LIVEKIT_") and name != "LIVEKIT_KEYS"]
        told = {name: value for name, value in told.items() if name not in read}
    return told


def _may_know(process: str, name: str) -> bool:
    if name in _WHO_MAY_KNOW:
        return process in _WHO_MAY_KNOW[name]
    return process in _PLUGINS_RUN_IN or not _OF_A_PLUGIN.fullmatch(name)


def write_sfu_settings(local: Local, all_of_it: Mapping[str, str]) -> None:
    """`livekit.yaml` with this run's ports and webhook, into the run's folder; the key's name, but no secret."""
    settings: dict[str, Any] = yaml.safe_load((HERE.root / "livekit.yaml").read_text())
    settings["port"] = local.sfu_port
    settings["rtc"]["udp_port"] = local.sfu_udp_port
    settings["webhook"] = {"api_key": all_of_it["LIVEKIT_API_KEY"], "urls": [f"{local.url}/livekit/webhook"]}
    path = local.var / "livekit.yaml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(settings))


def _short(path: Path) -> Path:
    """Relative to the checkout where that is possible: a socket's path is limited to 107 bytes."""
    return path.relative_to(HERE.root) if path.is_relative_to(HERE.root) else path
