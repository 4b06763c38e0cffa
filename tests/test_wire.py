"""The wire: what is signed here is read there, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.errors import WireError
from agent.nouns import Caption
from agent.wire import TEXT_LIMIT, Signer, public_key, read_caption, read_cue
from agent.wire_names import INTERPRETER, Attribute, Method, captions_topic, captions_track, cues_topic, dub_track

GOLDEN = sorted((Path(__file__).parent / "wire").glob("*.json"))
READERS = {"caption": read_caption, "cue": read_cue}


def caption(text: str = "Hola a todos.") -> Caption:
    return Caption(
        id="s1",
        rev=2,
        seq=1,
        lang="es",
        source="en",
        identity="guest-1",
        track="TR_1",
        speaker=None,
        text=text,
        stable=len(text),
        final=True,
        start=1.0,
        end=2.0,
        engine="fake",
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_frame_is_read_or_refused_as_it_says(path: Path):
    golden: dict[str, Any] = json.loads(path.read_text())
    key = public_key(json.dumps(golden["key"]))
    reader = READERS[golden["kind"]]

    if golden["code"] is None:
        assert reader(golden["frame"].encode(), key, golden["epoch"]).model_dump() == golden["expect"]
    else:
        with pytest.raises(WireError) as caught:
            reader(golden["frame"].encode(), key, golden["epoch"])
        assert caught.value.code == golden["code"]


def test_there_are_golden_frames_of_every_kind_and_code():
    goldens = [json.loads(path.read_text()) for path in GOLDEN]

    assert {golden["code"] for golden in goldens} == {
        None,
        "malformed",
        "bad_signature",
        "bad_epoch",
        "bad_shape",
        "too_large",
    }
    assert {golden["kind"] for golden in goldens if golden["code"] is None} == {"caption", "cue"}


def test_what_a_signer_makes_its_public_key_reads():
    signer = Signer(5)

    frame = read_caption(signer.caption(caption()), public_key(signer.public), 5)

    assert (frame.text, frame.seq, frame.epoch, frame.final) == ("Hola a todos.", 1, 5, True)


def test_a_text_over_the_limit_is_cut_and_never_more_stable_than_long():
    signer = Signer(5)

    frame = read_caption(signer.caption(caption("ñ" * (TEXT_LIMIT + 9))), public_key(signer.public), 5)

    assert (len(frame.text), frame.stable) == (TEXT_LIMIT, TEXT_LIMIT)


def test_the_attribute_holds_the_public_half_only():
    signer = Signer(5)

    assert set(json.loads(signer.public)) == {"kty", "crv", "x"}


@pytest.mark.parametrize(
    "jwk", ["", "{}", "not json", '{"kty":"oct","k":"AAAA"}', '{"kty":"OKP","crv":"Ed25519","x":"AA"}']
)
def test_a_key_that_is_none_is_refused(jwk: str):
    with pytest.raises(WireError) as caught:
        public_key(jwk)

    assert caught.value.code == "malformed"


def test_a_private_key_is_refused():
    from jwt.algorithms import OKPAlgorithm

    with pytest.raises(WireError):
        public_key(json.dumps(json.loads(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate()))))


def test_no_error_repeats_what_was_said():
    signer = Signer(5)
    data = signer.caption(caption("a secret sentence"))

    with pytest.raises(WireError) as caught:
        read_cue(data, public_key(signer.public), 5)

    assert "secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_the_names_on_the_wire_are_those_that_pages_know():
    golden = json.loads((Path(__file__).parent / "data" / "wire-names.json").read_text())

    assert golden == {
        "interpreter": INTERPRETER,
        "attributes": sorted(Attribute),
        "methods": sorted(Method),
        "captions_track": captions_track("es"),
        "captions_topic": captions_topic("es"),
        "dub_track": dub_track("es"),
        "cues_topic": cues_topic("es"),
    }
