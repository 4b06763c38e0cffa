"""Twenty rooms at twice what an engine can do, and one slow room among twenty: `python -m bench.overload`.

Real rooms (`Room`, `Streaming`, `Degradation`) before the real `Batch`, in simulated time; the engine is
simulated: it hears what the sound spells, one window after the other, and each takes a time of its own and more for a
longer window. That time is chosen so that what the rooms ask for at their usual pace is `load` times what the engine
can do. *Plain FIFO* is the same without us: one queue, first come first served, and rooms that give nothing up.

- *age*: from the end of a clause, as its segment says, to its final caption, in its own language and translated;
- *slope*: how the age grows over the run, seconds a minute, with its 95 % interval;
- *lost*: words that were said and never shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from agent.channels import WaysOut
from agent.degradation import Degradation, Load
from agent.engines import Translation
from agent.engines.service.batch import Batch
from agent.engines.service.client import WORTH
from agent.errors import EngineError
from agent.nouns import SAMPLE_RATE, Caption, Chunk, Transcription, Word
from agent.participants import Wants
from agent.recognition.streaming import Streaming
from agent.room import Engines, Room
from bench.pacing import slope, spread, table
from tests.simulated_time import run

ROOMS = 20
SLOW = "room 0"
FRAME = 320
"""Samples of 20 ms; a word is sixteen of them."""
WORD = 16
PIECE = 0.2


@dataclass(frozen=True, slots=True)
class Window:
    pcm: bytes = field(repr=False)
    room: str
    prefix: str


class Queue(Protocol):
    """What windows wait in."""

    async def ask(
        self, request: Window, room: str = "", *, final: bool = True, worth: float = 0.0
    ) -> Transcription: ...

    async def run(self) -> None: ...


class Fifo:
    """First come, first served, all of it."""

    def __init__(self, work: Callable[[Sequence[Window]], Awaitable[Sequence[Transcription | EngineError]]]) -> None:
        self._work = work
        self._waiting: asyncio.Queue[tuple[Window, asyncio.Future[Transcription]]] = asyncio.Queue()

    async def ask(self, request: Window, room: str = "", *, final: bool = True, worth: float = 0.0) -> Transcription:
        answer: asyncio.Future[Transcription] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((request, answer))
        return await answer

    async def run(self) -> None:
        while True:
            request, answer = await self._waiting.get()
            [heard] = await self._work([request])
            if isinstance(heard, Transcription) and not answer.done():
                answer.set_result(heard)


class Engine:
    """Hears what `spelt` spells. A window takes `unit` seconds, and a seventh more a second of it."""

    def __init__(self, unit: float, slow: float = 1.0) -> None:
        self.worked = 0.0
        self.unit = unit
        self._slow = slow

    def takes(self, window: Window) -> float:
        seconds = len(window.pcm) / 2 / SAMPLE_RATE
        return self.unit * (1 + seconds / 7) * (self._slow if window.room == SLOW else 1.0)

    async def work(self, windows: Sequence[Window]) -> list[Transcription | EngineError]:
        for window in windows:
            self.worked += self.takes(window)
            if self.unit > 1e-6:
                await asyncio.sleep(self.takes(window))
        return [heard(window.pcm, window.prefix) for window in windows]


def spelt(numbers: Sequence[int]) -> bytes:
    """Words by number; 0 is silence as long as a word."""
    return np.repeat(np.array(numbers, np.int16), WORD * FRAME).tobytes()


def heard(pcm: bytes, prefix: str) -> Transcription:
    """The words of which at least half is there, after those that are known."""
    levels = np.frombuffer(pcm, np.int16)[FRAME // 2 :: FRAME]
    edges = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels)]
    words = [
        Word(text_of(int(levels[start])), start / 50, end / 50, 1.0)
        for start, end in pairwise(edges)
        if end - start >= WORD // 2 and levels[start]
    ][len(prefix.split()) :]
    return Transcription("en", 1.0, tuple(words), 0.0 if words else 0.9, -0.1, 1.0, "simulated")


def text_of(number: int) -> str:
    return f"w{number}" + ("." if number % 9 == 0 else "," if number % 4 == 0 else "")


class Loud:
    """A `VoiceActivityDetector`: whatever is not silence is speech."""

    def speech(self, frame: bytes) -> float:
        return 1.0 if frame[0] or frame[1] or frame[-1] or frame[-2] else 0.0

    def reset(self) -> None:
        return None


class Asking:
    """A `WindowRecognizer` that asks the queue, as the service's client does."""

    def __init__(self, queue: Queue, room: str) -> None:
        self._queue = queue
        self._room = room

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        return await self._queue.ask(Window(pcm, self._room, prefix), self._room, final=final, worth=WORTH)


class Dictionary:
    """A `Translator` that takes no time."""

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        return {target: Translation(text, "simulated") for target in targets}


class Stubborn(Degradation):
    """Gives nothing up."""

    def look(self, load: Load) -> bool:
        return False


class Doors:
    """What people of a room saw: the age of every final and when it came."""

    def __init__(self) -> None:
        self.ages: list[tuple[float, float]] = []
        self.words: set[str] = set()
        self.states: Counter[str] = Counter()

    def show(self, caption: Caption) -> None:
        if caption.final:
            now = asyncio.get_running_loop().time()
            self.ages.append((now, now - caption.end))
            self.words |= set(caption.text.split())

    async def open_captions(self, lang: str) -> None:
        return None

    async def close_captions(self, lang: str) -> None:
        return None

    async def open_channel(self, lang: str) -> Any:
        raise AssertionError("nobody listens")

    async def close_channel(self, lang: str) -> None:
        return None

    def tell_spoken(self, spoken: dict[str, str]) -> None:
        pass

    def tell_suggested(self, suggested: dict[str, str]) -> None:
        pass

    def tell_failing(self, failing: object, by_kind: object) -> None:
        pass

    def tell_lent(self, consent: object, stands: bool) -> None:
        pass

    def tell_state(self, state: str, languages: Sequence[str], detected: dict[str, str]) -> None:
        return None


