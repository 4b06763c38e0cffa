"""Who speaks something else than they say is noticed, and nobody is bothered for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.engines.fake import FakeDetector, hum
from agent.engines.table import load
from agent.errors import EngineError
from agent.nouns import Chunk, Segment, Transcription
from agent.participants import Wants
from agent.recognition.language_check import AGAIN, ENOUGH, LONGEST, SELDOM, LanguageCheck, LanguageChecks
from agent.recognition.silero import Silero
from agent.room import Engines, Room
from agent.settings import Settings
from tests.sound import pcm_of

from ..test_room import Outside, Speaking, Time, Translating, settle

DATA = Path(__file__).parents[1] / "data" / "speech"
BYTES = 32_000
PIECE = 0.06
"""Seconds of sound that come at once."""
STEP = int(PIECE * BYTES)


@dataclass
class Finding:
    """An ear that finds one language after the other, and begins again; an error is raised."""

    finds: list[tuple[str, float] | EngineError]
    asked: list[tuple[float, str | None, bool]] = field(default_factory=list)
    no_speech: float = 0.05

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        self.asked.append((len(pcm) / BYTES, language, final))
        found = self.finds[(len(self.asked) - 1) % len(self.finds)]
        if isinstance(found, EngineError):
            raise found
        return Transcription(*found, (), self.no_speech, -0.5, 1.0, "fake")


class Told:
    """What was suggested to whom, and how often."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.times = 0

    def suggest(self, identity: str, language: str) -> None:
        self.now[identity] = language
        self.times += 1

    def withdraw(self, identity: str) -> None:
        self.now.pop(identity, None)


@asynccontextmanager
async def checks(ear: Finding, busy: bool = False) -> AsyncIterator[tuple[LanguageChecks, Told]]:
    told = Told()
    made = LanguageChecks(ear, FakeDetector, suggest=told.suggest, withdraw=told.withdraw, busy=lambda: busy)
    running = asyncio.create_task(made.run())
    yield made, told
    running.cancel()


async def say(checks: LanguageChecks, seconds: float, start: float = 0.0, who: str = "ana", says: str = "en") -> float:
    """Speech of so many seconds. Answers when it ends."""
    sound = hum(200, seconds)
    for at in range(0, len(sound), STEP):
        checks.hear(who, says, Chunk(f"mic-{who}", start + at / BYTES, sound[at : at + STEP]))
        for _ in range(4):
            await asyncio.sleep(0)
    return start + seconds


async def test_a_language_that_two_looks_are_sure_of_is_suggested_and_one_look_is_not_enough():
    async with checks(ear := Finding([("fr", 0.95)])) as (looking, told):
        end = await say(looking, ENOUGH + 1)
        once = dict(told.now)
        await say(looking, AGAIN + ENOUGH, end)

    assert once == {}
    assert told.now == {"ana": "fr"}
    assert {(language, final) for _, language, final in ear.asked} == {(None, False)}


@pytest.mark.parametrize(
    "finds",
    [
        [("fr", 0.7)],
        [("fr", 0.95), ("it", 0.95)],
        [("fr", 0.95), ("en", 0.6)],
        [("en", 0.9)],
    ],
)
async def test_nothing_is_suggested_of_looks_that_are_not_sure_or_disagree(finds: list[tuple[str, float]]):
    async with checks(Finding([*finds])) as (looking, told):
        await say(looking, 3 * AGAIN + SELDOM)

    assert told.times == 0


async def test_a_look_that_finds_nothing_clear_leaves_what_was_found_before():
    async with checks(Finding([("fr", 0.95), ("nl", 0.3), ("fr", 0.95)])) as (looking, told):
        await say(looking, 3 * (AGAIN + ENOUGH))

    assert told.now == {"ana": "fr"}


async def test_a_suggestion_is_gone_when_the_declared_language_is_heard_again():
    async with checks(Finding([("fr", 0.95), ("fr", 0.95), ("en", 0.9)])) as (looking, told):
        end = await say(looking, 1.5 * AGAIN + ENOUGH)
        suggested = dict(told.now)
        await say(looking, AGAIN + ENOUGH, end)

    assert suggested == {"ana": "fr"}
    assert told.now == {}


async def test_another_language_is_declared_and_looked_at_at_once():
    async with checks(ear := Finding([("fr", 0.95)])) as (looking, told):
        end = await say(looking, 1.5 * AGAIN + ENOUGH)
        told.withdraw("ana")  # as the room does
        looks = len(ear.asked)
        await say(looking, ENOUGH + 1, end, says="fr")

    assert len(ear.asked) == looks + 1
    assert told.now == {}


@pytest.mark.parametrize(("finds", "pause"), [(("en", 0.9), SELDOM), (("fr", 0.9), AGAIN), (("nl", 0.3), AGAIN)])
async def test_looks_are_short_and_seldom(finds: tuple[str, float], pause: float):
    async with checks(ear := Finding([finds])) as (looking, _):
        await say(looking, 400.0)

    assert len(ear.asked) == pytest.approx(400 / (pause + ENOUGH), abs=1)
    assert all(ENOUGH <= seconds <= LONGEST for seconds, _, _ in ear.asked)


