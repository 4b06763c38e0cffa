"""Which engines there are, and how one is loaded: the one registry of stages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..errors import SettingsError
from ..settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """A stage of the service: its title for people, the engine that `auto` means, and all engines there are for it.

    An engine is ``module:factory``; the factory takes `Settings` and returns the engine, loaded.
    """

    title: str
    auto: str
    engines: Mapping[str, str]


TABLE: Mapping[str, Entry] = {
    "recognise": Entry(
        title="Recognition",
        auto="whisper",
        engines={
            "whisper": "agent.engines.recognise.whisper:load",
            "livekit": "agent.engines.livekit.load:load_ear",
            "fake": "agent.engines.fake:load_ear",
        },
    ),
    "direct": Entry(
        title="Speech translation",
        auto="whisper",
        engines={
            "whisper": "agent.engines.recognise.whisper:load_direct",
            "fake": "agent.engines.fake:load_direct",
        },
    ),
    "translate": Entry(
        title="Translation",
        auto="routes",  # which takes the best that is on this machine, pair by pair
        engines={
            "routes": "agent.engines.translate.routes:load",
            "bergamot": "agent.engines.translate.bergamot:load",
            "apertium": "agent.engines.translate.apertium:load",
            "nllb": "agent.engines.translate.nllb:load",
            "madlad": "agent.engines.translate.madlad:load",
            "opus": "agent.engines.translate.opus:load",
            "firefox": "agent.engines.translate.firefox:load",
            "fake": "agent.engines.fake:load_translator",
        },
    ),
    "speak": Entry(
        title="Voices",
        auto="voices",  # language by language
        engines={
            "voices": "agent.engines.speak.voices:load",
            "espeak": "agent.engines.speak.espeak:load",
            "piper": "agent.engines.speak.piper:load",
            "coqui": "agent.engines.speak.coqui:load",
            "livekit": "agent.engines.livekit.load:load_voice",
            "fake": "agent.engines.fake:load_voice",
        },
    ),
}
"""Every stage there is, in the order in which speech goes through them."""


def chosen(stage: str, settings: Settings) -> str:
    """The name of the engine that the settings ask for. Raises `SettingsError` where there is none of it."""
    entry, asked = TABLE[stage], str(getattr(settings, stage))
    name = entry.auto if asked == "auto" else asked
    if name not in entry.engines:
        known = ", ".join(["auto", *entry.engines])
        raise SettingsError("bad_settings", f"DRAGOMAN_{stage.upper()}: there is no engine {asked}; there are {known}")
    return name


def prepare(stage: str, name: str, settings: Settings) -> None:
    """Do what an engine needs done at the start of a process, on its main thread. Raises `SettingsError`.

    Few need anything: those whose module has a function `prepare`.
    """
    with suppress(ImportError):  # whoever loads it is told
        module = import_module(TABLE[stage].engines[name].split(":")[0])
        getattr(module, "prepare", lambda *_: None)(stage, settings)


def load(stage: str, name: str, settings: Settings) -> Any:
    """Load the engine of that name; its own libraries are imported only here.

    Raises `ImportError` or `EngineError` where it cannot be had on this machine.
    """
    module, factory = TABLE[stage].engines[name].split(":")
    return getattr(import_module(module), factory)(settings)
