"""A plugin that takes streams, as one of a room's own recognizers."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from livekit.agents import APIConnectOptions, stt
from livekit.agents.types import NOT_GIVEN, NotGivenOr, TimedString
from uuid_utils import uuid7

from ...errors import EngineError
from ...languages import base
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Hypothesis, Segment, Transcription, Word
from ...words import believable, clause, joined, speakable, without_loops
from .. import Recognition, Recognizer, VoiceActivityDetector
from .ear import KNOWN, frame_of, heard, is_final, language_of, words_of
from .plugin import Plugin, for_now, meant
from .plugins import first
from .speech_filter import SpeechFilter

AGAIN = 0.5
"""Seconds of new sound before a stream that broke is opened again."""
MOST = 28.0
"""Seconds of unsettled sound that are kept for a stream that is opened again."""
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
        self._named = named
        self._sieve = sieve
        self._track = track
        self._asked = language
        self._stream: Streamed | None = None
        self._kept: deque[Chunk] = deque()
        self._next: deque[Chunk] = deque()
        self._over_at = math.inf
        self._failed_at = -math.inf
        self._settled = -math.inf
        self._language = base(language or plugin.offer.languages[0])
        self._interim: tuple[Word, ...] = ()
        self._id, self._rev = str(uuid7()), 0
        self._out: list[Hypothesis | Segment] = []

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
            self._keep(chunk)
            if self._stream:
                self._stream.push(chunk)
        if self._stream is None:
            if self._kept and now - self._failed_at >= AGAIN:
                self._stream = self._opened()
        elif now - self._kept[-1].end >= IDLE:
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
                self._kept, self._next = self._next, deque()
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
        self._failed_at = self._kept[-1].end  # for when it does not open
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
        self._settle(self._interim)
        self._kept.clear()

    async def _ended(self, stream: Streamed) -> None:
        """Raises the `EngineError` that ended it."""
        self._stream, self._failed_at = None, self._kept[-1].end
        self._take(stream)
        error = stream.reading.exception()
        await stream.close()
        if error:
            raise for_now(meant(error, self._plugin.name))

    def _keep(self, chunk: Chunk) -> None:
        self._kept.append(chunk)
        while self._kept[0].end < max(self._settled, chunk.end - MOST):
            self._kept.popleft()

    def _sound(self) -> tuple[float, bytes]:
        """What is not settled, with silence where nothing was sent, and when it begins."""
        start, pcm = self._kept[0].start, bytearray()
        for chunk in self._kept:
            pcm += bytes(max(0, round((chunk.start - start) * SAMPLE_RATE) * SAMPLE_BYTES - len(pcm))) + chunk.pcm
        done = max(0, round((self._settled - start) * SAMPLE_RATE)) if math.isfinite(self._settled) else 0
        return start + done / SAMPLE_RATE, bytes(pcm[done * SAMPLE_BYTES :])

    # What was said

    def _said(self) -> Sequence[Hypothesis | Segment]:
        if self._stream:
            self._take(self._stream)
        said, self._out = self._out, []
        return said

    def _take(self, stream: Streamed) -> None:
        while stream.events:
            event = stream.events.popleft()
            if event.alternatives and event.alternatives[0].text.strip():
                self._hear(stream.placed(event.alternatives[0]), final=is_final(event))

    def _hear(self, data: stt.SpeechData, *, final: bool) -> None:
        self._language = language_of(data, self._asked, self._plugin)
        start, pcm = self._sound()
        words = _between(words_of(data, self._language, pcm, start), self._settled, self._kept[-1].end)
        if final:
            self._settle(words)
        elif words and words != self._interim and self._believed(words, final=False):
            self._interim, self._rev = words, self._rev + 1
            self._out.append(self._hypothesis(words))

    def _heard(self, words: tuple[Word, ...]) -> Transcription:
        return heard(self._plugin.name, words, self._language, KNOWN)

    def _believed(self, words: tuple[Word, ...], *, final: bool = True) -> bool:
        return bool(believable(self._heard(words), self._sieve.speech, final=final))

    def _settle(self, words: tuple[Word, ...]) -> None:
        for said in _clauses(words):
            if self._believed(said):
                self._out.append(self._segment(said))
            self._settled = said[-1].end
            self._id, self._rev = str(uuid7()), 0
        self._interim = ()

    def _hypothesis(self, words: tuple[Word, ...]) -> Hypothesis:
        return Hypothesis(
            id=self._id,
            rev=self._rev,
            track=self._track,
            language=self._language,
            text=self._named(joined(words, self._language), self._language),
            stable=0,  # a plugin promises nothing of what is not final
            start=words[0].start,
            end=words[-1].end,
            engine=self._plugin.name,
        )

    def _segment(self, words: tuple[Word, ...]) -> Segment:
        return Segment(
            id=self._id,
            rev=self._rev + 1,
            track=self._track,
            language=self._language,
            text=self._named(joined(words, self._language), self._language),
            start=words[0].start,
            end=words[-1].end,
            engine=self._plugin.name,
            words=words,
            speakable=speakable(self._heard(words), words) and without_loops(words) == words,
        )


def _between(words: Sequence[Word], earliest: float, latest: float) -> tuple[Word, ...]:
    """Words whose times are in order and within what was heard."""
    found: list[Word] = []
    for word in words:
        start = min(latest, max(earliest, word.start))
        earliest = start
        found.append(replace(word, start=start, end=min(latest, max(start, word.end))))
    return tuple(found)


def _clauses(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """A final transcript, which may be as long as a turn, as the clauses that it would have come in."""
    begun = 0
    for at in range(1, len(words) + 1):
        if count := clause(words[begun:at], (), words[at - 1].end):
            yield words[begun : begun + count]
            begun += count
    if words[begun:]:
        yield words[begun:]
