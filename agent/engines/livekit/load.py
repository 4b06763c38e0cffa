"""LiveKit's STT and TTS plugins as engines, by a setting.

A plugin that recognises whole recordings is an `Ear` and runs in the engine service, as every voice does. One that
recognises a stream is a `Recognizer` and runs in the room's process: a stream has a state, which is kept there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
import numpy as np
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIStatusError, APITimeoutError, stt, tts
from livekit.agents.types import NOT_GIVEN, NotGivenOr, TimedString
from uuid_utils import uuid7

from ...errors import EngineError, SettingsError
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Dub, Heard, Hypothesis, Segment, Word
from ...settings import Settings
from ...words import believable, clause, joined, moved, speakable, without_loops
from .. import Gate, Recognition, Recognizer, Served
from ..recognise.untimed import UNTOLD, after, compression, timed, tokens
from ..speak.loudness import Samples, levelled, pieces, silence, trimmed
from ..speak.stock_voices import seat
from ..speak.tempo import faster
from ..translate.sentences import plain, sentences
from .plugins import Discreet, Offer, bad, first, is_here, is_tag, offers
from .speech_filter import Sieve

log = logging.getLogger(__name__)

BYTES = SAMPLE_RATE * SAMPLE_BYTES
MOMENT = 0.1
"""Seconds: servers take no less, and no word is shorter."""
PAUSE = 0.3
"""Seconds of silence between two sentences."""
KNOWN, GUESSED = 0.9, 0.6
"""How sure a language is that a plugin found out, which it doesn't say: Whisper base knew it after `ENOUGH` seconds in
74 of 79 recordings, and half a second earlier in four of five."""
ENOUGH = 1.8
AGAIN = 0.5
"""Seconds of new sound before a stream that broke is opened again."""
MOST = 28.0
"""Seconds of unsettled sound that are kept for a stream that is opened again."""
FINISH = 8.0
"""Seconds for which the last words of a stream are waited for while none come."""
IDLE = 8.0
"""Seconds in which nobody spoke after which a stream is ended: services break off those on which nothing comes."""
SETTINGS = {"STT": "DRAGOMAN_LIVEKIT_STT", "TTS": "DRAGOMAN_LIVEKIT_TTS"}


def prepare(stage: str, settings: Settings) -> None:
    """Look at the settings and import the plugins, on the main thread; keep what they log to ourselves.

    Raises `SettingsError`.
    """
    for offer in _offers(stage, settings):
        _checked(offer, offer.build())
    for handler in logging.getLogger().handlers:
        handler.addFilter(Discreet())


def load_ear(settings: Settings) -> PluginEar:
    """The plugins of `DRAGOMAN_LIVEKIT_STT`. Raises `EngineError` where `prepare` would raise `SettingsError`."""
    return PluginEar(_loaded("recognise", settings))


def load_voice(settings: Settings) -> PluginVoice:
    """The plugins of `DRAGOMAN_LIVEKIT_TTS`. Raises `EngineError` where `prepare` would raise `SettingsError`."""
    return PluginVoice(_loaded("speak", settings))


def load_listener(
    settings: Settings,
    otherwise: Recognizer,
    gate: Callable[[], Gate],
    named: Callable[[str, str], str] = lambda text, language: text,
) -> Listener:
    """The same plugins as `load_ear` for a room: those that stream do, the others are left to `otherwise`."""
    return Listener(_loaded("recognise", settings), otherwise, gate, named)


def _offers(stage: str, settings: Settings) -> tuple[Offer, ...]:
    if stage == "speak":
        return offers(SETTINGS["TTS"], settings.livekit_tts, "TTS")
    return offers(SETTINGS["STT"], settings.livekit_stt, "STT")


def _loaded(stage: str, settings: Settings) -> list[Plugin]:
    try:
        return [Plugin(offer, _checked(offer, offer.build())) for offer in _offers(stage, settings)]
    except SettingsError as error:
        raise EngineError("engine_failed", error.message) from None


def _checked(offer: Offer, built: Any) -> Any:
    wanted: type[Any] = tts.TTS if offer.setting == SETTINGS["TTS"] else stt.STT
    if not isinstance(built, wanted):
        raise bad(offer.setting, f"{offer.name} is no {wanted.__name__} plugin of LiveKit's")
    return built


class Plugin:
    """A plugin in use: made in the loop that asks it, once a stock voice, and once to find out languages."""

    def __init__(self, offer: Offer, example: Any) -> None:
        self.offer = offer
        self.streams = bool(getattr(example.capabilities, "streaming", False))
        model = str(example.model)
        self.name = f"{offer.name}:{model}" if model not in ("", "unknown") else offer.name
        provider = str(example.provider)
        self.host = offer.host or (provider if provider != "unknown" else "its provider")
        self._built: dict[tuple[int, bool], Any] = {}
        self._session: aiohttp.ClientSession | None = None

    def built(self, variant: int = 0, *, detect: bool = False) -> Any:
        """The plugin itself. With `detect` one that finds out the language, where it can be told to."""
        variant = variant % len(self.offer.variants)
        detect = detect and not self.streams and self.offer.takes("detect_language")  # a stream is told its language
        key = (variant, detect)
        if key not in self._built:
            more: dict[str, Any] = {"detect_language": True} if detect else {}
            if self.offer.takes("http_session"):
                self._session = self._session or aiohttp.ClientSession(trust_env=True)
                more["http_session"] = self._session
            self._built[key] = self.offer.build(variant, **more)
        return self._built[key]

    async def close(self) -> None:
        for built in self._built.values():
            await built.aclose()
        if self._session:
            await self._session.close()

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Whatever goes wrong is an `EngineError` that repeats nothing of what was said."""
        try:
            yield
        except EngineError:
            raise
        except TimeoutError:
            raise EngineError("timeout", f"{self.name} took too long.", retryable=True) from None
        except Exception as error:
            # What a plugin that stumbles raises is its own affair, and must not end a room.
            raise meant(error, self.name) from None


