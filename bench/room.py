"""A live room under load: `python -m bench.room --speakers N --languages L [--minutes M]`.

Plays real recordings into a room that it starts for itself (real SFU, agent, engines,
database and web server on free ports) and measures what people get. What is timed:

- *first interim*: from the moment a voice begins in the recording that is played (Silero, over
  the whole of it) to the first interim's arrival at a reader; *by energy*: from the moment at which
  anything in it comes within 25 dB of its loud parts, which may be the noise of a room;
- *final*, *translated*: from the end of a clause, as the frame's `end` says, to its arrival;
- *last final*: from the moment speech ends in the recording to the arrival of its last final:
  the same without trusting what the recogniser says of times;
- *dub audible*: from the end of a clause to the first loud sound of its voice.

Quality: word error rate of the finals against the recordings' references, chrF of the
translations against reference translations, where there are any.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import jiwer
import psutil
import sacrebleu
from livekit import api, rtc

from infra.settings import on_free_ports
from infra.stack import Stack
from tests.live.people import LOUD, Person
from tests.sound import pcm_of, speech_bounds, voice_begins

DATA = Path(__file__).parent.parent / "tests" / "data" / "speech"
SLACK = 0.8
"""Seconds by which what was heard may lie beside what was played: a first word is aligned to where its window
begins, 0.4 s before the voice; between two recordings lie 1.8 s."""
READ = ("es", "fr", "pt", "it", "ca", "en", "gl")


@dataclass
class Played:
    """One recording as it was played: who, which, and the wall times between which somebody spoke."""

    identity: str
    entry: dict[str, Any]
    voiced: float
    began: float
    ended: float


@dataclass
class Figures:
    """Seconds, one list a measure."""

    delays: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, seconds: float) -> None:
        self.delays[name].append(seconds)

    def table(self) -> dict[str, dict[str, float]]:
        return {name: spread(values) for name, values in self.delays.items() if values}


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and count."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {"p50": round(median(ordered), 2), "p95": round(p95, 2), "n": len(ordered)}


def recordings(folder: Path) -> list[dict[str, Any]]:
    """Recordings with a transcript, 4 to 25 s, one voice, loud enough to be a person at a microphone."""
    entries = json.loads((folder / "MANIFEST.json").read_text())
    return [
        entry
        for entry in entries
        if entry.get("transcript") and 4 <= entry["seconds"] <= 25 and entry.get("speakers", 1) == 1
        if entry["language"] in ("en", "es", "fr", "pt", "de") and entry.get("level_dbfs", 0) > -45
    ]


async def measure(stack: Stack, folder: Path, speakers: int, languages: int, minutes: float) -> dict[str, Any]:
    """Run one room for so many minutes and say what was seen."""
    chosen = recordings(folder)
    spoken = ("en", "es", "fr", "pt")[:speakers] if speakers > 1 else ("en",)
    read = [tag for tag in READ if speakers > 1 or tag != "en"][:languages]
    slug, secret = await make_room(stack)
    readers = [
        await Person.join(stack.url, slug, f"Reader {tag}", reads=tag, hears=tag, watch=(*spoken,), secret=secret)
        for tag in read
    ]
    people = [
        await Person.join(stack.url, slug, f"Speaker {i}", speaks=spoken[i % len(spoken)], secret=secret)
        for i in range(speakers)
    ]
    await readers[0].interpreted(60)
    await asyncio.gather(*(person.microphone() for person in people))
    watching = asyncio.create_task(watch(stack))
    states = follow(readers[0])
    made = await room_made(stack, slug)
    stop = time.time() + minutes * 60
    played = [
        one
        for some in await asyncio.gather(
            *(play(person, spoken[i % len(spoken)], chosen, folder, stop, i) for i, person in enumerate(people))
        )
        for one in some
    ]
    await asyncio.sleep(12)
    watching.cancel()
    usage = await asyncio.gather(watching, return_exceptions=True)
    result = report(played, readers, made, read)
    result |= {"speakers": speakers, "languages": read, "minutes": minutes, "processes": usage[0]}
    result["states"] = states
    await asyncio.gather(*(person.leave() for person in (*people, *readers)))
    return result


def follow(reader: Person) -> list[tuple[float, str]]:
    """A list that grows by what the interpreter says of itself, at seconds from now."""
    began = time.time()
    states = [(0.0, "listening")]

    def changed(_changed: dict[str, str], participant: rtc.Participant) -> None:
        told = participant.attributes.get("dragoman.state", "")
        if participant is reader.interpreter and told != states[-1][1]:
            states.append((round(time.time() - began, 1), told))

    reader.room.on("participant_attributes_changed", changed)
    return states


async def play(
    person: Person, language: str, chosen: list[dict[str, Any]], folder: Path, stop: float, offset: int
) -> list[Played]:
    """One speaker's recordings, one after the other, in their language, until time is up."""
    mine = [entry for entry in chosen if entry["language"] == language]
    played: list[Played] = []
    at = offset
    while time.time() < stop:
        entry = mine[at % len(mine)]
        at += 1
        path = folder / entry["file"]
        pcm = pcm_of(path)
        first, last = speech_bounds(pcm)
        began = await person.say(path, lead=0.6, tail=1.2)
        played.append(Played(person.identity, entry, began + voice_begins(pcm), began + first, began + last))
    return played


