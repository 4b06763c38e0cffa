"""An interpreter that says what a test tells it to: signed, trusted and beating, with no engine behind it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import aiohttp
import jwt
import numpy as np
from livekit import api, rtc

from agent.nouns import Caption
from agent.wire import Signer
from infra.stack import Stack

RATE = 48_000
BEAT = 0.4
STAGES = [
    {
        "stage": "recognise", "engine": "script", "why": "", "licence": "", "measure": "wer", "route": {},
        "languages": {"en": 0.05, "es": 0.06, "fr": 0.08, "de": 0.07},
    },
    {
        "stage": "translate", "engine": "script", "why": "", "licence": "", "measure": "chrf", "route": {},
        "languages": {f"{a}>{b}": 60.0 for a in ("en", "es", "fr", "de") for b in ("en", "es", "fr", "de") if a != b},
    },
    {
        "stage": "speak", "engine": "script", "why": "", "licence": "", "measure": "", "route": {},
        "languages": {"en": None, "es": None, "fr": None, "de": None},
    },
]  # fmt: skip
"""What the engines are said to serve."""


@contextmanager
def served() -> Iterator[str]:
    """The address of an engine service that tells what it serves, and does nothing else."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ready": True, "stages": STAGES}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class Script:
    """What the page gets to see of an interpreter: attributes, captions, cues, a voice, answers."""

    def __init__(self, room: rtc.Room, signer: Signer) -> None:
        self.room = room
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        """Who asked what: identity, method, payload."""
        self.answers: dict[str, dict[str, Any]] = {
            "dragoman.captions": {"frames": [], "more": False, "names": {}},
            "dragoman.languages": {"refused": {}, "routes": {}, "voice": None, "delays": {}},
        }
        self._signer = signer
        self._said: dict[str, int] = {}
        self._sources: dict[str, rtc.AudioSource] = {}
        for method in ("dragoman.captions", "dragoman.languages", "dragoman.speaks", "dragoman.lend"):
            room.local_participant.register_rpc_method(method, self._answering(method))

    async def tell(self, **attributes: str) -> None:
        """Attributes, without their `dragoman.`."""
        told = {f"dragoman.{name}": said for name, said in attributes.items()}
        await self.room.local_participant.set_attributes(told)

    async def say(self, identity: str, text: str, lang: str = "es", source: str = "en") -> Caption:
        """A final, as if it had just been said."""
        seq = self._said[lang] = self._said.get(lang, 0) + 1
        at = time.time() % 86_400
        caption = Caption(
            id=str(uuid.uuid4()), rev=1, seq=seq, lang=lang, source=source, identity=identity, track="",
            speaker=None, text=text, stable=len(text), final=True, start=at - 1, end=at, engine="script",
        )  # fmt: skip
        await self.room.local_participant.send_text(self._signer.caption(caption).decode(), topic=f"captions/{lang}")
        return caption

    async def cue(self, caption: Caption, event: Literal["started", "ended", "skipped"], behind: float) -> None:
        """What the voice of the caption's language does."""
        packet = self._signer.cue(caption, event, behind)
        await self.room.local_participant.publish_data(packet, reliable=True, topic=f"dub/{caption.lang}")

    async def voice(self, lang: str) -> None:
        """A dub's track, silent until it sounds."""
        source = self._sources[lang] = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track(f"dub.{lang}", source)
        await self.room.local_participant.publish_track(track)

    async def sound(self, lang: str, seconds: float) -> None:
        """A tone in the place of a voice."""
        tone = (np.sin(np.arange(RATE // 50) * 2 * np.pi * 200 / RATE) * 8_000).astype(np.int16).tobytes()
        for _ in range(int(seconds * 50)):
            await self._sources[lang].capture_frame(rtc.AudioFrame(tone, RATE, 1, RATE // 50))

    @asynccontextmanager
    async def sounding(self, caption: Caption, behind: float) -> AsyncIterator[None]:
        """The voice says a caption for as long as it lasts: a page believes no cue that nothing is heard of."""

        async def speak() -> None:
            while True:
                await self.sound(caption.lang, 0.1)

        await self.cue(caption, "started", behind)
        speaking = asyncio.create_task(speak())
        try:
            yield
        finally:
            speaking.cancel()
            self._sources[caption.lang].clear_queue()
            await self.cue(caption, "ended", behind)

    def _answering(self, method: str) -> Callable[[rtc.RpcInvocationData], Awaitable[str]]:
        async def answer(asked: rtc.RpcInvocationData) -> str:
            self.calls.append((asked.caller_identity, method, json.loads(asked.payload)))
            return json.dumps(self.answers.get(method, {}))

        return answer


@asynccontextmanager
async def interpreting(stack: Stack, room: str, **attributes: str) -> AsyncIterator[Script]:
    """An interpreter in a room for as long as it lasts."""
    key, secret = stack.env["LIVEKIT_API_KEY"], stack.env["LIVEKIT_API_SECRET"]
    job = f"scripted-{uuid.uuid4().hex[:8]}"
    identity = f"interpreter-{job}"
    epoch = int(time.time() * 1_000)
    signer = Signer(epoch)
    told = {
        "epoch": str(epoch), "key": signer.public, "zero": str(int(time.time() // 86_400 * 86_400_000)),
        "state": "listening", "languages": "en,es", "keeps": "nothing", **attributes,
    }  # fmt: skip
    token = (
        api.AccessToken(key, secret)
        .with_identity(identity)
        .with_kind("agent")
        .with_grants(api.VideoGrants(room_join=True, room=room, agent=True, can_update_own_metadata=True))
        .with_attributes({f"dragoman.{name}": said for name, said in told.items()})
    )
    entered = rtc.Room()
    pulse = {"room": room, "identity": identity, "epoch": epoch, "state": "listening", "key": signer.public}
    async with aiohttp.ClientSession(stack.url) as session:

        async def beat() -> None:
            while True:
                claims = {"iss": key, "sub": job, "iat": int(time.time()), "exp": int(time.time() + 30)}
                headers = {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"}
                async with session.post(f"/api/interpreters/{job}/beat", json=pulse, headers=headers):
                    await asyncio.sleep(BEAT)

        beating = asyncio.create_task(beat())
        try:
            await entered.connect(stack.env["LIVEKIT_URL"], token.to_jwt(), rtc.RoomOptions(auto_subscribe=False))
            yield Script(entered, signer)
        finally:
            beating.cancel()
            await entered.disconnect()
