"""Our recognizer under many speakers: a `Streaming` that asks the engine service, started for this, by its socket."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from agent.engines import WindowRecognizer
from agent.engines.service.client import Remote
from agent.errors import EngineError
from agent.nouns import Chunk, Segment, Transcription
from agent.recognition.streaming import Stream, Streaming
from agent.settings import Settings

from .speaking import Passes, answers, options, piece, shifted
from .stream import BYTES, CHUNK


class Watched:
    """A `WindowRecognizer` for one speaker that notes its passes."""

    def __init__(self, ear: WindowRecognizer, passes: Passes, speaker: int) -> None:
        self._ear = ear
        self._passes = passes
        self._speaker = speaker

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        self._passes.begin(self._speaker)
        try:
            heard = await self._ear.transcribe(pcm, language, prompt, prefix=prefix, final=final)
        except EngineError:
            self._passes.end(self._speaker, answered=False)
            raise
        self._passes.end(self._speaker)
        return heard


class Speaker:
    """Sound as it arrives; what is spoken during a pass waits and is taken joined."""

    def __init__(self, listening: Stream, pcm: bytes) -> None:
        self._listening = listening
        self._pcm = pcm
        self._settled: list[str] = []
        self._said = ""

    @property
    def words(self) -> int:
        return len(" ".join([*self._settled, self._said]).split())

    async def speak(self) -> None:
        begun, taken = time.perf_counter(), 0
        while True:
            await asyncio.sleep(begun + (taken + 1) * CHUNK - time.perf_counter())
            ready = int((time.perf_counter() - begun) / CHUNK)
            sound = b"".join(piece(self._pcm, number) for number in range(taken, ready))
            await self._hear(Chunk("bench", taken * int(CHUNK * BYTES) / BYTES, sound))
            taken = ready

    async def _hear(self, chunk: Chunk) -> None:
        try:
            said = await self._listening.push(chunk)
        except EngineError:
            return  # the service refused a pass; the sound waits for the next
        for one in said:
            if isinstance(one, Segment):
                self._settled.append(one.text)
                self._said = ""
            else:
                self._said = one.text


@asynccontextmanager
async def service(model: Path, folder: str) -> AsyncIterator[tuple[Remote, psutil.Process]]:
    """The engine service on a socket of its own, with a real ear and nothing else to load."""
    address = f"unix:{folder}/engines"
    fakes = {f"DRAGOMAN_{stage}": "fake" for stage in ("DIRECT", "TRANSLATE", "SPEAK")}
    environment = {**os.environ, **fakes, "DRAGOMAN_ENGINES": address, "DRAGOMAN_WHISPER_MODEL": str(model)}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.engines", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    remote = Remote(Settings(engines=address), room="bench")
    try:
        await _ready(remote)
        yield remote, psutil.Process(program.pid)
    finally:
        await remote.close()
        program.terminate()
        await program.wait()


async def _ready(remote: Remote) -> None:
    """Return when it hears. Raises `EngineError` if it doesn't within a minute."""
    for left in reversed(range(300)):
        try:
            await remote.ear.transcribe(bytes(BYTES), "en", final=True)
            return
        except EngineError:
            if not left:
                raise
            await asyncio.sleep(0.2)


async def main() -> None:
    asked, place = options(__doc__).parse_args(), answers()
    pcm = asked.pcm.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        async with service(asked.model, folder) as (remote, program):
            before = _spent(program)
            passes = Passes()
            speakers = [
                Speaker(Streaming(Watched(remote.ear, passes, n)).listen(str(n), "en"), shifted(pcm, n, asked.speakers))
                for n in range(asked.speakers)
            ]
            speaking = [asyncio.create_task(speaker.speak()) for speaker in speakers]
            done, _ = await asyncio.wait(speaking, timeout=asked.seconds)
            passes.tell(place, [speaker.words for speaker in speakers], _spent(program) - before)
            for task in speaking:
                task.cancel()
            for task in done:
                task.result()


def _spent(program: psutil.Process) -> float:
    """Processor seconds of the service and of this program."""
    times = program.cpu_times()
    return float(times.user + times.system) + time.process_time()


if __name__ == "__main__":
    asyncio.run(main())
