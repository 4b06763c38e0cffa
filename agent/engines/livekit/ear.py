"""A plugin that recognises, as one that hears windows."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, stt
from livekit.agents.types import NOT_GIVEN, TimedString

from ...errors import EngineError
from ...languages import base
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE, Transcription, Word
from ...word_timing import UNTOLD, after, compression, timed, tokens
from ...words import moved
from .. import LoadedRecognizer, Served
from .plugin import Plugin, for_now, served_by
from .plugins import first, is_tag

BYTES = SAMPLE_RATE * SAMPLE_BYTES
MOMENT = 0.1
"""Seconds: servers take no less, and no word is shorter."""
ENOUGH = 1.8
"""Seconds of sound after which a language that was found out is believed."""
KNOWN, GUESSED = 0.9, 0.6
"""How sure a language is that a plugin found out, which it doesn't say: Whisper base knew it after `ENOUGH` seconds in
74 of 79 recordings, and half a second earlier in four of five."""


class PluginRecognizer(LoadedRecognizer):
    """A `WindowRecognizer`. A plugin knows no prefix and tells no times: both are made up for here."""

    width = 8
    """Windows that are asked for at once; the work is done elsewhere."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = plugins
        self._answered = False

    def served(self) -> Served:
        """The languages of the setting; nobody measured how well."""
        return served_by("recognise", self._plugins, "what is said", "wer")

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        """See `WindowRecognizer`. `prompt` is not used. After a first answer no error is for good but `not_served`."""
        at, tag = first([plugin.offer for plugin in self._plugins], language)
        plugin = self._plugins[at]
        seconds = len(pcm) / BYTES
        if seconds < MOMENT:
            return heard(plugin.name, (), tag or plugin.offer.languages[0], GUESSED)
        try:
            data = await self._asked(plugin, pcm, tag, seconds, final)
        except EngineError as error:
            raise for_now(error) if self._answered else error from None
        self._answered = True
        known = language_of(data, tag, plugin)
        words = after(words_of(data, known, pcm), prefix, known)
        return heard(plugin.name, words, known, 1.0 if tag else KNOWN if seconds >= ENOUGH else GUESSED)

    async def _asked(self, plugin: Plugin, pcm: bytes, tag: str | None, seconds: float, final: bool) -> stt.SpeechData:
        # A pass that is not the last is followed by another one, which makes up for it.
        options = APIConnectOptions(max_retry=2 if final else 0, retry_interval=0.5, timeout=5.0)
        language = tag or NOT_GIVEN
        with plugin.failing():
            engine = plugin.built(detect=tag is None)
            async with asyncio.timeout(8.0 + 2.0 * seconds):
                if not plugin.streams:
                    event = await engine.recognize([frame_of(pcm)], language=language, conn_options=options)
                    return _one(event.alternatives[:1])
                async with engine.stream(language=language, conn_options=options) as stream:
                    stream.push_frame(frame_of(pcm))
                    stream.end_input()
                    return _one([event.alternatives[0] async for event in stream if is_final(event)])

    async def close(self) -> None:
        for plugin in self._plugins:
            await plugin.close()


def heard(engine: str, words: tuple[Word, ...], language: str, sure: float) -> Transcription:
    confidence = float(np.mean([word.confidence for word in words])) if words else UNTOLD
    return Transcription(
        language=base(language),
        language_probability=sure,
        words=words,
        no_speech=0.0 if words else 0.9,
        logprob=math.log(min(0.99, max(0.01, confidence))),
        compression=compression(" ".join(word.text for word in words)),
        engine=engine,
    )


def frame_of(pcm: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // SAMPLE_BYTES)


def is_final(event: stt.SpeechEvent) -> bool:
    return event.type == stt.SpeechEventType.FINAL_TRANSCRIPT and bool(event.alternatives)


def _one(found: Sequence[stt.SpeechData]) -> stt.SpeechData:
    """Several finals as one."""
    if not found:
        return stt.SpeechData(language="", text="")  # type: ignore[arg-type]  # it makes a LanguageCode of it
    words = [word for one in found for word in one.words or []]
    return replace(found[0], text=" ".join(one.text for one in found), end_time=found[-1].end_time, words=words)


def language_of(data: stt.SpeechData, tag: str | None, plugin: Plugin) -> str:
    """The language of a transcript: the one that was asked for, what was found out, or the first of the setting."""
    told = (data.source_languages or [data.language])[0]
    found = tag or (told.language if is_tag(told.language) else plugin.offer.languages[0])
    return base(found)


def words_of(data: stt.SpeechData, language: str, pcm: bytes, start: float = 0.0) -> tuple[Word, ...]:
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
