"""A record opens under its key and in its place, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import VaultError
from agent.vault.crypto.envelope import LARGEST, LONGEST, OVERHEAD, DataKey, Place, key_of, open_, seal, unwrap, wrap
from tests.vault import vectors
from tests.vault.forgery import forged, keystream

names = st.text(st.characters(), max_size=20)  # lone surrogates too
places = st.builds(
    Place,
    tenant=st.uuids(),
    room=names,
    meeting=st.uuids(),
    segment=st.uuids(),
    rev=st.integers(-(2**63), 2**63 - 1),
    lang=names,
    speaker=st.uuids(),
    kind=names,
)
KNOWN = json.loads(vectors.FILE.read_text())
NAMES = [field.name for field in fields(Place)]


def place_of(known: dict[str, Any]) -> Place:
    given = known["place"]
    ids = {name: UUID(given[name]) for name in ("tenant", "meeting", "segment", "speaker")}
    return Place(**{**given, **ids})


def key(known: dict[str, Any]) -> DataKey:
    return DataKey(UUID(known["key_id"]), bytes.fromhex(known["secret"]))


def a_place(**changes: Any) -> Place:
    return replace(place_of(KNOWN["opens"][0]), **changes)


def is_refused(key: DataKey, place: Place, sealed: bytes) -> bool:
    with pytest.raises(VaultError) as refused:
        open_(key, place, sealed)
    return str(refused.value) == "does_not_open: This record does not open here."


@given(places, st.binary(max_size=2_000))
def test_what_is_sealed_opens_in_its_place(place: Place, content: bytes):
    key = DataKey.fresh()

    assert open_(key, place, seal(key, place, content)) == content


@given(places, places)
def test_promise_14_every_field_of_a_place_is_bound(place: Place, other: Place):
    key = DataKey.fresh()
    sealed = seal(key, place, b"Is this on?")
    moved = [replace(place, **{name: getattr(other, name)}) for name in NAMES]

    assert all(is_refused(key, elsewhere, sealed) for elsewhere in moved if elsewhere != place)


@given(places, st.integers(1, 18))
def test_promise_14_what_moves_from_one_field_into_the_next_is_noticed(place: Place, cut: int):
    whole = replace(place, lang="translation en", kind="")
    split = replace(place, lang="translation en"[:cut], kind="translation en"[cut:])
    key = DataKey.fresh()

    assert split == whole or is_refused(key, split, seal(key, whole, b"Is this on?"))


def test_promise_14_every_byte_is_guarded():
    key, place = DataKey.fresh(), a_place()
    sealed = seal(key, place, b"Is this on?")

    for at, byte in enumerate(sealed):
        changed = [sealed[:at] + bytes([byte ^ flip]) + sealed[at + 1 :] for flip in (1, 0x80, 0xFF)]
        assert all(is_refused(key, place, bad) for bad in changed), at


def test_promise_14_cut_or_lengthened_it_does_not_open():
    key, place = DataKey.fresh(), a_place()
    sealed = seal(key, place, b"Is this on?")

    assert all(is_refused(key, place, sealed[:length]) for length in range(len(sealed)))
    assert all(is_refused(key, place, sealed + more) for more in (b"\x00", b"\x80", bytes(64), bytes(LARGEST)))


def test_promise_14_another_key_does_not_open_it_even_under_the_same_name():
    key, place = DataKey.fresh(), a_place()
    sealed = seal(key, place, b"Is this on?")

    assert is_refused(DataKey.fresh(), place, sealed)
    assert is_refused(replace(DataKey.fresh(), id=key.id), place, sealed)


@given(st.binary(max_size=400))
def test_bytes_from_anywhere_do_not_open(data: bytes):
    assert is_refused(DataKey.fresh(), a_place(), data)
    assert is_refused(DataKey.fresh(), a_place(), b"\x01\x01" + data)


@settings(deadline=None, max_examples=30)  # field arithmetic in Python
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_promise_15_a_ciphertext_that_plain_gcm_opens_under_two_keys_opens_under_one_of_ours_at_most(
    a: bytes, b: bytes
):
    if a == b:
        return
    place, keys = a_place(), [DataKey(UUID(int=7), secret) for secret in (a, b)]
    head, nonce, [one, two] = _a_record_whose_last_byte_agrees(keys, place)
    last = bytes(15) + bytes([keystream(one.key, nonce, 3)[-1] ^ 0x80])  # under both keys the padding's mark
    associated = vectors.associated(keys[0].id.bytes, KNOWN["opens"][0]["place"])
    both = forged(one.key, two.key, nonce, bytes(32) + last, associated)

    texts = [AESGCM(record.key).decrypt(nonce, both, associated) for record in (one, two)]

    assert texts[0] != texts[1]
    assert all(len(text) == 64 and text.endswith(b"\x80") for text in texts)  # well padded too: nothing else is wrong
    assert open_(keys[0], place, head + one.commitment + nonce + both) == texts[0][:-1]
    assert open_(keys[1], place, head + two.commitment + nonce + both) == texts[1][:-1]
    assert is_refused(keys[1], place, head + one.commitment + nonce + both)
    assert is_refused(keys[0], place, head + two.commitment + nonce + both)


class _Derived(NamedTuple):
    key: bytes
    commitment: bytes


def _a_record_whose_last_byte_agrees(keys: list[DataKey], place: Place) -> tuple[bytes, bytes, list[_Derived]]:
    """Its first 50 bytes, its nonce and what is derived under both keys; one record in 256 is one."""
    while True:
        sealed = seal(keys[0], place, b"")
        records = [_Derived(*vectors.derived(key.secret, sealed[18:50])) for key in keys]
        ends = {keystream(record.key, sealed[82:94], 3)[-1] for record in records}
        if len(ends) == 1:
            return sealed[:50], sealed[82:94], records


def test_promise_15_the_forgery_of_48_bytes_is_rejected_by_both_keys():
    nonce, associated = bytes(12), b"where it stands"
    first, second = DataKey.fresh(), DataKey.fresh()
    both = forged(first.secret, second.secret, nonce, b"sixteen bytes...", associated)  # 32 of text, 16 of tag

    texts = [AESGCM(key.secret).decrypt(nonce, both, associated) for key in (first, second)]

    assert (len(both), len(texts[0])) == (48, 32)
    assert texts[0] != texts[1]
    for name, key in ((name, key) for name in (first, second) for key in (first, second)):
        as_ours = b"\x01\x01" + name.id.bytes + bytes(64) + nonce + both
        assert is_refused(DataKey(name.id, key.secret), a_place(), as_ours)


@pytest.mark.parametrize("known", KNOWN["opens"], ids=lambda known: known["name"])
def test_promise_15_known_records_open_for_ever(known: dict[str, Any]):
    sealed = bytes.fromhex(known["sealed"])

    assert key_of(sealed) == UUID(known["key_id"])
    assert open_(key(known), place_of(known), sealed) == bytes.fromhex(known["content"])


@pytest.mark.parametrize("known", KNOWN["refused"], ids=lambda known: known["name"])
def test_promise_15_known_forgeries_are_refused_for_ever(known: dict[str, Any]):
    assert is_refused(key(known), place_of(known), bytes.fromhex(known["sealed"]))


def test_the_known_records_are_those_of_the_independent_derivation():
    assert vectors.FILE.read_text() == vectors.text()


@pytest.mark.parametrize("head", [b"", b"\x01", b"\x00\x01", b"\x02\x01", b"\xff\x01", b"\x01\x00", b"\x01\x02"])
def test_an_unknown_version_or_suite_is_refused_before_anybody_looks_for_a_key(head: bytes):
    with pytest.raises(VaultError, match=r"^does_not_open"):
        key_of(head + bytes(172))


def test_a_length_tells_only_the_size_class():
    key, place = DataKey.fresh(), a_place()
    classes = {len(seal(key, place, bytes(length))) - OVERHEAD for length in range(0, LONGEST + 1, 13)}

    assert classes == set(vectors.SIZES)
    assert len(seal(key, place, bytes(LONGEST))) <= LARGEST


def test_what_is_longer_than_a_record_is_refused():
    with pytest.raises(VaultError, match=r"^too_large"):
        seal(DataKey.fresh(), a_place(), bytes(LONGEST + 1))


def test_the_same_content_sealed_twice_has_nothing_in_common():
    key, place = DataKey.fresh(), a_place()
    one, two = seal(key, place, b"Is this on?"), seal(key, place, b"Is this on?")

    assert one[:18] == two[:18]
    assert not set(_pieces(one[18:])) & set(_pieces(two[18:]))


def _pieces(data: bytes) -> list[bytes]:
    return [data[at : at + 8] for at in range(0, len(data), 8)]


def test_no_secret_shows_when_a_key_is_printed():
    key = DataKey(uuid4(), b"s" * 32)

    assert "sss" not in f"{key} {key!r}"


def test_a_key_of_another_length_is_a_mistake():
    with pytest.raises(ValueError, match="32 bytes"):
        DataKey(uuid4(), b"short")


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_wrapped_key_opens_only_in_its_context(context: bytes, other: bytes):
    under, key = DataKey.fresh(), DataKey.fresh()
    wrapped = wrap(under, context, key.secret)

    assert unwrap(under, context, wrapped) == key.secret
    if other != context:
        with pytest.raises(VaultError, match=r"^does_not_open"):
            unwrap(under, other, wrapped)


def test_a_wrapped_key_is_no_record_and_a_record_no_wrapped_key():
    key, place = DataKey.fresh(), a_place()

    assert is_refused(key, place, wrap(key, b"", b"k" * 32))
    with pytest.raises(VaultError, match=r"^does_not_open"):
        unwrap(key, b"", seal(key, place, b"k" * 32))