def report(played: list[Played], readers: list[Person], made: float, read: list[str]) -> dict[str, Any]:
    """Everything measured on what the readers got."""
    figures, errors, chrf = Figures(), [], defaultdict(list)
    for one in played:
        source = one.entry["language"]
        reader = readers[0]
        mine = [g for g in reader.seen if g.frame.identity == one.identity]
        inside = [g for g in mine if one.began - SLACK <= made + g.frame.start <= one.ended + SLACK]
        interims = [g.at for g in inside if g.frame.lang == source and not g.frame.final]
        finals = [g for g in inside if g.frame.lang == source and g.frame.final]
        if interims:
            figures.add("first interim", min(interims) - one.voiced)
            figures.add("first interim, by energy", min(interims) - one.began)
        if finals:
            figures.add("last final", max(first_of(finals).values()) - one.ended)
        said = " ".join(text for _, text in sorted({(g.frame.start, g.frame.text) for g in finals}))
        errors.append((plain(one.entry["transcript"]), plain(said)))
        for listener, tag in zip(readers, read, strict=True):
            if tag == source or not (reference := one.entry.get("translations", {}).get(tag)):
                continue
            theirs = {
                (g.frame.start, g.frame.text)
                for g in listener.seen
                if g.frame.identity == one.identity and g.frame.lang == tag and g.frame.final
                if one.began - SLACK <= made + g.frame.start <= one.ended + SLACK
            }
            chrf[f"{source}>{tag}"].append((" ".join(text for _, text in sorted(theirs)), reference))
    for listener, tag in zip(readers, read, strict=True):
        delays(listener, tag, made, figures)
    return {
        "seconds": figures.table(),
        "wer": round(jiwer.wer([a for a, _ in errors], [b for _, b in errors]), 3) if errors else None,
        "chrf": {
            pair: round(sacrebleu.corpus_chrf([a for a, _ in pairs], [[b for _, b in pairs]]).score, 1)
            for pair, pairs in chrf.items()
        },
        "recordings": len(played),
        "interims lost": lost(readers, read),
        "dubs skipped": sum(cue.event == "skipped" for reader in readers for _, cue in reader.cues),
        "dubs spoken": sum(cue.event == "started" for reader in readers for _, cue in reader.cues),
        "frames dropped": sum(reader.dropped for reader in readers),
        "misattributed": misattributed(played, readers[0], made),
        "lag by minute": lag_by_minute(readers, read, made),
    }


def first_of(got: list[Any]) -> dict[str, float]:
    """When each clause first arrived: it comes on two carriers."""
    first: dict[str, float] = {}
    for one in got:
        first[one.frame.id] = min(one.at, first.get(one.frame.id, one.at))
    return first


def delays(reader: Person, tag: str, made: float, figures: Figures) -> None:
    """Finals, translated finals and voices of one reader's language."""
    frames = {g.frame.id: g.frame for g in reader.seen if g.frame.final and g.frame.lang == tag}
    arrived = first_of([g for g in reader.seen if g.frame.final and g.frame.lang == tag])
    for name, at in arrived.items():
        kind = "final" if frames[name].source == tag else "translated"
        figures.add(kind, at - made - frames[name].end)
    for g in [g for g in reader.seen if g.frame.final and g.frame.lang == g.frame.source and g.frame.lang != tag]:
        if g.frame.id not in arrived or not g.reliable:
            figures.add("final", g.at - made - g.frame.end)
    heard = reader.heard.get(tag, [])
    for at, cue in reader.cues:
        if cue.event == "started" and cue.id in frames:
            loud = next((when for when, peak in heard if when >= at - 0.3 and peak > LOUD), None)
            if loud is not None and loud < at + 2:
                figures.add("dub audible", loud - made - frames[cue.id].end)


def lost(readers: list[Person], read: list[str]) -> int:
    """Finals that the reliable carrier brought and the data track did not."""
    count = 0
    for reader, tag in zip(readers, read, strict=True):
        finals = [g for g in reader.seen if g.frame.final and g.frame.lang == tag]
        count += len({g.frame.id for g in finals if g.reliable} - {g.frame.id for g in finals if not g.reliable})
    return count


