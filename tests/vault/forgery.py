"""One ciphertext that AES-GCM opens under two keys: what a commitment is for.

GCM's tag is a polynomial over the ciphertext, evaluated at a point that each key makes of itself. With one free block
of ciphertext, the tags under two keys are two linear conditions that one tag can meet together (Dodis, Grubbs,
Ristenpart, Woodage: Fast Message Franking, CRYPTO 2018; Albertini et al., USENIX Security 2022).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK = 16
_R = 0xE1 << 120
_ONE = 1 << 127  # GCM writes one as the highest bit


def forged(first: bytes, second: bytes, nonce: bytes, rest: bytes, associated: bytes) -> bytes:
    """A block that is solved for, the `rest` (whole blocks of ciphertext), and the tag that both keys accept."""
    points = [int.from_bytes(_block(key, bytes(BLOCK)), "big") for key in (first, second)]
    masks = [int.from_bytes(_block(key, nonce + b"\x00\x00\x00\x01"), "big") for key in (first, second)]
    lengths = (len(associated) * 8).to_bytes(8, "big") + ((BLOCK + len(rest)) * 8).to_bytes(8, "big")
    blocks = [*_blocks(associated), 0, *_blocks(rest), int.from_bytes(lengths, "big")]
    sums = [_polynomial(blocks, point) ^ mask for point, mask in zip(points, masks, strict=True)]
    # The free block is multiplied by the point once for itself, for each block of the rest, and for the lengths.
    powers = [_polynomial([_ONE, *[0] * (len(rest) // BLOCK + 1)], point) for point in points]
    free = _product(sums[0] ^ sums[1], _inverse(powers[0] ^ powers[1]))
    tag = sums[0] ^ _product(free, powers[0])
    return free.to_bytes(BLOCK, "big") + rest + tag.to_bytes(BLOCK, "big")


def keystream(key: bytes, nonce: bytes, block: int) -> bytes:
    """What the text's block is combined with, counted from 0."""
    return _block(key, nonce + (block + 2).to_bytes(4, "big"))


def _block(key: bytes, block: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305  one block, as GCM itself does


def _blocks(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + BLOCK].ljust(BLOCK, b"\x00"), "big") for at in range(0, len(data), BLOCK)]


def _polynomial(blocks: list[int], point: int) -> int:
    value = 0
    for block in blocks:
        value = _product(value ^ block, point)
    return value


def _product(a: int, b: int) -> int:
    """In GF(2^128) with GCM's order of bits (NIST SP 800-38D, algorithm 1)."""
    product = 0
    for bit in range(127, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (_R if b & 1 else 0)
    return product


def _inverse(a: int) -> int:
    """a to the power 2^128 - 2."""
    result, square = _ONE, a
    for _ in range(127):
        square = _product(square, square)
        result = _product(result, square)
    return result
