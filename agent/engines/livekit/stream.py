"""A plugin that takes streams, as one of a room's own recognizers."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from livekit.agents import APIConnectOptions, stt
from livekit.agents.types import NOT_GIVEN, NotGivenOr, TimedString

from ...errors import EngineError
from ...nouns import Chunk, Hypothesis, Segment
from .. import Recognition, Recognizer, VoiceActivityDetector
from .ear import frame_of, is_final
from .plugin import Plugin, for_now, meant
from .plugin_transcript import PluginTranscript, UnsettledSound
from .plugins import first
from .speech_filter import SpeechFilter

AGAIN = 0.5
"""Seconds of new sound before a stream that broke is opened again."""
FINISH = 8.0
"""Seconds for which the last words of a stream are waited for while none come."""
IDLE = 8.0
"""Seconds in which nobody spoke after which a stream is ended: services break off those on which nothing comes."""


class Listener:
    """A `Recognizer` whose streams go to the plugins that take them; other languages are left to `otherwise`.

    Plugins are sent nothing in which nobody speaks, as a gate for each track tells it. What they say goes through
    `named`, with its language, which puts the names in it right.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        otherwise: Recognizer,
        gate: Callable[[], VoiceActivityDetector],
        named: Callable[[str, str], str],
    ) -> None:
        self._plugins = plugins
        self._otherwise = otherwise
        self._gate = gate
        self._named = named

    def listen(self, track: str, language: str | None) -> Recognition:
        """See `Recognizer`. A language that no plugin is set up for is refused as `otherwise` does."""
        try:
            at, tag = first([plugin.offer for plugin in self._plugins], language)
        except EngineError:
            return self._otherwise.listen(track, language)
        plugin = self._plugins[at]
        if not plugin.streams:
            return self._otherwise.listen(track, language)
        return Listening(plugin, SpeechFilter(self._gate()), track, tag, self._named)

    async def close(self) -> None:
        for plugin in self._plugins:
            await plugin.close()


class Streamed:
    """One stream of a plugin: what was said to it, what it said, and how its time is the room's."""

    def __init__(self, stream: stt.RecognizeStream) -> None:
        self._stream = stream
        self._sent = 0.0
        self._next = -math.inf
        self._moments: list[tuple[float, float]] = []
        self.events: deque[stt.SpeechEvent] = deque()
        self.reading = asyncio.create_task(self._read(), name="plugin")

    async def _read(self) -> None:
        async for event in self._stream:
            self.events.append(event)

    def push(self, chunk: Chunk) -> None:
        """Where sound was lost, the stream's time stands still."""
        if abs(chunk.start - self._next) > 0.1:
            self._moments.append((self._sent, chunk.start))
        with contextlib.suppress(RuntimeError):  # it has just ended: `reading` tells
            self._stream.push_frame(frame_of(chunk.pcm))
        self._sent, self._next = self._sent + chunk.duration, chunk.end

    def end(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._stream.end_input()

    def placed(self, data: stt.SpeechData) -> stt.SpeechData:
        """The same on the room's clock; a plugin that tells no times has 0 for them."""
        words = data.words and [self._placed(word) for word in data.words]
        if data.end_time <= data.start_time:
            return replace(data, words=words, start_time=0.0, end_time=0.0)
        return replace(data, words=words, start_time=self._ours(data.start_time), end_time=self._ours(data.end_time))

    def _placed(self, word: TimedString) -> TimedString:
        start, end = self._known(word.start_time), self._known(word.end_time)
        return TimedString(str(word), start, end, word.confidence)

    def _known(self, time: NotGivenOr[float]) -> NotGivenOr[float]:
        return self._ours(time) if isinstance(time, float | int) else time

    def _ours(self, time: float) -> float:
        sent, start = next((one for one in reversed(self._moments) if one[0] <= time), self._moments[0])
        return start + time - sent

    async def close(self) -> None:
        self.reading.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)
        await self._stream.aclose()


