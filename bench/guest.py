"""A guest who asks for too much: `python -m bench.guest [--rounds N] [--minute SECONDS]`.

Starts all of Dragoman on free ports. In one room a speaker says recordings, first undisturbed, then while a guest
asks for 400 languages one after the other, for captions 600 times, and 60 times that the speaker's language be
another one, spread over all of the speech; then undisturbed once more, since other programs of the machine make delays
differ. Prints what the guest was answered, what came of the speaker's words each time and how late, and the memory of
the room's process before, at most, and when the guest has been gone for a minute. Ends with 1 where one of the
promises below is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import jiwer
import psutil
from livekit import rtc

from bench.room import DATA, make_room, plain
from infra.settings import on_free_ports
from infra.stack import Stack
from tests.live.jobs import in_rooms
from tests.live.people import Got, Person, until

RECORDINGS = ("en_jfk.flac", "en_fleurs_005.ogg", "en_fleurs_006.ogg")
SPEECH = 35.0
"""Seconds that they last, with pauses."""
LANGUAGES, CAPTIONS, CORRECTIONS = 400, 600, 60
WORSE = 0.02
"""Word error rate that a disturbed run may have more than an undisturbed one."""
LATER = 1.10
"""The share of the undisturbed delay that a disturbed one may have."""
GROWN = 8.0
"""MB that the process may have more in the end: allocators keep some of what they got."""


@dataclass
class Run:
    """What came of the recordings, said one after the other."""

    finals: list[Got]
    errors: float
    delays: dict[str, float]
    untranslated: int

    @property
    def sources(self) -> Counter[str]:
        return Counter(got.frame.source for got in self.finals)


@dataclass
class Answers:
    """How often each method was answered with which code; `ok` where it was not refused."""

    codes: dict[str, Counter[str]] = field(default_factory=dict)

    async def ask(self, guest: Person, method: str, payload: dict[str, Any]) -> None:
        codes = self.codes.setdefault(method, Counter())
        try:
            answer = await guest.call(f"dragoman.{method}", payload)
        except rtc.RpcError as refused:
            codes[refused.message] += 1
            return
        refused_tags = answer.get("refused", {}).values()
        codes.update(refused_tags or ["suggested" if answer.get("suggested") else "ok"])


def tags() -> Iterator[str]:
    """Languages with and without a region, all of them valid."""
    languages = "af sq am ar hy az eu be bn bs bg ca zh hr cs da nl et fi fr gl ka de el gu ht he hi hu is".split()  # noqa: SIM905
    for region in ("", "-DE", "-US", "-GB", "-FR", "-IT", "-ES", "-BR", "-MX", "-CH", "-AT", "-CA", "-IN", "-ZA"):
        for language in languages:
            yield language + region


async def ask_for_much(guest: Person, speaker: Person, answers: Answers, seconds: float) -> None:
    """All of it in about so many seconds, each question after the answer to the one before."""

    async def languages() -> None:
        for _, tag in zip(range(LANGUAGES), tags(), strict=False):
            await answers.ask(guest, "languages", {"speaks": "en", "reads": tag, "hears": ""})
            await asyncio.sleep(seconds / LANGUAGES)

    async def captions() -> None:
        for _ in range(CAPTIONS):
            await answers.ask(guest, "captions", {"lang": "en", "after": 0})
            await asyncio.sleep(seconds / CAPTIONS)

    async def corrections() -> None:
        for n in range(CORRECTIONS):
            wrong = ("de", "es", "fr", "pt")[n % 4]
            await answers.ask(guest, "speaks", {"identity": speaker.identity, "language": wrong})
            await asyncio.sleep(seconds / CORRECTIONS)

    await asyncio.gather(languages(), captions(), corrections())


async def say_all(speaker: Person, reader: Person, rounds: int) -> Run:
    """Everything said, and heard to the end."""
    before = len(reader.seen)
    for _ in range(rounds):
        for recording in RECORDINGS:
            await speaker.say(DATA / recording, lead=0.5, tail=1.2)
    zero = zero_of(reader)

    def heard_out() -> bool:
        last = max((g.frame.end for g in reader.seen[before:] if g.frame.final and g.frame.lang == "en"), default=0.0)
        return zero + last > speaker.spoke_until - 1.5

    with contextlib.suppress(TimeoutError, AssertionError):  # what did not come is in the figures
        await until(heard_out, 15)
    await asyncio.sleep(3.0)
    seen = [got for got in reader.seen[before:] if got.frame.final]
    first = {(got.frame.lang, got.frame.id): got for got in reversed(seen)}
    originals = sorted((g for (lang, _), g in first.items() if lang == "en"), key=lambda g: g.frame.start)
    delays = {
        lang: round(median([g.at - zero - g.frame.end for (tag, _), g in first.items() if tag == lang] or [0.0]), 2)
        for lang in ("en", "es")
    }
    said = plain(" ".join(got.frame.text for got in originals))
    told = plain(" ".join(transcripts() * rounds))
    translated = {name for lang, name in first if lang == "es"}
    missing = sum(got.frame.id not in translated for got in originals)
    return Run(originals, round(float(jiwer.wer(told, said)), 3), delays, missing)


def transcripts() -> list[str]:
    told = {entry["file"]: entry["transcript"] for entry in json.loads((DATA / "MANIFEST.json").read_text())}
    return [told[recording] for recording in RECORDINGS]


def zero_of(person: Person) -> float:
    assert person.interpreter
    return int(person.interpreter.attributes["dragoman.zero"]) / 1_000


async def sample(process: psutil.Process, sizes: list[float]) -> None:
    """The process's memory in MB, twice a second, until cancelled."""
    while True:
        sizes.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(0.5)


