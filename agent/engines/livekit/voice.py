"""A plugin that speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, tts

from ...loudness import Samples, levelled, pieces, silence, trimmed
from ...nouns import Dub
from ...tempo import faster
from ...text import plain, sentences
from .. import LoadedVoice, Served
from ..stock_voices import seat
from .plugin import Plugin, served_by
from .plugins import first

PAUSE = 0.3
"""Seconds of silence between two sentences."""


class PluginVoice(LoadedVoice):
    """A `Voice`. A sentence is made whole before its first piece comes: its loudness is known only then."""

    width = 4
    """Texts that are spoken at once; the work is done elsewhere."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = plugins

    def served(self) -> Served:
        """The languages of the setting."""
        return served_by("speak", self._plugins, "what is to be spoken", "")

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        """See `Voice`. A plugin has as many stock voices as the setting gives it."""
        at, _ = first([plugin.offer for plugin in self._plugins], language)
        plugin, begun = self._plugins[at], False
        for sentence in sentences(plain(text)):
            if not any(map(str.isalnum, sentence)):
                continue  # most servers refuse what nobody could say
            with plugin.failing():
                samples, rate = await _synthesized(plugin.built(seat(voice, len(plugin.offer.variants))), sentence)
            samples = levelled(trimmed(faster(samples, rate, speed), rate), rate)
            if begun:
                samples = np.concatenate([silence(PAUSE / speed, rate), samples])
            begun = True
            for piece in pieces(samples, rate):
                yield Dub(language, rate, piece, plugin.name)

    async def close(self) -> None:
        for plugin in self._plugins:
            await plugin.close()


async def _synthesized(engine: tts.TTS[Any], sentence: str) -> tuple[Samples, int]:
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
