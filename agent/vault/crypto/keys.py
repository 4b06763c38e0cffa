"""One tenant's keys: made when first needed, held for a while, and used here; the root key stays with its wrapper.

    root key (a wrapper's) → tenant key (by purpose, in versions) → data key (of one meeting's one speaker) → records

What a room needs while it runs is made in this process: a fresh data key takes no answer from anybody once the tenant
key is at hand. ``docs/keys.md`` tells what happens while the root key or the database is away.

What can go wrong, and how it can't:

- **A key is taken for another's.** A tenant key is bound to its tenant, purpose and version when it is wrapped; a data
  key to its tenant, meeting, speaker and id. Wrapped bytes that were moved to another row don't open.
- **A tenant key is stored that nobody can unwrap.** It is unwrapped again before its row is written (`surely`). A
  first one is made only after another key of the tenant opened, so never under a wrong root key.
- **Two processes make the first key.** The row that is there stays, and both use it.
- **A destroyed key lives on in memory.** A tenant key is held for `HELD`, then asked for anew. Where nobody answers it
  stays usable until `GRACE` is over, and no longer. An answer that says no ends it at once.
- **Many ask at once.** One of them asks for a key, the others wait for that answer.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from sqlalchemy.exc import DBAPIError

from ...errors import VaultError
from ..db.pool import Pool
from . import statements
from .envelope import DataKey, fields, unwrap, wrap
from .wrapper import Wrapper, surely

Purpose = Literal["wrap", "index", "sign"]

HELD = 600.0
"""Seconds for which a tenant key is used before its wrapper is asked again."""
GRACE = 3_600.0
"""Seconds for which it is used at the longest, while nobody answers."""
AT_HAND = 0.5
"""Seconds that a renewal may take who has a key at hand: captions may wait behind it."""
PAUSE = 30.0
"""Seconds until a renewal is tried again that nobody answered."""
_AWAY = {"keys_away", "vault_away"}
_ID = 16


@dataclass(slots=True)
class _Held:
    key: DataKey
    version: int
    renewed: float
    """By the clock of the process, when it is asked for again."""
    gone: float
    """When it is no longer used, whoever is away."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A tenant key as its row has it."""

    version: int
    wrapped: bytes | None = field(repr=False)


class Signer(Protocol):
    """A tenant's keys, for who has something to sign."""

    async def sign(self, data: bytes, /) -> bytes: ...

    async def sign_jws(self, claims: Mapping[str, Any], typ: str, /) -> str: ...

    async def public_key(self) -> Ed25519PublicKey: ...


