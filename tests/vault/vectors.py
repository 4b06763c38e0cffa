"""Records that must open for ever, made without the code that opens them: `python -m tests.vault.vectors` writes them.

The derivation stands here a second time, from RFC 5869's steps and one HMAC, as `docs/keys.md` tells it. What is
random in a record is fixed here, by counting, so that the file is the same whenever it is written. A format of
another version gets a file of its own; this one never changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

FILE = Path(__file__).parent.parent / "data" / "vault" / "records-v1.json"
INFO = b"dragoman/1/hkdf-sha256/aes-256-gcm/committed"
SIZES = [64, *(size for power in range(6, 15) for size in (3 << power - 1, 2 << power)), 49152]

PLACE: dict[str, Any] = {
    "tenant": "00000000-0000-4000-8000-000000000001",
    "room": "demo",
    "meeting": "0192f0c1-0000-7000-8000-000000000002",
    "segment": "0192f0c1-0000-7000-8000-000000000003",
    "rev": 0,
    "lang": "en",
    "speaker": "00000000-0000-4000-8000-000000000004",
    "kind": "source",
}
OPENING: dict[str, tuple[dict[str, Any], bytes]] = {
    "nothing": ({}, b""),
    "a sentence": ({}, b"Is this on?"),
    "the last byte of a class": ({}, b"a" * 63),
    "the first byte of the next": ({}, b"a" * 64),
    "a sentence of two languages": ({"lang": "zh-Hant", "kind": "translation"}, "開著嗎？ ¿Está puesto?".encode()),
    "what looks like padding": ({"rev": 7}, b"\x80\x00\x00\x80\x00"),
    "a room with any name": ({"room": 'a|b:\n"é😀\x00', "rev": 2**63 - 1, "lang": "", "kind": "name"}, b"Ana"),
    "a long one": ({}, b"z" * 1300),
}


def counted(start: int, length: int) -> bytes:
    return bytes((start + at) % 256 for at in range(length))


def mac(key: bytes, data: bytes) -> bytes:
    one = HMAC(key, SHA256())
    one.update(data)
    return one.finalize()


def derived(secret: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """HKDF: extract, then two blocks of expand; the first is the record's key, the second the commitment."""
    extracted = mac(salt, secret)
    first = mac(extracted, INFO + b"\x01")
    return first, mac(extracted, first + INFO + b"\x02")


def associated(key_id: bytes, place: dict[str, Any]) -> bytes:
    parts = [b"dragoman record", b"\x01\x01", key_id]
    parts += [UUID(place["tenant"]).bytes, place["room"].encode(), UUID(place["meeting"]).bytes]
    parts += [UUID(place["segment"]).bytes, place["rev"].to_bytes(8, "big"), place["lang"].encode()]
    parts += [UUID(place["speaker"]).bytes, place["kind"].encode()]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def padded(content: bytes) -> bytes:
    size = next(size for size in SIZES if size > len(content))
    return (content + b"\x80").ljust(size, b"\x00")


def record(key_id: bytes, secret: bytes, place: dict[str, Any], inside: bytes, seed: int) -> bytes:
    """A record of bytes that are padded already."""
    salt, nonce = counted(seed, 32), counted(seed + 100, 12)
    key, commitment = derived(secret, salt)
    ciphertext = AESGCM(key).encrypt(nonce, inside, associated(key_id, place))
    return b"\x01\x01" + key_id + salt + commitment + nonce + ciphertext


def opening() -> Iterator[dict[str, Any]]:
    for seed, (name, (changes, content)) in enumerate(OPENING.items()):
        key_id, secret, place = counted(16 * seed, 16), counted(32 * seed + 1, 32), {**PLACE, **changes}
        sealed = record(key_id, secret, place, padded(content), seed)
        yield {
            "name": name,
            "key_id": key_id.hex(),
            "secret": secret.hex(),
            "place": place,
            "content": content.hex(),
            "sealed": sealed.hex(),
        }


def refused() -> Iterator[dict[str, Any]]:
    """Records of the first sentence's key that must not open, each for one reason."""
    key_id, secret = counted(0, 16), counted(1, 32)
    good = record(key_id, secret, PLACE, padded(b"Is this on?"), 0)
    wrong = {
        "another version": b"\x02" + good[1:],
        "another suite": good[:1] + b"\x02" + good[2:],
        "another key's id": good[:2] + counted(1, 16) + good[18:],
        "another salt": good[:18] + counted(9, 32) + good[50:],
        "another commitment": good[:50] + counted(9, 32) + good[82:],
        "another nonce": good[:82] + counted(9, 12) + good[94:],
        "a byte less": good[:-1],
        "a byte more": good + b"\x00",
        "nothing but a head": good[:94],
        "nothing": b"",
        "content without its end mark": record(key_id, secret, PLACE, b"Is this on?".ljust(64, b"\x00"), 0),
        "all padding and no mark": record(key_id, secret, PLACE, bytes(64), 0),
    }
    for name, sealed in wrong.items():
        yield {"name": name, "key_id": key_id.hex(), "secret": secret.hex(), "place": PLACE, "sealed": sealed.hex()}


def text() -> str:
    return json.dumps({"opens": list(opening()), "refused": list(refused())}, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text())
