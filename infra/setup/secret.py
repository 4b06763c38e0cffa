"""Secrets, made once, on this machine, for this checkout."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from ..logins import ROLES, password_of

_MAKERS: Mapping[str, Callable[[], str]] = {
    "LIVEKIT_API_KEY": lambda: f"API{secrets.token_hex(6)}",
    "LIVEKIT_API_SECRET": lambda: secrets.token_urlsafe(36),
    "DRAGOMAN_HOST_SECRET": lambda: secrets.token_urlsafe(24),
    "DRAGOMAN_POSTGRES_PASSWORD": lambda: secrets.token_urlsafe(24),
    **{password_of(role): lambda: secrets.token_urlsafe(24) for role in ROLES},
}


class LooseSecrets(Exception):
    """Others on the machine can read the secrets' file."""


def secrets_in(var: Path) -> Mapping[str, str]:
    """The secrets in `secrets.env` of this folder, where only we can read it; made where they are missing.

    Raises `LooseSecrets` when others have had the right to read them.
    """
    var.mkdir(parents=True, exist_ok=True)
    path = var / "secrets.env"
    known = _read(path)
    lacking = {name: make() for name, make in _MAKERS.items() if name not in known}
    if lacking:
        _write(path, {**known, **lacking})
    return {**known, **lacking}


def _read(path: Path) -> dict[str, str]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return {}
    if mode & 0o077:
        raise LooseSecrets(f"{path} may be read by others (mode {mode:04o}): delete it, and new secrets are made")
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, value in pairs}


def _write(path: Path, values: Mapping[str, str]) -> None:
    fresh = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    fresh.replace(path)
