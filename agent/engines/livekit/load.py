"""LiveKit's STT and TTS plugins as engines, by a setting.

A plugin that recognises whole recordings is a `WindowRecognizer` and runs in the engine service, as every voice does.
One that recognises a stream is a `Recognizer` and runs in the room's process, which keeps the stream's state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...settings import Settings
from .. import Recognizer, VoiceActivityDetector
from .ear import PluginRecognizer
from .plugin import checked, loaded, offered
from .plugins import Discreet
from .stream import Listener
from .voice import PluginVoice


def prepare(stage: str, settings: Settings) -> None:
    """Look at the settings and import the plugins, on the main thread; keep what they log to ourselves.

    Raises `SettingsError`.
    """
    for offer in offered(stage, settings):
        checked(offer, offer.build())
    for handler in logging.getLogger().handlers:
        handler.addFilter(Discreet())


def load_ear(settings: Settings) -> PluginRecognizer:
    """The plugins of `DRAGOMAN_LIVEKIT_STT`. Raises `EngineError` where `prepare` would raise `SettingsError`."""
    return PluginRecognizer(loaded("recognise", settings))


def load_voice(settings: Settings) -> PluginVoice:
    """The plugins of `DRAGOMAN_LIVEKIT_TTS`. Raises `EngineError` where `prepare` would raise `SettingsError`."""
    return PluginVoice(loaded("speak", settings))


def load_listener(
    settings: Settings,
    otherwise: Recognizer,
    gate: Callable[[], VoiceActivityDetector],
    named: Callable[[str, str], str] = lambda text, language: text,
) -> Listener:
    """The same plugins as `load_ear` for a room: those that stream do, the others are left to `otherwise`."""
    return Listener(loaded("recognise", settings), otherwise, gate, named)
