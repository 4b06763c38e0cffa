"""What was destroyed, held and agreed, once more outside the database: signed lines that are only ever added to.

A database that is restored from a backup has forgotten them. `forget/restore.py` tells it.
One file per tenant; a line is

    {"at", "body", "n", "of": tenant, "prev": SHA-256 of the line before, "sig": Ed25519, "v": 1, "what"}

in JSON with sorted keys; the signature is over the line without it. `what` and its body:

    destroyed   reason, keys: [[key, meeting, speaker, records, reason], …]; stands before the database's commit
    done, void  n: that line was committed; or it was not, and a hold came first
    hold        id, matter, room, meeting, subject, by, at
    release     id, by, at
    policy      name, version, source, translation, redacted, audit, redaction, from; words are not in it

A ledger that is missing is not an empty one: with the wrong folder, everything that was destroyed would come back. So a
file is begun once, before anything is kept (`restore.begin`), and nothing else makes one.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ...errors import VaultError
from ..crypto.keys import Signer

FIRST = "0" * 64
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Line:
    n: int
    what: str
    body: Mapping[str, Any]


class Ledger:
    """One tenant's file. Several processes may add to it."""

    def __init__(self, folder: Path, tenant: UUID, signer: Signer) -> None:
        self._path = folder / f"{tenant}.jsonl"
        self._tenant = tenant
        self._signer = signer
        self._end: tuple[int, int, str] | None = None
        """As we left it: bytes, lines, digest of the last one."""
        self._read: tuple[tuple[int, int], list[Line]] | None = None
        """As we found it: bytes and when it was changed, and what stood there."""

    async def is_there(self) -> bool:
        return await asyncio.to_thread(self._path.is_file)

    async def begin(self) -> None:
        """An empty ledger, on the disk when this returns; nothing where there is one."""
        await asyncio.to_thread(self._begin)

    async def append(self, what: str, body: Mapping[str, Any], *, durable: bool = True) -> int:
        """Adds a line and returns its number; it is on the disk when this returns.

        Raises `ledger_broken`, `ledger_missing`.
        """
        fd, (size, n, prev) = await asyncio.to_thread(self._locked)
        try:
            line: dict[str, Any] = {"v": 1, "of": str(self._tenant), "n": n + 1, "at": datetime.now(UTC).isoformat()}
            line |= {"what": what, "body": body, "prev": prev}
            signature = await self._signer.sign(_bytes(line))
            content = _bytes({**line, "sig": base64.b64encode(signature).decode()}) + b"\n"
            await asyncio.to_thread(_write, fd, size, content, durable)
            self._end = size + len(content), n + 1, _digest(content)
            return n + 1
        finally:
            os.close(fd)  # gives the lock back

    async def confirm(self, n: int, *, void: bool = False) -> None:
        """Says how the line `n` ended. Were this lost, the next sweep finds out by itself."""
        await self.append("void" if void else "done", {"n": n}, durable=False)

    async def lines(self) -> list[Line]:
        """All of them, checked. Raises `ledger_broken`, `ledger_missing`."""
        key = await self._signer.public_key()
        return await asyncio.to_thread(self._checked, key)

    def _begin(self) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        there = os.open(folder, os.O_RDONLY)
        os.fsync(there)
        os.close(there)

    def _locked(self) -> tuple[int, tuple[int, int, str]]:
        """The file, ours alone until it is closed, and where the next line goes."""
        try:
            fd = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            raise missing() from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            return fd, self._last(fd)
        except BaseException:
            os.close(fd)
            raise

    def _last(self, fd: int) -> tuple[int, int, str]:
        """Bytes, lines and the last one's digest. A line that was cut short was never answered for."""
        if self._end and os.fstat(fd).st_size == self._end[0]:
            return self._end
        size = os.fstat(fd).st_size
        at, tail = size, b""
        while at and tail.count(b"\n") < 2:
            at = max(0, at - _BLOCK)
            tail = os.pread(fd, size - at, at)
        whole = tail[: tail.rfind(b"\n") + 1]
        if not whole:
            return 0, 0, FIRST
        last = whole[whole.rfind(b"\n", 0, -1) + 1 :]
        return at + len(whole), int(_parsed(last)["n"]), _digest(last)

    def _checked(self, key: Ed25519PublicKey) -> list[Line]:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            raise missing() from None
        if self._read and self._read[0] == (stat.st_size, stat.st_mtime_ns):
            return self._read[1]
        found: list[Line] = []
        prev = FIRST
        for number, content in enumerate(self._path.read_bytes().splitlines(keepends=True), 1):
            if not content.endswith(b"\n"):
                break
            line = _parsed(content)
            try:
                key.verify(base64.b64decode(str(line.pop("sig", ""))), _bytes(line))
            except (InvalidSignature, ValueError):
                raise _broken(number) from None
            if (line["v"], line["of"], line["n"], line["prev"]) != (1, str(self._tenant), number, prev):
                raise _broken(number)
            found.append(Line(number, line["what"], line["body"]))
            prev = _digest(content)
        self._read = (stat.st_size, stat.st_mtime_ns), found
        return found


def _write(fd: int, at: int, content: bytes, durable: bool) -> None:
    os.ftruncate(fd, at)
    os.pwrite(fd, content, at)
    if durable:
        os.fsync(fd)


def _bytes(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        line = json.loads(content)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        raise VaultError("ledger_broken", "The ledger holds a line that isn't one.")
    return line


def _broken(number: int) -> VaultError:
    return VaultError("ledger_broken", f"Line {number} of the ledger was changed, or one before it removed.")


def missing() -> VaultError:
    return VaultError(
        "ledger_missing",
        "The ledger of what was destroyed is not in the folder that DRAGOMAN_LEDGER names: put that right, or bring "
        "the ledger back. Only where there never was one, make an empty file `<tenant's id>.jsonl` there.",
    )