def meant(error: BaseException, name: str) -> EngineError:
    """A plugin's error as ours. Its own message is left out: it may hold what the server made of the request."""
    causes = [error] if error.__cause__ is None else [error, error.__cause__]
    statuses = [cause.status_code for cause in causes if isinstance(cause, APIStatusError) and cause.status_code > 0]
    if statuses:
        return _refused(statuses[0], name)
    if any(isinstance(cause, APITimeoutError) for cause in causes):
        return EngineError("timeout", f"{name} took too long.", retryable=True)
    if any(isinstance(cause, APIConnectionError) for cause in causes):
        return EngineError("engines_away", f"{name} cannot be reached.", retryable=True)
    return EngineError("engine_failed", f"{name} failed ({type(error).__name__}).", retryable=True)


def _for_now(error: EngineError) -> EngineError:
    """An error that a room waits out: a key that was taken back, or a model, is given again one day."""
    return error if error.retryable else EngineError("engines_away", error.message, retryable=True)


def _refused(status: int, name: str) -> EngineError:
    if status == 429:
        return EngineError("overloaded", f"{name} is asked more than it takes from us (429).", retryable=True)
    if status in (401, 403):
        return EngineError("engine_failed", f"{name} does not take our key ({status}).")
    return EngineError("engine_failed", f"{name} answered {status}.", retryable=status in (408, 499) or status >= 500)


def _served(stage: str, plugins: Sequence[Plugin], what: str, measure: str) -> Served:
    """`what` is what the plugins are given: people are told that it leaves the machine, and for where."""
    route: dict[str, str] = {}
    for plugin in plugins:
        route |= {tag: plugin.name for tag in plugin.offer.languages if tag not in route}
    goes = {one.name: "goes to" if is_here(one.host) else "leaves this machine for" for one in plugins}
    licences = (f"{one.name}: the terms of {one.host}; plugin {one.offer.licence}".rstrip() for one in plugins)
    return Served(
        stage,
        "+".join(plugin.name for plugin in plugins),
        "; ".join(f"{one.name} is set up: {what} {goes[one.name]} {one.host}" for one in plugins),
        "; ".join(licences),
        measure,
        dict.fromkeys(route),
        route if stage == "speak" else {},
        leaves={one.name: one.host for one in plugins if not is_here(one.host)},
    )


