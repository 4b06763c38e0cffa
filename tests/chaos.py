"""Faults of every kind, one a second, at the parts of a room: engines, doors and the recorder that fail as told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any

from agent.engines import Translation, Translator, Voice, WindowRecognizer
from agent.errors import EngineError
from agent.nouns import Caption, Dub, Segment, Transcription
from agent.room import Room

KINDS = ("engines_away", "loading", "overloaded", "timeout", "engine_failed", "failed_for_good", "bad_request", "bug")
"""How an engine may fail: its codes, and as a program does."""
STALL = 6.0
"""Seconds for which a socket stalls."""


def failure(kind: str) -> Exception:
    if kind == "bug":
        return RuntimeError("a fault of the program")
    if kind == "failed_for_good":
        return EngineError("engine_failed", "It fell.")
    return EngineError(kind, "It fails.", retryable=kind != "bad_request")


class Faults:
    """Which call of which part fails next, and how; and what can't come out any more because of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  the same faults each time
        self.done: Counter[str] = Counter()
        """Faults that came to pass, by part."""
        self.spoiled: set[tuple[str, str]] = set()
        """Texts and languages whose translation failed in a way that is final."""
        self._due: dict[str, list[str]] = {}
        self._poison: set[tuple[str, str]] = set()

    def cause(self, part: str, times: int = 1) -> None:
        """The next calls of a part fail."""
        kinds = self._due.setdefault(part, [])
        del kinds[: max(0, len(kinds) - 4)]
        kinds += [self.random.choice([*KINDS, "stall"]) for _ in range(times)]

    def calm(self) -> None:
        """Nothing more fails."""
        self._due.clear()

    async def strike(self, part: str) -> None:
        """What is due at a call of this part: an error now, or one after a stall."""
        if not self._due.get(part):
            return
        kind = self._due[part].pop(0)
        self.done[part.partition(".")[0]] += 1
        if kind == "stall":
            await asyncio.sleep(STALL)
            kind = "timeout"
        raise failure(kind)

    def strike_now(self, part: str) -> None:
        """The same, where nobody can wait."""
        if self._due.get(part):
            self._due[part].pop(0)
            self.done[part.partition(".")[0]] += 1
            raise RuntimeError("a fault of the program")


class FaultyRecognizer:
    """A `WindowRecognizer` over another."""

    def __init__(self, ear: WindowRecognizer, faults: Faults) -> None:
        self._ear = ear
        self._faults = faults

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        await self._faults.strike("ear")
        return await self._ear.transcribe(pcm, language, prompt, prefix=prefix, final=final)


class FaultyTranslator:
    """A `Translator` over another. A fault of a language is a fault of every call that asks for it."""

    def __init__(self, translator: Translator, faults: Faults) -> None:
        self._translator = translator
        self._faults = faults

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        for target in targets:
            try:
                await self._faults.strike(f"translator.{target}")
            except Exception as error:
                if len(targets) == 1 and not (isinstance(error, EngineError) and error.passes):
                    self._faults.spoiled.add((text, target))
                raise
        return await self._translator.translate(text, source, targets, context)


class FaultyVoice:
    """A `Voice` over another: it fails before the first piece, or after it."""

    def __init__(self, voice: Voice, faults: Faults) -> None:
        self._voice = voice
        self._faults = faults

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        if self._faults.random.random() < 0.5:
            await self._faults.strike(f"voice.{language}")
        async for dub in self._voice.speak(text, language, voice, speed=speed):
            yield dub
            await self._faults.strike(f"voice.{language}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._voice, name)


def faulty_keep(keep: Callable[[Segment | Caption], Any], faults: Faults) -> Callable[[Segment | Caption], Any]:
    """A recorder over another."""

    def kept(said: Segment | Caption) -> Any:
        faults.strike_now("recorder")
        return keep(said)

    return kept


def break_a_captioner(room: Room, faults: Faults) -> None:
    """As a listener does that has not read for too long, or a program with a fault."""
    if not (languages := [*room.channels._languages.values()]):
        return  # nobody reads anything yet
    language = faults.random.choice(languages)
    along, falls = type(language.captioner)._along, [1]

    def fall(first: Segment, feed: Any) -> Any:
        if falls:
            falls.clear()
            faults.done["captioner"] += 1
            raise RuntimeError("a fault of the program")
        return along(language.captioner, first, feed)

    language.captioner._along = fall  # type: ignore[method-assign]


def overflow_a_feed(room: Room, faults: Faults, ours: object) -> None:
    theirs = [feed for feed in room.transcript._listeners if feed is not ours]
    if theirs:
        faults.random.choice(theirs)._overflown = True
        faults.done["feed"] += 1


def one_fault(room: Room, faults: Faults, languages: Sequence[str], ours: object = None) -> None:
    """Something, somewhere, soon; `ours` is a feed of the test's own."""
    lang = faults.random.choice(languages)
    where = (
        *("ear", "diarizer", "recorder", f"translator.{lang}", f"translator.{lang}", f"voice.{lang}"),
        *(f"channel.{lang}", f"data_track.{lang}", f"dub_track.{lang}", f"show.{lang}"),
    )
    which = faults.random.randrange(len(where) + 2)
    if which < len(where):
        faults.cause(where[which], faults.random.randint(1, 3))
        if where[which].startswith("dub_track"):
            faults.cause(f"channel.{lang}")  # a track is opened where another one broke
    elif which == len(where):
        break_a_captioner(room, faults)
    else:
        overflow_a_feed(room, faults, ours)
