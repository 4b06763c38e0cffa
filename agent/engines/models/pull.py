"""Fetching a model from its repository: whole and the very bytes that were meant, or not at all.

Of `huggingface_hub` this takes the hub's protocol (addresses, redirects, tokens, retries, resuming by range) and not
`hf_hub_download`: that keeps nothing of a download that its process did not finish, knows the digest of large files
only, and puts file after file where an engine may already look.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2  # huggingface_hub's own: its errors come through as they are
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, not re-exported

from ...errors import ModelError
from .catalogue import MANIFEST, File, Model, damaged, digest, manifest

STAGING = ".pulling"
"""Beside the models: what is on its way. No engine looks there."""
TRIES = 5
"""How often a connection that is cut off is taken up again, each time from where it was."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SPARE = 64 << 20
"""Bytes of the disk that a pull leaves free."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Say = Callable[[str], None]


def pull(
    model: Model, into: Path, *, say: Say, revision: str | None = None, trust: bool = False, endpoint: str | None = None
) -> Path:
    """The model's folder in `into`, every byte checked; at once where it is whole already.

    A model of which no revision or digest is known, and any other `revision`, is fetched only where the person
    takes the first download on trust: what came is then written down, and compared from there on. `endpoint` is
    another hub than the one in HF_ENDPOINT. Raises `ModelError`.
    """
    wanted = _chosen(model, revision, trust)
    folder = into / model.name
    with _told(model), _alone(into, model.name, say):
        if _whole(wanted, folder):
            say(f"{model.name} is in place, every byte as it should be.")
            return folder
        hub = _Hub(wanted, endpoint)
        trusted = not wanted.pinned
        if trusted:
            wanted = hub.described()
        staging = into / STAGING / f"{model.name}@{wanted.revision}"
        staging.mkdir(parents=True, exist_ok=True)
        _reuse(wanted, folder, staging)
        _room(wanted, staging)
        files = [hub.fetch(file, staging, say) for file in wanted.files]
        _write_down(replace(wanted, files=tuple(files)), staging, trusted)
        _swap(staging, folder)
        _forget(into, model.name)
    return folder


def remove(model: Model, into: Path, *, say: Say) -> None:
    """The model's folder goes, and what is on its way to it. Raises `ModelError` where there is neither."""
    folder = into / model.name
    with _told(model), _alone(into, model.name, say):
        if not folder.exists() and not any((into / STAGING).glob(f"{model.name}@*")):
            raise ModelError("not_here", f"{model.name} is not in {into}.")
        _forget(into, model.name)
        if folder.exists():
            # Out of sight in one step, so that no engine finds half of it.
            folder.replace(into / STAGING / f"{model.name}@removed")
            _forget(into, model.name)


class _Hub:
    """One model's repository, at one commit."""

    def __init__(self, model: Model, endpoint: str | None) -> None:
        self._model = model
        self._endpoint = endpoint
        self._headers = build_hf_headers(library_name="dragoman", headers={"Accept-Encoding": "identity"})

    def described(self) -> Model:
        """The model with the sizes, and the digests of large files, that the hub itself states."""
        model = self._model
        api = HfApi(endpoint=self._endpoint)
        try:
            info = api.model_info(model.repository, revision=model.revision, files_metadata=True)
        except (ValueError, TypeError, KeyError) as error:
            raise _no_hub() from error
        if info.sha != model.revision:
            raise _wrong_revision(model, info.sha)
        found = {one.rfilename: one for one in info.siblings or []}
        if lost := [file.path for file in model.files if file.path not in found]:
            raise ModelError("hub_refused", f"{model.repository} has no {', '.join(lost)} at {model.revision}.")
        stated = [(file, found[file.path]) for file in model.files]
        files = [replace(file, size=one.size, sha256=one.lfs.sha256 if one.lfs else None) for file, one in stated]
        return replace(model, files=tuple(files))

    def fetch(self, file: File, staging: Path, say: Say) -> File:
        """The file in `staging`, checked, with the size and digest that it has."""
        target = staging / file.name
        if file.sha256 and digest(target) == file.sha256:
            return replace(file, size=target.stat().st_size)
        self._ask(file)
        part = target.with_name(f"{file.name}.part")
        had = part.stat().st_size if part.exists() else 0
        found = self._download(file, part, say)
        if file.sha256 not in (None, found) and had:
            # What a crash left may not be what was sent: once more, from the first byte.
            part.unlink()
            found = self._download(file, part, say)
        if file.sha256 not in (None, found):
            part.unlink()
            raise ModelError(
                "wrong_digest", f"{file.path} is not what was meant: its SHA-256 is {found}, not {file.sha256}."
            )
        part.replace(target)
        return replace(file, size=target.stat().st_size, sha256=found)

    def _ask(self, file: File) -> None:
        """Before a byte is fetched: whether the hub has this commit, and these bytes. Raises `ModelError`."""
        told = get_hf_file_metadata(self._url(file), headers=self._headers, endpoint=self._endpoint)
        if not told.commit_hash:
            raise _no_hub()
        if told.commit_hash != self._model.revision:
            raise _wrong_revision(self._model, told.commit_hash)
        stated = told.etag if told.etag and _SHA256.fullmatch(told.etag) else None
        if file.sha256 and stated and stated != file.sha256:
            raise ModelError(
                "wrong_digest", f"{file.path} is not what was meant: the hub has {stated}, not {file.sha256}."
            )

    def _download(self, file: File, part: Path, say: Say) -> str:
        """All of the file in `part`, going on where it ends; its digest."""
        for left in reversed(range(TRIES)):
            had = part.stat().st_size if part.exists() else 0
            if file.size is not None and had > file.size:
                part.unlink()
                had = 0
            if had:
                say(f"{file.name}: going on after {had / 1e6:.1f} MB.")
            try:
                with part.open("ab") as end:
                    http_get(
                        self._url(file),
                        end,
                        resume_size=had,
                        headers=self._headers,
                        expected_size=file.size,
                        displayed_filename=file.name,
                    )
                    os.fsync(end.fileno())
                break
            except httpx2.ReadError:
                # http_get itself goes on after most breaks; a connection that is reset is not among them.
                if not left:
                    raise
        return digest(part)

    def _url(self, file: File) -> str:
        model = self._model
        return hf_hub_url(model.repository, file.path, revision=model.revision, endpoint=self._endpoint)


