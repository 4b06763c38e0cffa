"""Measures every chain of translators between languages of a parallel text, and writes the table of the best ones.

    python -m tests.bench.translation --data FILE.tsv

chrF (sacrebleu's chrF2) over whole sentences; ms are the wall time of a sentence through the whole chain.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import datetime
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import langcodes
import sacrebleu

from agent.engines import load
from agent.engines.routes import ENGINES, TABLE, Engine
from agent.errors import EngineError
from agent.settings import Settings

HOPS = 3
"""The longest chain."""
KEPT = 3
"""Chains that stand in the table for a pair: the later ones serve where an engine is missing or fails."""
SHARE_RELATED, SHARE_ENGLISH = 0.75, 0.45
"""What a hop that nobody can measure here is taken to keep: as the measured ones between Romance languages do (en>pt>es
against en>pt), and as those from and into English by rules."""

Chain = tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a TSV file with a column a language")
    parser.add_argument("--sentences", type=int, default=60, help="how many, spread evenly over the file")
    parser.add_argument("--write", type=Path, default=TABLE)
    asked = parser.parse_args()
    table, shown = asyncio.run(measure(asked.data, asked.sentences))
    asked.write.write_text(laid_out(table))
    print(f"\n{shown}\n\n{len(table['pairs'])} pairs written to {asked.write.name}")


async def measure(data: Path, count: int) -> tuple[dict[str, Any], str]:
    """Measure all there is: the table, and the best figures as a matrix."""
    texts = read(data, count)
    engines = there()
    hops = {f"{name} {pair}" for name, engine in engines.items() for pair in engine.served().languages}
    pairs: dict[str, list[dict[str, Any]]] = {}
    for source in texts:
        for chain, made, ms in [one async for one in walk(engines, hops, source, texts)]:
            target = chain[-1].split(">")[-1]
            chrf = round(sacrebleu.corpus_chrf(made, [texts[target]]).score, 1)
            pairs.setdefault(f"{source}>{target}", []).append({"route": chain, "chrf": chrf, "ms": round(ms, 1)})
            print(f"{source}>{target} {chrf:5.1f} {ms:6.1f} ms  {', '.join(chain)}", flush=True)
    kept = {pair: best(routes) for pair, routes in pairs.items()}
    kept |= unmeasured(hops, kept, set(texts))
    table = {
        "about": "The best chains of each pair, best first; null where there is no text to measure with.",
        "command": f"python -m tests.bench.translation --data {data.name} --sentences {count}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "pairs": dict(sorted(kept.items())),
    }
    return table, matrix(kept, [*texts])


def read(data: Path, count: int) -> dict[str, list[str]]:
    with data.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = rows[:: max(1, len(rows) // count)][:count]
    columns = [name for name in rows[0] if name != "line"]
    return {langcodes.standardize_tag(name): [row[name] for row in rows] for name in columns}


def there() -> dict[str, Engine]:
    """The translators that this machine has."""
    found = {}
    for name in ENGINES:
        try:
            found[name] = load("translate", name, Settings())
        except (ImportError, EngineError) as error:
            print(f"{name} is not measured: {error}")
    return found


async def walk(engines: Mapping[str, Engine], hops: set[str], source: str, texts: Mapping[str, Sequence[str]]) -> Any:
    """Every chain from a language to the others, its translations and ms a sentence; each prefix is made once."""
    waiting: list[tuple[Chain, Sequence[str], float]] = [((), texts[source], 0.0)]
    while waiting:
        chain, sentences, spent = waiting.pop(0)
        for hop in onward(hops, source, chain):
            name, pair = hop.split()
            before, after = pair.split(">")
            if after not in texts:
                continue
            made, took = [], []
            for sentence in sentences:
                begun = time.perf_counter()
                made.append((await engines[name].translate(sentence, before, [after]))[after].text)
                took.append((time.perf_counter() - begun) * 1000)
            ms = spent + statistics.median(took)
            yield (*chain, hop), made, ms
            if len(chain) + 1 < HOPS:
                waiting.append(((*chain, hop), made, ms))


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


if __name__ == "__main__":
    main()
