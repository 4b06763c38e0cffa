"""Make the golden frames that pytest and vitest both read: `python tests/wire/make.py`.

The key's seed is fixed and so is the clock, so the files come out the same every time.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from agent import wire  # noqa: E402
from agent.nouns import Caption  # noqa: E402

EPOCH = 1_795_000_000_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
FINAL = Caption(
    id="01935b6e-7c00-7a61-9d63-0a6a5f6f0001",
    rev=3,
    seq=7,
    lang="es",
    source="en",
    identity="guest-5d0f",
    track="TR_AMx",
    speaker=None,
    text="No preguntes qué puede hacer tu país por ti 🎈.",
    stable=46,
    final=True,
    start=12.5,
    end=15.25,
    engine="bergamot en>pt, apertium pt>es",
)


def payload(frame: bytes) -> dict[str, Any]:
    body = frame.split(b".")[1]
    value = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    assert isinstance(value, dict)
    return value


def signed(value: object, epoch: int = EPOCH, key: Ed25519PrivateKey = KEY) -> bytes:
    return wire.Signer(epoch, key)._sign(value)  # type: ignore[arg-type]  # wrong shapes are what we are after


def cases() -> list[tuple[str, str, bytes, str | None]]:
    """(name, kind, frame, the code that it is refused with)."""
    from dataclasses import replace

    signer = wire.Signer(EPOCH, KEY)
    final = signer.caption(FINAL)
    whole = payload(final)
    interim = signer.caption(
        replace(FINAL, seq=None, final=False, rev=1, stable=20, text="No preguntes qué puede hacer")
    )
    cue = signer.cue(FINAL, "started", 2.345)
    head, body, signature = final.split(b".")
    altered = base64.urlsafe_b64encode(json.dumps(whole | {"text": "Pregunta"}).encode()).rstrip(b"=")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=") + b"." + body + b"."
    return [
        ("valid final", "caption", final, None),
        ("valid interim", "caption", interim, None),
        ("valid final of a voice within the track", "caption", signer.caption(replace(FINAL, speaker="B")), None),
        ("valid final with a field that is new to us", "caption", signed(whole | {"mood": "calm"}), None),
        (
            "valid final at the limit in characters outside the basic plane",
            "caption",
            signer.caption(replace(FINAL, text="🎈" * 1_000, stable=1_000)),
            None,
        ),
        ("valid cue started", "cue", cue, None),
        ("valid cue ended", "cue", signer.cue(FINAL, "ended", 2.0), None),
        ("valid cue skipped", "cue", signer.cue(FINAL, "skipped", 9.5), None),
        ("signed with another key", "caption", wire.Signer(EPOCH, OTHER).caption(FINAL), "bad_signature"),
        ("text altered after signing", "caption", b".".join((head, altered, signature)), "bad_signature"),
        ("not signed at all", "caption", unsigned, "malformed"),
        ("of an older epoch", "caption", wire.Signer(EPOCH - 1, KEY).caption(FINAL), "bad_epoch"),
        ("kid of another epoch than the payload", "caption", signed(whole, epoch=EPOCH - 1), "bad_epoch"),
        ("a list instead of an object", "caption", signed([whole]), "bad_shape"),
        ("seq as a string", "caption", signed(whole | {"seq": "7"}), "bad_shape"),
        ("final as a number", "caption", signed(whole | {"final": 1}), "bad_shape"),
        ("rev below zero", "caption", signed(whole | {"rev": -1}), "bad_shape"),
        ("another version", "caption", signed(whole | {"v": 2}), "bad_shape"),
        ("without text", "caption", signed({k: v for k, v in whole.items() if k != "text"}), "bad_shape"),
        ("with an empty text", "caption", signed(whole | {"text": ""}), "bad_shape"),
        ("with a text that is too long", "caption", signed(whole | {"text": "a" * 1_001}), "bad_shape"),
        ("final without seq", "caption", signed(whole | {"seq": None}), "bad_shape"),
        ("interim with seq", "caption", signed(whole | {"final": False}), "bad_shape"),
        ("a cue where a caption should be", "caption", cue, "bad_shape"),
        ("a caption where a cue should be", "cue", final, "bad_shape"),
        ("cue of an unknown event", "cue", signed(payload(cue) | {"event": "paused"}), "bad_shape"),
        ("cue signed with another key", "cue", wire.Signer(EPOCH, OTHER).cue(FINAL, "ended", 2.0), "bad_signature"),
        ("cue of an older epoch", "cue", wire.Signer(EPOCH - 1, KEY).cue(FINAL, "ended", 2.0), "bad_epoch"),
        ("not a JWS", "caption", b'{"text":"hello"}', "malformed"),
        ("nothing", "caption", b"", "malformed"),
        ("cut short", "caption", head + b"." + body, "malformed"),
        ("longer than a packet", "caption", signed(whole | {"mood": "a" * 16_000}), "too_large"),
    ]


def main() -> None:
    wire._now = lambda: EPOCH + 60_000
    for old in HERE.glob("*.json"):
        old.unlink()
    key = json.loads(wire.Signer(EPOCH, KEY).public)
    for number, (name, kind, frame, code) in enumerate(cases(), 1):
        golden = {
            "name": name,
            "kind": kind,
            "key": key,
            "epoch": EPOCH,
            "frame": frame.decode(),
            "expect": payload(frame) if code is None else None,
            "code": code,
        }
        if golden["expect"] is not None:
            golden["expect"].pop("mood", None)
        path = HERE / f"{number:02}-{name.lower().replace(' ', '-')}.json"
        path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
        reader = wire.read_caption if kind == "caption" else wire.read_cue
        try:
            got: str | None = None
            reader(frame, KEY.public_key(), EPOCH)
        except wire.WireError as error:
            got = error.code
        assert got == code, f"{name}: {got}, not {code}"


if __name__ == "__main__":
    main()
