"""The engine service as engines like any other."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from ...errors import EngineError
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Dub, Transcription, Word
from ...settings import Settings
from ...text import shortened
from .. import Reference, Served, Translation

KNOWN, KNOWN_LOADING = 20.0, 1.0
"""Seconds for which it is remembered what a service serves, and while some of its engines still load."""
REST = 1.5
"""Seconds for which a service that did not answer is left out."""
LONGEST_REST = 10.0
"""Seconds of rest at most, whatever a service says."""
CONNECT = 2.0
"""Seconds until a connection must stand."""
LIMIT = 2_000
"""Characters that the service takes in a text."""
TARGETS, CONTEXT, SOUND, NAME = 64, 16, 30.0, 200
"""And languages in a request, clauses before one, seconds of sound, characters of a name."""
PIECE = 0.2
"""Seconds of a piece of sound at most."""
WORTH = 0.8
"""Seconds after which it is of no use to begin an interim: by then there is a newer one to be asked for."""


class Remote:
    """Ear, translator and voice behind the addresses of the settings.

    Services take turns. One that is away, still loading or overloaded is passed over for the next, and asked last
    while it rests: for `REST` seconds, as many as it said itself, or `LONGEST_REST` where it hangs. Where it was the
    last one, its `EngineError` is raised, `engines_away` where none could be reached at all.
    """

    def __init__(self, settings: Settings, room: str = "") -> None:
        self._services = [Address(one.strip()) for one in settings.engines.split(",") if one.strip()]
        self._next = 0
        self.room = room[:NAME]
        """Whose requests these are: the service is fair between rooms."""
        self.ear = RemoteRecognizer(self)
        self.translator = RemoteTranslator(self)
        self.previews = RemoteTranslator(self, final=False)
        """The same translator, for what may be dropped where there is too much to do."""
        self.direct = RemoteDirect(self)
        self.voice = RemoteVoice(self)
        self._known: Mapping[str, Served] = {}
        self._asked = float("-inf")

    async def served(self) -> Sequence[Served]:
        """What the first service that answers serves. Raises `EngineError` while it is loading."""
        async with self.ask("GET", "/served", patience=5.0) as answer:
            stages = (await answer.json())["stages"]
        return [Served(**stage | {"alike": tuple(stage["alike"])}) for stage in stages]

    async def known(self, stage: str) -> Served | None:
        """What serves a stage; asked anew after `KNOWN` seconds, and soon while some still load. Raises as `served`."""
        loading = any(served.loading for served in self._known.values())
        if time.monotonic() - self._asked > (KNOWN_LOADING if loading else KNOWN):
            self._known = {served.stage: served for served in await self.served()}
            self._asked = time.monotonic()
        return self._known.get(stage)

    async def close(self) -> None:
        for service in self._services:
            await service.close()

    @asynccontextmanager
    async def ask(self, method: str, path: str, *, patience: float, data: bytes = b"") -> AsyncIterator[Any]:
        """The answer of a service that can give one; its first byte must come within `patience` seconds."""
        failure = EngineError("engines_away", "No engine service answers.", retryable=True)
        for service in self._order():
            try:
                answer = await service.ask(method, path, data, patience)
            except EngineError as error:
                failure = error
                if error.code not in ("engines_away", "loading", "overloaded"):
                    raise
                continue
            try:
                yield answer
            except (aiohttp.ClientError, OSError, TimeoutError):
                raise EngineError("engines_away", "The engine service broke off.", retryable=True) from None
            finally:
                answer.close()
            return
        raise failure

    def _order(self) -> list[Address]:
        """Those that answer first, each in its turn; those that rest last, for want of others."""
        self._next += 1
        at = self._next % max(1, len(self._services))
        turned = self._services[at:] + self._services[:at]
        return sorted(turned, key=lambda service: service.rests)


@dataclass(slots=True)
class Address:
    """One engine service: `unix:PATH` or `http://HOST:PORT`, and until when it is left alone where there are others."""

    address: str
    _rests_until: float = float("-inf")
    _session: aiohttp.ClientSession | None = None

    @property
    def rests(self) -> bool:
        return time.monotonic() < self._rests_until

    async def ask(self, method: str, path: str, data: bytes, patience: float) -> aiohttp.ClientResponse:
        """Its answer. Raises `EngineError`: what it says itself, `engines_away` or `timeout`."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=patience)
        try:
            async with asyncio.timeout(patience + CONNECT):
                answer = await self._opened().request(method, f"{self._base}{path}", data=data, timeout=timeout)
                if answer.status != 200:
                    refusal = await _refusal(answer)
                    self._rest(refusal.after)
                    raise refusal
        except (
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientConnectorError,
            aiohttp.ServerDisconnectedError,
            aiohttp.ClientOSError,
        ):
            self._rest(REST)
            raise EngineError("engines_away", "No engine service answers.", retryable=True) from None
        except (aiohttp.ClientError, TimeoutError):
            self._rest(LONGEST_REST)  # it hangs, and each try costs the whole patience
            raise EngineError("timeout", "The engine service took too long.", retryable=True) from None
        return answer

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _rest(self, seconds: float) -> None:
        self._rests_until = time.monotonic() + min(seconds, LONGEST_REST)

    @property
    def _base(self) -> str:
        return "http://engines" if self.address.startswith("unix:") else self.address.rstrip("/")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            unix = self.address.removeprefix("unix:")
            connector = aiohttp.UnixConnector(unix) if unix != self.address else aiohttp.TCPConnector()
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session


