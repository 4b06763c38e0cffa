"""The engine service as engines like any other."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from ..errors import EngineError
from ..nouns import Dub, Word
from ..settings import Settings
from . import Heard, Served, Translation

AGAIN = 1.0
"""Seconds for which an address that did not answer is left out."""


class Remote:
    """One or more engine services. A dead one is left out; where all are, `engines_away` is raised at once."""

    def __init__(self, settings: Settings, room: str = "") -> None:
        addresses = [address.strip() for address in settings.engines.split(",") if address.strip()]
        self._services = [_Service(address) for address in addresses]
        self._room = room
        self._turn = 0
        self.ear = RemoteEar(self)
        self.translator = RemoteTranslator(self)
        self.voice = RemoteVoice(self)

    async def served(self) -> list[Served]:
        """What the stages can do there. Raises `EngineError`."""
        async with self.request("GET", "/served", None, 3.0) as answer:
            return [Served(**stage) for stage in (await answer.json())["stages"]]

    async def close(self) -> None:
        """Let go of the connections."""
        for service in self._services:
            await service.close()

    @asynccontextmanager
    async def request(
        self, method: str, path: str, body: bytes | Mapping[str, Any] | None, seconds: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of a service that is there, with status 200. Raises `EngineError`."""
        data = json.dumps({**body, "room": self._room}).encode() if isinstance(body, Mapping) else body
        service = self._next()
        timeout = aiohttp.ClientTimeout(total=seconds, connect=1.0)
        try:
            async with service.session().request(method, service.base + path, data=data, timeout=timeout) as answer:
                if answer.status != 200:
                    raise await _error(answer)
                yield answer
        except TimeoutError:
            raise EngineError("timeout", f"No answer within {seconds:.0f} s.", retryable=True) from None
        except aiohttp.ClientError:
            service.away_until = time.monotonic() + AGAIN
            raise EngineError("engines_away", "The engine service does not answer.", retryable=True) from None

    def head(self, **fields: Any) -> bytes:
        """The line of JSON before sound."""
        return json.dumps({**fields, "room": self._room}).encode() + b"\n"

    def _next(self) -> _Service:
        there = [service for service in self._services if service.away_until <= time.monotonic()]
        if not there:
            raise EngineError("engines_away", "The engine service does not answer.", retryable=True)
        self._turn += 1
        return there[self._turn % len(there)]


class _Service:
    """One address: `unix:PATH` or `http://HOST:PORT`."""

    def __init__(self, address: str) -> None:
        self.away_until = 0.0
        self._path = address.removeprefix("unix:") if address.startswith("unix:") else None
        self.base = "http://engines" if self._path else address.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Made when first asked for, in the loop that asks."""
        if self._session is None:
            connector = aiohttp.UnixConnector(self._path) if self._path else aiohttp.TCPConnector()
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    async def close(self) -> None:
        if self._session:
            await self._session.close()


class RemoteEar:
    """An `Ear`."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def hear(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Heard:
        head = self._remote.head(language=language, prompt=prompt[-500:], prefix=prefix[-1_000:], final=final)
        seconds = 10.0 + len(pcm) / 32_000
        async with self._remote.request("POST", "/recognise", head + pcm, seconds) as answer:
            heard = await answer.json()
        return Heard(**{**heard, "words": tuple(Word(**word) for word in heard["words"])})


class RemoteTranslator:
    """A `Translator`."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        asked = {"text": text, "source": source, "targets": list(targets), "context": list(context)}
        seconds = 5.0 + len(text) * len(targets) / 100
        async with self._remote.request("POST", "/translate", asked, seconds) as answer:
            made = await answer.json()
        return {tag: Translation(**one) for tag, one in made["translations"].items()}


class RemoteVoice:
    """A `Voice`."""

    PIECE = 0.2
    """Seconds of a piece at most."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        asked = {"text": text, "language": language, "voice": voice, "speed": round(speed, 3)}
        async with self._remote.request("POST", "/speak", asked, 60.0) as answer:
            rate, engine = int(answer.headers["X-Rate"]), answer.headers["X-Engine"]
            rest = b""
            async for part in answer.content.iter_chunked(int(rate * self.PIECE) * 2):
                pcm = rest + part
                rest = pcm[len(pcm) - len(pcm) % 2 :]
                if whole := pcm[: len(pcm) - len(rest)]:
                    yield Dub(language, rate, whole, engine)


async def _error(answer: aiohttp.ClientResponse) -> EngineError:
    try:
        told = await answer.json()
        return EngineError(str(told["code"]), str(told["message"]), retryable=bool(told["retryable"]))
    except (aiohttp.ClientError, ValueError, KeyError, TypeError, asyncio.IncompleteReadError):
        return EngineError("engine_failed", f"The engine service answered {answer.status}.", retryable=True)
