"""What is found in sentences that a voice said and a recognizer wrote down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from agent.engines.table import load
from agent.settings import read
from agent.vault.redaction import Kind
from agent.vault.redaction.reading import spoken

from .redaction_set import LANGUAGES, redactors
from .voices import at_16k, uttered

LEFT = 5
"""Digits of a value in a row that must not be left in the masked text."""


async def heard(sentences: Sequence[dict[str, Any]], each: int, *, show: bool) -> None:
    """Say some sentences of each kind and language, hear them, and print how many of the values are masked."""
    settings = read()
    ear, voice, by = load("recognise", "whisper", settings), load("speak", "espeak", settings), redactors()
    counted: Counter[tuple[str, str, str]] = Counter()
    for row in chosen(sentences, each):
        language, kind = row["language"], row["kind"]
        _, _, pcm, rate, _ = await uttered(voice, row["text"], language)
        words = (await ear.transcribe(at_16k(pcm, rate), language, final=True)).words
        text = " ".join(word.text for word in words)
        made, found = by[language].mask(text, language)
        rest = left(row, made)
        masked = any(one.kind == kind for one in found) and not rest
        counted[kind, language, "all"] += 1
        counted[kind, language, "masked"] += masked
        counted[kind, language, "left"] += rest
        if show and (rest or not masked):
            print(f"{kind} {language}: {row['text']}\n    heard: {text}\n    masked: {made}")
    await voice.close()
    print("\n".join(table(counted)))


def chosen(sentences: Sequence[dict[str, Any]], each: int) -> Iterator[dict[str, Any]]:
    spoken_ones = [row for row in sentences if row["form"] == "spoken"]
    for _, rows in groupby(spoken_ones, key=lambda row: (row["language"], row["kind"])):
        yield from list(rows)[:each]


def left(row: dict[str, Any], made: str) -> bool:
    """Whether digits of the value stand in the masked text."""
    [[start, end, _]] = row["spans"]
    value, rest = (re.sub(r"\D", "", spoken(t, row["language"]).plain) for t in (row["text"][start:end], made))
    return any(value[at : at + LEFT] in rest for at in range(len(value) - LEFT + 1))


def table(counted: Counter[tuple[str, str, str]]) -> Iterator[str]:
    yield f"| kind | {' | '.join(LANGUAGES)} | digits left |"
    yield "|---|" + "---|" * (len(LANGUAGES) + 1)
    for kind in Kind:
        cells = [f"{counted[kind, tag, 'masked']} of {counted[kind, tag, 'all']}" for tag in LANGUAGES]
        rest = sum(counted[kind, tag, "left"] for tag in LANGUAGES)
        yield f"| {kind} | {' | '.join(cells)} | {rest} |"
