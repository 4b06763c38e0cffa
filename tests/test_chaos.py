"""Three people, four languages, three minutes, and every second some part fails in some way."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

import pytest

from agent.channels import WaysOut
from agent.engines.fake import VOCABULARY, FakeDetector, FakeDiarizer, FakeRecognizer, FakeTranslator, FakeVoice, spell
from agent.nouns import Caption, Chunk, Dub, Segment
from agent.participants import Wants
from agent.recognition.streaming import Streaming
from agent.room import Engines, Room
from tests.thorough import times

from .chaos import Faults, FaultyRecognizer, FaultyTranslator, FaultyVoice, faulty_keep, one_fault

SECONDS, CALM = 180, 60
PEOPLE = {"ana": "en", "ben": "fr", "cid": "es"}
LANGUAGES = ("en", "fr", "es", "de")
PIECE = 5_120
"""Bytes of sound that arrive at once: 160 ms."""


class Track:
    """One language's voice: in real time, and broken when it is told to be."""

    def __init__(self, lang: str, doors: Doors) -> None:
        self._lang = lang
        self._doors = doors

    async def play(self, dub: Dub) -> None:
        await self._doors.faults.strike(f"channel.{self._lang}")
        await asyncio.sleep(dub.duration)
        self._doors.played[self._lang] += dub.duration

    async def drain(self) -> None: ...

    def cue(self, caption: Caption, event: str, behind: float) -> None: ...


class Doors:
    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.finals: defaultdict[str, list[Caption]] = defaultdict(list)
        self.played: Counter[str] = Counter()  # type: ignore[assignment]
        self.state = ""

    def show(self, caption: Caption) -> None:
        if caption.final:
            self.finals[caption.lang].append(caption)
            self.faults.strike_now(f"show.{caption.lang}")

    async def open_captions(self, lang: str) -> None:
        await self.faults.strike(f"data_track.{lang}")

    async def close_captions(self, lang: str) -> None:
        await self.faults.strike(f"data_track.{lang}")

    async def open_channel(self, lang: str) -> Any:
        await self.faults.strike(f"dub_track.{lang}")
        return Track(lang, self)

    async def close_channel(self, lang: str) -> None:
        await self.faults.strike(f"dub_track.{lang}")

    def tell_state(self, state: str, languages: Any, detected: Any) -> None:
        self.state = state

    def tell_spoken(self, spoken: Any) -> None: ...

    def tell_suggested(self, suggested: Any) -> None: ...

    def tell_failing(self, failing: Any, by_kind: Any) -> None: ...

    def tell_lent(self, consent: Any, stands: Any) -> None: ...


class FaultyDiarizer(FakeDiarizer):
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def push(self, chunk: Chunk) -> Any:
        await self._faults.strike("diarizer")
        return await super().push(chunk)


async def speak(room: Room, who: str, faults: Faults, until: float) -> None:
    """Sentences of two to six words, with pauses between."""
    random, now = faults.random, asyncio.get_running_loop().time
    room.listen(who, f"t-{who}")
    while now() < until:
        words = [random.choice(VOCABULARY) for _ in range(random.randint(2, 6))]
        pcm = spell(*words, *[""] * random.randint(3, 6))
        for at in range(0, len(pcm), PIECE):
            start = now()
            await asyncio.sleep(PIECE / 32_000)
            room.hear(Chunk(f"t-{who}", start, pcm[at : at + PIECE]))


async def meeting(seed: int) -> tuple[Room, Doors, Faults, list[Segment], dict[str, float]]:
    """Three minutes of faults, then one without any."""
    faults, said, now = Faults(seed), [], asyncio.get_running_loop().time
    doors = Doors(faults)
    engines = Engines(
        Streaming(FaultyRecognizer(FakeRecognizer(), faults), FakeDetector),
        FaultyTranslator(FakeTranslator(), faults),
        FaultyVoice(FakeVoice(), faults),
        diarizer=FaultyDiarizer(faults),
    )

    def keep(one: Segment | Caption) -> None:
        return None

    room = Room(engines, WaysOut(doors, doors), doors, now=now, keep=faulty_keep(keep, faults))
    listening = room.transcript.listen()
    running = asyncio.create_task(room.run())
    await room.running.wait()
    room.started()
    for lang in LANGUAGES:
        faults.cause(f"data_track.{lang}", 3)
        faults.cause(f"dub_track.{lang}", 2)
    for who, (speaks, reads) in {
        "ana": ("en", "es"),
        "ben": ("fr", "en"),
        "cid": ("es", "fr"),
        "dan": ("en", "de"),
    }.items():
        room.wants(who, Wants(speaks, reads, reads))
    speaking = [asyncio.create_task(speak(room, who, faults, SECONDS + CALM)) for who in PEOPLE]
    for _ in range(SECONDS):
        one_fault(room, faults, LANGUAGES, listening)
        await asyncio.sleep(1.0)
        assert not running.done()
    faults.calm()
    await asyncio.sleep(10.0)
    before = dict(doors.played)
    await asyncio.gather(*speaking)
    await asyncio.sleep(10.0)
    played = {lang: doors.played[lang] - before.get(lang, 0.0) for lang in LANGUAGES}
    state = doors.state
    room.close()
    await asyncio.wait_for(running, 60)
    listening.close()
    said += [one async for one in listening if isinstance(one, Segment)]
    assert state == "listening"
    return room, doors, faults, said, played


@pytest.mark.simulated_time
@pytest.mark.parametrize("seed", range(times(4, 10)))
async def test_the_room_goes_on_and_no_language_misses_what_did_not_fail_for_good_in_it(seed: int):
    room, doors, faults, said, played = await meeting(seed)

    assert len(faults.done) == 11, "not every part failed"
    assert {segment.identity for segment in said if segment.end > SECONDS + CALM - 10.0} == {*PEOPLE}
    for lang in LANGUAGES:
        finals = doors.finals[lang]
        assert [final.seq for final in finals] == list(range(1, len(finals) + 1))
        missing = [segment for segment in said if segment.id not in {final.id for final in finals}]
        assert {(segment.text, lang) for segment in missing} <= faults.spoiled
        assert len({final.id for final in finals}) == len(finals)
        assert played[lang] > 3.0, "its voice is silent"
    assert len(faults.spoiled) < 30
    assert room.failures.failing == {}
