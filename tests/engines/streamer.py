"""A LiveKit STT plugin that takes a stream and runs here, with one of our ears behind it."""

from __future__ import annotations

import asyncio
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIStatusError, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr, TimedString

from agent.engines.fake import FakeDetector
from agent.engines.table import load
from agent.nouns import SAMPLE_RATE, Transcription
from agent.recognition.silero import Silero
from agent.settings import Settings

BYTES = 2 * SAMPLE_RATE
GATE = 1_024
"""Bytes of a frame of the gate."""


class STT(stt.STT[Any]):
    """Tells an interim every `tick` seconds of sound, and a final after `silence` seconds without speech.

    `times` is what it tells of them: of each `word`, of the whole `text`, or `none`. The first stream breaks off
    after `breaks` seconds, with an HTTP status where `status` is one. It says what it `says`, or what its ear hears, at
    its end after `slow` thousand turns of the loop.
    """

    def __init__(
        self,
        *,
        ear: str = "fake",
        times: str = "word",
        tick: float = 0.6,
        silence: float = 0.5,
        breaks: float = 0.0,
        status: int = 0,
        says: str = "",
        slow: int = 0,
        language: str = "",
        streaming: bool = True,
        api_key: str = "",
    ) -> None:
        capabilities = stt.STTCapabilities(streaming=streaming, interim_results=True, offline_recognize=False)
        super().__init__(capabilities=capabilities)
        self.ear: Any = load("recognise", ear, Settings())
        self.gate: type[Any] = FakeDetector if ear == "fake" else Silero
        self.times, self.tick, self.silence = times, tick, silence
        self.breaks, self.status, self.language = breaks, status, language
        self.says, self.slow = says, slow
        self.opened, self.heard = 0, 0.0

    async def _recognize_impl(
        self, buffer: Any, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        raise NotImplementedError("it takes streams only")

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        self.opened += 1
        return Stream(self, language or self.language or None, conn_options)


class Stream(stt.RecognizeStream):
    def __init__(self, plugin: STT, language: str | None, options: APIConnectOptions) -> None:
        super().__init__(stt=plugin, conn_options=options, sample_rate=SAMPLE_RATE)
        self._plugin = plugin
        self._language = language
        self._breaks = plugin.breaks if plugin.opened == 1 else 0.0
        self._gate = plugin.gate()
        self._sound, self._start, self._judged = bytearray(), 0.0, 0
        self._voiced = self._told = 0.0

    async def _run(self) -> None:
        async for pushed in self._input_ch:
            if isinstance(pushed, rtc.AudioFrame):
                self._sound += pushed.data.tobytes()
                self._plugin.heard += pushed.duration
                await self._listen()
        for _ in range(self._plugin.slow * 1_000):
            await asyncio.sleep(0)
        await self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT)

    @property
    def _end(self) -> float:
        return self._start + len(self._sound) / BYTES

    async def _listen(self) -> None:
        if 0 < self._breaks < self._end:
            if self._plugin.status:
                raise APIStatusError("It repeats: one two three", status_code=self._plugin.status)
            raise APIConnectionError("It repeats: one two three")
        while len(self._sound) - self._judged >= GATE:
            if self._gate.speech(bytes(self._sound[self._judged : self._judged + GATE])) >= 0.5:
                self._voiced = self._start + self._judged / BYTES
            self._judged += GATE
        if self._voiced > self._start and self._end - self._voiced >= self._plugin.silence:
            await self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT)
            self._start, self._told, self._judged = self._end, self._end, 0
            self._sound.clear()
        elif self._voiced > self._start and self._end - max(self._told, self._start) >= self._plugin.tick:
            self._told = self._end
            await self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT)

    async def _tell(self, kind: stt.SpeechEventType) -> None:
        if not self._sound:
            return
        heard: Transcription = await self._plugin.ear.transcribe(bytes(self._sound), self._language, final=True)
        if heard.words or self._plugin.says:
            self._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=[self._data(heard)]))

    def _data(self, heard: Transcription) -> stt.SpeechData:
        text = self._plugin.says or " ".join(word.text for word in heard.words)
        said: Any = stt.SpeechData(heard.language, text)  # type: ignore[arg-type]
        if self._plugin.says:
            return said  # type: ignore[no-any-return]
        if self._plugin.times != "none":
            said.start_time, said.end_time = self._start + heard.words[0].start, self._start + heard.words[-1].end
        if self._plugin.times == "word":
            said.words = [
                TimedString(word.text, self._start + word.start, self._start + word.end, word.confidence)
                for word in heard.words
            ]
        return said  # type: ignore[no-any-return]
