"""Streams recordings through the recognizer as a room would: `python -m bench.recognition --data DIR`.

Time is simulated: sound arrives in chunks of 60 ms, a pass takes as long as it really took, and what
was spoken meanwhile arrives joined, as it does behind a track's inbox. What is measured:

- *first interim*: from the moment speech begins in the recording (its energy) to the first text;
- *clause final*: from the end of a clause, as its segment says, to its settling;
- *last final*: from the moment speech ends in the recording to the settling of its last clause;
- *committed*: from the end of a word, by forced alignment of the reference, to when it was shown as settled;
- *CPU*: processor seconds a second of sound, silence included; all threads, gate included;
- *changed*: words that were shown as committed and were not said so in the end. Must be 0.

Recordings without speech must give no word at all; their words are counted as *invented*.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any

import jiwer

from agent.engines import WindowRecognizer
from agent.engines.recognise.whisper import Whisper
from agent.nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Hypothesis, Segment, Transcription
from agent.recognition.commit import Alignment, Policy, local_agreement
from agent.recognition.streaming import Pace, Streaming
from bench.committed import latencies, plain, word_ends
from tests.sound import pcm_of, speech_bounds

BYTES = SAMPLE_RATE * SAMPLE_BYTES
CHUNK = 0.06
BEFORE, AFTER = 1.0, 2.0
"""Seconds of silence around a recording."""


class Timed:
    """A `WindowRecognizer` that says how long it took; `always` where each pass is to count the same."""

    def __init__(self, ear: WindowRecognizer, always: float | None = None) -> None:
        self._ear = ear
        self._always = always
        self.spent = 0.0
        self.passes = 0

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        begun = time.perf_counter()
        heard = await self._ear.transcribe(pcm, language, prompt, prefix=prefix, final=final)
        self.spent += time.perf_counter() - begun if self._always is None else self._always
        self.passes += 1
        return heard


@dataclass
class Run:
    """What came of one recording: everything that was said, with the time at which it was."""

    entry: dict[str, Any]
    said: list[tuple[float, Hypothesis | Segment]]
    onset: float
    offset: float
    seconds: float
    cpu: float
    passes: int
    ends: list[tuple[str, float]] = field(default_factory=list)
    """Each word of the reference, and when it ends."""

    @property
    def segments(self) -> list[tuple[float, Segment]]:
        return [(at, one) for at, one in self.said if isinstance(one, Segment)]

    @property
    def text(self) -> str:
        return " ".join(segment.text for _, segment in self.segments)

    @property
    def timeline(self) -> list[tuple[float, str]]:
        """All text that was committed, whenever there was more of it."""
        settled, line = "", [(0.0, "")]
        for at, one in self.said:
            segment = isinstance(one, Segment)
            now = f"{settled} {one.text if isinstance(one, Segment) else one.text[: one.stable]}".strip()
            settled = now if segment else settled
            if now != line[-1][1]:
                line.append((at, now))
        return line[1:]

    @property
    def committed(self) -> list[float]:
        """Seconds from the end of each word to its being committed."""
        return latencies(self.timeline, [(word, end + BEFORE) for word, end in self.ends])

    @property
    def changed(self) -> int:
        """Committed words that did not come out as they had been shown."""
        final, settled, changed = self.text, 0, 0
        for _, one in self.said:
            if isinstance(one, Segment):
                settled += len(one.text) + 1
            elif not final.startswith(shown := one.text[: one.stable].rstrip(), settled):
                changed += sum(
                    a != b for a, b in zip_longest(shown.split(), final[settled:].split()[: len(shown.split())])
                )
        return changed


async def run(entry: dict[str, Any], ear: WindowRecognizer, asked: argparse.Namespace) -> Run:
    """One recording in simulated real time."""
    pcm = pcm_of(asked.data / entry["file"])
    ends = word_ends(asked.model, pcm, entry["transcript"], entry["language"])
    onset, offset = speech_bounds(pcm) if entry["transcript"] else (0.0, 0.0)
    pcm = bytes(int(BEFORE * BYTES)) + pcm + bytes(int(AFTER * BYTES))
    timed = Timed(ear, asked.take)
    language = None if asked.auto or entry["language"] == "none" else entry["language"]
    listening = Streaming(timed, pace=pace(asked), policy=policy(asked)).listen("bench", language)
    said: list[tuple[float, Hypothesis | Segment]] = []
    now, heard, cpu = 0.0, 0, time.process_time()
    while heard < len(pcm):
        now = max(now, heard / BYTES + CHUNK)
        until = min(len(pcm), int(now / CHUNK + 1e-6) * int(CHUNK * BYTES))
        before = timed.spent
        out = await listening.push(Chunk("bench", heard / BYTES, pcm[heard:until]))
        now += timed.spent - before
        said += [(now, one) for one in out]
        heard = until
    said += [(now, segment) for segment in await listening.finish()]
    spent = time.process_time() - cpu
    return Run(entry, said, onset + BEFORE, offset + BEFORE, len(pcm) / BYTES, spent, timed.passes, ends)


def pace(asked: argparse.Namespace) -> Pace:
    given = {name: getattr(asked, name) for name in ("tick", "hold") if getattr(asked, name) is not None}
    return Pace(**given)


def policy(asked: argparse.Namespace) -> Policy:
    return local_agreement if asked.policy == "agreement" else Alignment(asked.sure)


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Median, 95th percentile, mean and count."""
    ordered = sorted(values)
    if not ordered:
        return None
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    mean = sum(ordered) / len(ordered)
    return {"p50": round(median(ordered), 2), "p95": round(p95, 2), "mean": round(mean, 2), "n": len(ordered)}


