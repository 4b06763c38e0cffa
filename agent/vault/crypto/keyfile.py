"""The root key in a file of this machine, which only its owner may read: for one machine, and to start with.

What can go wrong, and how it can't:

- **Others read it.** It is made with mode 0600. A file that others may read is refused (`bad_key_file`): whoever could
  read it may have it, so the message asks for a rotation too.
- **It is lost, and a new one is made in its place.** A new root key opens nothing that was wrapped before. So only the
  first `wrap` makes a file, and `unwrap` never does. `TenantKeys` unwraps one of a tenant's keys before it makes
  another.
- **It is half written.** A new content stands in a file beside it, on the disk, before that takes its name. The folder
  is brought to the disk too.
- **Two processes change it.** The first file is made by a link, which fails where another process was first; a later
  change holds a lock of the folder.
- **A version goes that something still needs.** `forget` destroys: what that version alone wrapped can't be opened by
  anybody, ever. Wrap every tenant's key anew before it (`rotation.rotate_root`). The newest can't be forgotten.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from ...errors import VaultError
from . import envelope
from .envelope import DataKey, key_of
from .wrapper import bound, unbound


class KeyFile:
    """A file with versions of a root key: the newest wraps, all unwrap.

    It is read anew each time, which is seldom, so that all processes agree on what is newest. The first `wrap` makes
    it; `unwrap` never does, for a new root key opens nothing. Raises `VaultError` `bad_key_file` where others may read
    it or it makes no sense, `keys_away` where it isn't there.
    """

    def __init__(self, path: Path) -> None:
        self.ref = f"file:{path}"
        self._path = path

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        versions = await asyncio.to_thread(self._read_or_make)
        return envelope.wrap(versions[-1], context, bound(key, context))

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        versions = {version.id: version for version in await asyncio.to_thread(self._read)}
        try:
            plain = envelope.unwrap(versions[key_of(wrapped)], context, wrapped)
        except KeyError:
            raise VaultError("key_refused", "The root key's file lacks the version that this key needs.") from None
        except VaultError:
            raise VaultError("key_refused", "This key was not wrapped by this root key for this.") from None
        return unbound(plain, context)

    async def health(self) -> None:
        await asyncio.to_thread(self._read)

    def versions(self) -> Sequence[UUID]:
        """All that are in the file, the newest last."""
        return [version.id for version in self._read()]

    def rotate(self) -> UUID:
        """A new version, which wraps from now on; the older ones still unwrap."""
        newest = DataKey.fresh()
        self._change(lambda known: [*known, _entry(newest)])
        return newest.id

    def forget(self, version: UUID) -> None:
        """Remove a version: what it alone wrapped is gone. Raises `VaultError` (`no_key`) for the newest."""

        def without(known: list[dict[str, str]]) -> list[dict[str, str]]:
            if version not in {UUID(entry["id"]) for entry in known[:-1]}:
                raise VaultError("no_key", "There is no older version of that name.")
            return [entry for entry in known if UUID(entry["id"]) != version]

        self._change(without)

    def _read_or_make(self) -> Sequence[DataKey]:
        if not self._path.exists():
            try:
                self._make()
            except OSError as error:
                raise VaultError("keys_away", f"{self._path} can't be made: {error.strerror}.") from None
        return self._read()

    def _make(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _written(self._path, [_entry(DataKey.fresh())]) as ready:
            try:
                os.link(ready, self._path)  # unlike a rename it fails where another process was first
            except FileExistsError:
                pass
            finally:
                ready.unlink()

    def _change(self, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            with _written(self._path, change(self._entries())) as ready:
                ready.replace(self._path)
        finally:
            os.close(folder)

    def _read(self) -> Sequence[DataKey]:
        try:
            versions = [DataKey(UUID(entry["id"]), b64decode(entry["secret"])) for entry in self._entries()]
            versions[-1]
        except (ValueError, KeyError, TypeError, IndexError):
            raise VaultError("bad_key_file", f"{self._path} is no file of root keys.") from None
        return versions

    def _entries(self) -> list[dict[str, str]]:
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise VaultError("keys_away", f"There is no {self._path}.") from None
        except OSError as error:
            raise VaultError("keys_away", f"{self._path} can't be read: {error.strerror}.") from None
        with os.fdopen(file, "rb") as opened:
            if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise VaultError("bad_key_file", f"Others may read {self._path}; `chmod 600` it, and rotate the key.")
            try:
                known: Any = json.load(opened)
            except ValueError:
                known = None
        if not isinstance(known, list):
            raise VaultError("bad_key_file", f"{self._path} is no file of root keys.")
        return known


def _entry(version: DataKey) -> dict[str, str]:
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {"id": str(version.id), "made": made, "secret": b64encode(version.secret).decode()}


@contextmanager
def _written(path: Path, entries: Sequence[dict[str, str]]) -> Iterator[Path]:
    """A file beside `path` that is whole and on the disk; whoever takes it says under which name it stays."""
    file, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with os.fdopen(file, "w") as written:
            json.dump(entries, written, indent=1)
            written.flush()
            os.fsync(written.fileno())
        yield Path(name)
        _to_disk(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def _to_disk(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