async def test_a_room_that_gives_something_up_looks_at_nobody():
    async with checks(ear := Finding([("fr", 0.95)]), busy=True) as (looking, _):
        await say(looking, 3 * AGAIN)

    assert ear.asked == []


async def test_an_ear_that_fails_costs_a_look_and_nothing_else():
    refused = EngineError("overloaded", "Later.", retryable=True)
    async with checks(ear := Finding([refused, ("fr", 0.95), ("fr", 0.95)])) as (looking, told):
        await say(looking, 3 * (AGAIN + ENOUGH))

    assert len(ear.asked) == 3
    assert told.now == {"ana": "fr"}


async def test_noise_that_the_gate_takes_for_speech_says_nothing_about_anybody():
    async with checks(Finding([("cy", 0.99)], no_speech=0.9)) as (looking, told):
        await say(looking, 3 * (AGAIN + ENOUGH))

    assert told.times == 0


@pytest.mark.parametrize("says", ["auto", ""])
async def test_who_declares_nothing_cannot_be_wrong(says: str):
    async with checks(ear := Finding([("fr", 0.95)])) as (looking, _):
        await say(looking, AGAIN, says=says)

    assert ear.asked == []


@pytest.mark.parametrize(("says", "heard"), [("en-GB", "en"), ("nb", "no"), ("pt-BR", "pt"), ("zh-Hant", "zh")])
async def test_a_region_a_script_or_another_name_is_no_other_language(says: str, heard: str):
    async with checks(Finding([(heard, 0.95)])) as (looking, told):
        await say(looking, 2 * (AGAIN + ENOUGH), says=says)

    assert told.times == 0


async def test_who_insists_is_left_in_peace_for_a_while():
    async with checks(ear := Finding([("fr", 0.95)])) as (looking, told):
        end = await say(looking, 1.5 * AGAIN + ENOUGH)
        looking.insisted("ana")
        looks, told.times = len(ear.asked), 0
        end = await say(looking, SELDOM - 1, end)

    assert len(ear.asked) == looks
    assert told.times == 0


async def test_what_is_kept_is_bounded_by_the_people_who_are_here_and_a_few_seconds_each():
    looking = LanguageChecks(Finding([("fr", 0.95)]), FakeDetector, suggest=Told().suggest, withdraw=Told().withdraw)

    for n in range(500):
        for at in range(20):
            looking.hear(f"guest-{n}", "en", Chunk("mic", at * 1.0, hum(200, 1.0)))
        if n >= 3:
            looking.forget(f"guest-{n - 3}")

    assert len(looking._checks) == len(looking._due) == 3
    assert all(len(pcm) <= LONGEST * BYTES for _, pcm in looking._due.values())


async def test_of_two_microphones_the_one_that_is_spoken_into_is_heard():
    check, quiet = LanguageCheck("en", FakeDetector()), bytes(STEP)
    spoken = hum(200, PIECE)
    due = [
        pcm
        for n in range(200)
        for track, sound in (("a", spoken), ("b", quiet))
        if (pcm := check.hear(Chunk(track, n * PIECE, sound)))
    ]

    assert len(due) == 1


class Deaf:
    """A recognizer that hears nothing."""

    def listen(self, track: str, language: str | None) -> Deaf:
        return self

    async def push(self, chunk: Chunk) -> list[Segment]:
        return []

    async def finish(self) -> list[Segment]:
        return []


async def test_a_room_asks_who_speaks_something_else_and_does_as_they_say():
    engines = Engines(Deaf(), Translating(), Speaking(), ear=Finding([("fr", 0.95)]), gate=FakeDetector)
    room = Room(engines, (outside := Outside()).ways, outside, now=Time())
    running = asyncio.create_task(room.run())
    await room.running.wait()
    room.wants("ana", Wants("en", "", ""))
    room.listen("ana", "mic")
    sound = hum(200, 1.0)
    for at in range(int(AGAIN + 3 * ENOUGH)):
        room.hear(Chunk("mic", float(at), sound))
        await settle()

    suggested = outside.suggested
    room.correct("ana", "fr")
    room.close()
    await running

    assert suggested == {"ana": "fr"}
    assert outside.suggested == {}


FOREIGN = ("fr_fleurs_005.ogg", "de_fleurs_005.ogg", "pt_fleurs_002.ogg", "es_fleurs_002.ogg")
ENGLISH = ("en_jfk.flac", "en_fleurs_005.ogg", "en_fleurs_006.ogg", "en_librivox_sense_0870.wav")


async def test_real_speech_in_another_language_is_noticed_and_nobody_who_speaks_as_they_said_is_asked():
    looking = LanguageChecks(
        load("recognise", "whisper", Settings()), Silero, suggest=(told := Told()).suggest, withdraw=told.withdraw
    )
    running = asyncio.create_task(looking.run())
    for name in (*FOREIGN, *ENGLISH):
        sound = pcm_of(DATA / name)
        for start in (0.0, AGAIN + 20.0):
            for at in range(0, len(sound), STEP):
                looking.hear(name, "en", Chunk(name, start + at / BYTES, sound[at : at + STEP]))
            await looking.idle()
    running.cancel()

    noticed = [name for name in FOREIGN if told.now.get(name) == name[:2]]
    assert len(noticed) >= len(FOREIGN) - 1
    assert not {*told.now} & {*ENGLISH}
