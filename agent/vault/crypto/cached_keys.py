"""The tenant's wrapped keys once more on this machine's disk, for a meeting that begins while the database is away."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from ...errors import VaultError
from ..db.pool import Pool
from .keys import Purpose, TenantKeys, Wrapped
from .wrapper import Wrapper


class Remembering(TenantKeys):
    """The tenant's keys; the rows of those in use, as wrapped as the database has them, are in a file too.

    The file is as new as the last row that was read, and needs the root key like any row. It holds no key of data.
    """

    def __init__(self, pool: Pool, wrapper: Wrapper, tenant: UUID, folder: Path) -> None:
        super().__init__(pool, wrapper, tenant)
        self._path = folder / f"{tenant}.keys"

    async def _row(self, purpose: Purpose, version: int | None) -> Wrapped | None:
        try:
            row = await super()._row(purpose, version)
        except VaultError as error:
            if error.code != "vault_away" or not (known := await asyncio.to_thread(self._known, purpose, version)):
                raise
            return known
        if version is None:
            with suppress(OSError):  # a disk that is full: then it is as it was
                await asyncio.to_thread(self._remember, purpose, row)
        return row

    def _known(self, purpose: Purpose, version: int | None) -> Wrapped | None:
        row = self._read().get(purpose)
        if row is None or version not in (None, row[0]):
            return None
        return Wrapped(row[0], b64decode(row[1]))

    def _remember(self, purpose: Purpose, row: Wrapped | None) -> None:
        """Whole or not at all; jobs that begin together write the same."""
        rows = {name: known for name, known in self._read().items() if name != purpose}
        if row and row.wrapped:
            rows[purpose] = (row.version, b64encode(row.wrapped).decode())
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._path.with_suffix(f".{os.getpid()}.new")
        made.touch(mode=0o600)
        made.write_text(json.dumps(rows))
        made.replace(self._path)

    def _read(self) -> dict[str, tuple[int, str]]:
        try:
            return {
                name: (int(version), str(text)) for name, (version, text) in json.loads(self._path.read_text()).items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
