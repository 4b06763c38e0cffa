"""A speech synthesizer in a process of its own, asked over its pipes, and started again when it dies.

The programs that speak are under the GPL, keep their state in globals and may crash: so each is a program that we
talk to, and no part of the engine service. `Mouth` is our side, `serve` theirs. An order is a line of JSON;
the answer is frames of a kind (one byte), a length (four) and as many bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import EngineError
from .loudness import Samples, levelled, pieces, silence, trimmed

HEAD = struct.Struct("<cI")
HELLO, SOUND, END, FAILED = b"h", b"s", b"e", b"x"
START_PATIENCE = 60.0
"""Seconds until a process must have said hello: a voice of 60 MB on a busy machine."""
PATIENCE = 15.0
"""Seconds until the next piece must come."""
FINISH = 3.0
"""Seconds for which a sentence that nobody wants any more may go on; to start anew takes as long."""
PAUSE = 0.2
"""Seconds of silence between two sentences."""
NICE = 5
"""How far below recognition voices stand in the queue for the processor."""
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Order:
    """A sentence to be said: the program's own name of the voice, and how fast (1.0 to 1.25)."""

    text: str = field(repr=False)
    name: str
    speed: float = 1.0


class Mouth:
    """A running program that speaks; one sentence at a time."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self.hello: Mapping[str, Any] = {}

    async def say(self, order: Order) -> AsyncGenerator[bytes, None]:
        """The sound, in pieces of at most 200 ms. Raises a retryable `EngineError` (`engine_failed`)."""
        async with self._lock:
            process = await self._opened()
            done = False
            try:
                await self._send(process, order)
                while (frame := await self._frame(process, PATIENCE))[0] == SOUND:
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
            start_new_session=True,
        )
        kind, said = await self._frame(process, START_PATIENCE)
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
        """Let a sentence that nobody hears any more end: what is left of it would be taken for the next answer."""
        try:
            async with asyncio.timeout(FINISH):
                while (await self._frame(process, FINISH))[0] == SOUND:
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


def serve(hello: Mapping[str, Any], speak: Callable[[Order], Iterator[Samples]]) -> None:
    """The program's side: say hello, then answer orders until whoever asked is gone.

    `speak` yields a sentence at a time, at `hello["rate"]`; each goes out trimmed and at one loudness.
    """
    os.nice(NICE)
    # A library that prints must not break the frames.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    rate = int(hello["rate"])
    _write(out, HELLO, json.dumps(hello).encode())
    for line in sys.stdin.buffer:
        order = Order(**json.loads(line))
        try:
            for at, samples in enumerate(speak(order)):
                if at:
                    _write(out, SOUND, silence(PAUSE / order.speed, rate).tobytes())
                for piece in pieces(levelled(trimmed(samples, rate), rate), rate):
                    _write(out, SOUND, piece)
        except (OSError, RuntimeError, ValueError) as error:
            _write(out, FAILED, f"The voice failed ({type(error).__name__}).".encode())
        else:
            _write(out, END, b"")


def _write(out: Any, kind: bytes, data: bytes) -> None:
    out.write(HEAD.pack(kind, len(data)) + data)
    out.flush()
