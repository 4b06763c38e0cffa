"""A hub of the tests' own: it speaks the model hub's protocol, keeps large files elsewhere, and breaks when told to."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from aiohttp import web

LARGE = 1 << 20
"""From so many bytes on a file is kept apart, under its SHA-256, as the hub's large files are."""


AT_ONCE = struct.pack("ii", 1, 0)
"""Closing a connection so resets it."""


@dataclass
class Asked:
    """One request, as it came: `GET model.bin bytes=10485760-`."""

    method: str
    name: str
    range: str
    token: str

    def __str__(self) -> str:
        return f"{self.method} {self.name} {self.range}".strip()


@dataclass
class Hub:
    """What it has, what it was asked, and what goes wrong next.

    `sent` are bytes that come in the place of those that it has. `breaks` are the bytes after which the next downloads
    end too soon, by a reset where negative; `stall` holds a download there instead, until it is set.
    """

    files: dict[str, bytes] = field(repr=False)
    commit: str
    repository: str = "maker/model"
    renamed: str | None = None
    sent: dict[str, bytes] = field(default_factory=dict, repr=False)
    breaks: list[int] = field(default_factory=list)
    stall: threading.Event | None = None
    stalled: threading.Event = field(default_factory=threading.Event)
    ranges: bool = True
    status: int = 200
    gated: bool = False
    says_commit: bool = True
    answers_with: str | None = None
    asked: list[Asked] = field(default_factory=list)
    at_each: Callable[[], None] = lambda: None
    url: str = ""
    store: str = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/models/{owner}/{name}/revision/{revision}", self._describe)
        app.router.add_get("/{owner}/{name}/resolve/{revision}/{path:.*}", self._resolve)
        app.router.add_get("/store/{sha256}", self._stored)
        return app

    def said(self) -> list[str]:
        return [str(one) for one in self.asked]

    async def _describe(self, request: web.Request) -> web.Response:
        self._note(request, "description")
        if error := self._refusal(request):
            return error
        assert request.query["blobs"], "sizes and digests are asked for"
        return web.json_response(
            {
                "id": self.repository,
                "sha": self.answers_with or self.commit,
                "siblings": [self._sibling(path, data) for path, data in self.files.items()],
            }
        )

    def _sibling(self, path: str, data: bytes) -> dict[str, object]:
        told: dict[str, object] = {"rfilename": path, "size": len(data), "blobId": blob(data)}
        if len(data) >= LARGE:
            told["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
        return told

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if request.method == "HEAD" or len(self.files.get(path, b"")) < LARGE:
            self._note(request, PurePosixPath(path).name)
        if error := self._refusal(request):
            return error
        if self.renamed and f"/{self.repository}/" in request.path:
            return web.Response(status=307, headers={"Location": request.path.replace(self.repository, self.renamed)})
        if path not in self.files:
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound"})
        data = self.files[path]
        headers = {"X-Repo-Commit": self.answers_with or self.commit} if self.says_commit else {}
        if len(data) < LARGE:
            return web.Response(body=self.sent.get(path, data), headers={**headers, "ETag": f'"{blob(data)}"'})
        linked = {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{sha256(data)}"'}
        where = f"{self.store}/store/{sha256(data)}?signed=for-you-alone"
        return web.Response(status=302, headers={**headers, **linked, "Location": where})

    async def _stored(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["sha256"]
        path = next(path for path, data in self.files.items() if sha256(data) == wanted)
        self._note(request, PurePosixPath(path).name)
        if self.status != 200:
            return web.Response(status=self.status)
        data = self.sent.get(path, self.files[path])
        part = self.ranges and "Range" in request.headers
        begin = int(request.headers["Range"].removeprefix("bytes=").partition("-")[0]) if part else 0
        response = web.StreamResponse(status=206 if part else 200)
        response.content_length = len(data) - begin
        if part:
            response.headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        await response.prepare(request)
        await self._send(request, response, data[begin:])
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, data: bytes) -> None:
        end = self.breaks.pop(0) if self.breaks else None
        await response.write(data[: abs(end)] if end else data)
        if end and self.stall:
            self.stalled.set()
            await asyncio.to_thread(self.stall.wait, 15)
            await response.write(data[abs(end) :])
        elif end and request.transport:
            if end < 0:
                request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            request.transport.abort()

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.status != 200:
            return web.Response(status=self.status)
        if self.gated:
            return web.Response(status=403, headers={"X-Error-Code": "GatedRepo"})
        if request.match_info["revision"] != self.commit:
            return web.Response(status=404, headers={"X-Error-Code": "RevisionNotFound"})
        return None

    def _note(self, request: web.Request, name: str) -> None:
        headers = request.headers
        self.asked.append(Asked(request.method, name, headers.get("Range", ""), headers.get("Authorization", "")))
        self.at_each()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blob(data: bytes) -> str:
    """What git calls these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub on a port of its own, its store on another, in a thread: those who pull wait for nothing else."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(hub.app(), shutdown_timeout=0.1)

    async def start() -> tuple[str, str]:
        await runner.setup()
        sites = [web.TCPSite(runner, "127.0.0.1", 0) for _ in range(2)]
        for site in sites:
            await site.start()
        hosts = [f"http://127.0.0.1:{address[1]}" for address in runner.addresses]
        return hosts[0], hosts[1]

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        hub.url, hub.store = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield hub
    finally:
        if hub.stall:
            hub.stall.set()
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