def talk(dice: random.Random, seconds: float) -> list[int]:
    """Sentences of 5 to 15 words and pauses of 0.6 to 1.6 s, as numbers of words."""
    numbers: list[int] = []
    said = 0
    while len(numbers) * 0.32 < seconds:
        length = dice.randint(5, 15)
        numbers += [*range(said + 1, said + 1 + length), *[0] * dice.randint(2, 5)]
        said += length
    return numbers


async def a_room(
    name: str, seconds: float, queue: Queue, degradation: Degradation, dice: random.Random
) -> tuple[Doors, int]:
    """A room in which one speaks and one reads a translation: what was seen, and how many words were said."""
    doors, now = Doors(), asyncio.get_running_loop().time
    streaming = Streaming(Asking(queue, name), Loud)
    engines = Engines(streaming, Dictionary(), None, slow=streaming.slow)  # type: ignore[arg-type]  nobody listens
    room = Room(engines, WaysOut(doors, doors), doors, now=now, degradation=degradation)
    running = asyncio.create_task(room.run())
    await asyncio.sleep(dice.uniform(0.0, 3.0))  # not all at once
    room.started()
    room.wants("ana", Wants("en", "es", ""))
    room.wants("ben", Wants("es", "en", ""))
    room.listen("ana", "t")
    numbers = talk(dice, seconds)
    pcm, begun, step = spelt(numbers), now(), int(PIECE * SAMPLE_RATE) * 2
    for at in range(0, len(pcm), step):
        start = begun + at / 2 / SAMPLE_RATE
        await asyncio.sleep(max(0.0, start + PIECE - now()))
        room.hear(Chunk("t", start, pcm[at : at + step]))
        doors.states[room.condition.state] += 1
    room.close()
    await running
    return doors, sum(1 for number in numbers if number)


async def scene(seconds: float, seed: int, unit: float, slow: float, ours: bool, rooms: int) -> Scene:
    """All rooms on one engine."""
    engine = Engine(unit, slow)
    queue: Queue = Batch(engine.work, now=asyncio.get_running_loop().time) if ours else Fifo(engine.work)
    serving = asyncio.create_task(queue.run())
    dice = [random.Random(f"{seed} {n}") for n in range(ROOMS)]  # noqa: S311  for the same talk again
    found = await asyncio.gather(
        *(
            a_room(f"room {n}", seconds, queue, Degradation() if ours else Stubborn(), dice[n])
            for n in range(ROOMS - rooms, ROOMS)
        )
    )
    serving.cancel()
    return Scene({f"room {n}": one for n, one in zip(range(ROOMS - rooms, ROOMS), found, strict=True)}, engine.worked)


@dataclass(frozen=True, slots=True)
class Scene:
    """What was seen in every room, and how long the engine worked."""

    rooms: Mapping[str, tuple[Doors, int]]
    worked: float

    def figures(self, skip: str = "") -> dict[str, Any]:
        """Of all rooms but one."""
        seen = [one for name, one in self.rooms.items() if name != skip]
        ages = sorted(age for doors, _ in seen for age in doors.ages)  # by when they came
        states = sum((doors.states for doors, _ in seen), Counter[str]())
        said, shown = sum(words for _, words in seen), sum(len(doors.words) for doors, _ in seen)
        return {
            "captions": len(ages),
            **{f"age {name}": value for name, value in spread([age for _, age in ages]).items()},
            "slope s/min": slope([at / 60 for at, _ in ages], [age for _, age in ages]),
            "lost": round(1 - shown / said, 4),
            "most of the time": states.most_common(1)[0][0],
        }


def measure(seconds: float, seed: int) -> dict[str, dict[str, Any]]:
    """Every scene, ours and plain."""

    def play(unit: float, ours: bool, slow: float = 1.0, rooms: int = ROOMS) -> Scene:
        return run(scene(seconds, seed, unit, slow, ours, rooms))

    # What the rooms ask for when nobody has to wait.
    free = play(1e-9, ours=True)
    unit = 1e-9 * seconds / free.worked
    crowd = {way: play(2.0 * unit, way == "ours") for way in ("ours", "plain FIFO")}
    alone = {way: play(0.7 * unit, way == "ours", rooms=ROOMS - 1) for way in crowd}
    slow = {way: play(0.7 * unit, way == "ours", slow=15.0) for way in crowd}
    return {
        "nobody waits": free.figures(),
        **{f"2x capacity, {way}": one.figures() for way, one in crowd.items()},
        **{f"19 rooms at 0.7x, {way}": one.figures() for way, one in alone.items()},
        **{f"the same beside a slow room, {way}": one.figures(SLOW) for way, one in slow.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write", type=Path, default=Path("bench-results/overload.json"))
    asked = parser.parse_args()
    found = measure(asked.minutes * 60, asked.seed)
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps({"minutes": asked.minutes, "seed": asked.seed, "found": found}, indent=1))
    print(table(found))


if __name__ == "__main__":
    main()
