"""What more languages cost: all of them in one call of the model, against a call for each. Compute only.

    python -m bench.fanout --write fanout.json

The model has NLLB-200's shape (600 M parameters, a vocabulary of 256,206, int8) and random weights; every answer is
made exactly `--out` tokens long, as its text can mean nothing. Beam and guards are the engine's own. Each pair of ways
is timed in the order A B B A, so that a machine that slows down slows both; what is told is the median of the rounds,
and the ratios are within a round.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.engines.translate.batch_translation import REPEATS, WIDTH, beam, opened
from tests.models.nllb import build
from tests.models.transformer import Shape

NLLB = Shape(size=1_024, heads=16, layers=12, inner=4_096, positions=1_024)
WORDS = 256_206
LANGUAGES = "1,2,4,8,12"
GOAL = 2.0
"""Times of one language that eight may take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--languages", default=LANGUAGES, help="how many, comma-separated; 8 among them")
    parser.add_argument("--rounds", type=int, default=2, help="of A B B A")
    parser.add_argument("--sentence", type=int, default=14, help="tokens of the source")
    parser.add_argument("--out", type=int, default=16, help="tokens of each answer")
    parser.add_argument("--beam", type=int, help="the engine's own on this device, unless said")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="the tests' own small model: whether it runs, no more")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        model = opened(build(where) if asked.small else build(where, shape=NLLB, words=WORDS), asked.threads)
        asked.beam = asked.beam or beam(model, 1)
        rows = [measured(model, int(count), asked) for count in asked.languages.split(",")]
    result = laid_out(rows, asked, model)
    print(table(result))
    if asked.write:
        asked.write.write_text(json.dumps(result, indent=2) + "\n")


def measured(model: Any, count: int, asked: argparse.Namespace) -> dict[str, Any]:
    """So many languages, in one call (A) and in a call each (B); and one language, to hold them against."""

    def one() -> None:
        translate(model, 1, asked)

    def together() -> None:
        translate(model, count, asked)

    def apart() -> None:
        for _ in range(count):
            translate(model, 1, asked)

    together()  # the first of a size takes its memory
    rounds = [abba(together, apart) for _ in range(asked.rounds)]
    singles = [abba(together, one) for _ in range(asked.rounds)]
    row = {
        "languages": count,
        "together_ms": spread([a for a, _ in rounds + singles]),
        "apart_ms": spread([b for _, b in rounds]),
        "together_to_apart": spread([a / b for a, b in rounds], 3),
        "together_to_one": spread([a / b for a, b in singles], 3),
    }
    print(row, flush=True)
    return row


def abba(a: Callable[[], None], b: Callable[[], None]) -> tuple[float, float]:
    """Milliseconds of each, the mean of two runs in the order A B B A."""
    first, second, third, fourth = (timed(run) for run in (a, b, b, a))
    return (first + fourth) / 2, (second + third) / 2


def timed(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return (time.perf_counter() - begun) * 1000


def translate(model: Any, count: int, asked: argparse.Namespace) -> None:
    """One sentence into so many languages: that they are one and the same changes no time."""
    source = ["eng_Latn", *(f"<filler_{1_000 + at}>" for at in range(asked.sentence)), "</s>"]
    if asked.small:
        source = ["eng_Latn", *["▁"] * asked.sentence, "</s>"]
    model.translate_batch(
        [source] * count,
        target_prefix=[["spa_Latn"]] * count,
        max_batch_size=WIDTH,
        beam_size=asked.beam,
        min_decoding_length=asked.out,
        max_decoding_length=asked.out,
        no_repeat_ngram_size=REPEATS,
        disable_unk=True,
    )


def spread(values: Sequence[float], digits: int = 1) -> list[float]:
    """The median, the least and the most."""
    return [round(value, digits) for value in (statistics.median(values), min(values), max(values))]


def laid_out(rows: Sequence[dict[str, Any]], asked: argparse.Namespace, model: Any) -> dict[str, Any]:
    eight = next(row for row in rows if row["languages"] == 8)["together_to_one"]
    settings = {name: value for name, value in vars(asked).items() if name != "write"}
    return {
        "about": "compute only: random weights, answers of a fixed length",
        "machine": f"{platform.machine()}, {model.device}, {model.compute_type}",
        "settings": settings,
        "goal": f"8 languages in {GOAL} times the time of one",
        "reached": eight[0] <= GOAL,
        "rows": list(rows),
    }


def table(result: dict[str, Any]) -> str:
    lines = [
        "| languages | one call, ms | a call each, ms | one call to a call each | to one language alone |",
        "|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        cells = [str(row["languages"])]
        cells += [_cell(row[key]) for key in ("together_ms", "apart_ms", "together_to_apart", "together_to_one")]
        lines.append(f"| {' | '.join(cells)} |")
    met = "reached" if result["reached"] else "missed"
    return "\n".join([*lines, "", f"{result['goal']}: {met}. {result['about']}; {result['machine']}."])


def _cell(values: Sequence[float]) -> str:
    middle, least, most = values
    return f"{middle:g} ({least:g} to {most:g})"


if __name__ == "__main__":
    main()
