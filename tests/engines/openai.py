"""A server on loopback that speaks OpenAI's protocol for sound, with a real recognizer and real voices behind it."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import livekit.plugins.openai  # noqa: F401  on the main thread, as LiveKit wants it
import pytest
from aiohttp import web

from agent.engines.table import load
from agent.errors import EngineError
from agent.settings import Settings

NAMES = {"en": "english", "es": "spanish", "fr": "french", "de": "german", "pt": "portuguese"}
"""As `verbose_json` tells languages."""
KEY = "sk-nobody-checks"
MODELS = ("whisper-1", "whisper-plain")


class OpenAI:
    """Whisper and eSpeak NG by other means; `refuse` is the status of the next answers, as many as it holds.

    It remembers of each request what a test may ask about: never more than a server is told.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refuse: list[int] = []
        self.hang = asyncio.Event()
        self.hang.set()
        self._whisper: Any = load("recognise", "whisper", Settings())
        self._espeak: Any = load("speak", "espeak", Settings())
        self.port = 0

    @property
    def stt(self) -> str:
        """A setting."""
        return f"en,es,fr,de,pt=openai.STT?model=whisper-1&base_url={self._url}"

    @property
    def tts(self) -> str:
        """A setting, of two stock voices in English and one in Spanish."""
        english = f"en=openai.TTS?model=espeak&voice=en-ana&voice=en-bob&base_url={self._url}"
        return f"{english} es=openai.TTS?model=espeak&voice=es-ana&base_url={self._url}"

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def app(self) -> web.Application:
        app = web.Application(client_max_size=10_000_000)
        app.add_routes(
            [web.post("/v1/audio/transcriptions", self._transcribe), web.post("/v1/audio/speech", self._speak)]
        )
        app.on_cleanup.append(self._close)
        return app

    async def warm(self) -> None:
        """Its voices are there before they are asked for."""
        async for _ in self._espeak.speak("One.", "en", None):
            pass

    async def _close(self, app: web.Application) -> None:
        await self._espeak.close()

    async def _transcribe(self, request: web.Request) -> web.Response:
        form = await request.post()
        about = {name: value for name, value in form.items() if isinstance(value, str)}
        upload: Any = form["file"]
        if refusal := await self._met(about | {"key": request.headers.get("Authorization")}):
            return refusal
        if about["model"] not in MODELS:
            return _error(404, "There is no such model")
        pcm = _samples(upload.file.read())
        try:
            heard = await self._whisper.transcribe(pcm, about.get("language"), final=True)
        except EngineError as error:
            return _error(400, error.message)
        told = {"text": " ".join(word.text for word in heard.words)}
        if about["response_format"] == "verbose_json":
            told |= {"task": "transcribe", "language": NAMES[heard.language], "duration": str(len(pcm) / 32_000)}
        return web.json_response(told)

    async def _speak(self, request: web.Request) -> web.Response:
        about = await request.json()
        if refusal := await self._met(about | {"key": request.headers.get("Authorization")}):
            return refusal
        # A voice of ours is called by its language and a number.
        language, _, who = about["voice"].partition("-")
        dubs = [dub async for dub in self._espeak.speak(about["input"], language, who or None, speed=about["speed"])]
        return web.Response(body=_wav(b"".join(dub.pcm for dub in dubs), dubs[0].rate), content_type="audio/wav")

    async def _met(self, about: dict[str, Any]) -> web.Response | None:
        self.asked.append(about)
        await self.hang.wait()
        return _error(self.refuse.pop(0), "Refused: " + about.get("input", "")) if self.refuse else None


@asynccontextmanager
async def answering() -> AsyncIterator[OpenAI]:
    """The server, on a free port, and the key that its plugins have from the environment."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_API_KEY", KEY)
        async with _running() as server:
            yield server


@asynccontextmanager
async def _running() -> AsyncIterator[OpenAI]:
    server = OpenAI()
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    await server.warm()
    try:
        yield server
    finally:
        server.hang.set()
        await runner.cleanup()


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "error"}}, status=status)


def _samples(data: bytes) -> bytes:
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        return sound.readframes(sound.getnframes())


def _wav(pcm: bytes, rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setframerate(rate)
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.writeframes(pcm)
    return out.getvalue()
