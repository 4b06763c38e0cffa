"""Who holds a root key and wraps others with it: what is asked of one, and what all of them share."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol, TypeVar

from ...errors import VaultError

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for one answer of whoever holds the root key."""

_DIGEST = 32


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
