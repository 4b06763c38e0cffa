"""Ranks chains of translators on a parallel text, and writes the table of the best ones that routes go by.

chrF (sacrebleu's chrF2) over whole sentences; ms are the wall time of a sentence through the whole chain. Of the chains
of a length that reach a language only the best go on from there, so that engines which know every pair are measured in
bounded time.
"""

from __future__ import annotations

import asyncio
import csv
import datetime
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import langcodes
import sacrebleu
from langcodes.tag_parser import LanguageTagError

from ...errors import EngineError, ModelError
from ...settings import Settings
from .. import LoadedTranslator
from ..table import load
from ..translate.routes import ENGINES, TABLE

HOPS = 3
"""The longest chain."""
BREADTH = 3
"""Chains of a length to a language that go on from there."""
TRIES = 3
"""How often a sentence is asked for where an engine fails that may be asked again."""
KEPT = 3
"""Chains that stand in the table for a pair: the later ones serve where an engine is missing or fails."""
SHARE_RELATED, SHARE_ENGLISH = 0.75, 0.45
"""What a hop that nobody can measure here is taken to keep: as the measured ones between Romance languages do (en>pt>es
against en>pt), and as those from and into English by rules."""

Chain = tuple[str, ...]
Say = Callable[[str], None]
"""Tells whoever waits how far it is, a line at a time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured. With `languages` or `engines` only those are, and the rest of the table stays."""

    data: Path
    """A TSV file with a column a language, named by its tag."""
    sentences: int = 60
    """How many, spread evenly over the file."""
    languages: Collection[str] = ()
    engines: Sequence[str] = ENGINES
    into: Path = TABLE

    @property
    def command(self) -> str:
        return f"python -m agent.engines models measure --data {self.data.name} --sentences {self.sentences}"


def rank(asked: Asked, settings: Settings, say: Say) -> None:
    """Measure, and write the table. Raises `ModelError` where there is nothing to measure, or nothing to measure with.

    The table is written when all was measured: one that is broken off leaves it as it was.
    """
    if unknown := [name for name in asked.engines if name not in ENGINES]:
        raise ModelError("unknown_model", f"There is no translator {unknown[0]}; there are {', '.join(ENGINES)}.")
    texts = read(asked.data, asked.sentences)
    columns = {tag: text for tag, text in texts.items() if not asked.languages or tag in asked.languages}
    if len(columns) < 2:
        raise ModelError("no_text", f"{asked.data} has not two of the languages: there is nothing to translate into.")
    pairs = asyncio.run(_with_those_here(asked.engines, settings, columns, say))
    say(f"\n{matrix(pairs, [*columns])}\n")
    whole = columns == texts and tuple(asked.engines) == ENGINES
    known = table(pairs, asked.command) if whole else amended(json.loads(TABLE.read_text()), pairs)
    try:
        asked.into.write_text(laid_out(known))
    except OSError as error:
        raise ModelError("cannot_write", f"{asked.into} can't be written ({error.strerror}).") from None
    say(f"{len(pairs)} pairs written to {asked.into}")


async def _with_those_here(
    names: Sequence[str], settings: Settings, texts: Mapping[str, Sequence[str]], say: Say
) -> dict[str, list[dict[str, Any]]]:
    engines = there(names, settings, say)
    if not engines:
        raise ModelError("not_here", f"Not one of {', '.join(names)} is here: there is nothing to measure.")
    try:
        return await measure(engines, texts, say)
    finally:
        for engine in engines.values():
            await engine.close()


async def measure(
    engines: Mapping[str, LoadedTranslator], texts: Mapping[str, Sequence[str]], say: Say
) -> dict[str, list[dict[str, Any]]]:
    """The best chains of each pair, those that nobody can measure here among them."""
    hops = {f"{name} {pair}" for name, engine in engines.items() for pair in engine.served().languages}
    pairs: dict[str, list[dict[str, Any]]] = {}
    for source in texts:
        async for way in walk(engines, hops, source, texts, say):
            pair = f"{source}>{way.at}"
            pairs.setdefault(pair, []).append({"route": way.chain, "chrf": way.chrf, "ms": round(way.ms, 1)})
            say(f"{pair} {way.chrf:5.1f} {way.ms:6.1f} ms  {', '.join(way.chain)}")
    kept = {pair: best(routes) for pair, routes in pairs.items()}
    return kept | unmeasured(hops, kept, set(texts))


