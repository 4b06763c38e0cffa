"""What the redactor finds of the set that ships with the tests: `python -m bench.redaction`.

A value counts as found where one kind's marks cover it whole; a mark is wrong where no value of its kind stands, or
where it takes more than a word too much.

With `--heard N`, N spoken sentences of each kind and language are said by eSpeak NG and written down by Whisper, and
what is found in what was heard is counted; a minute and a half for each N on two busy cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.nouns import Segment
from agent.vault.redaction import Found, Kind, Thread

from .redaction_heard import heard
from .redaction_set import FOLDER, LANGUAGES, redactors

STRUCTURED = tuple(kind for kind in Kind if kind not in {Kind.name, Kind.custom})
"""What has a form of its own: a checksum, a plan, signs."""
TOO_MUCH = 12
"""Characters beyond a value's ends, both together, at which a mark is wrong."""


@dataclass
class Tally:
    """Values found and missed, marks that are wrong."""

    right: int = 0
    missed: int = 0
    wrong: int = 0
    misses: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def f2(self) -> float:
        bottom = 4 * self.precision + self.recall
        return 5 * self.precision * self.recall / bottom if bottom else 0.0

    def add(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.missed + other.missed, self.wrong + other.wrong)


@dataclass
class Result:
    """The tallies by kind, language and form; wrong marks in sentences without a value have the form `none`."""

    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    leaks: int = 0
    """Cards of which a digit was left."""
    milliseconds: list[float] = field(default_factory=list)

    def total(self, *, kinds: Iterable[str], languages: Iterable[str] = LANGUAGES, forms: Iterable[str]) -> Tally:
        tally = Tally()
        for kind in kinds:
            for language in languages:
                for form in forms:
                    tally = tally.add(self.tallies[kind, language, form])
        return tally


def rows(half: str | None = None, folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    for language in LANGUAGES:
        for line in (folder / f"{language}.jsonl").read_text().splitlines():
            row = json.loads(line)
            if half is None or row["half"] == half:
                yield row


def measured(sentences: Iterable[dict[str, Any]]) -> Result:
    result, by = Result(), redactors()
    for row in sentences:
        begun = time.thread_time()
        found = by[row["language"]].find(row["text"], row["language"])
        result.milliseconds.append((time.thread_time() - begun) * 1000)
        judge(result, row, found)
    return result


def judge(result: Result, row: dict[str, Any], found: Sequence[Found]) -> None:
    language, form, text = row["language"], row["form"], row["text"]
    unclaimed = list(found)
    for start, end, kind in row["spans"]:
        covered = {at for one in found if one.kind == kind for at in range(one.start, one.end)}
        tally = result.tallies[kind, language, form]
        if all(at in covered for at in range(start, end) if text[at].isalnum()):
            tally.right += 1
        else:
            tally.missed += 1
            tally.misses.append(text)
        if kind == "card" and any(
            text[at].isalnum() and not any(o.start <= at < o.end for o in found) for at in range(start, end)
        ):
            result.leaks += 1
        unclaimed = [one for one in unclaimed if one.kind != kind or not fits(one, start, end)]
    for one in unclaimed:
        tally = result.tallies[one.kind.value, language, form]
        tally.wrong += 1
        tally.misses.append(f"[{text[one.start : one.end]}] in {text}")


def fits(one: Found, start: int, end: int) -> bool:
    excess = max(0, start - one.start) + max(0, one.end - end)
    return one.start < end and start < one.end and excess <= TOO_MUCH


def threaded(sentences: Sequence[dict[str, Any]]) -> list[float]:
    """Milliseconds of a processor that each segment takes with a full window, one voice saying all of a language."""
    taken: list[float] = []
    for language, redactor in redactors().items():
        thread = Thread(redactor)
        for at, row in enumerate(one for one in sentences if one["language"] == language):
            segment = Segment(str(at), 1, "t", language, row["text"], 6.0 * at, 6.0 * at + 5, "bench")
            begun = time.thread_time()
            thread.settle(segment)
            taken.append((time.thread_time() - begun) * 1000)
    return taken


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def table(result: Result) -> Iterator[str]:
    """Recall written / recall spoken, then precision and F2 of both forms, and of the sentences without a value."""
    yield "| kind | " + " | ".join(LANGUAGES) + " | precision | F2 |"
    yield "|---|" + "---|" * (len(LANGUAGES) + 2)
    for kind in Kind:
        cells = [
            " / ".join(
                f"{result.total(kinds=[kind], languages=[language], forms=[form]).recall:.2f}"
                for form in ("written", "spoken")
            )
            for language in LANGUAGES
        ]
        both = result.total(kinds=[kind], forms=("written", "spoken", "none"))
        yield f"| {kind} | {' | '.join(cells)} | {both.precision:.2f} | {both.f2:.2f} |"


def languages_table(result: Result) -> Iterator[str]:
    yield "| | " + " | ".join(LANGUAGES) + " |"
    yield "|---|" + "---|" * len(LANGUAGES)
    for title, forms in (("written", ("written",)), ("spoken", ("spoken",))):
        tallies = [result.total(kinds=Kind, languages=[language], forms=forms) for language in LANGUAGES]
        yield f"| {title}: recall | {' | '.join(f'{one.recall:.3f}' for one in tallies)} |"
        yield f"| {title}: precision | {' | '.join(f'{one.precision:.3f}' for one in tallies)} |"
        yield f"| {title}: F2 | {' | '.join(f'{one.f2:.3f}' for one in tallies)} |"
    wrong = [str(result.total(kinds=Kind, languages=[language], forms=["none"]).wrong) for language in LANGUAGES]
    yield f"| marks in sentences with nothing to find | {' | '.join(wrong)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tuned", "held out"), default="held out")
    parser.add_argument("--heard", type=int, metavar="N", help="say N spoken sentences of each kind and language")
    parser.add_argument("--misses", action="store_true", help="print every sentence that went wrong")
    asked = parser.parse_args()
    sentences = list(rows(asked.half))
    if asked.heard:
        asyncio.run(heard(sentences, asked.heard, show=asked.misses))
        return
    result = measured(sentences)
    print(f"{len(sentences)} sentences, {asked.half}")
    print("\n".join(table(result)), end="\n\n")
    print("\n".join(languages_table(result)), end="\n\n")
    for form in ("written", "spoken"):
        both = result.total(kinds=STRUCTURED, forms=[form])
        print(f"structured identifiers, {form}: {both.right} of {both.right + both.missed}, recall {both.recall:.4f}")
    print(f"full cards of which a digit was left: {result.leaks}")
    taken = threaded(sentences)
    print(
        f"milliseconds of a processor, one text: p95 {p95(result.milliseconds):.1f}; "
        f"with a window: p95 {p95(taken):.1f}, most {max(taken):.1f}"
    )
    if asked.misses:
        for (kind, language, form), tally in sorted(result.tallies.items()):
            for text in tally.misses:
                print(f"{kind} {language} {form}: {text}")


if __name__ == "__main__":
    main()