class TenantKeys:
    """The keys of one tenant, as far as this process needs them. What is held stays in its memory.

    Everything here raises `VaultError`: `keys_away` or `vault_away` where a key is needed that is not at hand and
    nobody answers; `key_refused` where whoever holds the root key says no, upon which what is at hand is forgotten;
    `no_key` where there is none and this process may not make one; `key_destroyed`.
    """

    def __init__(
        self, pool: Pool, wrapper: Wrapper, tenant: UUID, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._wrapper = wrapper
        self._tenant = tenant
        self._clock = clock
        self._held: dict[tuple[Purpose, int | None], _Held] = {}
        self._asking: dict[tuple[Purpose, int | None], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ready(self, versions: Iterable[int] = ()) -> None:
        """Makes what is lacking, and has at hand what a room needs from its start on, and those older versions."""
        await self._key("index")
        await self._key("wrap")
        for version in versions:
            await self._key("wrap", version)

    async def fresh_data_key(self, meeting: UUID, speaker: UUID) -> tuple[DataKey, bytes, int]:
        """A new key for one speaker of one meeting; how it is stored: wrapped, and under which version."""
        key = DataKey.fresh()
        wrapped, version = await self.wrap_data_key(key, meeting, speaker)
        return key, wrapped, version

    async def wrap_data_key(self, key: DataKey, meeting: UUID, speaker: UUID) -> tuple[bytes, int]:
        """The same key as it is stored now, under the newest version."""
        under = await self._key("wrap")
        return wrap(under.key, self._of(key.id, meeting, speaker), key.secret), under.version

    async def unwrap_data_key(
        self, id: UUID, meeting: UUID, speaker: UUID, wrapped: bytes | None, version: int
    ) -> DataKey:
        """The key that is stored so. Raises `does_not_open` where it belongs to another meeting, speaker or tenant."""
        if wrapped is None:
            raise _destroyed()
        under = await self._key("wrap", version)
        return DataKey(id, unwrap(under.key, self._of(id, meeting, speaker), wrapped))

    async def subject(self, identity: str) -> UUID:
        """The pseudonym of a person: the same in all meetings of this tenant, and another one with every other.

        Nobody without the tenant's index key can tell whose it is, or try out whose it might be.
        """
        index = await self._key("index")
        named = hmac.digest(
            index.key.secret, fields(b"dragoman subject", identity.encode("utf-8", "surrogatepass")), "sha256"
        )
        return _as_uuid(named[:16])

    async def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes. `data` says itself what it is, so that it can't pass for something else."""
        return (await self._signer()).sign(data)

    async def sign_jws(self, claims: Mapping[str, Any], typ: str) -> str:
        """See `signed_jws`. `typ` says what it is, so that it can't pass for something else."""
        return signed_jws(await self._signer(), claims, typ)

    async def public_key(self) -> Ed25519PublicKey:
        """What `sign` is checked with."""
        return (await self._signer()).public_key()

    def forget(self) -> None:
        """Nothing is at hand any more."""
        self._held.clear()

    async def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes((await self._key("sign")).key.secret)

    def _of(self, id: UUID, meeting: UUID, speaker: UUID) -> bytes:
        return fields(self._tenant.bytes, meeting.bytes, speaker.bytes, id.bytes)

    async def _key(self, purpose: Purpose, version: int | None = None) -> _Held:
        """A tenant key; without a version the newest one."""
        which = (purpose, version)
        if (held := self._fresh(which)) is None:
            async with self._asking[which]:  # many who need it ask once
                held = self._fresh(which) or await self._asked_for(purpose, version)
        return held

    def _fresh(self, which: tuple[Purpose, int | None]) -> _Held | None:
        held = self._held.get(which)
        return held if held and self._clock() < held.renewed else None

    async def _asked_for(self, purpose: Purpose, version: int | None) -> _Held:
        old = self._held.get((purpose, version))
        try:
            if old and self._clock() < old.gone:
                held = await self._renewed(old, purpose, version)
            else:
                held = await self._load(purpose, version)
        except VaultError:
            self._held.pop((purpose, version), None)
            raise
        self._held[purpose, version] = held
        return held

    async def _renewed(self, old: _Held, purpose: Purpose, version: int | None) -> _Held:
        """The key asked for anew, or, where nobody answers, the old one for a while longer."""
        try:
            async with asyncio.timeout(AT_HAND):
                return await self._load(purpose, version)
        except TimeoutError:
            pass
        except VaultError as error:
            if error.code not in _AWAY:
                raise
        old.renewed = self._clock() + PAUSE
        return old

    async def _load(self, purpose: Purpose, version: int | None) -> _Held:
        row = await self._row(purpose, version)
        if row is None and version is None:
            await self._make(purpose)
            row = await self._row(purpose, version)
        if row is None:
            raise VaultError("no_key", "The tenant has no key of that purpose and version.")
        if row.wrapped is None:
            raise _destroyed()
        key = unpacked(await self._wrapper.unwrap(row.wrapped, context(self._tenant, purpose, row.version)))
        now = self._clock()
        return _Held(key, row.version, now + HELD, now + GRACE)

    async def _row(self, purpose: Purpose, version: int | None) -> Wrapped | None:
        query = statements.tenant_key_of(self._tenant, purpose, version)
        async with self._pool.transaction(self._tenant) as connection:
            found = (await connection.execute(query)).first()
        return Wrapped(*found) if found else None

    async def _make(self, purpose: Purpose) -> None:
        """A first version, unless another process was first; never under another root key than the tenant's others."""
        async with self._pool.transaction(self._tenant) as connection:
            other = (await connection.execute(statements.any_tenant_key(self._tenant))).first()
        if other:
            await self._load(*other)
        row = await fresh_tenant_key(self._wrapper, self._tenant, purpose, 1)
        try:
            async with self._pool.transaction(self._tenant) as connection:
                await connection.execute(statements.add_tenant_key(row))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "42501":
                raise
            raise VaultError(
                "no_key", "The tenant has no key of that purpose, and this role may not make one."
            ) from None


def signed_jws(key: Ed25519PrivateKey, claims: Mapping[str, Any], typ: str) -> str:
    """A JWS (RFC 7515) in its compact form, with EdDSA (RFC 8037); the header carries the public key as a `jwk`."""
    headers = {"typ": typ, "jwk": OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)}
    return jwt.encode(dict(claims), key, algorithm="EdDSA", headers=headers)


async def fresh_tenant_key(wrapper: Wrapper, tenant: UUID, purpose: Purpose, version: int) -> dict[str, object]:
    """The row of a new tenant key."""
    wrapped = await surely(wrapper, packed(DataKey.fresh()), context(tenant, purpose, version))
    return {
        "tenant_id": tenant,
        "purpose": purpose,
        "version": version,
        "wrapper_ref": wrapper.ref,
        "wrapped": wrapped,
    }


def context(tenant: UUID, purpose: str, version: int) -> bytes:
    """What a tenant key is for, as its wrapper binds it."""
    return fields(b"dragoman tenant key", tenant.bytes, purpose.encode(), version.to_bytes(4, "big"))


def packed(key: DataKey) -> bytes:
    """A tenant key with its id, as it is wrapped."""
    return key.id.bytes + key.secret


def unpacked(plain: bytes) -> DataKey:
    try:
        return DataKey(UUID(bytes=plain[:_ID]), plain[_ID:])
    except ValueError:
        raise VaultError("key_refused", "What was unwrapped is no tenant key.") from None


def _as_uuid(named: bytes) -> UUID:
    """16 bytes as a UUID of version 8 (RFC 9562, 5.8), so that none of another version is ever the same."""
    number = int.from_bytes(named, "big")
    return UUID(int=number & ~(0xF << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62)


def _destroyed() -> VaultError:
    return VaultError("key_destroyed", "This key was destroyed: what it sealed can't be read any more.")
