"""A translator made of translators: every pair takes the chain of engines that measured best."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import langcodes
from langcodes.tag_parser import LanguageTagError

from ...errors import EngineError
from ...languages import base
from ...settings import Settings
from .. import LoadedTranslator, Served, TextRequest, Translation
from ..table import load as load_engine

log = logging.getLogger(__name__)

ENGINES = ("bergamot", "firefox", "madlad", "opus", "apertium", "nllb")
"""Those that are asked for. Where nobody measured a pair, the first of them that knows it takes it."""
AROUND_ENGLISH = ("bergamot", "firefox", "opus")
"""Engines of a model a direction, most of them into English or out of it: two such hops make a pair that has none."""
HUB = "en"
WIDTH = 2
"""Calls at a time, so that the quick engines need not wait for the slow ones."""
CALLED = {
    "firefox": "Models of Firefox Translations",
    "madlad": "MADLAD-400 weights",
    "opus": "Opus-MT models",
    "nllb": "NLLB-200 weights",
}
"""What an operator put there, as it is told."""
TABLE = Path(__file__).with_name("routes.json")
"""Written by `python -m agent.engines models measure`."""


Answers = Sequence[Mapping[str, Translation] | EngineError]


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
    engines: dict[str, LoadedTranslator] = {}
    for name in ENGINES:
        try:
            engines[name] = load_engine("translate", name, settings)
        except (ImportError, EngineError) as error:
            log.info("%s is not here: %s", name, error.message if isinstance(error, EngineError) else error)
    if not engines:
        raise EngineError("engine_failed", f"Not one of {', '.join(ENGINES)} is installed.")
    return Routes(engines, read(TABLE))


def read(path: Path) -> Mapping[str, Sequence[Route]]:
    """The routes of every pair, best first."""
    pairs = json.loads(path.read_text())["pairs"]
    return {pair: [Route(tuple(one["route"]), one["chrf"]) for one in routes] for pair, routes in pairs.items()}


class Routes(LoadedTranslator):
    """A translator over others. Hops that targets share are made once, all others at the same time.

    Behind the routes that were measured for a pair come the engines that know it, in the order of `ENGINES`, and
    behind these a way through English.
    """

    def __init__(self, engines: Mapping[str, LoadedTranslator], table: Mapping[str, Sequence[Route]]) -> None:
        self._engines = engines
        here = {f"{name} {pair}" for name, engine in engines.items() for pair in engine.served().languages}
        found = {pair: [route for route in routes if here.issuperset(route.hops)] for pair, routes in table.items()}
        usable = {pair: routes for pair, routes in found.items() if routes}
        direct: dict[str, list[Route]] = {}
        for hop in sorted(here, key=_place):
            direct.setdefault(hop.split()[1], []).append(Route((hop,)))
        self._routes = {pair: _each_once([*usable.get(pair, []), *direct.get(pair, [])]) for pair in [*direct, *usable]}
        for pair, route in _through_english(direct).items():
            self._routes.setdefault(pair, [route])
        # Several texts in one call only where an engine takes batches: the others gain nothing by it, and the quick
        # would wait for the slow. So of several the one that takes the fewest says how many.
        self.most = min((engine.most for engine in engines.values() if engine.most > 1), default=1)
        self.width = min(engine.width or WIDTH for engine in engines.values())

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
        [made] = await self.translate_batch([TextRequest(text, source, tuple(targets), tuple(context))])
        if isinstance(made, EngineError):
            raise made
        return made

    async def translate_batch(self, requests: Sequence[TextRequest]) -> Answers:
        """See `LoadedTranslator`: what an engine is asked at one time is one batch of it."""
        async with asyncio.TaskGroup() as group:
            desks = {name: _Desk(name, engine, group) for name, engine in self._engines.items()}
            asked = [self._asked(request, _Call(desks, group, request), group) for request in requests]
        return [
            _answer(request.source, {target: task.result() for target, task in tasks.items()})
            for request, tasks in zip(requests, asked, strict=True)
        ]

    def _asked(
        self, request: TextRequest, call: _Call, group: asyncio.TaskGroup
    ) -> dict[str, asyncio.Task[Translation | EngineError]]:
        routes = {target: found for target in request.targets if (found := self._between(request.source, target))}
        return {target: group.create_task(_first(call, found)) for target, found in routes.items()}

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.close()

    def _between(self, source: str, target: str) -> Sequence[Route]:
        """Routes between two tags as they are, else in their scripts, else between their languages."""
        pairs = (f"{one}>{other}" for other in _names(target) for one in _names(source))
        return next((self._routes[pair] for pair in pairs if pair in self._routes), ())

    def _why(self) -> str:
        if known := [CALLED[name] for name in self._engines if name in CALLED]:
            others = " and ".join(name.capitalize() for name in self._engines if name not in CALLED)
            return f"{' and '.join(known)} are there" + (f"; {others} wherever they were measured" if others else "")
        if "apertium" not in self._engines:
            return "Apertium is not installed: only English and Portuguese are translated, by Bergamot's models"
        known_tags = {tag for pair in self._routes for tag in pair.split(">")}
        german = "" if "de" in known_tags else "; none of them knows German"
        if "bergamot" not in self._engines:
            return f"Only Apertium's rules are installed (no Bergamot model for this machine){german}"
        return f"Bergamot's models and Apertium's rules are installed, chained as they measured best{german}"


def _place(hop: str) -> tuple[int, str]:
    """Where a hop stands among those that nobody measured."""
    name = hop.split(maxsplit=1)[0]
    return ENGINES.index(name) if name in ENGINES else len(ENGINES), hop


def _through_english(direct: Mapping[str, Sequence[Route]]) -> dict[str, Route]:
    """Two hops for every pair of languages of which one goes into English and the other comes out of it."""
    hops = {pair: hop for pair, routes in direct.items() if (hop := _around_english(routes))}
    into = {pair.split(">")[0]: hop for pair, hop in hops.items() if pair.endswith(f">{HUB}")}
    out_of = {pair.split(">")[1]: hop for pair, hop in hops.items() if pair.startswith(f"{HUB}>")}
    return {f"{a}>{b}": Route((into[a], out_of[b])) for a in into for b in out_of if a != b}


def _around_english(routes: Sequence[Route]) -> str | None:
    return next((hop for route in routes for hop in route.hops if hop.split()[0] in AROUND_ENGLISH), None)


def _names(tag: str) -> tuple[str, ...]:
    """Under which a tag may stand in the table, from the closest: `zh-TW`, `zh-Hant`, `zh`."""
    primary = base(tag)
    try:
        script = langcodes.Language.get(tag).maximize().script
    except LanguageTagError:
        return tag, primary
    return tag, f"{primary}-{script}", primary


def _each_once(routes: Sequence[Route]) -> list[Route]:
    """Measured ones come first and are not said again."""
    found: dict[tuple[str, ...], Route] = {}
    for route in routes:
        found.setdefault(route.hops, route)
    return [*found.values()]


@dataclass(frozen=True, slots=True)
class _Hop:
    """A text that waits for an engine."""

    request: TextRequest
    made: asyncio.Future[str | EngineError] = field(repr=False)


class _Desk:
    """An engine, and what it is asked within one turn of the loop: together, where it takes that."""

    def __init__(self, name: str, engine: LoadedTranslator, group: asyncio.TaskGroup) -> None:
        self._name = name
        self._engine = engine
        self._group = group
        self._waiting: list[_Hop] = []

    async def ask(self, request: TextRequest) -> str | EngineError:
        """The text in its one target, or what went wrong."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._begin)
        hop = _Hop(request, loop.create_future())
        self._waiting.append(hop)
        return await hop.made

    def _begin(self) -> None:
        waiting, self._waiting = [hop for hop in self._waiting if not hop.made.done()], []
        if not waiting:  # whoever asked has left
            return
        if self._engine.most > 1:
            self._group.create_task(self._together(waiting))
        else:
            for hop in waiting:
                self._group.create_task(self._alone(hop))

    async def _together(self, hops: Sequence[_Hop]) -> None:
        answers: Answers
        try:
            answers = await self._engine.translate_batch([hop.request for hop in hops])
        except Exception as error:
            answers = [self._failure(error)] * len(hops)
        for hop, answer in zip(hops, answers, strict=True):
            self._settle(hop, answer)

    async def _alone(self, hop: _Hop) -> None:
        one = hop.request
        try:
            self._settle(hop, await self._engine.translate(one.text, one.source, one.targets, one.context))
        except Exception as error:
            self._settle(hop, self._failure(error))

    def _failure(self, error: Exception) -> EngineError:
        """A model's library that stumbles over one text must not take other rooms' with it."""
        if isinstance(error, EngineError):
            return error
        log.error("%s failed: %s", self._name, type(error).__name__)
        return EngineError("engine_failed", f"{self._name} failed ({type(error).__name__}).")

    def _settle(self, hop: _Hop, answer: Mapping[str, Translation] | EngineError) -> None:
        [target] = hop.request.targets
        if isinstance(answer, EngineError):
            hop.made.set_result(answer)
        elif target in answer:
            hop.made.set_result(answer[target].text)
        else:
            lost = f"{self._name} lost {hop.request.source}>{target}."
            hop.made.set_result(EngineError("engine_failed", lost))


