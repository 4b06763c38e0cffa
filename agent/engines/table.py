"""Which engines there are, and how one is loaded: the one registry of stages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..settings import Settings

TABLE: Mapping[str, Mapping[str, str]] = {
    "recognise": {
        "whisper": "agent.engines.whisper:load",
        "livekit": "agent.engines.livekit:load_ear",
        "fake": "agent.engines.fake:load_ear",
    },
    "direct": {
        "whisper": "agent.engines.whisper:load_direct",
        "fake": "agent.engines.fake:load_direct",
    },
    "translate": {
        "routes": "agent.engines.routes:load",
        "bergamot": "agent.engines.bergamot:load",
        "apertium": "agent.engines.apertium:load",
        "nllb": "agent.engines.nllb:load",
        "madlad": "agent.engines.madlad:load",
        "opus": "agent.engines.opus:load",
        "firefox": "agent.engines.firefox:load",
        "fake": "agent.engines.fake:load_translator",
    },
    "speak": {
        "voices": "agent.engines.voices:load",
        "espeak": "agent.engines.espeak:load",
        "piper": "agent.engines.piper:load",
        "coqui": "agent.engines.coqui:load",
        "livekit": "agent.engines.livekit:load_voice",
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
