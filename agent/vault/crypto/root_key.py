"""Who holds the root key: a wrapper wraps other keys under it, and need not be on this machine.

What a wrapped key is for (its context) is inside what is wrapped, as a digest before the key, so that it is bound with
any backend; where the backend has a context of its own, it is told too, and its log shows it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ...errors import SettingsError, VaultError
from .wrapper import Wrapper

_SETTING = "DRAGOMAN_ROOT_KEY"
_ARN = re.compile(r"arn:aws[\w-]*:kms:[\w-]+:\d+:(key|alias)/[\w/-]+")


class Several:
    """Wrappers of which the first wraps and any unwraps: for the time in which keys move from one to another."""

    def __init__(self, wrappers: Sequence[Wrapper]) -> None:
        self.ref = wrappers[0].ref
        self._wrappers = wrappers

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        return await self._wrappers[0].wrap(key, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """As the first that can. If none can: the one that doesn't answer may be the one that could."""
        failures: list[VaultError] = []
        for wrapper in self._wrappers:
            try:
                return await wrapper.unwrap(wrapped, context)
            except VaultError as error:
                failures.append(error)
        raise next((error for error in failures if error.code == "keys_away"), failures[0])

    async def health(self) -> None:
        for wrapper in self._wrappers:
            await wrapper.health()


def from_setting(value: str) -> Wrapper:
    """The wrapper that `DRAGOMAN_ROOT_KEY` means; several, comma-separated, where keys move from one to another.

    `file:PATH`, `transit:http(s)://HOST:PORT/MOUNT/keys/NAME` (`?token_file=PATH` where the token is in a file), or
    `awskms:ARN`. Raises `SettingsError` (`bad_settings`).
    """
    wrappers = [_wrapper(one.strip()) for one in value.split(",") if one.strip()]
    if not wrappers:
        raise _bad("it names none; file:var/keys/root.key would be one")
    return wrappers[0] if len(wrappers) == 1 else Several(wrappers)


def _wrapper(ref: str) -> Wrapper:
    kind, _, rest = ref.partition(":")
    match kind:
        case "file" if rest:
            from .keyfile import KeyFile

            return KeyFile(Path(rest))
        case "transit":
            return _transit(rest)
        case "awskms" if _ARN.fullmatch(rest):
            _needs("boto3", "awskms")
            from .awskms import AwsKms

            return AwsKms(rest)
    raise _bad(f"{kind} is none of file:PATH, transit:http(s)://HOST:PORT/MOUNT/keys/NAME, awskms:ARN")


def _transit(address: str) -> Wrapper:
    url = urlsplit(address)
    mount, keys, name = url.path.strip("/").rpartition("/keys/")
    if url.scheme not in {"http", "https"} or not url.hostname or not (mount and keys and name) or url.username:
        raise _bad("transit: is not followed by http(s)://HOST:PORT/MOUNT/keys/NAME")
    if url.scheme == "http" and url.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise _bad("keys go to another machine by https only")
    _needs("hvac", "transit")
    from .transit import Transit

    [token_file] = parse_qs(url.query).get("token_file", [""])
    return Transit(f"{url.scheme}://{url.netloc}", mount, name, Path(token_file) if token_file else None)


def _needs(library: str, extra: str) -> None:
    if find_spec(library) is None:
        raise _bad(f"{extra}: needs {library}, which is not installed; the extra `{extra}` has it")


def _bad(what: str) -> SettingsError:
    return SettingsError("bad_settings", f"{_SETTING}: {what}.")
