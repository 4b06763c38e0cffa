"""A speech synthesizer in a process of its own, asked over its pipes, and started again when it dies.

The programs that speak are under the GPL or bring a gigabyte of libraries, keep their state in globals and may crash:
so each is a program that we talk to, and no part of the engine service. `SpeechProcess` is our side, `serve` theirs. An
order is a line of JSON, and an empty line takes the last one back; the answer is frames of a kind (one byte), a length
(four) and as many bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ...errors import EngineError
from ...loudness import Samples, pieces, silence
from ...text import plain, sentences

HEAD = struct.Struct("<cI")
HELLO, SOUND, END, FAILED = b"h", b"s", b"e", b"x"
PAUSE = 0.3
"""Seconds of silence between two sentences: in read speech these pauses are from 0.3 s up, and a dub has no time."""
NICE = 5
"""How far below recognition voices stand in the queue for the processor."""
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be said: the program's own name of the voice, how fast (1.0 to 1.25), and who is the speaker.

    `reference` is sound of the speaker in base64, for programs that can speak like somebody.
    """

    text: str = field(repr=False)
    name: str
    speed: float = 1.0
    speaker: str | None = None
    reference: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a program must have said hello (a voice of 60 MB on a busy machine), until the next piece must
    come, and within which it must stop saying what nobody wants any more; else it is killed, and started anew."""

    hello: float = 60.0
    piece: float = 15.0
    finish: float = 3.0


class SpeechProcess:
    """A running program that speaks; one order at a time."""

    def __init__(
        self,
        *arguments: str,
        patience: Patience = Patience(),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._arguments = arguments
        self._patience = patience
        self._environment = environment
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self.hello: Mapping[str, Any] = {}

    async def open(self) -> None:
        """Start the program, where it isn't there yet. Raises `EngineError` (`engine_failed`)."""
        async with self._lock:
            await self._opened()

    async def read(self, text: str, name: str, speed: float) -> AsyncGenerator[bytes, None]:
        """A text, sentence by sentence, with the pause between two of them that people make."""
        speed = min(1.25, max(1.0, speed))
        for at, sentence in enumerate(sentences(plain(text))):
            if at:
                for pcm in pieces(silence(PAUSE / speed, int(self.hello["rate"])), int(self.hello["rate"])):
                    yield pcm
            async with contextlib.aclosing(self.say(Order(sentence, name, speed))) as said:
                async for pcm in said:
                    yield pcm

    async def say(self, order: Order) -> AsyncGenerator[bytes, None]:
        """The sound, in pieces of at most 200 ms. Raises a retryable `EngineError` (`engine_failed`)."""
        async with self._lock:
            process = await self._opened()
            done = False
            try:
                await self._send(process, order)
                while (frame := await self._frame(process, self._patience.piece))[0] == SOUND:
                    yield frame[1]
                done = frame[0] in (END, FAILED)
                if frame[0] != END:
                    raise EngineError("engine_failed", frame[1].decode() or "The voice failed.", retryable=False)
            finally:
                if not done:
                    await self._finish(process)

    async def close(self) -> None:
        async with self._lock:
            await self._end()

    async def _opened(self) -> asyncio.subprocess.Process:
        if self._process and self._process.returncode is None:
            return self._process
        await self._end()
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # some synthesizers repeat there what they could not read
            cwd=ROOT,
            env=None if self._environment is None else {**os.environ, **self._environment},
            start_new_session=True,
        )
        kind, said = await self._frame(process, self._patience.hello)
        if kind != HELLO:
            await self._end()
            raise EngineError("engine_failed", said.decode() or "The voice did not start.", retryable=False)
        self.hello = json.loads(said)
        return process

    async def _send(self, process: asyncio.subprocess.Process, order: Order) -> None:
        assert process.stdin  # noqa: S101  a pipe
        try:
            process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
            await process.stdin.drain()
        except OSError:
            raise _gone() from None

    async def _finish(self, process: asyncio.subprocess.Process) -> None:
        """Have what nobody hears any more end: what is left of it would be taken for the next answer."""
        assert process.stdin  # noqa: S101  a pipe
        try:
            async with asyncio.timeout(self._patience.finish):
                with contextlib.suppress(OSError):
                    process.stdin.write(b"\n")
                    await process.stdin.drain()
                while (await self._frame(process, self._patience.finish))[0] == SOUND:
                    pass
        except (EngineError, TimeoutError):
            await self._end()
        except asyncio.CancelledError:
            await self._end()
            raise

    async def _frame(self, process: asyncio.subprocess.Process, patience: float) -> tuple[bytes, bytes]:
        assert process.stdout  # noqa: S101  a pipe
        try:
            async with asyncio.timeout(patience):
                kind, length = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
                return kind, await process.stdout.readexactly(length)
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            await self._end()
            raise _gone() from None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _gone() -> EngineError:
    return EngineError("engine_failed", "The voice died or did not answer; it is started again.", retryable=True)


def serve(hello: Mapping[str, Any], speak: Callable[[Order], Generator[Samples, None, None]]) -> None:
    """The program's side: say hello, then answer orders until whoever asked is gone.

    `speak` yields what is to be heard, at `hello["rate"]`, as soon as it is there.
    """
    os.nice(NICE)
    # A library that prints must not break the frames.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    rate = int(hello["rate"])
    _write(out, HELLO, json.dumps(hello).encode())
    for order, taken_back in _orders():
        try:
            with contextlib.closing(speak(order)) as stretches:
                for samples in stretches:
                    for piece in pieces(samples, rate):
                        _write(out, SOUND, piece)
                    if taken_back():
                        break
        except Exception as error:
            # Whatever a library stumbles over: to load it again takes up to a minute.
            _write(out, FAILED, f"The voice failed ({type(error).__name__}).".encode())
        else:
            _write(out, END, b"")


def refuse(message: str) -> None:
    """The program's side, instead of `serve`: say why it can't."""
    with os.fdopen(os.dup(1), "wb") as out:
        _write(out, FAILED, message.encode())


def _orders() -> Iterator[tuple[Order, Callable[[], bool]]]:
    """Orders as they come, each with a question: was it taken back? All are, when whoever asked is gone."""
    waiting: SimpleQueue[tuple[Order, threading.Event] | None] = SimpleQueue()

    def listen() -> None:
        over = threading.Event()
        for line in sys.stdin.buffer:
            if line.strip():
                over = threading.Event()
                waiting.put((Order(**json.loads(line)), over))
            else:
                over.set()
        over.set()
        waiting.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (one := waiting.get()) is not None:
        yield one[0], one[1].is_set


def _write(out: Any, kind: bytes, data: bytes) -> None:
    out.write(HEAD.pack(kind, len(data)) + data)
    out.flush()
