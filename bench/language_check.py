"""How sure one can be of a language after a few seconds: `python -m bench.language_check --data DIR`.

Stretches with `--seconds` of speech are cut from each recording, as `agent/recognition/language_check.py` cuts them,
and heard without a language. For each probability of `--from` the table tells of how many looks the language found was
that sure and right, and of how many it was that sure and wrong: the latter is how often a look would doubt a speaker
in error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.engines.recognise.whisper import Whisper
from agent.languages import alike
from agent.nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk
from agent.recognition import language_check
from agent.recognition.language_check import LanguageCheck
from agent.recognition.silero import Silero
from tests.sound import pcm_of

BYTES = SAMPLE_RATE * SAMPLE_BYTES
STEP = int(0.06 * BYTES)


@dataclass(frozen=True)
class Look:
    file: str
    spoken: str
    found: str
    probability: float


def stretches(pcm: bytes, gate: Any) -> Iterator[bytes]:
    """What would be looked at of a recording, if it was looked at all the time."""
    check = LanguageCheck("und", gate)
    for at in range(0, len(pcm), STEP):
        if due := check.hear(Chunk("bench", at / BYTES, pcm[at : at + STEP])):
            yield due


async def looks(data: Path, model: Path) -> list[Look]:
    ear, found = Whisper(model, 2), list[Look]()
    for entry in json.loads((data / "MANIFEST.json").read_text()):
        if entry["language"] == "none" or not entry.get("transcript"):
            continue
        for pcm in stretches(pcm_of(data / entry["file"]), Silero()):
            heard = await ear.transcribe(pcm, None)
            found.append(Look(entry["file"], entry["language"], heard.language, heard.language_probability))
    return found


def table(found: list[Look], levels: list[float]) -> str:
    languages = sorted(Counter(look.spoken for look in found).items(), key=lambda item: -item[1])
    head = ["| spoken | looks |", *(f" right, {level:g} | wrong, {level:g} |" for level in levels)]
    rows = ["".join(head), "|---|---:|" + "---:|" * 2 * len(levels)]
    for language, count in [*languages, ("all", len(found))]:
        mine = [look for look in found if language in ("all", look.spoken)]
        cells = [f"| {language} | {count} |"]
        for level in levels:
            sure = [look for look in mine if look.probability >= level]
            right = sum(alike(look.spoken, look.found) for look in sure)
            cells.append(f" {right} | {len(sure) - right} |")
        rows.append("".join(cells))
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with recordings and their MANIFEST.json")
    parser.add_argument("--seconds", type=float, default=language_check.ENOUGH, help="of speech in a look")
    parser.add_argument("--from", dest="levels", type=float, nargs="+", default=[0.5, 0.7, 0.8, 0.9])
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"))
    asked = parser.parse_args()
    language_check.ENOUGH, language_check.AGAIN = asked.seconds, 0.0
    found = asyncio.run(looks(asked.data, asked.model))
    print(table(found, asked.levels))
    for look in found:
        if not alike(look.spoken, look.found):
            print(f"{look.file}: {look.spoken} was found to be {look.found}, {look.probability:.2f}")


if __name__ == "__main__":
    main()