def table(pairs: Mapping[str, Any], command: str) -> dict[str, Any]:
    """A table of its own."""
    return {
        "about": "The best chains of each pair, best first; null where there is no text to measure with.",
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "pairs": dict(sorted(pairs.items())),
    }


def amended(known: Mapping[str, Any], pairs: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """A table with the chains that were measured now in the place of what was known of the same chains."""
    measured = {pair: [route for route in routes if route["chrf"] is not None] for pair, routes in pairs.items()}
    new = {pair: best(_each_once([*routes, *_measured(known, pair)])) for pair, routes in measured.items() if routes}
    return {**known, "pairs": dict(sorted({**known["pairs"], **new}.items()))}


def _measured(known: Mapping[str, Any], pair: str) -> list[dict[str, Any]]:
    return [route for route in known["pairs"].get(pair, ()) if route["chrf"] is not None]


def _each_once(routes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*{tuple(route["route"]): route for route in reversed(routes)}.values()]


def read(data: Path, count: int) -> dict[str, list[str]]:
    """The sentences of each language. Raises `ModelError` (`no_text`) where the file is no parallel text."""
    try:
        with data.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ModelError("no_text", f"{data} can't be read ({error}).") from None
    if torn := [number for number, row in enumerate(rows, start=2) if None in row or None in row.values()]:
        raise ModelError("no_text", f"Line {torn[0]} of {data} has not as many columns as the first.")
    rows = rows[:: max(1, len(rows) // count)][:count]
    columns = [name for name in (rows[0] if rows else ()) if name != "line"]
    return {_tag(name, data): [row[name] for row in rows] for name in columns}


def _tag(column: str, data: Path) -> str:
    try:
        return langcodes.standardize_tag(column)
    except LanguageTagError:
        raise ModelError("no_text", f"The column {column} of {data} is not named by a language's tag.") from None


def there(names: Sequence[str], settings: Settings, say: Say) -> dict[str, LoadedTranslator]:
    """Those of the translators that this machine has the models of."""
    found = {}
    for name in names:
        try:
            found[name] = load("translate", name, settings)
        except (ImportError, EngineError) as error:
            say(f"{name} is not measured: {error}")
    return found


@dataclass(frozen=True, slots=True)
class Way:
    """A chain that was walked: where it leads, what it made of the sentences, chrF, and ms a sentence."""

    chain: Chain
    at: str
    made: Sequence[str]
    chrf: float
    ms: float


async def walk(
    engines: Mapping[str, LoadedTranslator], hops: set[str], source: str, texts: Mapping[str, Sequence[str]], say: Say
) -> AsyncIterator[Way]:
    """Chains from a language to the others, the shorter ones first; the best ones of a length to a language go on."""
    ends = [Way((), source, texts[source], 100.0, 0.0)]
    for _ in range(HOPS):
        reached: list[Way] = []
        for way in ends:
            for hop in onward(hops, source, way.chain):
                if hop.split(">")[-1] in texts and (further := await gone(engines, way, hop, texts, say)):
                    reached.append(further)
                    yield further
        ends = promising(reached)


def promising(reached: Sequence[Way]) -> list[Way]:
    """The best `BREADTH` to each language."""
    by: dict[str, list[Way]] = {}
    for way in sorted(reached, key=lambda way: -way.chrf):
        by.setdefault(way.at, []).append(way)
    return [way for ways in by.values() for way in ways[:BREADTH]]


async def gone(
    engines: Mapping[str, LoadedTranslator], way: Way, hop: str, texts: Mapping[str, Sequence[str]], say: Say
) -> Way | None:
    """One hop further; None where the engine failed for good, which is said."""
    name, pair = hop.split()
    before, after = pair.split(">")
    made, took = [], []
    try:
        for sentence in way.made:
            begun = time.perf_counter()
            made.append(await asked(engines[name], sentence, before, after))
            took.append((time.perf_counter() - begun) * 1000)
    except EngineError as error:
        say(f"{', '.join((*way.chain, hop))} is not measured: {error.code}")
        return None
    chrf = round(sacrebleu.corpus_chrf(made, [texts[after]]).score, 1)
    return Way((*way.chain, hop), after, made, chrf, way.ms + statistics.median(took))


async def asked(engine: LoadedTranslator, sentence: str, before: str, after: str) -> str:
    """A translation. Raises `EngineError` where the engine fails for good, or `TRIES` times."""
    for _ in range(TRIES - 1):
        try:
            return (await engine.translate(sentence, before, [after]))[after].text
        except EngineError as error:
            if not error.retryable:
                raise
    return (await engine.translate(sentence, before, [after]))[after].text


def onward(hops: set[str], source: str, chain: Chain) -> Iterator[str]:
    """Hops that lead on from a chain to a language where it has not been."""
    at = chain[-1].split(">")[-1] if chain else source
    been = {source, *(hop.split(">")[-1] for hop in chain)}
    for hop in sorted(hops):
        before, after = hop.split()[1].split(">")
        if before == at and after not in been:
            yield hop


def best(routes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The best chains, the shorter of equals first, and the best one without each of the engines."""
    ranked = sorted(routes, key=lambda route: (-route["chrf"], len(route["route"])))
    kept = ranked[:KEPT]
    for name in ENGINES:
        without = [route for route in ranked if not any(hop.startswith(f"{name} ") for hop in route["route"])]
        kept += [route for route in without[:1] if route not in kept]
    return kept


def unmeasured(
    hops: set[str], measured: Mapping[str, Sequence[dict[str, Any]]], known: set[str]
) -> dict[str, list[dict[str, Any]]]:
    """Chains to and from languages that the text has not: one hop beyond the best measured chain."""
    found: dict[str, list[tuple[float, Chain]]] = {}
    for hop in sorted(hops):
        before, after = hop.split()[1].split(">")
        share = SHARE_ENGLISH if "en" in (before, after) else SHARE_RELATED
        if before in known and after not in known:
            found.setdefault(f"{before}>{after}", []).append((share, (hop,)))
            for pair, routes in measured.items():
                if pair.endswith(f">{before}") and len(routes[0]["route"]) < HOPS:
                    value = routes[0]["chrf"] / 100 * share
                    found.setdefault(f"{pair.split('>')[0]}>{after}", []).append((value, (*routes[0]["route"], hop)))
        if after in known and before not in known:
            found.setdefault(f"{before}>{after}", []).append((share, (hop,)))
            for pair, routes in measured.items():
                if pair.startswith(f"{after}>") and len(routes[0]["route"]) < HOPS:
                    value = routes[0]["chrf"] / 100 * share
                    found.setdefault(f"{before}>{pair.split('>')[1]}", []).append((value, (hop, *routes[0]["route"])))
    return {
        pair: [{"route": chain, "chrf": None, "ms": None} for _, chain in sorted(routes, reverse=True)[:KEPT]]
        for pair, routes in found.items()
    }


def laid_out(table: Mapping[str, Any]) -> str:
    """JSON with a line for each route, so that a new measurement reads well as a difference."""
    pairs = ",\n".join(
        f"    {json.dumps(pair)}: [\n" + ",\n".join(f"      {json.dumps(route)}" for route in routes) + "\n    ]"
        for pair, routes in table["pairs"].items()
    )
    head = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in table.items() if key != "pairs")
    return f'{{\n{head}  "pairs": {{\n{pairs}\n  }}\n}}\n'


def matrix(kept: Mapping[str, Sequence[dict[str, Any]]], tags: Sequence[str]) -> str:
    """The best figure of each pair: a row a source, a column a target."""
    rows = [["from \\ to", *tags], ["---"] * (len(tags) + 1)]
    for source in tags:
        rows.append([source, *(_cell(kept, source, target) for target in tags)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(kept: Mapping[str, Sequence[dict[str, Any]]], source: str, target: str) -> str:
    routes = kept.get(f"{source}>{target}")
    return "" if source == target else f"{routes[0]['chrf']:.1f}" if routes else "none"
