"""Seal and open: bytes glued to where they stand, under a key that the result is committed to. No I/O.

A sealed record, version 1:

    version 1 | suite 1 | key id 16 | salt 32 | commitment 32 | nonce 12 | ciphertext | tag 16      (bytes)

From the data key and the salt, HKDF-SHA256 makes the record's own key and the commitment (as in the AWS Encryption
SDK's committing suites). AES-256-GCM encrypts the padded content; where the record stands is its associated data.
``docs/keys.md`` tells it byte by byte, and ``tests/data/vault`` holds records that must open for ever.

What can go wrong, and how it can't:

- **A record is moved** to another tenant, room, meeting, speaker or revision: its `Place` is bound, each part after its
  length, so that no two places have the same bytes.
- **A ciphertext opens under two keys**, which plain AES-GCM allows: the commitment is compared first, in constant time.
- **A nonce comes twice**: each record has a key of its own, by a fresh salt of 32 bytes.
- **Its length betrays what was said**: content is padded to size classes.
- **An error betrays why**: every reason is the same `does_not_open`.
- **The format has to change**: the first two bytes say version and suite, and what isn't known is refused before
  anybody looks for a key. There is nothing to choose by whoever writes.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from uuid_utils.compat import uuid7

from ...errors import VaultError

KEY_BYTES = 32
OVERHEAD = 110
"""Bytes of a record that are not content or padding."""
LARGEST = 65_536
"""Bytes of the longest record that is looked at."""
LONGEST = 49_151
"""Bytes of the longest content: with the byte that ends it, it fills the largest class that LARGEST has room for."""

_HEAD = b"\x01\x01"
"""Version 1, suite 1; there is nothing else to choose."""
_SMALLEST = 64
_INFO = b"dragoman/1/hkdf-sha256/aes-256-gcm/committed"
_RECORD = b"dragoman record"
_KEY = b"dragoman key"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands. It opens nowhere else."""

    tenant: UUID
    room: str
    meeting: UUID
    segment: UUID
    rev: int
    """A signed 64-bit integer."""
    lang: str
    speaker: UUID
    kind: str
    """What it is of the segment: `source`, `translation`, `redacted`, `name`, …"""


@dataclass(frozen=True, slots=True, eq=False)
class DataKey:
    """A key and the name it goes by. Its secret never prints, and keys are not compared."""

    id: UUID
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")

    @classmethod
    def fresh(cls) -> DataKey:
        return cls(uuid7(), os.urandom(KEY_BYTES))


def seal(key: DataKey, place: Place, content: bytes) -> bytes:
    """The content as a record that opens under this key and in this place only.

    Its length tells only which size class the content is in. Raises `VaultError` (`too_large`).
    """
    return _encrypt(key, _standing(key, place), content)


def open_(key: DataKey, place: Place, sealed: bytes) -> bytes:
    """What was sealed. Raises `VaultError` (`does_not_open`), the same for every reason there may be."""
    return _decrypt(key, _standing(key, place), sealed)


def key_of(sealed: bytes) -> UUID:
    """The id of the key that a record needs; nothing is checked but its shape.

    Raises `VaultError` (`does_not_open`) for a version or suite that we don't know, before anybody looks for a key.
    """
    if sealed[:2] != _HEAD or not OVERHEAD + _SMALLEST <= len(sealed) <= LARGEST:
        raise _does_not_open()
    return UUID(bytes=bytes(sealed[2:18]))


def wrap(under: DataKey, context: bytes, secret: bytes) -> bytes:
    """A key's bytes as a record of their own kind, bound to a context; no record of speech opens as one."""
    return _encrypt(under, fields(_KEY, _HEAD, under.id.bytes, context), secret)


def unwrap(under: DataKey, context: bytes, wrapped: bytes) -> bytes:
    """The key's bytes. Raises `VaultError` (`does_not_open`)."""
    return _decrypt(under, fields(_KEY, _HEAD, under.id.bytes, context), wrapped)


def fields(*parts: bytes) -> bytes:
    """Several values as one, in only one way: each after its length, 4 bytes, big-endian."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])


def _standing(key: DataKey, place: Place) -> bytes:
    # A room's name may hold anything that a str can, lone surrogates too: each gives bytes of its own.
    return fields(
        _RECORD,
        _HEAD,
        key.id.bytes,
        place.tenant.bytes,
        place.room.encode("utf-8", "surrogatepass"),
        place.meeting.bytes,
        place.segment.bytes,
        place.rev.to_bytes(8, "big", signed=True),
        place.lang.encode("utf-8", "surrogatepass"),
        place.speaker.bytes,
        place.kind.encode("utf-8", "surrogatepass"),
    )


def _encrypt(key: DataKey, standing: bytes, content: bytes) -> bytes:
    random = os.urandom(44)
    salt, nonce = random[:32], random[32:]
    record_key, commitment = _derived(key.secret, salt)
    ciphertext = AESGCM(record_key).encrypt(nonce, _padded(content), standing)
    return b"".join((_HEAD, key.id.bytes, salt, commitment, nonce, ciphertext))


def _decrypt(key: DataKey, standing: bytes, sealed: bytes) -> bytes:
    if key_of(sealed) != key.id:
        raise _does_not_open()
    record_key, commitment = _derived(key.secret, sealed[18:50])
    # Before decrypting: GCM alone lets one ciphertext open under two keys, each to its own text.
    if not hmac.compare_digest(commitment, sealed[50:82]):
        raise _does_not_open()
    try:
        padded = AESGCM(record_key).decrypt(sealed[82:94], sealed[94:], standing)
    except InvalidTag:
        raise _does_not_open() from None
    return _unpadded(padded)


def _derived(secret: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """A record's own key, and what commits it to the data key. A fresh salt makes a fresh key, so no nonce repeats."""
    both = HKDF(algorithm=SHA256(), length=64, salt=salt, info=_INFO).derive(secret)
    return both[:32], both[32:]


def _padded(content: bytes) -> bytes:
    """ISO/IEC 7816-4 padding up to a size class: 64, 96, 128, 192, 256, 384, … 49,152 bytes."""
    if len(content) > LONGEST:
        raise VaultError("too_large", f"A record holds at most {LONGEST} bytes.")
    above = max(_SMALLEST, 1 << len(content).bit_length())  # the first power of two over the content and its 0x80
    between = above * 3 // 4
    size = between if len(content) < between and between > _SMALLEST else above
    return content + b"\x80" + bytes(size - len(content) - 1)


def _unpadded(padded: bytes) -> bytes:
    content = padded.rstrip(b"\x00")
    if not content.endswith(b"\x80"):
        raise _does_not_open()
    return content[:-1]


def _does_not_open() -> VaultError:
    return VaultError("does_not_open", "This record does not open here.")