@dataclass
class Report:
    """All runs as figures."""

    runs: list[Run] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        spoken = [one for one in self.runs if one.entry["transcript"]]
        silent = [one for one in self.runs if not one.entry["transcript"]]
        sound = sum(one.seconds for one in self.runs)
        segments = [(at, segment) for one in spoken for at, segment in one.segments]
        return {
            "recordings": len(self.runs),
            "wer": self.errors(spoken),
            "seconds": {
                "first interim": spread([one.said[0][0] - one.onset for one in spoken if one.said]),
                "clause final": spread([at - segment.end for at, segment in segments]),
                "last final": spread([one.segments[-1][0] - one.offset for one in spoken if one.segments]),
                "committed": spread([seconds for one in spoken for seconds in one.committed]),
                "clause length": spread([segment.end - segment.start for _, segment in segments]),
            },
            "cpu": round(sum(one.cpu for one in self.runs) / sound, 3),
            "passes a second": round(sum(one.passes for one in self.runs) / sound, 2),
            "changed": sum(one.changed for one in self.runs),
            "silent through": sum(not one.segments for one in spoken),
            "not speakable": sum(not segment.speakable for _, segment in segments),
            "wrong language": sum(
                segment.language != one.entry["language"] for one in spoken for _, segment in one.segments
            ),
            "invented": sum(len(one.text.split()) for one in silent),
        }

    @staticmethod
    def errors(runs: Sequence[Run]) -> dict[str, float]:
        """Word error rate by language, and of all words."""
        pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for one in runs:
            pair = plain(one.entry["transcript"]), plain(one.text)
            pairs[one.entry["language"]].append(pair)
            pairs["all"].append(pair)
        return {
            tag: round(float(jiwer.wer([a for a, _ in some], [b for _, b in some])), 3)
            for tag, some in sorted(pairs.items(), key=lambda item: item[0] == "all")
        }

    def table(self) -> str:
        told = self.figures()
        rows = [f"| WER {tag} | {value} |" for tag, value in told["wer"].items()]
        rows += [
            f"| {name} | p50 {value['p50']} s, p95 {value['p95']} s, mean {value['mean']} s (n={value['n']}) |"
            for name, value in told["seconds"].items()
            if value
        ]
        rows += [f"| {name} | {value} |" for name, value in told.items() if not isinstance(value, dict)]
        return "\n".join(["| measure | figure |", "|---|---|", *rows])


def show(one: Run) -> None:
    """Everything a reader saw, in order."""
    print(f"\n{one.entry['file']}: {one.entry['transcript']}")
    for at, said in one.said:
        if isinstance(said, Segment):
            doubt = "" if said.speakable else " (not to be said aloud)"
            print(f"  {at:6.2f} == [{said.start:.2f}-{said.end:.2f}] {said.language} {said.text}{doubt}")
        else:
            print(f"  {at:6.2f}    {said.text[: said.stable]}|{said.text[said.stable :]}")


async def measure(asked: argparse.Namespace) -> Report:
    entries = json.loads((asked.data / "MANIFEST.json").read_text())
    chosen = [
        entry
        for entry in entries
        if entry.get("transcript") is not None
        and entry.get("speakers", 1) <= 1
        and any(part in entry["file"] for part in asked.only.split(","))
    ]
    ear = Whisper(asked.model, asked.threads)
    await ear.transcribe(bytes(BYTES), "en")
    report = Report()
    for entry in chosen:
        one = await run(entry, ear, asked)
        report.runs.append(one)
        error = jiwer.wer(plain(entry["transcript"]), plain(one.text)) if entry["transcript"] else len(one.text.split())
        print(f"{entry['file']:44} {error:5.2f}  {one.cpu / one.seconds:.2f} CPU", flush=True)
        if asked.show:
            show(one)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with recordings and their MANIFEST.json")
    parser.add_argument("--only", default="", help="parts of file names, comma-separated")
    parser.add_argument("--auto", action="store_true", help="let the recognizer find out the language")
    parser.add_argument("--show", action="store_true", help="print everything that was said")
    parser.add_argument("--model", type=Path, default=Path("var/models/whisper-base"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--take",
        type=float,
        help="seconds that a pass takes, whatever it took: for figures that come out the same again",
    )
    parser.add_argument(
        "--policy", choices=("alignment", "agreement"), default="alignment", help="when a word is committed"
    )
    parser.add_argument("--sure", type=float, default=Alignment().sure, help="confidence from which one pass is enough")
    parser.add_argument("--hold", type=float, help="seconds before the end of the sound in which no word is committed")
    parser.add_argument("--tick", type=float, help="seconds of new sound between two passes")
    parser.add_argument("--write", type=Path, default=Path("bench-results/recognition.json"))
    asked = parser.parse_args()
    report = asyncio.run(measure(asked))
    told = {
        "machine": f"{platform.machine()}, {platform.system()}, {asked.threads} threads",
        "a pass took": asked.take or "as long as it took",
        "policy": f"{asked.policy}, {pace(asked)}, sure {asked.sure}",
        **report.figures(),
        "each": {
            one.entry["file"]: {"text": one.text, "timeline": one.timeline, "cpu": one.cpu, "seconds": one.seconds}
            for one in report.runs
        },
    }
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps(told, indent=1, ensure_ascii=False))
    print(f"\n{report.table()}")


if __name__ == "__main__":
    main()
