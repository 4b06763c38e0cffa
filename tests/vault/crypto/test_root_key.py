"""Each of those who may hold the root key gives back the key that was wrapped, or says why not; never another one."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import boto3
import pytest
from aiohttp.test_utils import TestServer
from moto.server import ThreadedMotoServer

from agent.errors import SettingsError, VaultError
from agent.vault.crypto.awskms import AwsKms
from agent.vault.crypto.keyfile import KeyFile
from agent.vault.crypto.root_key import Several, from_setting
from agent.vault.crypto.transit import Transit
from agent.vault.crypto.wrapper import Wrapper, surely
from tests.vault.faults import Front, front
from tests.vault.transit import TOKEN, StandIn

KEY = bytes(range(48))
OURS, THEIRS = b"tenant a", b"tenant b"


@dataclass
class Remote:
    """A wrapper whose key is held elsewhere, and what stands between."""

    wrapper: Wrapper
    between: Front
    hurried: Wrapper
    """The same, of little patience."""


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys" / "root.key")


@pytest.fixture
def vault() -> StandIn:
    return StandIn()


@pytest.fixture
async def transit(vault: StandIn, tmp_path: Path) -> AsyncIterator[Remote]:
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    async with TestServer(vault.app()) as server, front(str(server.make_url(""))) as between:
        patient, hurried = (Transit(between.url, "transit", "dragoman", token, patience=p) for p in (5.0, 0.3))
        yield Remote(patient, between, hurried)


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    return boto3.session.Session().client("kms", region_name="eu-west-1", endpoint_url=moto)


@pytest.fixture
async def kms(aws: Any, moto: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Remote]:
    arn = await asyncio.to_thread(lambda: aws.create_key()["KeyMetadata"]["Arn"])
    async with front(moto) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
        yield Remote(AwsKms(arn), between, AwsKms(arn, patience=0.3))


@pytest.fixture(params=["file", "transit", "kms"])
def wrapper(request: pytest.FixtureRequest) -> Wrapper:
    made = request.getfixturevalue(request.param)
    return made.wrapper if isinstance(made, Remote) else made  # type: ignore[no-any-return]


@pytest.fixture(params=["transit", "kms"])
def remote(request: pytest.FixtureRequest) -> Remote:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


async def refused(ask: Callable[[], Any]) -> str:
    """The code of what it raises; what it says holds no key."""
    with pytest.raises(VaultError) as failed:
        await ask()
    assert KEY.hex() not in repr(failed.value)
    return failed.value.code


async def test_what_was_wrapped_comes_back(wrapper: Wrapper):
    wrapped = await wrapper.wrap(KEY, OURS)

    await wrapper.health()
    assert await wrapper.unwrap(wrapped, OURS) == KEY
    assert KEY not in wrapped


async def test_the_same_key_is_never_wrapped_alike(wrapper: Wrapper):
    assert await wrapper.wrap(KEY, OURS) != await wrapper.wrap(KEY, OURS)


async def test_promise_14_a_wrapped_key_opens_only_in_its_context(wrapper: Wrapper):
    theirs = await wrapper.wrap(KEY, THEIRS)

    assert await refused(lambda: wrapper.unwrap(theirs, OURS)) == "key_refused"


async def test_a_wrapped_key_that_was_changed_is_refused(wrapper: Wrapper):
    wrapped = await wrapper.wrap(KEY, OURS)
    middle = len(wrapped) // 2
    bad = [b"", b"\xff" * 40, wrapped[:-1], wrapped[:middle] + bytes([wrapped[middle] ^ 1]) + wrapped[middle + 1 :]]

    assert {await refused(lambda data=data: wrapper.unwrap(data, OURS)) for data in bad} == {"key_refused"}


async def test_no_log_at_any_level_holds_the_key(wrapper: Wrapper, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    await wrapper.unwrap(await wrapper.wrap(KEY, OURS), OURS)

    written = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert not [piece for at in range(3) if (piece := b64encode(KEY[at : at + 30]).decode()) in written]
    assert repr(KEY)[2:-1] not in written


async def test_promise_33_one_that_is_away_is_said_to_be_away_and_is_met_when_it_is_back(remote: Remote):
    wrapped = await remote.wrapper.wrap(KEY, OURS)
    remote.between.away = True
    codes = [
        await refused(lambda: remote.wrapper.wrap(KEY, OURS)),
        await refused(lambda: remote.wrapper.unwrap(wrapped, OURS)),
        await refused(remote.wrapper.health),
    ]
    remote.between.away = False

    assert codes == ["keys_away"] * 3
    assert await remote.wrapper.unwrap(wrapped, OURS) == KEY


async def test_promise_33_one_that_takes_30_seconds_is_waited_for_as_long_as_our_patience_lasts(remote: Remote):
    wrapped = await remote.wrapper.wrap(KEY, OURS)
    remote.between.slow = 30.0
    began = monotonic()

    code = await refused(lambda: remote.hurried.unwrap(wrapped, OURS))

    assert code == "keys_away"
    assert monotonic() - began < 2.0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"errors": ["internal error"]}'),
        (502, b"<html>Bad Gateway</html>"),
        (503, b""),
        (429, b'{"__type": "ThrottlingException"}'),
        (200, b"<html>Welcome to the hotel</html>"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"data": null}'),
        (200, b'{"data": {"plaintext": 7, "ciphertext": 7}, "Plaintext": 7, "CiphertextBlob": 7}'),
    ],
)
async def test_promise_33_errors_and_garbage_are_no_answer(remote: Remote, status: int, body: bytes):
    wrapped = await remote.wrapper.wrap(KEY, OURS)
    remote.between.answer = (status, body)

    assert await refused(lambda: remote.wrapper.unwrap(wrapped, OURS)) == "keys_away"
    assert await refused(lambda: remote.wrapper.wrap(KEY, OURS)) == "keys_away"


async def test_promise_33_another_tenants_key_is_never_taken_for_ours(remote: Remote):
    ours, theirs = await remote.wrapper.wrap(KEY, OURS), await remote.wrapper.wrap(KEY[::-1], THEIRS)
    await remote.wrapper.unwrap(theirs, THEIRS)
    remote.between.answer = (200, remote.between.last)

    assert await refused(lambda: remote.wrapper.unwrap(ours, OURS)) == "key_refused"


@pytest.mark.parametrize(
    "code",
    [
        "DisabledException",
        "KMSInvalidStateException",  # it is about to be deleted
        "NotFoundException",
        "AccessDeniedException",
        "ExpiredTokenException",
    ],
)
async def test_promise_33_a_kms_key_that_is_disabled_doomed_or_not_for_us_is_refused(kms: Remote, code: str):
    wrapped = await kms.wrapper.wrap(KEY, OURS)
    kms.between.answer = (400, json.dumps({"__type": code, "message": "no"}).encode())

    assert await refused(lambda: kms.wrapper.unwrap(wrapped, OURS)) == "key_refused"
    assert await refused(lambda: kms.wrapper.wrap(KEY, OURS)) == "key_refused"
    assert await refused(kms.wrapper.health) == "key_refused"


@pytest.mark.parametrize("body", [b'{"Plaintext": "&"}', b'{"Plaintext": ""}', b'{"Plaintext": "AAAA"}'])
async def test_promise_33_what_kms_does_not_mean_is_never_a_key(kms: Remote, body: bytes):
    wrapped = await kms.wrapper.wrap(KEY, OURS)
    kms.between.answer = (200, body)

    assert await refused(lambda: kms.wrapper.unwrap(wrapped, OURS)) in {"keys_away", "key_refused"}


@pytest.mark.parametrize("text", ["&", "", "AAAA"])
async def test_promise_33_what_vault_does_not_mean_is_never_a_key(transit: Remote, text: str):
    wrapped = await transit.wrapper.wrap(KEY, OURS)
    transit.between.answer = (200, json.dumps({"data": {"plaintext": text, "ciphertext": text}}).encode())

    assert await refused(lambda: transit.wrapper.unwrap(wrapped, OURS)) in {"keys_away", "key_refused"}
    assert await refused(lambda: transit.wrapper.wrap(KEY, OURS)) == "keys_away"


@pytest.mark.parametrize("text", ["vault:v1:", "vault:v1:AAAA", "vault:v9:AAAA"])
async def test_promise_33_a_key_that_would_not_come_back_is_not_taken_for_wrapped(transit: Remote, text: str):
    transit.between.answer = (200, json.dumps({"data": {"ciphertext": text}}).encode())

    assert await refused(lambda: surely(transit.wrapper, KEY, OURS)) == "keys_away"


async def test_a_kms_key_of_another_name_is_refused(kms: Remote, aws: Any):
    other = AwsKms(await asyncio.to_thread(lambda: aws.create_key()["KeyMetadata"]["Arn"]))
    wrapped = await kms.wrapper.wrap(KEY, OURS)

    assert await refused(lambda: other.unwrap(wrapped, OURS)) == "key_refused"


async def test_what_a_key_is_for_stands_in_what_kms_is_told(kms: Remote, aws: Any):
    wrapped = await kms.wrapper.wrap(KEY, OURS)

    with pytest.raises(aws.exceptions.InvalidCiphertextException):
        await asyncio.to_thread(lambda: aws.decrypt(CiphertextBlob=wrapped))


async def test_a_vault_that_is_sealed_is_away_and_a_token_that_ran_out_is_refused(
    transit: Remote, vault: StandIn, tmp_path: Path
):
    wrapped = await transit.wrapper.wrap(KEY, OURS)
    vault.sealed = True
    sealed = await refused(lambda: transit.wrapper.unwrap(wrapped, OURS))
    vault.sealed, vault.token = False, "s.another"
    expired = await refused(lambda: transit.wrapper.unwrap(wrapped, OURS))
    (tmp_path / "token").write_text("s.another")

    assert (sealed, expired) == ("keys_away", "key_refused")
    assert await transit.wrapper.unwrap(wrapped, OURS) == KEY


async def test_a_transit_without_associated_data_still_binds_the_context(transit: Remote, vault: StandIn):
    vault.knows_associated_data = False
    theirs = await transit.wrapper.wrap(KEY, THEIRS)

    assert await refused(lambda: transit.wrapper.unwrap(theirs, OURS)) == "key_refused"
    assert await transit.wrapper.unwrap(theirs, THEIRS) == KEY


async def test_older_versions_of_a_transit_key_unwrap_until_they_are_disallowed(transit: Remote, vault: StandIn):
    old = await transit.wrapper.wrap(KEY, OURS)
    vault.rotate("dragoman")
    new = await transit.wrapper.wrap(KEY, OURS)
    both = [await transit.wrapper.unwrap(wrapped, OURS) for wrapped in (old, new)]
    vault.rotate("dragoman", least=2)

    assert (old[:9], new[:9], both) == (b"vault:v1:", b"vault:v2:", [KEY, KEY])
    assert await refused(lambda: transit.wrapper.unwrap(old, OURS)) == "key_refused"
    assert await transit.wrapper.unwrap(new, OURS) == KEY


async def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path):
    path = tmp_path / "keys" / "root.key"
    several = [KeyFile(path) for _ in range(8)]

    wrapped = await asyncio.gather(*(one.wrap(KEY, OURS) for one in several))

    assert [await several[0].unwrap(one, OURS) for one in wrapped] == [KEY] * 8
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [found.name for found in path.parent.iterdir()] == ["root.key"]


async def test_a_key_file_that_is_gone_is_not_made_anew_to_unwrap(file: KeyFile, tmp_path: Path):
    wrapped = await file.wrap(KEY, OURS)
    (tmp_path / "keys" / "root.key").unlink()

    assert await refused(lambda: file.unwrap(wrapped, OURS)) == "keys_away"
    assert await refused(file.health) == "keys_away"
    assert list((tmp_path / "keys").iterdir()) == []


async def test_a_key_file_that_can_not_be_made_is_said_to_be_away(tmp_path: Path):
    (tmp_path / "keys").write_text("not a folder")

    assert await refused(lambda: KeyFile(tmp_path / "keys" / "root.key").wrap(KEY, OURS)) == "keys_away"


async def test_another_key_file_does_not_unwrap(file: KeyFile, tmp_path: Path):
    other = KeyFile(tmp_path / "other.key")
    await other.wrap(KEY, OURS)

    assert await refused(lambda: _unwrap_of(file, other)) == "key_refused"


async def _unwrap_of(wraps: KeyFile, unwraps: KeyFile) -> bytes:
    return await unwraps.unwrap(await wraps.wrap(KEY, OURS), OURS)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
async def test_a_key_file_that_others_may_read_is_refused(file: KeyFile, tmp_path: Path, mode: int):
    wrapped = await file.wrap(KEY, OURS)
    (tmp_path / "keys" / "root.key").chmod(mode)

    assert await refused(lambda: file.unwrap(wrapped, OURS)) == "bad_key_file"
    assert await refused(lambda: file.wrap(KEY, OURS)) == "bad_key_file"
    assert await refused(file.health) == "bad_key_file"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"[7]", b'[{"id": "x", "secret": ""}]', b"\xff\xfe", b'[{"secret": 1}]']
)
async def test_a_key_file_that_makes_no_sense_is_refused(file: KeyFile, tmp_path: Path, content: bytes):
    await file.wrap(KEY, OURS)
    (tmp_path / "keys" / "root.key").write_bytes(content)

    assert await refused(file.health) == "bad_key_file"


async def test_the_root_can_be_rotated_and_its_older_version_forgotten(file: KeyFile):
    old = await file.wrap(KEY, OURS)
    newest = file.rotate()
    new = await file.wrap(KEY, OURS)
    before = [await file.unwrap(wrapped, OURS) for wrapped in (old, new)]
    first, second = file.versions()
    file.forget(first)

    assert (before, second) == ([KEY, KEY], newest)
    assert list(file.versions()) == [newest]
    assert await file.unwrap(new, OURS) == KEY
    assert await refused(lambda: file.unwrap(old, OURS)) == "key_refused"


async def test_the_newest_version_is_not_forgotten(file: KeyFile):
    await file.wrap(KEY, OURS)
    newest = file.rotate()

    with pytest.raises(VaultError, match=r"^no_key"):
        file.forget(newest)
    assert len(file.versions()) == 2


async def test_rotations_at_the_same_time_are_all_kept(file: KeyFile):
    await file.wrap(KEY, OURS)

    made = await asyncio.gather(*(asyncio.to_thread(file.rotate) for _ in range(8)))

    assert set(made) < set(file.versions())
    assert len(file.versions()) == 9


async def test_keys_move_from_one_to_another_while_both_unwrap(file: KeyFile, transit: Remote):
    old = await file.wrap(KEY, OURS)
    both = Several([transit.wrapper, file])
    new = await both.wrap(KEY, OURS)

    await both.health()
    assert both.ref == transit.wrapper.ref
    assert [await both.unwrap(wrapped, OURS) for wrapped in (old, new)] == [KEY, KEY]
    transit.between.away = True
    assert await both.unwrap(old, OURS) == KEY
    assert await refused(lambda: both.unwrap(new, OURS)) == "keys_away"


@pytest.mark.parametrize(
    ("setting", "kind", "ref"),
    [
        ("file:var/keys/root.key", KeyFile, "file:var/keys/root.key"),
        (
            "transit:http://127.0.0.1:8200/transit/keys/dragoman",
            Transit,
            "transit:http://127.0.0.1:8200/transit/keys/dragoman",
        ),
        (
            "transit:https://vault.example:8200/a/b/keys/x?token_file=/run/token",
            Transit,
            "transit:https://vault.example:8200/a/b/keys/x",
        ),
        ("awskms:arn:aws:kms:eu-west-1:1:alias/dragoman", AwsKms, "awskms:arn:aws:kms:eu-west-1:1:alias/dragoman"),
        ("file:a, file:b", Several, "file:a"),
    ],
)
def test_a_setting_says_who_holds_the_root_key(setting: str, kind: type, ref: str):
    wrapper = from_setting(setting)

    assert (type(wrapper), wrapper.ref) == (kind, ref)


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "file:",
        "root.key",
        "transit:127.0.0.1:8200/transit/keys/x",
        "transit:http://127.0.0.1:8200/transit/x",
        "transit:http://vault.example/transit/keys/x",
        "transit:https://user:secret@vault.example/transit/keys/x",
        "awskms:alias/dragoman",
        "awskms:arn:aws:s3:::bucket",
        "gcpkms:projects/x",
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(setting: str):
    with pytest.raises(SettingsError, match=r"^bad_settings: DRAGOMAN_ROOT_KEY") as refused:
        from_setting(setting)
    assert "secret" not in str(refused.value)


def test_no_secret_shows_when_a_wrapper_is_printed(file: KeyFile, tmp_path: Path):
    asyncio.run(file.wrap(KEY, OURS))
    [entry] = json.loads((tmp_path / "keys" / "root.key").read_text())

    assert entry["secret"] not in repr(file) + repr(vars(file))
