"""Models of Firefox Translations, fetched from a server that speaks as Remote Settings does."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from agent.engines.models.remotesettings import chosen_of, fetch
from agent.engines.table import load
from agent.errors import EngineError
from agent.settings import Settings
from tests.models.firefox import install

RECORDS = "/v1/buckets/main/collections/translations-models-v2/records"
BLOCK = 100_000

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the models' package is for x86-64 only"
)


def packed(data: bytes) -> bytes:
    """A Zstandard frame of raw blocks (RFC 8878, section 3.1.1)."""
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)] or [b""]
    last = len(blocks) - 1
    framed = [(int(at == last) | len(block) << 3).to_bytes(3, "little") + block for at, block in enumerate(blocks)]
    return b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little") + b"".join(framed)


def record(name: str, data: bytes, version: str = "3.0", architecture: str = "tiny") -> dict[str, Any]:
    pair = name.split(".")[1] if name.startswith("vocab") or name.startswith("model") else name.split(".")[3]
    return {
        "name": name,
        "fileType": name.split(".", maxsplit=1)[0],
        "sourceLanguage": pair[:2],
        "targetLanguage": pair[2:],
        "version": version,
        "architecture": architecture,
        "decompressedHash": hashlib.sha256(data).hexdigest(),
        "attachment": {"location": f"models/{version}-{name}.zst"},
    }


def kinds(folder: Path) -> set[str]:
    """Of the files in it, those that are on their way too."""
    return {path.name.strip(".").split(".")[0] for path in folder.iterdir()}


@dataclass
class Server:
    """Records and files; it can cut a file short."""

    records: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    cut: str = ""
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def add(self, name: str, data: bytes, **about: str) -> None:
        one = record(name, data, **about)
        self.records.append(one)
        self.files[one["attachment"]["location"]] = packed(data)

    async def about(self, request: web.Request) -> web.Response:
        base = f"http://{request.host}/attachments/"
        return web.json_response({"capabilities": {"attachments": {"base_url": base}}})

    async def listed(self, request: web.Request) -> web.Response:
        return web.json_response({"data": self.records})

    async def file(self, request: web.Request) -> web.StreamResponse:
        location = request.match_info["location"]
        self.asked.append(location)
        response = web.StreamResponse(headers={"Content-Length": str(len(self.files[location]))})
        await response.prepare(request)
        if self.cut and self.cut in location:
            await response.write(self.files[location][:1_000])
            assert request.transport
            request.transport.abort()
            return response
        await response.write(self.files[location])
        return response


@pytest_asyncio.fixture
async def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """With the real model from Portuguese into English."""
    server = Server()
    for path in sorted((install(tmp_path_factory.mktemp("package")) / "pt-en").iterdir()):
        server.add(path.name, path.read_bytes())
    app = web.Application()
    app.add_routes(
        [
            web.get("/v1/", server.about),
            web.get(RECORDS, server.listed),
            web.get("/attachments/{location:.*}", server.file),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setenv("FXTRANSLATE_RECORDS_URL", server.address + RECORDS)
    yield server
    await runner.cleanup()


async def test_a_fetched_model_translates(server: Server, tmp_path: Path) -> None:
    await fetch(tmp_path / "models", ["pt-en"])

    engine = load("translate", "firefox", Settings(firefox_models=tmp_path / "models"))
    assert "morning" in (await engine.translate("Bom dia.", "pt", ["en"]))["en"].text
    await engine.close()


async def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    await fetch(tmp_path, ["pt-en"])
    await fetch(tmp_path, ["pt-en"])

    assert len(server.asked) == 3


async def test_a_file_cut_short_is_an_error_and_the_next_try_completes_it(server: Server, tmp_path: Path) -> None:
    server.cut = "vocab"
    with pytest.raises(EngineError) as caught:
        await fetch(tmp_path, ["pt-en"])
    server.cut = ""

    assert caught.value.code == "engine_failed"
    assert kinds(tmp_path / "pt-en") == {"model", "lex"}
    await fetch(tmp_path, ["pt-en"])
    assert kinds(tmp_path / "pt-en") == {"model", "vocab", "lex"}


async def test_a_file_that_is_not_what_its_record_says_is_not_kept(server: Server, tmp_path: Path) -> None:
    location = next(place for place in server.files if "model" in place.removeprefix("models/"))
    server.files[location] = packed(b"something else")

    with pytest.raises(EngineError, match="not what its record says"):
        await fetch(tmp_path, ["pt-en"])

    assert kinds(tmp_path / "pt-en") == {"lex"}


async def test_a_direction_without_a_model_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="en-xx") as caught:
        await fetch(tmp_path, ["pt-en", "en-xx"])

    assert caught.value.code == "not_served"
    assert server.asked == []


def test_the_newest_release_is_chosen_and_no_two_models_are_mixed() -> None:
    def model(version: str, architecture: str, *names: str) -> list[Any]:
        return [record(name, b"", version, architecture) for name in names]

    both = ("model.enes.bin", "vocab.enes.spm")
    records = [
        *model("3.0", "tiny", *both),
        *model("3.0", "base-memory", *both),
        *model("3.1", "tiny", "model.enes.bin"),
        *model("3.2a1", "tiny", *both),
        *model("4.0", "tiny", *both),
        *model("2.9", "base", *both),
    ]

    chosen = chosen_of(records, "en-es")

    assert {(one["version"], one["architecture"]) for one in chosen} == {("3.0", "base-memory")}
    assert [one["name"] for one in chosen] == [*both]