class Listening:
    """A `Recognition`: one track as a stream of a plugin, opened again with all unsettled sound where it breaks.

    It gets speech and a little around it. Where nobody speaks for `IDLE` seconds it is ended; the next speech opens
    another, and waits for the last words of the one before.
    """

    def __init__(
        self, plugin: Plugin, sieve: SpeechFilter, track: str, language: str | None, named: Callable[[str, str], str]
    ) -> None:
        self._plugin = plugin
        self._sieve = sieve
        self._asked = language
        self._transcript = PluginTranscript(plugin, track, language, named)
        self._stream: Streamed | None = None
        self._kept = UnsettledSound()
        self._next: deque[Chunk] = deque()
        self._over_at = math.inf
        self._failed_at = -math.inf

    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        """See `Recognition`."""
        passed = self._sieve.take(chunk)
        self._next.extend(passed)
        if self._over_at < math.inf:
            await self._over(chunk.end)
        if self._over_at == math.inf:
            await self._listen(chunk.end)
        await asyncio.sleep(0)  # the stream's turn
        return self._said()

    async def _listen(self, now: float) -> None:
        """Send on what is to be heard."""
        if self._stream and self._stream.reading.done():
            await self._ended(self._stream)
        passed, self._next = self._next, deque()
        for chunk in passed:
            self._kept.keep(chunk, self._transcript.settled)
            if self._stream:
                self._stream.push(chunk)
        if self._stream is None:
            if self._kept and now - self._failed_at >= AGAIN:
                self._stream = self._opened()
        elif now - self._kept.end >= IDLE:
            self._stream.end()
            self._over_at = now

    async def _over(self, now: float) -> None:
        """Settle the last words of a stream that was ended, once they are there or don't come in time."""
        stream = self._stream
        if stream and not stream.reading.done() and now - self._over_at < FINISH:
            return
        self._over_at = math.inf
        if stream:
            await self._closed(stream)

    async def finish(self) -> Sequence[Segment]:
        """See `Recognition`. Words that don't come in time are settled as they were last told."""
        while self._kept or self._next:
            if not self._kept:
                for chunk in self._next:
                    self._kept.keep(chunk, self._transcript.settled)
                self._next.clear()
            self._stream = stream = self._stream or self._opened()
            stream.end()
            told = -1
            while not stream.reading.done() and told != len(stream.events):
                told = len(stream.events)
                await asyncio.wait([stream.reading], timeout=FINISH)
            self._over_at = math.inf
            await self._closed(stream)
        return [one for one in self._said() if isinstance(one, Segment)]

    # The stream

    def _opened(self) -> Streamed:
        """A new stream, told everything that is not settled."""
        self._failed_at = self._kept.end  # for when it does not open
        # A library that tries again by itself loses what it had sent before.
        options = APIConnectOptions(max_retry=0, timeout=5.0)
        with self._plugin.failing():
            opened = Streamed(self._plugin.built().stream(language=self._asked or NOT_GIVEN, conn_options=options))
        for chunk in self._kept:
            opened.push(chunk)
        return opened

    async def _closed(self, stream: Streamed) -> None:
        """It was ended: what it said last is settled. Raises the `EngineError` that broke it off before."""
        if stream.reading.done():
            await self._ended(stream)
        else:
            self._stream = None
            self._take(stream)
            await stream.close()
        self._transcript.settle_interim(self._sieve.speech)
        self._kept.clear()

    async def _ended(self, stream: Streamed) -> None:
        """Raises the `EngineError` that ended it."""
        self._stream, self._failed_at = None, self._kept.end
        self._take(stream)
        error = stream.reading.exception()
        await stream.close()
        if error:
            raise for_now(meant(error, self._plugin.name))

    # What was said

    def _said(self) -> Sequence[Hypothesis | Segment]:
        if self._stream:
            self._take(self._stream)
        return self._transcript.take()

    def _take(self, stream: Streamed) -> None:
        while stream.events:
            event = stream.events.popleft()
            if event.alternatives and event.alternatives[0].text.strip():
                data = stream.placed(event.alternatives[0])
                self._transcript.hear(data, self._kept, self._sieve.speech, final=is_final(event))