# Recognition of whole recordings


class PluginEar:
    """An `Ear`. A plugin knows no prefix and tells no times: both are made up for here."""

    width = 8
    """Windows that are asked for at once; the work is done elsewhere."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = plugins
        self._answered = False

    def served(self) -> Served:
        """The languages of the setting; nobody measured how well."""
        return _served("recognise", self._plugins, "what is said", "wer")

    async def hear(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Heard:
        """See `Ear`. `prompt` is not used. After a first answer no error is for good but `not_served`."""
        at, tag = first([plugin.offer for plugin in self._plugins], language)
        plugin = self._plugins[at]
        seconds = len(pcm) / BYTES
        if seconds < MOMENT:
            return _heard(plugin.name, (), tag or plugin.offer.languages[0], GUESSED)
        try:
            data = await self._asked(plugin, pcm, tag, seconds, final)
        except EngineError as error:
            raise _for_now(error) if self._answered else error from None
        self._answered = True
        known = _language(data, tag, plugin)
        words = after(_words(data, known, pcm), prefix, known)
        return _heard(plugin.name, words, known, 1.0 if tag else KNOWN if seconds >= ENOUGH else GUESSED)

    async def _asked(self, plugin: Plugin, pcm: bytes, tag: str | None, seconds: float, final: bool) -> stt.SpeechData:
        # A pass that is not the last is followed by another one, which makes up for it.
        options = APIConnectOptions(max_retry=2 if final else 0, retry_interval=0.5, timeout=5.0)
        language = tag or NOT_GIVEN
        with plugin.failing():
            engine = plugin.built(detect=tag is None)
            async with asyncio.timeout(8.0 + 2.0 * seconds):
                if not plugin.streams:
                    event = await engine.recognize([_frame(pcm)], language=language, conn_options=options)
                    return _one(event.alternatives[:1])
                async with engine.stream(language=language, conn_options=options) as stream:
                    stream.push_frame(_frame(pcm))
                    stream.end_input()
                    return _one([event.alternatives[0] async for event in stream if _is_final(event)])

    async def close(self) -> None:
        for plugin in self._plugins:
            await plugin.close()


def _heard(engine: str, words: tuple[Word, ...], language: str, sure: float) -> Heard:
    confidence = float(np.mean([word.confidence for word in words])) if words else UNTOLD
    return Heard(
        language=language.split("-", maxsplit=1)[0],
        language_probability=sure,
        words=words,
        no_speech=0.0 if words else 0.9,
        logprob=math.log(min(0.99, max(0.01, confidence))),
        compression=compression(" ".join(word.text for word in words)),
        engine=engine,
    )


def _frame(pcm: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // SAMPLE_BYTES)


def _is_final(event: stt.SpeechEvent) -> bool:
    return event.type == stt.SpeechEventType.FINAL_TRANSCRIPT and bool(event.alternatives)


def _one(found: Sequence[stt.SpeechData]) -> stt.SpeechData:
    """Several finals as one."""
    if not found:
        return stt.SpeechData(language="", text="")  # type: ignore[arg-type]  # it makes a LanguageCode of it
    words = [word for one in found for word in one.words or []]
    return replace(found[0], text=" ".join(one.text for one in found), end_time=found[-1].end_time, words=words)


def _language(data: stt.SpeechData, tag: str | None, plugin: Plugin) -> str:
    """The language of a transcript: the one that was asked for, what was found out, or the first of the setting."""
    told = (data.source_languages or [data.language])[0]
    found = tag or (told.language if is_tag(told.language) else plugin.offer.languages[0])
    return found.split("-", maxsplit=1)[0]


def _words(data: stt.SpeechData, language: str, pcm: bytes, start: float = 0.0) -> tuple[Word, ...]:
    """The words of a transcript. Their times are those that the plugin tells, or are found out from the sound.

    `pcm` is the sound of which it is the transcript, or of which that is a part; it begins at `start`.
    """
    text = " ".join(data.source_texts) if data.source_texts else data.text
    confidence = min(1.0, data.confidence or UNTOLD)
    said, told = tokens(text, language), data.words or []
    if len(told) == len(said) and all(isinstance(word.end_time, float | int) for word in told):
        return tuple(_word(token, word, confidence) for token, word in zip(said, told, strict=True))
    if data.end_time > max(start, data.start_time):
        at, until = (round((time - start) * SAMPLE_RATE) * SAMPLE_BYTES for time in (data.start_time, data.end_time))
        pcm, start = pcm[max(0, at) : until], max(start, data.start_time)
    return moved(timed(text, language, pcm, confidence), start)


def _word(token: str, told: TimedString, confidence: float) -> Word:
    start, end = told.start_time or 0.0, told.end_time or 0.0
    return Word(token, start, max(start, end), min(1.0, told.confidence or confidence))


# Recognition of streams


class Listener:
    """A `Recognizer` whose streams go to the plugins that take them; other languages are left to `otherwise`.

    Plugins are sent nothing in which nobody speaks, as a gate for each track tells it. What they say goes through
    `named`, with its language, which puts the names in it right.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        otherwise: Recognizer,
        gate: Callable[[], Gate],
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
        return Listening(plugin, Sieve(self._gate()), track, tag, self._named)

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
            self._stream.push_frame(_frame(chunk.pcm))
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
        self, plugin: Plugin, sieve: Sieve, track: str, language: str | None, named: Callable[[str, str], str]
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
        self._language = (language or plugin.offer.languages[0]).split("-", maxsplit=1)[0]
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
            raise _for_now(meant(error, self._plugin.name))

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
                self._hear(stream.placed(event.alternatives[0]), final=_is_final(event))

    def _hear(self, data: stt.SpeechData, *, final: bool) -> None:
        self._language = _language(data, self._asked, self._plugin)
        start, pcm = self._sound()
        words = _between(_words(data, self._language, pcm, start), self._settled, self._kept[-1].end)
        if final:
            self._settle(words)
        elif words and words != self._interim and self._believed(words, final=False):
            self._interim, self._rev = words, self._rev + 1
            self._out.append(self._hypothesis(words))

    def _heard(self, words: tuple[Word, ...]) -> Heard:
        return _heard(self._plugin.name, words, self._language, KNOWN)

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


