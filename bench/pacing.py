"""A dubbed hour whose translations take longer than what was said: `python -m bench.pacing`.

The real `Dubber` speaks, in simulated time, what one speaker says in 60 minutes: clauses of 1 to 6 s (the cap
of a clause), pauses between them, now and then a longer one. A clause's caption comes as late after its end as a
live room's (about 2 s), and its voice takes `--longer` times as long as the clause did. The loudspeaker queues
400 ms, as a dub's track does. Told of every way to pace:

- *lag*: from the end of a clause until its own share of the voice is heard, of clauses that are spoken;
- *slope*: how the lag grows, least squares over the hour, seconds an hour, with its 95 % interval;
- *skipped*: clauses whose voice is left out (the caption stands).

`--talks` is the share of time in which somebody speaks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, linear_regression, quantiles
from typing import Any, Literal

from agent.aio import Feed
from agent.dubs import Dubber, Due
from agent.nouns import Caption, Dub
from agent.voice_cloning import VoiceCloning
from tests.simulated_time import run

QUEUE = 0.4
"""Seconds that a dub's track holds."""
PIECE = 0.2
RATE = 1_000


class NeverCatchesUp(Dubber):
    """Says everything, at one speed."""

    MERGE = SKIP = float("inf")

    def speed(self, behind: float, longer: float = 1.0) -> float:
        return 1.0


WAYS: Mapping[str, type[Dubber]] = {"catching up": Dubber, "no catch-up": NeverCatchesUp}


@dataclass(frozen=True, slots=True)
class Hour:
    """What is said in it: captions, when each arrives, and how long its voice takes at its usual speed."""

    captions: Sequence[Caption]
    arrivals: Sequence[float]
    spoken: Mapping[str, float]


def an_hour(seed: int, minutes: float, longer: float, talks: float) -> Hour:
    """The same for every way to pace it."""
    dice, at, captions, arrivals = _dice(seed), 1.0, [], []
    while at < minutes * 60:
        said = min(6.0, max(1.0, dice.lognormvariate(1.0, 0.45)))
        arrivals.append(max([at + said + max(0.8, dice.gauss(2.0, 0.4)), *arrivals[-1:]]))
        captions.append(_caption(len(captions), at, at + said, longer, dice))
        # Mostly a breath, seldom a pause: both as long on average as the share of silence wants it.
        silence = said * (1 - talks) / talks
        at += said + (dice.uniform(0.3, 0.7) * silence if dice.random() < 0.9 else dice.uniform(4.5, 6.5) * silence)
    spoken = {one.text: (one.end - one.start) * longer for one in captions}
    return Hour(captions, arrivals, spoken)


def _dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  for the same hour again, not for secrets


def _caption(number: int, start: float, end: float, longer: float, dice: random.Random) -> Caption:
    # Texts that take as long to say differ in length: by a tenth or so.
    text = f"{number}.".ljust(round((end - start) * longer / 0.065 * dice.gauss(1.0, 0.1)), "x")
    return Caption(str(number), 1, number + 1, "es", "en", "ana", "t", None, text, 0, True, start, end, "simulated")


