"""Measures speech into English two ways, on recordings with a reference translation: directly, and by a transcript.

    python -m bench.direct --data DIR

chrF (sacrebleu's chrF2) of whole recordings against their references; the table says which way a pair
is better carried where both can be had.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import sacrebleu

from agent.engines.recognise.whisper import DIRECT
from agent.engines.recognise.whisper_model import LONGEST
from agent.engines.table import load
from agent.nouns import SAMPLE_RATE
from agent.settings import Settings
from tests.sound import pcm_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of recordings with a MANIFEST.json")
    parser.add_argument("--write", type=Path, default=DIRECT)
    asked = parser.parse_args()
    pairs = asyncio.run(measure(asked.data))
    table = {
        "about": "chrF of speech into English: by the direct engine, and by recognition and translation; null: none.",
        "command": f"python -m bench.direct --data {asked.data.name}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "pairs": pairs,
    }
    asked.write.write_text(json.dumps(table, indent=2) + "\n")


async def measure(folder: Path) -> dict[str, Any]:
    settings = Settings()
    ear, direct = load("recognise", "whisper", settings), load("direct", "whisper", settings)
    translator = load("translate", "routes", settings)
    found: defaultdict[str, list[tuple[str, str, str | None]]] = defaultdict(list)
    for entry in json.loads((folder / "MANIFEST.json").read_text()):
        reference, language = (entry.get("translations") or {}).get("en"), entry["language"]
        if not reference or language == "en" or entry["seconds"] > LONGEST:
            continue
        pcm = pcm_of(folder / entry["file"], SAMPLE_RATE)
        said = await direct.carry(pcm, language, "en")
        heard = await ear.transcribe(pcm, language, final=True)
        text = " ".join(word.text for word in heard.words)
        made = await translator.translate(text, language, ["en"])
        found[language].append((reference, said.text if said else "", made["en"].text if made else None))
    await translator.close()
    return {f"{language}>en": _figures(rows) for language, rows in sorted(found.items())}


def _figures(rows: list[tuple[str, str, str | None]]) -> dict[str, Any]:
    references = [reference for reference, _, _ in rows]
    cascade = [made for _, _, made in rows if made is not None]
    figures = {
        "recordings": len(rows),
        "direct": _chrf([said for _, said, _ in rows], references),
        "cascade": _chrf(cascade, references) if len(cascade) == len(rows) else None,
    }
    print(figures, flush=True)
    return figures


def _chrf(made: list[str], references: list[str]) -> float:
    return round(float(sacrebleu.corpus_chrf(made, [references]).score), 1)


if __name__ == "__main__":
    main()
