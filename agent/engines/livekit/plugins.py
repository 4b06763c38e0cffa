"""LiveKit plugins that a setting names, as the classes and options it means; no module of LiveKit's is named here.

For example `en,es=openai.STT?model=whisper-1&base_url=http://127.0.0.1:8000/v1 de=deepgram.STT?model=nova-3`.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module, metadata
from ipaddress import ip_address
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import langcodes

from ...errors import EngineError, SettingsError
from ...languages import base, is_shaped

EXAMPLE = {"STT": "en,es=openai.STT?model=whisper-1", "TTS": "en,es=openai.TTS?model=tts-1&voice=alloy"}
SECRET = re.compile(r"(key|token|secret|password|credentials)$")
"""Names of options that nobody should see in a list of processes."""
OURS = ("agent", "web", "infra", "tests", "__main__")

_NAME = re.compile(r"(?:(?P<module>[\w.]+):|(?P<plugin>\w+)\.)(?P<path>\w+(?:\.\w+)*)")
_LISTS = re.compile(r"\b(?:list|List|Sequence|tuple)\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Offer:
    """A plugin and the languages that it is used for. An option given several times is a stock voice each."""

    setting: str
    languages: tuple[str, ...]
    name: str
    package: str
    make: Callable[..., Any] = field(repr=False)
    variants: tuple[Mapping[str, Any], ...] = field(repr=False)

    def takes(self, option: str) -> bool:
        """Whether the plugin knows an option, and the setting says nothing of it."""
        return option in _parameters(self.make) and option not in self.variants[0]

    def build(self, variant: int = 0, **more: Any) -> Any:
        """The plugin. Raises `SettingsError` with what it says itself where it wants other options, or a key."""
        try:
            return self.make(**self.variants[variant % len(self.variants)], **more)
        except Exception as error:
            # What kind of exception a plugin has for bad options or a missing key is its own affair.
            said = str(error).strip().partition("\n")[0][:300] or type(error).__name__
            raise bad(self.setting, f"{self.name} cannot be made: {said}") from None

    def tag(self, language: str) -> str | None:
        """Its own tag for a language: that one, or the first that differs only in script or region."""
        primary = base(language)
        alike = (tag for tag in self.languages if base(tag) == primary)
        return language if language in self.languages else next(alike, None)

    @property
    def host(self) -> str:
        """Where the setting says that its service is; empty where it says nothing."""
        addresses = (urlsplit(value) for value in self.variants[0].values() if isinstance(value, str))
        return next((one.hostname for one in addresses if one.scheme and one.hostname), "")

    @property
    def licence(self) -> str:
        """The licence of the package; what is at the other end has terms of its own."""
        try:
            about = metadata.metadata(self.package).json
        except metadata.PackageNotFoundError:
            return ""
        return str(about.get("license_expression") or about.get("license") or "")


def offers(setting: str, value: str, kind: str) -> tuple[Offer, ...]:
    """What `LANGUAGES=PLUGIN?OPTIONS …` means; `kind` is `STT` or `TTS`.

    PLUGIN is a class of a LiveKit plugin (`openai.STT`), a factory of it (`openai.STT.with_azure`) or of any other
    module (`my.module:STT`). Its module is imported here, which LiveKit wants done on the main thread.
    Raises `SettingsError` (`bad_settings`), one sentence for the first thing that is wrong.
    """
    entries = value.split()
    if not entries:
        raise bad(setting, f"it names no plugin; {EXAMPLE[kind]} would be one")
    return tuple(_offer(setting, entry, kind) for entry in entries)


def first(found: Sequence[Offer], language: str | None) -> tuple[int, str | None]:
    """Which of them serves a language, and its own tag for it; the first where no language is known.

    Raises `EngineError` (`not_served`).
    """
    if language is None:
        return 0, None
    for at, offer in enumerate(found):
        if tag := offer.tag(language):
            return at, tag
    raise EngineError("not_served", f"No plugin is set up for {language.split('-', maxsplit=1)[0]}.")


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Discreet(logging.Filter):
    """Leaves of what others log only who logged and how bad it was: libraries repeat texts in their messages."""

    def filter(self, record: logging.LogRecord) -> bool:
        # What the worker's own library says of rooms and jobs is for operators, and holds no speech.
        jobs = record.name == "livekit.agents" and record.levelno == logging.INFO
        if jobs or record.name.split(".")[0] in OURS:
            return True
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        record.msg, record.args = f"{kind or 'something'} in {record.funcName}; its words are not written here", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return record.levelno >= logging.WARNING


def bad(setting: str, what: str) -> SettingsError:
    return SettingsError("bad_settings", f"{setting}: {what.rstrip('.')}.")


def _offer(setting: str, entry: str, kind: str) -> Offer:
    tags, _, plugin = entry.partition("=")
    name, _, query = plugin.partition("?")
    languages = tuple(tag.strip() for tag in tags.split(",") if tag.strip())
    if not languages or not all(map(is_tag, languages)) or not _NAME.fullmatch(name):
        raise bad(setting, f"{entry.partition('?')[0]} is not LANGUAGES=PLUGIN?OPTIONS, like {EXAMPLE[kind]}")
    module, path = _module(setting, name)
    make = _found(setting, module, path, kind)
    variants = _variants(setting, name, make, query)
    return Offer(setting, tuple(map(langcodes.standardize_tag, languages)), name, _package(module), make, variants)


def is_tag(tag: str) -> bool:
    """Whether it is a language; `multi` and the like are none."""
    return is_shaped(tag) and langcodes.tag_is_valid(tag)


def _module(setting: str, name: str) -> tuple[ModuleType, str]:
    parts = _NAME.fullmatch(name)
    assert parts  # noqa: S101  looked at before
    module = parts["module"] or f"livekit.plugins.{parts['plugin']}"
    try:
        return import_module(module), parts["path"]
    except ModuleNotFoundError as error:
        lacking = _package_name(module) if module.startswith(str(error.name)) else str(error.name)
        raise bad(setting, f"{name} needs {lacking}, which is not installed") from None
    except (ImportError, RuntimeError) as error:
        raise bad(setting, f"{module} cannot be imported: {error}") from None


def _found(setting: str, module: ModuleType, path: str, kind: str) -> Callable[..., Any]:
    found: Any = module
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        known = ", ".join(sorted(name for name in vars(module) if kind in name)) or "nothing of that kind"
        raise bad(setting, f"{module.__name__} has no {path}; it has {known}")
    return found  # type: ignore[no-any-return]


def _variants(setting: str, name: str, make: Callable[..., Any], query: str) -> tuple[Mapping[str, Any], ...]:
    """The options, as the types that the plugin says; several where one that is no list is given several times."""
    known = _parameters(make)
    given: dict[str, list[str]] = {}
    for option, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(option, []).append(value)
    if unknown := given.keys() - known.keys():
        takes = ", ".join(option for option in known if not SECRET.search(option))
        raise bad(setting, f"{name} has no option {sorted(unknown)[0]}; it has {takes}")
    for option, values in given.items():
        if SECRET.search(option) or any(_tells_a_secret(value) for value in values):
            raise bad(setting, f"{option} holds a secret, which belongs in the plugin's own environment variable")
    typed = {option: _typed(setting, option, values, known[option]) for option, values in given.items()}
    several = max((len(values) for values in typed.values()), default=1)
    if len({len(values) for values in typed.values()} - {1}) > 1:
        raise bad(setting, f"{name} is given options several times, but not all of these equally often")
    return tuple({option: values[at % len(values)] for option, values in typed.items()} for at in range(several))


def _tells_a_secret(value: str) -> bool:
    address = urlsplit(value) if "://" in value else None
    return bool(address and (address.username or address.password))


def _typed(setting: str, option: str, values: Sequence[str], parameter: inspect.Parameter) -> list[Any]:
    """Each value as the option's type; a list, where only a list will do or where it may be one, as one value."""
    written = str(parameter.annotation)
    names = set(re.findall(r"\w+", _LISTS.sub("", written)))
    if _LISTS.search(written) and ("str" not in names or len(values) > 1):
        return [list(values)]
    try:
        return [_scalar(value, names) for value in values]
    except (ValueError, KeyError):
        wanted = "true or false" if "bool" in names else "a number"
        raise bad(setting, f"the option {option} is {wanted}") from None


def _scalar(value: str, names: set[str]) -> Any:
    if "str" in names:
        return value
    if "bool" in names:
        return {"true": True, "false": False}[value.lower()]
    if "float" in names:
        return float(value)
    return int(value) if "int" in names else value


def _parameters(make: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: one for name, one in inspect.signature(make).parameters.items() if one.kind in named}


def _package(module: ModuleType) -> str:
    return _package_name(module.__name__)


def _package_name(module: str) -> str:
    parts = module.split(".")
    if parts[:2] == ["livekit", "plugins"]:
        return "-".join(["livekit-plugins", *parts[2:3]]).replace("_", "-")
    return parts[0]
