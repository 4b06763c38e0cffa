"""A plugin that is loaded: whether it may be asked, what it serves, and what its failures mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError, stt, tts

from ...errors import EngineError, SettingsError
from ...settings import Settings
from .. import Served
from .plugins import Offer, bad, is_here, offers

SETTINGS = {"STT": "DRAGOMAN_LIVEKIT_STT", "TTS": "DRAGOMAN_LIVEKIT_TTS"}


def offered(stage: str, settings: Settings) -> tuple[Offer, ...]:
    if stage == "speak":
        return offers(SETTINGS["TTS"], settings.livekit_tts, "TTS")
    return offers(SETTINGS["STT"], settings.livekit_stt, "STT")


def loaded(stage: str, settings: Settings) -> list[Plugin]:
    try:
        return [Plugin(offer, checked(offer, offer.build())) for offer in offered(stage, settings)]
    except SettingsError as error:
        raise EngineError("engine_failed", error.message) from None


def checked(offer: Offer, built: Any) -> Any:
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


def for_now(error: EngineError) -> EngineError:
    """An error that a room waits out: a key that was taken back, or a model, is given again one day."""
    return error if error.retryable else EngineError("engines_away", error.message, retryable=True)


def _refused(status: int, name: str) -> EngineError:
    if status == 429:
        return EngineError("overloaded", f"{name} is asked more than it takes from us (429).", retryable=True)
    if status in (401, 403):
        return EngineError("engine_failed", f"{name} does not take our key ({status}).")
    return EngineError("engine_failed", f"{name} answered {status}.", retryable=status in (408, 499) or status >= 500)


def served_by(stage: str, plugins: Sequence[Plugin], what: str, measure: str) -> Served:
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