async def measure(stack: Stack, rounds: int, minute: float) -> dict[str, Any]:
    """The two runs and what is left of them."""
    slug, secret = await make_room(stack)
    reader = await Person.join(stack.url, slug, "Rosa", reads="es", watch=("en",), secret=secret)
    speaker = await Person.join(stack.url, slug, "Jack", speaks="en", reads="en", secret=secret)
    await speaker.interpreted(60)
    await speaker.say(DATA / RECORDINGS[0], lead=0.5, tail=5.0)  # engines, allocators and connections warm up
    quiet = await say_all(speaker, reader, rounds)
    (job,) = in_rooms(stack)
    process = psutil.Process(job)
    before, sizes, answers = process.memory_info().rss / 1e6, [], Answers()
    sampling = asyncio.create_task(sample(process, sizes))
    guest = await Person.join(stack.url, slug, "Eve", secret=secret)
    asking = asyncio.create_task(ask_for_much(guest, speaker, answers, SPEECH * rounds))
    disturbed = await say_all(speaker, reader, rounds)
    await asking
    told = dict(guest.interpreter.attributes) if guest.interpreter else {}
    await guest.leave()
    left = time.monotonic()
    again = await say_all(speaker, reader, rounds)
    await asyncio.sleep(max(0.0, left + minute - time.monotonic()))
    sampling.cancel()
    after = process.memory_info().rss / 1e6
    languages = reader.interpreter.attributes["dragoman.languages"] if reader.interpreter else ""
    await asyncio.gather(speaker.leave(), reader.leave())
    return {
        "answers": answers.codes,
        "quiet": quiet,
        "disturbed": disturbed,
        "quiet again": again,
        "memory": {"before": round(before, 1), "most": round(max(sizes), 1), "after": round(after, 1)},
        "languages": {"while asked": told.get("dragoman.languages", ""), "in the end": languages},
    }


def broken(seen: dict[str, Any]) -> list[str]:
    """The promises that were not kept."""
    codes, disturbed, quiet, again = (seen[name] for name in ("answers", "disturbed", "quiet", "quiet again"))
    delays = {lang: max(quiet.delays[lang], again.delays[lang]) for lang in ("en", "es")}
    kept = {
        "languages are refused": codes["languages"]["too_many_languages"] + codes["languages"]["too_many_calls"] > 350,
        "calls are refused": codes["captions"]["too_many_calls"] > CAPTIONS // 2,
        "corrections change nothing": codes["speaks"]["ok"] == 0,
        "all clauses are in the right language": set(disturbed.sources) == {"en"},
        "all clauses come": disturbed.errors <= max(quiet.errors, again.errors) + WORSE and not disturbed.untranslated,
        "they come in time": all(disturbed.delays[lang] <= delays[lang] * LATER for lang in delays),
        "memory is back": seen["memory"]["after"] <= seen["memory"]["before"] + GROWN,
        "languages are given back": seen["languages"]["in the end"] == "en,es",
    }
    return [promise for promise, stands in kept.items() if not stands]


def report(seen: dict[str, Any]) -> str:
    """What a person reads."""
    rows = [f"{method}: {dict(codes.most_common())}" for method, codes in seen["answers"].items()]
    for name in ("quiet", "disturbed", "quiet again"):
        run: Run = seen[name]
        rows.append(
            f"{name}: {len(run.finals)} finals {dict(run.sources)}, word error rate {run.errors}, "
            f"median delay {run.delays} s, untranslated {run.untranslated}"
        )
    return "\n".join([*rows, f"memory, MB: {seen['memory']}", f"languages: {seen['languages']}"])


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=2, help="how often all recordings are said in each run")
    asked.add_argument("--minute", type=float, default=60.0, help="seconds until memory is looked at again")
    given = asked.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dragoman-bench-"))
    with Stack(on_free_ports(folder, dict(os.environ)), say=lambda line: print(line, file=sys.stderr)) as stack:
        stack.start()
        stack.wait_ready(180.0)
        seen = asyncio.run(measure(stack, given.rounds, given.minute))
    print(report(seen))
    for promise in broken(seen):
        print(f"not kept: {promise}")
    return bool(broken(seen))


if __name__ == "__main__":
    sys.exit(main())
