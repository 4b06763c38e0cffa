"""Who holds the root key: a wrapper wraps other keys under it, and need not be on this machine.

What a wrapped key is for (its context) is inside what is wrapped, as a digest before the key, so that it is bound with
any backend; where the backend has a context of its own, it is told too, and its log shows it.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from ..errors import SettingsError, VaultError

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for one answer of whoever holds the root key."""
_SETTING = "DRAGOMAN_ROOT_KEY"
_DIGEST = 32
_ARN = re.compile(r"arn:aws[\w-]*:kms:[\w-]+:\d+:(key|alias)/[\w/-]+")


class Wrapper(Protocol):
    """Wraps and unwraps keys under a root key that it alone knows.

    All raise `VaultError`: `keys_away` where nobody answers or the answer can't be read, `key_refused` where the answer
    is no, or is not the key that was wrapped for this context.
    """

    ref: str
    """What it is, for people and for the tables; no secret."""

    async def wrap(self, key: bytes, context: bytes) -> bytes: ...

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes: ...

    async def health(self) -> None:
        """Returns where it could wrap and unwrap now."""
        ...


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


def bound(key: bytes, context: bytes) -> bytes:
    """What is really wrapped: a key after the digest of what it is for."""
    return sha256(context).digest() + key


def unbound(plain: bytes, context: bytes) -> bytes:
    """The key, if it was wrapped for this context. Raises `VaultError` (`key_refused`)."""
    if not hmac.compare_digest(plain[:_DIGEST], sha256(context).digest()):
        raise VaultError("key_refused", "What was unwrapped is another key than the one that was asked for.")
    return plain[_DIGEST:]


async def in_thread(ask: Callable[[], T], patience: float) -> T:
    """What a client that blocks answers, within `patience` seconds. Raises `VaultError` (`keys_away`)."""
    try:
        async with asyncio.timeout(patience):
            return await asyncio.to_thread(ask)
    except TimeoutError:
        raise VaultError("keys_away", "Whoever holds the root key took too long.") from None


async def surely(wrapper: Wrapper, key: bytes, context: bytes) -> bytes:
    """The key wrapped, and unwrapped once to see that it can be: what doesn't come back now never would."""
    wrapped = await wrapper.wrap(key, context)
    if not hmac.compare_digest(await wrapper.unwrap(wrapped, context), key):
        raise VaultError("key_refused", "A key that was wrapped came back as another one.")
    return wrapped


async def probe(wrapper: Wrapper) -> None:
    """Wraps a key that nobody needs, and unwraps it."""
    await surely(wrapper, os.urandom(32), b"dragoman health")


def _needs(library: str, extra: str) -> None:
    if find_spec(library) is None:
        raise _bad(f"{extra}: needs {library}, which is not installed; the extra `{extra}` has it")


def _bad(what: str) -> SettingsError:
    return SettingsError("bad_settings", f"{_SETTING}: {what}.")
