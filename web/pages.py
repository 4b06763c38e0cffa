"""The pages, as they were built, and the headers that keep them safe."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from agent.errors import DragomanError
from agent.settings import Settings

from .access import SETTINGS

FOR_GOOD = "public, max-age=31536000, immutable"
"""For files whose name holds a hash of what is in them."""
FOR_AN_HOUR = "public, max-age=3600"
LONGEST = 120
"""Characters of a file's name; file systems end at 255 bytes."""
PERMISSIONS = (
    "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), "
    "speaker-selection=(self), picture-in-picture=(self), screen-wake-lock=(self), geolocation=(), "
    "payment=(), usb=(), serial=(), bluetooth=(), midi=()"
)


async def page(request: web.Request) -> web.StreamResponse:
    """`/` and `/room/{room}`: one page, which reads its address."""
    return _file(request, "index.html", "no-cache")


async def asset(request: web.Request) -> web.StreamResponse:
    """`/assets/…`: never changes under its name."""
    return _file(request, f"assets/{request.match_info['path']}", FOR_GOOD)


async def talk(request: web.Request) -> web.StreamResponse:
    """`/talks/…`: the recorded talks and their list."""
    return _file(request, f"talks/{request.match_info['path']}", FOR_AN_HOUR)


async def other(request: web.Request) -> web.StreamResponse:
    """What else lies beside the page, such as its icon; the page, as a 404, for people who look where nothing is."""
    try:
        return _file(request, request.match_info["path"], FOR_AN_HOUR)
    except DragomanError as error:
        if error.code != "not_found" or "text/html" not in request.headers.get("Accept", ""):
            raise
    found = (request.app[SETTINGS].pages / "index.html").read_text(encoding="utf-8")
    return web.Response(text=found, status=404, content_type="text/html", headers={"Cache-Control": "no-cache"})


def _file(request: web.Request, name: str, caching: str) -> web.StreamResponse:
    """A file of the built pages, or its compressed twin. Raises `not_found`, `pages_missing`."""
    root = request.app[SETTINGS].pages.resolve()
    if not (root / "index.html").is_file():
        raise DragomanError("pages_missing", "The pages are not built; `infra/run` builds them.")
    path = _within(root, name)
    if path is None or not path.is_file():
        raise DragomanError("not_found", "There is nothing at this address.")
    return web.FileResponse(path, headers={"Cache-Control": caching, "Vary": "Accept-Encoding"})


def _within(root: Path, name: str) -> Path | None:
    """The path of that name, unless it leads out or to a hidden file."""
    if "\0" in name or any(part.startswith(".") or len(part) > LONGEST for part in name.split("/")):
        return None
    path = (root / name.lstrip("/")).resolve()
    return path if path.is_relative_to(root) else None


def headers(settings: Settings) -> dict[str, str]:
    """Sent with every answer."""
    always = {
        "Content-Security-Policy": policy(settings),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": PERMISSIONS,
    }
    if settings.web.startswith("https:"):
        always["Strict-Transport-Security"] = "max-age=31536000"
    return always


def policy(settings: Settings) -> str:
    """What a page may load: its own files, the LiveKit server, and workers and media that it makes itself.

    `style-src-attr` is for the style attributes that React sets; `wasm-unsafe-eval`
    compiles WebAssembly and allows no script.
    """
    livekit = " ".join(_livekit(settings.livekit_public_url or settings.livekit_url))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "style-src 'self'",
            "style-src-attr 'unsafe-inline'",
            f"connect-src 'self' {livekit}",
            "img-src 'self' data: blob:",
            "media-src 'self' blob: mediastream:",
            "worker-src 'self' blob:",
            "font-src 'self'",
            "manifest-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _livekit(url: str) -> list[str]:
    """The server's WebSocket, and its HTTP twin, which the client asks why a connection failed."""
    parts = urlsplit(url)
    secure = parts.scheme in {"wss", "https"}
    hosts = [parts.netloc]
    if (parts.hostname or "").endswith(".livekit.cloud"):
        hosts.append("*.livekit.cloud")  # its client fails over to other regions
    return [f"{scheme}://{host}" for host in hosts for scheme in (("wss", "https") if secure else ("ws", "http"))]