async def _refusal(answer: aiohttp.ClientResponse) -> EngineError:
    try:
        said = json.loads(await answer.read())
        after = max(0.0, float(said.get("after", 0.0)))
        return EngineError(str(said["code"]), str(said["message"]), retryable=bool(said["retryable"]), after=after)
    except (ValueError, KeyError, TypeError):
        # A proxy before it that has nobody to ask says so in words of its own.
        code = "engines_away" if answer.status in (502, 503, 504) else "engine_failed"
        return EngineError(code, f"The engine service answered {answer.status}.", retryable=True)


class RemoteRecognizer:
    """A `WindowRecognizer`."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        """See `WindowRecognizer`. A pass may take 8 s and twice as long as the sound."""
        about = {
            "language": language,
            "prompt": prompt[-500:],  # a model looks no further back
            "prefix": prefix[-LIMIT:],
            "final": final,
            "worth": WORTH,
            "room": self._remote.room,
        }
        patience = 8.0 + 2.0 * len(pcm) / SAMPLE_BYTES / SAMPLE_RATE
        data = json.dumps(about).encode() + b"\n" + pcm
        async with self._remote.ask("POST", "/recognise", data=data, patience=patience) as answer:
            heard = await answer.json()
        return Transcription(**heard | {"words": tuple(Word(**word) for word in heard["words"])})


class RemoteTranslator:
    """A `Translator`. One that isn't `final` asks for what may be dropped for being late."""

    def __init__(self, remote: Remote, *, final: bool = True) -> None:
        self._remote = remote
        self._final = final

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`. A language may take 5 s and a hundredth more a character.

        What is more than the service takes is asked for in parts: texts as sentences, languages by the dozens.
        """
        made: dict[str, Translation] = {}
        for at in range(0, len(targets), TARGETS):
            some, before = targets[at : at + TARGETS], list(context)
            parts = []
            for piece in shortened(text, LIMIT) if text.strip() else []:
                parts.append(await self._asked(piece, source, some, before))
                before.append(piece)
            whole = set(some).intersection(*parts) if parts else set()
            made |= {
                tag: Translation(" ".join(part[tag].text for part in parts), parts[0][tag].engine)
                for tag in some
                if tag in whole
            }
        return made

    async def _asked(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str]
    ) -> Mapping[str, Translation]:
        about = {
            "text": text,
            "source": source,
            "targets": [*targets],
            "context": [before[-LIMIT:] for before in context[-CONTEXT:]],
            "final": self._final,
            "worth": WORTH,
            "room": self._remote.room,
        }
        patience = (5.0 + len(text) / 100) * max(1, len(targets))
        async with self._remote.ask("POST", "/translate", data=json.dumps(about).encode(), patience=patience) as answer:
            made = (await answer.json())["translations"]
        return {tag: Translation(**one) for tag, one in made.items()}


class RemoteDirect:
    """A `Direct`."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def pairs(self) -> Mapping[str, float | None]:
        """See `Direct`; asked anew after `KNOWN` seconds."""
        direct = await self._remote.known("direct")
        return direct.languages if direct else {}

    async def carry(self, pcm: bytes, source: str, target: str) -> Translation | None:
        """See `Direct`. It may take 8 s and twice as long as the sound, of which the first 30 s are carried."""
        pcm = pcm[: int(SOUND * SAMPLE_RATE) * SAMPLE_BYTES]
        about = {"source": source, "target": target, "room": self._remote.room}
        patience = 8.0 + 2.0 * len(pcm) / SAMPLE_BYTES / SAMPLE_RATE
        data = json.dumps(about).encode() + b"\n" + pcm
        async with self._remote.ask("POST", "/direct", data=data, patience=patience) as answer:
            made = (await answer.json())["translation"]
        return Translation(**made) if made else None


class RemoteVoice:
    """A `Voice` and a `Likeness`."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`. The first piece, and each one after another, may take 6 s and a hundredth more a character."""
        about = {"text": text[:LIMIT], "language": language, "voice": voice, "speed": speed, "room": self._remote.room}
        async with aclosing(self._said("/speak", json.dumps(about).encode(), language, len(text))) as said:
            async for dub in said:
                yield dub

    async def alike(self) -> Sequence[str]:
        """See `Likeness`; asked anew after `KNOWN` seconds."""
        voice = await self._remote.known("speak")
        return voice.alike if voice else ()

    async def speak_as(
        self, text: str, language: str, reference: Reference, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        """See `Likeness`. As long as `speak` it may take."""
        about = {"text": text[:LIMIT], "language": language, "speed": speed, "room": self._remote.room}
        consent = asdict(reference.consent)
        consent |= {name: consent[name][:NAME] for name in ("identity", "meeting")}
        data = json.dumps(about | consent).encode() + b"\n" + reference.pcm
        async with aclosing(self._said("/speak_as", data, language, len(text))) as said:
            async for dub in said:
                yield dub

    async def _said(self, path: str, data: bytes, language: str, characters: int) -> AsyncGenerator[Dub, None]:
        async with self._remote.ask("POST", path, data=data, patience=6.0 + characters / 100) as answer:
            rate, engine = int(answer.headers.get("X-Rate", SAMPLE_RATE)), answer.headers.get("X-Engine", "")
            odd = b""
            async for data in answer.content.iter_chunked(int(rate * PIECE) * SAMPLE_BYTES - 1):
                whole = odd + data
                odd = whole[len(whole) - len(whole) % SAMPLE_BYTES :]
                if pcm := whole[: len(whole) - len(odd)]:
                    yield Dub(language, rate, pcm, engine)
