"""Receipts and their signatures; with a database they are tested beside erasure."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.errors import VaultError
from agent.vault.forget.destroy import KeyToDestroy
from agent.vault.forget.receipts import PARTS, TYPE, Receipt, Told, signed
from agent.vault.forget.scope import Scope
from tests.vault.moved_clock import START, Pen

ONE, TWO = UUID(int=1), UUID(int=2)


async def receipt_by(pen: Pen, by: str = "ana") -> Receipt:
    told = Told(ONE, TWO, Scope(room="r"), by, START, START, 7)
    return await signed(pen, told, [KeyToDestroy(ONE, TWO, TWO, "source", "erasure x", 3)], {TWO: ("p", 1)}, (4, 6))


def made_by_hand(key: Ed25519PrivateKey, header: dict[str, Any], payload: bytes) -> Receipt:
    """A flattened JWS without any JOSE library."""
    protected, body = encoded(json.dumps(header).encode()), encoded(payload)
    return Receipt(dict(zip(PARTS, (protected, body, encoded(key.sign(f"{protected}.{body}".encode()))), strict=True)))


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_a_receipt_is_flattened_json_whose_header_names_the_algorithm_the_type_and_the_key():
    pen = Pen()

    receipt = await receipt_by(pen)

    assert set(receipt.jws) == {"protected", "payload", "signature"}
    x = encoded((await pen.public_key()).public_bytes_raw())
    header = json.loads(base64.urlsafe_b64decode(receipt.jws["protected"] + "=="))
    assert header == {"alg": "EdDSA", "typ": TYPE, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}
    assert receipt.verified(await pen.public_key()) == receipt.payload


async def test_whoever_asked_is_named_letter_by_letter():
    receipt = await receipt_by(Pen(), by="Zoë & Ђорђе \ud83d")

    assert receipt.payload["requested_by"] == "Zoë & Ђорђе \ud83d"


def test_a_receipt_that_another_library_wrote_in_another_order_is_verified():
    key = Ed25519PrivateKey.generate()

    receipt = made_by_hand(key, {"typ": TYPE, "alg": "EdDSA"}, '{ "v" : 1, "requested_by": "Zoë" }'.encode())

    assert receipt.verified(key.public_key()) == {"v": 1, "requested_by": "Zoë"}


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "EdDSA"},
        {"alg": "EdDSA", "typ": "JWT"},
        {"alg": "none", "typ": TYPE},
        {"alg": "HS256", "typ": TYPE},
        {"alg": "EdDSA", "typ": TYPE, "crit": ["unheard-of"], "unheard-of": 1},
        {"typ": TYPE},
    ],
)
def test_what_the_same_key_signed_as_something_else_is_no_receipt(header: dict[str, Any]):
    key = Ed25519PrivateKey.generate()

    assert refused(made_by_hand(key, header, b'{"v":1}'), key) == "bad_receipt"


def test_the_public_key_as_a_shared_secret_signs_no_receipt():
    key = Ed25519PrivateKey.generate()
    secret = key.public_key().public_bytes_raw()
    compact = jwt.encode({"v": 1}, secret, algorithm="HS256", headers={"typ": TYPE})

    assert refused(Receipt(dict(zip(PARTS, compact.split("."), strict=True))), key) == "bad_receipt"


@pytest.mark.parametrize("payload", [b"", b"[1]", b"no JSON", b"\xff"])
def test_a_payload_that_is_no_object_is_no_receipt(payload: bytes):
    key = Ed25519PrivateKey.generate()

    assert refused(made_by_hand(key, {"alg": "EdDSA", "typ": TYPE}, payload), key) == "bad_receipt"


@pytest.mark.parametrize("jws", [{}, [], None, {part: 1 for part in PARTS}, {part: "." for part in PARTS}])
def test_a_file_of_another_shape_is_no_receipt(jws: Any):
    assert refused(Receipt(jws), Ed25519PrivateKey.generate()) == "bad_receipt"


def refused(receipt: Receipt, key: Ed25519PrivateKey) -> str:
    """The code with which it is refused."""
    with pytest.raises(VaultError) as error:
        receipt.verified(key.public_key())
    return error.value.code