class Booth:
    """A `Voice` whose sound is as long as the hour says, and the `Channel` on which it is heard.

    The first of its pieces takes a moment; the loudspeaker is up to `QUEUE` seconds behind.
    """

    def __init__(self, hour: Hour, dice: random.Random) -> None:
        self.heard: dict[str, float] = {}
        self.skipped: list[str] = []
        self.speeds: list[float] = []
        self._hour = hour
        self._dice = dice
        self._until = 0.0
        self._before = 0.0

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        self.speeds.append(speed)
        self._before = 0.0
        await asyncio.sleep(self._dice.uniform(0.1, 0.35))
        left = sum(self._hour.spoken[one] for one in text.split()) / speed
        while left > 1 / RATE:
            piece = min(PIECE, left)
            left -= piece
            yield Dub(language, RATE, b"\0\0" * round(piece * RATE), "simulated")

    async def play(self, dub: Dub) -> None:
        self._until = max(self._until, self._now()) + dub.duration
        if (early := self._until - self._now() - QUEUE) > 0:
            await asyncio.sleep(early)

    async def drain(self) -> None:
        await asyncio.sleep(max(0.0, self._until - self._now()))

    def cue(self, caption: Caption, event: Literal["started", "ended", "skipped"], behind: float) -> None:
        if event == "skipped":
            self.skipped.append(caption.id)
        elif event == "started":
            self.heard[caption.id] = max(self._until, self._now()) + self._before
            self._before += self._hour.spoken[caption.text] / self.speeds[-1]

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def dub(hour: Hour, way: type[Dubber], seed: int) -> dict[str, Any]:
    """The hour, dubbed in one way."""
    booth, feed, now = Booth(hour, _dice(seed)), Feed[Due](limit=10_000), asyncio.get_running_loop().time
    dubber = way("es", VoiceCloning(booth), booth, now=now)
    async with asyncio.TaskGroup() as group:
        group.create_task(dubber.run(feed))
        for caption, arrival in zip(hour.captions, hour.arrivals, strict=True):
            await asyncio.sleep(arrival - now())
            feed.put(Due(caption, now()))
        feed.close()
    return figures(hour, booth)


def figures(hour: Hour, booth: Booth) -> dict[str, Any]:
    """What listeners had of it."""
    spoken = [one for one in hour.captions if one.id in booth.heard]
    lags = [booth.heard[one.id] - one.end for one in spoken]
    seconds = {one.id: one.end - one.start for one in hour.captions}
    return {
        "clauses": len(hour.captions),
        **{f"lag {name}": value for name, value in spread(lags).items()},
        "slope s/h": slope([one.end / 3600 for one in spoken], lags),
        "skipped": round(len(booth.skipped) / len(hour.captions), 4),
        "skipped of the time": round(sum(map(seconds.__getitem__, booth.skipped)) / sum(seconds.values()), 4),
        "mean speed": round(sum(booth.speeds) / len(booth.speeds), 3),
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and the most."""
    cuts = quantiles(seconds, n=20)
    return {"p50": round(cuts[9], 2), "p95": round(cuts[18], 2), "max": round(max(seconds), 2)}


def slope(times: Sequence[float], lags: Sequence[float]) -> tuple[float, float]:
    """Seconds a unit of time by least squares, and half of the 95 % interval around it."""
    line, middle = linear_regression(times, lags), fmean(times)
    rest = sum((lag - line.intercept - line.slope * at) ** 2 for at, lag in zip(times, lags, strict=True))
    width = sum((at - middle) ** 2 for at in times)
    return round(line.slope, 2), round(1.96 * (rest / (len(lags) - 2) / width) ** 0.5, 2)


def measure(minutes: float, longer: float, talks: Sequence[float], seed: int) -> dict[str, dict[str, Any]]:
    """Every share of talk in every way."""
    found = {}
    for share in talks:
        hour = an_hour(seed, minutes, longer, share)
        for name, way in WAYS.items():
            found[f"{name}, {share:.0%} talk"] = run(dub(hour, way, seed))
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    columns = [*next(iter(found.values()))]
    rows = [f"| {name} | {' | '.join(shown(one[column]) for column in columns)} |" for name, one in found.items()]
    return "\n".join([f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|", *rows])


def shown(value: Any) -> str:
    return f"{value[0]} ± {value[1]}" if isinstance(value, tuple) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--longer", type=float, default=1.3, help="seconds of voice for a second of speech")
    parser.add_argument("--talks", type=float, nargs="+", default=[0.7, 0.85, 1.0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write", type=Path, default=Path("bench-results/pacing.json"))
    asked = parser.parse_args()
    found = measure(asked.minutes, asked.longer, asked.talks, asked.seed)
    about = {"minutes": asked.minutes, "longer": asked.longer, "seed": asked.seed}
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(json.dumps({**about, "found": found}, indent=1))
    print(table(found))


if __name__ == "__main__":
    main()
