"""Anchors: where the log stood, signed, in a file that no database can change.

What can go wrong, and what shows it:

- **Whoever rules the database makes the whole log anew.** Its lines then don't meet the hashes that were anchored.
  An anchor is dropped every five minutes: what is younger can be lost unseen.
- **An anchor is forged, or is another tenant's.** Each is signed with the tenant's key, and names its tenant. What
  doesn't verify is counted as bad, and never believed.
- **A crash or a full disk leaves half a line.** Nobody was told of it: the next one is written over it. A whole line
  is on the disk before its writer goes on, and so is the folder of a new file.
- **Old lines are forgotten that should have stayed.** The database says up to which line it may be, by the policies'
  terms for the log. That is signed and written down here before the database forgets, and the database keeps the
  signed word as its checkpoint. A log that was shortened without one is found.

The order of `forget`: ask up to where; sign; write it here; tell the database. Whoever dies after the third leaves
a log that is longer than it need be, and the next time goes on.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ...errors import VaultError
from ..crypto.keys import Signer
from ..db.pool import Pool
from . import statements

EVERY = 300.0
"""Seconds between two anchors: a tail that is cut off is found if it was older than that."""
LOOK = 65_536
"""Bytes at the file's end in which half a line is looked for; a whole one has a few hundred."""
_PREFIX = b"dragoman log\n"
"""Before what is signed, so that nothing else that the key signs passes for it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a file of anchors says: hashes by line of the log; and which of its own lines are not to be trusted."""

    hashes: dict[int, list[bytes]] = field(default_factory=dict)
    bad: list[int] = field(default_factory=list)


class Anchors:
    """The anchors of one tenant: a file to which lines are added, each with its own signature.

    A folder on another machine, or one that only ever takes additions, keeps them from who can change the database.
    """

    def __init__(self, folder: Path, tenant: UUID, signer: Signer) -> None:
        self._path = folder / f"{tenant}.jsonl"
        self._tenant = tenant
        self._signer = signer
        self._last: tuple[int, bytes] | None = None

    async def drop(self, pool: Pool) -> int | None:
        """Where the log stands now, signed and on the disk; its number, or None where it stood there already.

        Raises `VaultError` (`vault_away`, `keys_away`, `anchors_away`).
        """
        async with pool.transaction(self._tenant) as connection:
            head = (await connection.execute(statements.HEAD, {"tenant": self._tenant})).one_or_none()
        if head is None or self._last == (head.seq, head.hash):
            return None
        content = self._content("anchor", head.seq, head.hash, at=head.at.isoformat())
        await asyncio.to_thread(self._add, content, await self._signer.sign(_PREFIX + content.encode()))
        self._last = (head.seq, head.hash)
        return int(head.seq)

    async def forget(self, pool: Pool) -> int:
        """Forgets the lines that are older than the longest term of the log in force; how many they were.

        Which they are is signed, here and in the database, before they go. As the retention role. Raises `VaultError`
        (`vault_away`, `keys_away`, `anchors_away`).
        """
        async with pool.transaction(self._tenant) as connection:
            upto = (await connection.execute(statements.FORGETTABLE)).one()
        if upto.seq is None:
            return 0
        content = self._content("forgotten", upto.seq, upto.hash, at=upto.at.isoformat(), policies=upto.policies)
        signature = await self._signer.sign(_PREFIX + content.encode())
        await asyncio.to_thread(self._add, content, signature)
        async with pool.transaction(self._tenant) as connection:
            say = {"seq": upto.seq, "hash": upto.hash, "content": content, "signature": signature}
            return int((await connection.execute(statements.FORGET, say)).scalar_one())

    async def read(self) -> Known:
        """All that was anchored. Raises `VaultError` (`keys_away`, `anchors_away`)."""
        public, known = await self._signer.public_key(), Known()
        for number, line in enumerate(await asyncio.to_thread(self._lines), 1):
            if (said := self._said(public, line)) is None:
                known.bad.append(number)
            else:
                known.hashes.setdefault(said["seq"], []).append(bytes.fromhex(said["hash"]))
        return known

    async def allow(self, content: str, signature: bytes, seq: int, hash_: bytes) -> bool:
        """Whether the tenant's key signed that the log be forgotten up to this line."""
        said = self._signed(await self._signer.public_key(), content, signature)
        return said is not None and (said["what"], said["seq"], said["hash"]) == ("forgotten", seq, hash_.hex())

    def _content(self, what: str, seq: int, hash_: bytes, **more: Any) -> str:
        said = {"what": what, "tenant": str(self._tenant), "seq": seq, "hash": hash_.hex(), **more}
        return json.dumps(said, sort_keys=True, separators=(",", ":"))

    def _add(self, content: str, signature: bytes) -> None:
        line = json.dumps({"content": content, "signature": base64.b64encode(signature).decode()}) + "\n"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = not self._path.exists()
            with open(self._path, "a+b", opener=_private, buffering=0) as file:
                file.truncate(_whole(file))  # a crash or a full disk leaves half a line, of which nobody was told
                if file.write(line.encode()) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            if fresh:
                _settle(self._path.parent)
        except OSError as error:
            raise VaultError("anchors_away", "Where the log stands can't be written to the file of anchors.") from error

    def _lines(self) -> list[str]:
        """The whole lines of the file."""
        try:
            return self._path.read_text("utf-8", "replace").split("\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VaultError("anchors_away", "The file of anchors can't be read.") from error

    def _said(self, public: Ed25519PublicKey, line: str) -> dict[str, Any] | None:
        try:
            outer = json.loads(line)
            return self._signed(public, outer["content"], base64.b64decode(outer["signature"], validate=True))
        except (ValueError, KeyError, TypeError):
            return None

    def _signed(self, public: Ed25519PublicKey, content: str, signature: bytes) -> dict[str, Any] | None:
        """What was signed, if it was by this tenant's key and for its log."""
        try:
            public.verify(signature, _PREFIX + content.encode())
            said: dict[str, Any] = json.loads(content)
        except (InvalidSignature, ValueError):
            return None
        ours = said.get("tenant") == str(self._tenant) and said.get("what") in {"anchor", "forgotten"}
        return said if ours else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _whole(file: BinaryIO) -> int:
    """Where its last whole line ends, in bytes."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - LOOK))
    return end - len(file.read().rpartition(b"\n")[2])


def _settle(folder: Path) -> None:
    """Makes sure that a new file is found after a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