class _Call:
    """One text on its ways: each hop is made once, however many targets need it."""

    def __init__(self, desks: Mapping[str, _Desk], group: asyncio.TaskGroup, request: TextRequest) -> None:
        self._desks = desks
        self._group = group
        self._request = request
        self._made: dict[tuple[str, ...], asyncio.Task[str | EngineError]] = {}

    async def along(self, hops: tuple[str, ...]) -> str | EngineError:
        """The text after these hops, or what went wrong."""
        if not hops:
            return self._request.text
        if hops not in self._made:
            self._made[hops] = self._group.create_task(self._hop(hops))
        return await self._made[hops]

    async def _hop(self, hops: tuple[str, ...]) -> str | EngineError:
        text = await self.along(hops[:-1])
        if isinstance(text, EngineError):
            return text
        name, pair = hops[-1].split()
        source, target = pair.split(">")
        context = () if hops[:-1] else self._request.context  # what was said before is in the first language
        return await self._desks[name].ask(TextRequest(text, source, (target,), context))


async def _first(call: _Call, routes: Sequence[Route]) -> Translation | EngineError:
    """By the first route that works."""
    made: str | EngineError = EngineError("not_served", "There is no route.")
    for route in routes:
        made = await call.along(route.hops)
        if isinstance(made, str):
            return Translation(made, route.engine)
    assert isinstance(made, EngineError)  # noqa: S101  only a failure goes on with the loop
    return made


def _answer(source: str, made: Mapping[str, Translation | EngineError]) -> Mapping[str, Translation] | EngineError:
    """What could be made; the last failure where that is nothing."""
    good = {target: one for target, one in made.items() if isinstance(one, Translation)}
    failed = {target: one for target, one in made.items() if isinstance(one, EngineError)}
    for target, failure in failed.items():
        log.warning("no route from %s to %s worked: %s", source, target, failure)
    return good if good or not failed else [*failed.values()][-1]
