"""Captions and cues as bytes, signed; nothing else knows the format.

A frame is a JWS in compact form (RFC 7515), algorithm EdDSA over Ed25519 (RFC
8037), whose `kid` is the interpreter's epoch. ``docs/wire.md`` lists the fields;
``tests/wire/*.json`` are frames that both this module and the browser's read.
"""

from __future__ import annotations

import json
import time
from typing import Any, Literal, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import WireError
from .nouns import Caption

T = TypeVar("T", "Frame", "Cue")

VERSION = 1
TEXT_LIMIT = 1_000
FRAME_LIMIT = 15_000
"""Bytes of a frame; one reliable LiveKit packet holds as much."""
REMEMBERED = 4_000
"""Finals whose frame is remembered: 0.6 kB each; signing one again would take 0.09 ms."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, hide_input_in_errors=True)


class Frame(_Shape):
    """One caption's whole current state."""

    v: Literal[1]
    id: str = Field(min_length=1, max_length=64)
    rev: int = Field(ge=0)
    seq: int | None = Field(ge=1)
    epoch: int = Field(ge=0)
    lang: str = Field(min_length=2, max_length=35)
    source: str = Field(min_length=2, max_length=35)
    identity: str = Field(min_length=1, max_length=256)
    track: str = Field(max_length=256)
    speaker: str | None = Field(max_length=256)
    text: str = Field(min_length=1, max_length=TEXT_LIMIT, repr=False)
    stable: int = Field(ge=0)
    final: bool
    start: float
    end: float
    at: int = Field(ge=0)
    engine: str = Field(max_length=256)

    @model_validator(mode="after")
    def _finals_are_numbered(self) -> Frame:
        if self.final != (self.seq is not None):
            raise ValueError("finals have a seq, interims have none")
        return self


class Cue(_Shape):
    """What the voice of a language is doing: it started or ended a caption, or skipped one to catch up.

    `behind` is seconds from the end of the clause to its voice.
    """

    v: Literal[1]
    epoch: int = Field(ge=0)
    lang: str = Field(min_length=2, max_length=35)
    id: str = Field(min_length=1, max_length=64)
    identity: str = Field(min_length=1, max_length=256)
    event: Literal["started", "ended", "skipped"]
    behind: float
    at: int = Field(ge=0)


class Signer:
    """One interpreter's caption key: made for one job, never stored.

    A final is signed once, by whoever needs it first; its frame is the same wherever it is sent. The newest
    `REMEMBERED` are kept.
    """

    def __init__(self, epoch: int, key: Ed25519PrivateKey | None = None) -> None:
        self.epoch = epoch
        self._key = key or Ed25519PrivateKey.generate()
        self._finals: dict[Caption, bytes] = {}

    @property
    def public(self) -> str:
        """The public half, as a JWK in JSON: the attribute `dragoman.key`."""
        full = json.loads(OKPAlgorithm.to_jwk(self._key.public_key()))
        return json.dumps({name: full[name] for name in ("kty", "crv", "x")}, separators=(",", ":"))

    def caption(self, caption: Caption) -> bytes:
        """A caption as a frame, made now unless it is a final that was signed before. A text over the limit is cut."""
        if caption.seq is None:
            return self._made(caption)
        frame = self._finals.get(caption) or self._made(caption)
        self._finals[caption] = frame
        while len(self._finals) > REMEMBERED:
            del self._finals[next(iter(self._finals))]
        return frame

    def _made(self, caption: Caption) -> bytes:
        text = caption.text[:TEXT_LIMIT]
        return self._sign(
            {
                "v": VERSION,
                "id": caption.id,
                "rev": caption.rev,
                "seq": caption.seq,
                "epoch": self.epoch,
                "lang": caption.lang,
                "source": caption.source,
                "identity": caption.identity,
                "track": caption.track,
                "speaker": caption.speaker,
                "text": text,
                "stable": min(caption.stable, len(text)),
                "final": caption.final,
                "start": round(caption.start, 3),
                "end": round(caption.end, 3),
                "at": _now(),
                "engine": caption.engine,
            }
        )

    def cue(self, caption: Caption, event: Literal["started", "ended", "skipped"], behind: float) -> bytes:
        """What the voice does with a caption, as bytes."""
        return self._sign(
            {
                "v": VERSION,
                "epoch": self.epoch,
                "lang": caption.lang,
                "id": caption.id,
                "identity": caption.identity,
                "event": event,
                "behind": round(behind, 2),
                "at": _now(),
            }
        )

    def _sign(self, payload: dict[str, Any]) -> bytes:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"kid": str(self.epoch), "typ": None}
        return jwt.api_jws.encode(body, self._key, algorithm="EdDSA", headers=headers).encode()


def read_caption(data: bytes, key: Ed25519PublicKey, epoch: int) -> Frame:
    """The caption in a frame. Raises `WireError` for anything we should not trust."""
    return _read(data, key, epoch, Frame)


def read_cue(data: bytes, key: Ed25519PublicKey, epoch: int) -> Cue:
    """The cue in a frame. Raises `WireError` for anything we should not trust."""
    return _read(data, key, epoch, Cue)


def public_key(jwk: str) -> Ed25519PublicKey:
    """A key out of the attribute `dragoman.key`. Raises `WireError`."""
    try:
        key = OKPAlgorithm.from_jwk(jwk)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        raise WireError("malformed", "The interpreter's key is not a JWK.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise WireError("malformed", "The interpreter's key is not a public Ed25519 key.")
    return key


def _read(data: bytes, key: Ed25519PublicKey, epoch: int, shape: type[T]) -> T:
    if len(data) > FRAME_LIMIT:
        raise WireError("too_large", f"The frame is longer than {FRAME_LIMIT} bytes.")
    try:
        token = jwt.api_jws.decode_complete(data, key, algorithms=["EdDSA"])
    except jwt.InvalidSignatureError:
        raise WireError("bad_signature", "The frame is not signed with the interpreter's key.") from None
    except (jwt.PyJWTError, ValueError):
        raise WireError("malformed", "The frame is not a compact JWS.") from None
    try:
        value = shape.model_validate_json(token["payload"])
    except ValidationError:
        raise WireError("bad_shape", "The frame lacks a field or has one of the wrong kind.") from None
    if value.epoch != epoch or token["header"].get("kid") != str(epoch):
        raise WireError("bad_epoch", "The frame is of another interpreter.")
    return value


def _now() -> int:
    return time.time_ns() // 1_000_000