def misattributed(played: list[Played], reader: Person, made: float) -> list[int]:
    """Originals of three words or more that somebody other than the named one was saying then; of how many."""
    wrong = seen = 0
    finals = {g.frame.id: g.frame for g in reader.seen if g.frame.final and g.frame.lang == g.frame.source}
    for frame in finals.values():
        words = plain(frame.text).split()
        if len(words) < 3:
            continue
        shares: dict[str, float] = defaultdict(float)
        for one in played:
            if one.began - SLACK <= made + frame.end and made + frame.start <= one.ended + SLACK:
                said = set(plain(one.entry["transcript"]).split())
                shares[one.identity] = max(shares[one.identity], sum(word in said for word in words) / len(words))
        seen += 1
        wrong += max(shares.values(), default=0.0) > shares[frame.identity]
    return [wrong, seen]


def lag_by_minute(readers: list[Person], read: list[str], made: float) -> list[float]:
    """Median delay of translated finals, minute by minute: does it grow?"""
    minutes: dict[int, list[float]] = defaultdict(list)
    begun = min((g.at for reader in readers for g in reader.seen), default=0.0)
    for reader, tag in zip(readers, read, strict=True):
        for g in reader.seen:
            if g.frame.final and g.frame.lang == tag and g.frame.source != tag and not g.reliable:
                minutes[int((g.at - begun) // 60)].append(g.at - made - g.frame.end)
    return [round(median(minutes[minute]), 2) for minute in sorted(minutes)]


async def watch(stack: Stack) -> dict[str, dict[str, float]]:
    """CPU (percent of a core) and memory of each process, once a second, until cancelled."""
    usage: dict[str, dict[str, float]] = {}
    known: dict[int, psutil.Process] = {}
    began, spent = time.time(), defaultdict(float)
    last: dict[int, float] = {}
    try:
        while True:
            for name in ("sfu", "engines", "agent", "web", "postgres"):
                memory = 0
                for pid in stack.pids(name):
                    try:
                        process = known.setdefault(pid, psutil.Process(pid))
                        times = process.cpu_times()
                        memory += process.memory_info().rss
                    except psutil.NoSuchProcess:
                        continue
                    total = times.user + times.system
                    spent[name] += total - last.get(pid, total)
                    last[pid] = total
                held = usage.setdefault(name, {"cpu": 0.0, "rss_mb": 0.0})
                held["cpu"] = round(100 * spent[name] / max(1.0, time.time() - began), 1)
                held["rss_mb"] = max(held["rss_mb"], round(memory / 1e6))
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        return usage


async def make_room(stack: Stack) -> tuple[str, str]:
    headers = {"Authorization": f"Bearer {stack.env['DRAGOMAN_HOST_SECRET']}"}
    url = f"{stack.url}/api/rooms"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json={"title": "Bench"}) as answer:
        made = await answer.json()
    return made["room"], made["join"].partition("#")[2]


async def room_made(stack: Stack, slug: str) -> float:
    """The wall time at which the LiveKit room was made: zero of the room's clock."""
    given = (stack.env["LIVEKIT_URL"], stack.env["LIVEKIT_API_KEY"], stack.env["LIVEKIT_API_SECRET"])
    async with api.LiveKitAPI(*given) as livekit:
        rooms = await livekit.room.list_rooms(api.ListRoomsRequest(names=[slug]))
        return float(rooms.rooms[0].creation_time_ms) / 1000


def plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split())


def markdown(result: dict[str, Any]) -> str:
    """One table a person can read."""
    rows = [
        f"{result['speakers']} speaker(s), {', '.join(result['languages'])}, {result['minutes']:g} min",
        "",
    ]
    rows += ["| seconds | p50 | p95 | n |", "|---|---:|---:|---:|"]
    rows += [f"| {name} | {v['p50']} | {v['p95']} | {v['n']} |" for name, v in result["seconds"].items()]
    rows += [
        "",
        f"WER {result['wer']}; chrF {result['chrf']}; dubs {result['dubs spoken']} spoken, "
        f"{result['dubs skipped']} skipped; frames lost {result['interims lost']}; "
        f"lag by minute {result['lag by minute']}; "
        f"under another's name {result['misattributed']}; states {result['states']}",
        "",
    ]
    rows += ["| process | CPU % of a core | MB |", "|---|---:|---:|"]
    rows += [f"| {name} | {v['cpu']} | {v['rss_mb']:.0f} |" for name, v in result["processes"].items()]
    return "\n".join(rows)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--speakers", type=int, default=1)
    asked.add_argument("--languages", type=int, default=2)
    asked.add_argument("--minutes", type=float, default=1.0)
    asked.add_argument("--data", type=Path, default=DATA, help="a folder with recordings and their MANIFEST.json")
    asked.add_argument("--json", type=Path, help="where the figures go")
    given = asked.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dragoman-bench-"))
    with Stack(on_free_ports(folder, dict(os.environ)), say=lambda line: print(line, file=sys.stderr)) as stack:
        stack.start()
        stack.wait_ready(180.0)
        result = asyncio.run(measure(stack, given.data, given.speakers, given.languages, given.minutes))
    result["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(markdown(result))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
