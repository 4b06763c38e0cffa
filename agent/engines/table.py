"""Which engines there are, and how one is loaded: the one registry of stages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..settings import Settings

TABLE: Mapping[str, Mapping[str, str]] = {
    "recognise": {
        "whisper": "agent.engines.recognise.whisper:load",
        "livekit": "agent.engines.livekit.load:load_ear",
        "fake": "agent.engines.fake:load_ear",
    },
    "direct": {
        "whisper": "agent.engines.recognise.whisper:load_direct",
        "fake": "agent.engines.fake:load_direct",
    },
    "translate": {
        "routes": "agent.engines.translate.routes:load",
        "bergamot": "agent.engines.translate.bergamot:load",
        "apertium": "agent.engines.translate.apertium:load",
        "nllb": "agent.engines.translate.nllb:load",
        "madlad": "agent.engines.translate.madlad:load",
        "opus": "agent.engines.translate.opus:load",
        "firefox": "agent.engines.translate.firefox:load",
        "fake": "agent.engines.fake:load_translator",
    },
    "speak": {
        "voices": "agent.engines.speak.voices:load",
        "espeak": "agent.engines.speak.espeak:load",
        "piper": "agent.engines.speak.piper:load",
        "coqui": "agent.engines.speak.coqui:load",
        "livekit": "agent.engines.livekit.load:load_voice",
        "fake": "agent.engines.fake:load_voice",
    },
}
"""Stage → name → ``module:factory``; a factory takes `Settings` and returns the engine, loaded."""


def prepare(stage: str, name: str, settings: Settings) -> None:
    """Do what an engine needs done at the start of a process, on its main thread. Raises `SettingsError`.

    Few need anything: those whose module has a function `prepare`.
    """
    with suppress(ImportError):  # whoever loads it is told
        module = import_module(TABLE[stage][name].split(":")[0])
        getattr(module, "prepare", lambda *_: None)(stage, settings)


def load(stage: str, name: str, settings: Settings) -> Any:
    """Load the engine of that name; its own libraries are imported only here.

    Raises `ImportError` or `EngineError` where it cannot be had on this machine.
    """
    module, factory = TABLE[stage][name].split(":")
    return getattr(import_module(module), factory)(settings)
