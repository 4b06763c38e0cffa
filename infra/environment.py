"""What each process is told, and nothing more: a secret goes to those that need it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import logins, postgres
from .settings import Local
from .setup.paths import HERE

_WHO_MAY_KNOW: Mapping[str, frozenset[str]] = {
    "LIVEKIT_API_KEY": frozenset({"agent", "web"}),
    "LIVEKIT_API_SECRET": frozenset({"agent", "web"}),
    "LIVEKIT_KEYS": frozenset({"sfu"}),
    "DATABASE_URL": frozenset({"web"}),
    "DRAGOMAN_HOST_SECRET": frozenset({"web"}),
    "DRAGOMAN_POSTGRES_PASSWORD": frozenset({"postgres"}),
    **{logins.password_of(role): frozenset({"postgres"}) for role in logins.ROLES},
    **{logins.address_of(role): frozenset() for role in logins.ROLES},
    "DRAGOMAN_VAULT_URL": frozenset(),
    "VAULT_TOKEN": frozenset({"agent", "web", "sweep"}),
}
_SIGNS_IN_AS: Mapping[str, str] = {"agent": "agent", "web": "web", "sweep": "retention"}
"""The role that a process has in what is kept; it is told that role's address alone."""
_OF_A_PLUGIN = re.compile(r".*_(API_KEY|API_TOKEN|AUTH_TOKEN|SUBSCRIPTION_KEY|SPEECH_KEY|APPLICATION_CREDENTIALS)")
"""What LiveKit plugins read their keys from, for the processes that plugins run in."""
_PLUGINS_RUN_IN = frozenset({"agent", "engines"})


def everything(local: Local, secrets: Mapping[str, str]) -> dict[str, str]:
    """The environment of the whole stack: what was given, and the rest as it is on this machine."""
    made = dict(secrets)
    made["LIVEKIT_URL"] = f"ws://127.0.0.1:{local.sfu_port}"
    made["DATABASE_URL"] = postgres.url(local.var, secrets["DRAGOMAN_POSTGRES_PASSWORD"])
    if local.own_database:
        made |= {logins.address_of(role): _login(local, secrets, role) for role in logins.ROLES}
    made["DRAGOMAN_ENGINES"] = f"unix:{_short(local.var / 'engines.sock')}"
    made["DRAGOMAN_WEB"] = local.url
    made["DRAGOMAN_ROOT_KEY"] = f"file:{local.var / 'keys' / 'root.key'}"
    made["DRAGOMAN_SPOOL"] = str(local.var / "spool")
    made["DRAGOMAN_LEDGER"] = str(local.var / "ledger")
    made["DRAGOMAN_ANCHORS"] = str(local.var / "anchors")
    made |= {name: value for name, value in local.given.items() if value}
    made |= {
        "DRAGOMAN_VAR": str(local.var),
        "DRAGOMAN_WEB_HOST": local.web_host,
        "DRAGOMAN_WEB_PORT": str(local.web_port),
        "DRAGOMAN_AGENT_PORT": str(local.agent_port),
        "DRAGOMAN_SFU_PORT": str(local.sfu_port),
        "DRAGOMAN_SFU_UDP_PORT": str(local.sfu_udp_port),
        "DRAGOMAN_PAGE_PORT": str(local.page_port),
        "PATH": f"{HERE.venv / 'bin'}:{local.given.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    made |= {
        name: secrets[name] for name in map(logins.password_of, logins.ROLES)
    }  # their addresses were made of these
    made["LIVEKIT_KEYS"] = f"{made['LIVEKIT_API_KEY']}: {made['LIVEKIT_API_SECRET']}"
    return made


def of(process: str, all_of_it: Mapping[str, str]) -> dict[str, str]:
    """One process's part of it."""
    told = {name: value for name, value in all_of_it.items() if _may_know(process, name)}
    role = _SIGNS_IN_AS.get(process)
    if role and (address := all_of_it.get(logins.address_of(role))):
        told["DRAGOMAN_VAULT_URL"] = address
    if process == "sfu":
        # It reads any LIVEKIT_… as a setting of its own.
        read = [name for name in told if name.startswith("LIVEKIT_") and name != "LIVEKIT_KEYS"]
        told = {name: value for name, value in told.items() if name not in read}
    return told


def _login(local: Local, secrets: Mapping[str, str], role: str) -> str:
    return postgres.url(local.var, secrets[logins.password_of(role)], logins.login(role))


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