# Voices


class PluginVoice:
    """A `Voice`. A sentence is made whole before its first piece comes: its loudness is known only then."""

    width = 4
    """Texts that are spoken at once; the work is done elsewhere."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = plugins

    def served(self) -> Served:
        """The languages of the setting."""
        return _served("speak", self._plugins, "what is to be spoken", "")

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`. A plugin has as many stock voices as the setting gives it."""
        at, _ = first([plugin.offer for plugin in self._plugins], language)
        plugin, begun = self._plugins[at], False
        for sentence in sentences(plain(text)):
            if not any(map(str.isalnum, sentence)):
                continue  # most servers refuse what nobody could say
            with plugin.failing():
                samples, rate = await _spoken(plugin.built(seat(voice, len(plugin.offer.variants))), sentence)
            samples = levelled(trimmed(faster(samples, rate, speed), rate), rate)
            if begun:
                samples = np.concatenate([silence(PAUSE / speed, rate), samples])
            begun = True
            for piece in pieces(samples, rate):
                yield Dub(language, rate, piece, plugin.name)

    async def close(self) -> None:
        for plugin in self._plugins:
            await plugin.close()


async def _spoken(engine: tts.TTS[Any], sentence: str) -> tuple[Samples, int]:
    """The sound, and its rate."""
    options = APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=5.0)
    made: dict[str, list[rtc.AudioFrame]] = {}
    async with asyncio.timeout(6.0 + len(sentence) / 100), engine.synthesize(sentence, conn_options=options) as stream:
        async for audio in stream:
            made.setdefault(audio.request_id, []).append(audio.frame)
    # Another request is a second try, which begins anew.
    frames = [*made.values()][-1] if made else []
    heard = [np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels)[:, 0] for frame in frames]
    return np.concatenate([np.zeros(0, np.int16), *heard]), frames[0].sample_rate if frames else engine.sample_rate
