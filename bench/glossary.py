"""What a room's terms do to recognition: `python -m bench.glossary --data DIR`.

Every recording is heard whole, once alone and once by an ear that knows 13 names nobody says; those with a rare name
a third time with that name among the 13. Noise is heard with 1, 3 and 13 names.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jiwer

from agent.engines import WindowRecognizer
from agent.engines.table import load
from agent.settings import Settings
from agent.terms.glossary import Glossary, Term
from agent.terms.prompt import PromptedRecognizer
from bench.recognition import plain
from tests.engines.noises import NOISES, pcm
from tests.sound import pcm_of

OTHERS = (
    "Dragoman", "Wojciechowska", "Kubernetes", "Postgres", "Nguyễn Thị Mai", "Bergamot", "Xochitl", "Apertium",
    "LiveKit", "Siobhán", "Hetzner", "Grafana", "Oyelaran",
)  # fmt: skip
"""Names that are said in none of the recordings."""
RARE = {
    "de_fleurs_000.ogg": ["Hongkong", "Kowloon"],
    "en_command_what_s_the_temperature_of_the_ecobee.wav": ["EcoBee"],
    "en_fleurs_002.ogg": ["Sintra", "Lord Byron"],
    "en_fleurs_006.ogg": ["Northern Marianas"],
    "en_librivox_sense_0870.wav": ["John Dashwood"],
    "en_picovoice_test.wav": ["Quilter"],
    "es_fleurs_004.ogg": ["Carpanedo"],
    "es_fleurs_006.ogg": ["Luna"],
    "es_fleurs_007.ogg": ["Duvall", "Miller"],
    "fr_fleurs_004.ogg": ["Mashhad"],
    "fr_fleurs_005.ogg": ["Giancarlo Fisichella"],
    "fr_fleurs_006.ogg": ["Del Potro"],
    "pt_fleurs_000.ogg": ["Bieber"],
    "pt_fleurs_002.ogg": ["Giancarlo Fisichella"],
    "pt_fleurs_004.ogg": ["scaffolding"],
    "pt_fleurs_005.ogg": ["deity yoga"],
    "pt_fleurs_009.ogg": ["Gila cypha"],
}
LONGEST = 20 * 32_000
"""Bytes of a recording that are heard."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with recordings and their MANIFEST.json")
    parser.add_argument("--every", type=int, default=1, help="hear each so-manieth recording without a rare name")
    asked = parser.parse_args()
    asyncio.run(measure(load("recognise", "whisper", Settings()), asked.data, asked.every))


async def measure(ear: WindowRecognizer, data: Path, every: int) -> None:
    """Print one line a question."""
    clips = [clip for clip in json.loads((data / "MANIFEST.json").read_text()) if clip["transcript"]]
    rare = [clip for clip in clips if clip["file"] in RARE]
    rest = [clip for clip in clips if clip["file"] not in RARE and "ami" not in clip["file"]][::every]
    for name, among in (("rare names", rare), ("none of them", rest)):
        told = [plain(clip["transcript"]) for clip in among]
        alone = [await heard(ear, clip, data) for clip in among]
        others = [await heard(primed(ear, ()), clip, data) for clip in among]
        print(f"{name}: WER alone {jiwer.wer(told, alone):.3f}, with names nobody says {jiwer.wer(told, others):.3f}")
        print(f"  names heard that nobody said: {sum(plain(o) in text for o in OTHERS for text in others)}")
        if among is rare:
            own = [await heard(primed(ear, RARE[clip["file"]]), clip, data) for clip in among]
            total = sum(map(len, RARE.values()))
            print(f"  with their names among them {jiwer.wer(told, own):.3f}; names heard:")
            print(f"  {found(rare, alone)} of {total} alone, {found(rare, own)} of {total} with them")
    print(f"names heard in noise: {await in_noise(ear)}")


def primed(ear: WindowRecognizer, own: Sequence[str]) -> WindowRecognizer:
    """An ear that knows the names in the midst of others."""
    return PromptedRecognizer(ear, Glossary(tuple(map(Term, (*OTHERS[:6], *own, *OTHERS[6:])))))


async def heard(ear: WindowRecognizer, clip: dict[str, Any], data: Path) -> str:
    one = await ear.transcribe(pcm_of(data / clip["file"])[:LONGEST], clip["language"], final=True)
    return plain(" ".join(word.text for word in one.words))


def found(clips: Sequence[dict[str, Any]], texts: Sequence[str]) -> int:
    """Rare names that stand in what was heard, as they are written."""
    return sum(
        f" {plain(term)} " in f" {text} "
        for clip, text in zip(clips, texts, strict=True)
        for term in RARE[clip["file"]]
    )


async def in_noise(ear: WindowRecognizer) -> int:
    count = 0
    for names in (OTHERS[:1], OTHERS[:3], OTHERS):
        knowing = PromptedRecognizer(ear, Glossary(tuple(map(Term, names))))
        for sound in sounds():
            one = await knowing.transcribe(sound, "en", final=True)
            text = plain(" ".join(word.text for word in one.words))
            count += any(plain(name) in text for name in ("glossary", *names))
    return count


def sounds() -> Iterator[bytes]:
    """A second and four of each noise."""
    for noise in NOISES.values():
        yield from (pcm(noise())[: seconds * 32_000] for seconds in (1, 4))


if __name__ == "__main__":
    main()