def _chosen(model: Model, revision: str | None, trust: bool) -> Model:
    """The model at the revision that is wanted; its digests are known only of the catalogue's."""
    if revision is not None and not _COMMIT.fullmatch(revision):
        raise ModelError("wrong_revision", "A revision is a commit of 40 hex digits: a branch may change any day.")
    if model.pinned and revision in (None, model.revision):
        return model
    if not revision:
        raise ModelError(
            "not_pinned",
            f"Nothing says which bytes {model.name} should be made of. If you trust {model.repository}, look up the "
            "commit there and pull with --revision COMMIT --trust-first-download.",
        )
    if not trust:
        raise ModelError(
            "not_pinned",
            f"The digests of {model.name} at {revision} are not known: --trust-first-download takes what comes and "
            "compares with it from then on.",
        )
    return replace(model, revision=revision, files=tuple(replace(file, size=None, sha256=None) for file in model.files))


def _whole(model: Model, folder: Path) -> bool:
    """Whether these very bytes are there. What was taken on trust is not what is pinned, and the other way round."""
    kept = manifest(folder)
    if model.pinned == bool(kept.get("trusted")) or (not model.pinned and kept.get("revision") != model.revision):
        return False
    return folder.is_dir() and not damaged(model, folder)


def _reuse(model: Model, folder: Path, staging: Path) -> None:
    """What is whole in the model's folder needn't be fetched again."""
    for file in model.files:
        there, here = folder / file.name, staging / file.name
        if file.sha256 and not here.exists() and digest(there) == file.sha256:
            try:
                os.link(there, here)
            except OSError:
                shutil.copyfile(there, here)


def _room(model: Model, staging: Path) -> None:
    """Raises `ModelError` `disk_full` before gigabytes are fetched for nothing."""
    had = sum(path.stat().st_size for path in staging.iterdir())
    needed = (model.size or 0) - had
    free = shutil.disk_usage(staging).free
    if needed > 0 and needed + SPARE > free:
        raise ModelError(
            "disk_full",
            f"{model.name} needs {needed / 1e6:,.0f} MB more and {SPARE / 1e6:.0f} MB to spare; "
            f"{free / 1e6:,.0f} MB are free.",
        )


def _write_down(model: Model, staging: Path, trusted: bool) -> None:
    """What came, beside it; and nothing else stays there."""
    for path in staging.iterdir():
        if path.name not in {file.name for file in model.files}:
            path.unlink()
    kept = {
        "name": model.name,
        "repository": model.repository,
        "revision": model.revision,
        "licence": model.licence,
        "trusted": trusted,
        "files": {file.name: {"size": file.size, "sha256": file.sha256} for file in model.files},
    }
    (staging / MANIFEST).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def _swap(staging: Path, folder: Path) -> None:
    """The new folder where the old one was: an engine finds the one or the other, or for a moment none."""
    old = staging.with_name(f"{folder.name}@replaced")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    staging.replace(folder)


def _forget(into: Path, name: str) -> None:
    for left in (into / STAGING).glob(f"{name}@*"):
        shutil.rmtree(left)


@contextmanager
def _alone(into: Path, name: str, say: Say) -> Iterator[None]:
    """One at a time with one model; who comes second waits, and finds it done."""
    (into / STAGING).mkdir(parents=True, exist_ok=True)
    with (into / STAGING / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Somebody else is at work on {name}; waiting.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _told(model: Model) -> Iterator[None]:
    """Whatever the hub, the network and the disk do wrong, as a `ModelError`."""
    again = "What came is kept: the same command goes on from there."
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            "hub_refused", f"{model.repository} is given only to those it knows: ask there, then set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError("wrong_revision", f"{model.repository} has no such revision.") from error
    except (RepositoryNotFoundError, RemoteEntryNotFoundError) as error:
        raise ModelError("hub_refused", f"{model.repository}, or a file of it, is not there.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise ModelError("hub_away", f"{model.repository} answered {status}. {again}") from error
    except (httpx2.HTTPError, OfflineModeIsEnabled) as error:
        raise ModelError("hub_away", f"{model.repository}: {type(error).__name__}. {again}") from error
    except OSError as error:
        if error.errno in FULL:
            raise ModelError("disk_full", f"No room for {model.name}: {error.strerror}. {again}") from error
        if error.errno is None:
            raise ModelError("hub_away", f"{model.repository} sent too little or too much. {again}") from error
        raise ModelError("cannot_write", f"{model.name} can't be kept: {error}.") from error


def _wrong_revision(model: Model, found: str | None) -> ModelError:
    return ModelError("wrong_revision", f"{model.repository} answers with revision {found}, not {model.revision}.")


def _no_hub() -> ModelError:
    return ModelError("hub_refused", "What answers is not a hub: HF_ENDPOINT may be wrong.")
