"""Models of Firefox Translations out of Mozilla's Remote Settings, or out of a copy of it on a server of your own.

    python -m agent.engines.models.remotesettings en-es es-en

They go to `DRAGOMAN_FIREFOX_MODELS`, each file checked against the digest that its record states. Mozilla asks
production services to keep a copy of their own: `FXTRANSLATE_RECORDS_URL`, the variable of `fxtranslate` itself, is
the address of its records, and its server says where the files are, as Remote Settings does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from ...errors import EngineError, SettingsError
from ...settings import read

MAJOR = 3
"""The versions of models that `fxtranslate` reads."""
PREFERRED = ("base-memory", "base", "tiny")
"""Architectures, the better first."""
LARGEST = 300_000_000
"""Bytes of a packed file, at most; they have 5 to 40 MB."""

Record = dict[str, str | None]


def main() -> int:
    """Fetch what is named. 1 where something could not be had, 2 where the settings are no good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("direction", nargs="+", help="such as en-es")
    asked = parser.parse_args()
    try:
        asyncio.run(fetch(read().firefox_models, asked.direction))
    except (EngineError, SettingsError) as error:
        print(error.message, file=sys.stderr)
        return 2 if isinstance(error, SettingsError) else 1
    return 0


async def fetch(folder: Path, directions: Sequence[str]) -> None:
    """Fetch models into a folder each. Files that are there already are not fetched again.

    Raises `EngineError`: `not_served` for a direction that there is no model of, `engine_failed` for what did not
    come or is not what its record says; of that nothing is left.
    """
    from fxtranslate import discovery

    address = discovery.records_url()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True, raise_for_status=True) as web:
            records = discovery.parse_records((await _got(web, address)).decode())
            chosen = [record for direction in directions for record in chosen_of(records, direction)]
            files = await _attachments(web, address)
            for record in chosen:
                await _kept(web, files, record, folder)
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
        raise EngineError("engine_failed", f"Models could not be fetched ({type(error).__name__}: {error}).") from error


def chosen_of(records: Sequence[Record], direction: str) -> list[Record]:
    """The files of the best model of a direction: of the newest release, of the better architecture."""
    models: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if f"{record['sourceLanguage']}-{record['targetLanguage']}" == direction:
            models.setdefault((record["version"] or "", record["architecture"] or ""), []).append(record)
    usable = {kind: files for kind, files in models.items() if _release(kind[0]) and _complete(files)}
    if not usable:
        raise EngineError("not_served", f"There is no model of Firefox Translations for {direction}.")
    return usable[max(usable, key=lambda kind: (_release(kind[0]), -_place(kind[1])))]


def _release(version: str) -> tuple[int, ...]:
    """Its numbers; none for a version that is being tried out (`3.0a1`) or that the engine can't read."""
    numbers = version.split(".")
    return tuple(map(int, numbers)) if all(map(str.isdigit, numbers)) and int(numbers[0]) == MAJOR else ()


def _place(architecture: str) -> int:
    return PREFERRED.index(architecture) if architecture in PREFERRED else len(PREFERRED)


def _complete(files: Sequence[Record]) -> bool:
    kinds = {file["fileType"] for file in files}
    return "model" in kinds and ("vocab" in kinds or {"srcvocab", "trgvocab"} <= kinds)


async def _attachments(web: aiohttp.ClientSession, address: str) -> str:
    """Where a server of Remote Settings says that its files are."""
    about: dict[str, Any] = json.loads(await _got(web, address.partition("/v1/")[0] + "/v1/"))
    try:
        return str(about["capabilities"]["attachments"]["base_url"]).rstrip("/")
    except (KeyError, TypeError):
        raise EngineError("engine_failed", "The server of the records doesn't say where its files are.") from None


async def _kept(web: aiohttp.ClientSession, files: str, record: Record, folder: Path) -> None:
    from fxtranslate import discovery

    place = folder / f"{record['sourceLanguage']}-{record['targetLanguage']}"
    name = Path(str(record["name"])).name  # whatever a record says, it is a file of that folder
    if (place / name).is_file():
        return
    packed = await _got(web, f"{files}/{record['location']}")
    try:
        data = discovery.verify_and_decompress(packed, record["decompressedHash"])
    except ValueError:
        raise EngineError("engine_failed", f"{name} is not what its record says: nothing of it is kept.") from None
    place.mkdir(parents=True, exist_ok=True)
    (place / f".{name}").write_bytes(data)
    (place / f".{name}").replace(place / name)
    print(f"{place.name}/{name}: {len(data) / 1e6:.1f} MB", flush=True)


async def _got(web: aiohttp.ClientSession, address: str) -> bytes:
    async with web.get(address) as response:
        if (response.content_length or 0) > LARGEST:
            raise EngineError("engine_failed", "A file is larger than any model is.")
        return await response.read()


if __name__ == "__main__":
    sys.exit(main())
