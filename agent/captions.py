"""One language's captions."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from .aio import Feed, supervise
from .engines import Translation
from .errors import EngineError
from .languages import same_language
from .merge import merged, shared
from .nouns import Caption, Hypothesis, Segment
from .translations import SharedTranslations

Said = Hypothesis | Segment
Written = asyncio.Future[None]
"""Done when something stands on a disk."""


class Transcript(Protocol):
    """What a captioner asks of the transcript."""

    def listen(self) -> Feed[Said]: ...

    def leave(self, feed: Feed[Said]) -> None: ...

    def since(self, start: float) -> list[Segment]: ...


class CaptionerDoors:
    """What a captioner asks of its room, and tells it. Who implements it says what it minds; the rest is as here."""

    def show(self, caption: Caption) -> None:
        """Every caption, as it comes."""

    def say(self, final: Caption) -> None:
        """A final of what is said from now on: the voice's."""

    def keep(self, final: Caption) -> Written | None:
        """What a final waits for before anybody sees, hears or can ask for it; None where for nothing."""
        return None

    def previews(self) -> bool:
        """Whether the beginning of a clause is translated before its end."""
        return True

    def merging(self) -> bool:
        """Whether clauses of one speaker that wait are translated as one."""
        return False

    def failed(self, error: EngineError) -> None:
        """An engine failed, and is asked again."""

    def gave_up(self, error: Exception) -> None:
        """A clause failed for good."""

    def took(self, seconds: float) -> None:
        """A translation was made."""


@dataclass(frozen=True, slots=True)
class _Held:
    caption: Caption
    live: bool
    written: Written | None


class Captioner:
    """Turns what is said into captions of one language; finals are numbered from 1.

    While the room is merging, the clauses of a speaker that wait are translated as one, and each gets its share of
    the text.

    A clause that fails for good is given up, and the next one is captioned. Where `run` fell it may be called again:
    what was said meanwhile is captioned then, each clause once and numbered on.
    """

    CONTEXT = 2
    """Clauses of the same speaker that go along with a clause to be translated."""
    CATCH_UP = 180.0
    """Seconds: somebody who begins to read a language gets the last minutes in it."""
    SPEAKERS = 100
    """Speakers, each in one language, whose last clauses are remembered; beyond it who spoke longest ago is not."""
    MERGED, MERGED_SECONDS = 6, 20.0
    """Clauses that are translated as one at most, and from the first's beginning to the last's end."""

    def __init__(
        self,
        lang: str,
        together: SharedTranslations,
        doors: CaptionerDoors,
        now: Callable[[], float],
    ) -> None:
        self.lang = lang
        self.last = 0
        """The number of the last final; who takes over from another captioner sets it before `run`."""
        self._together = together
        self._doors = doors
        self._now = now
        self._since = math.inf
        """Since when it has listened, falls and all; what was said before is not for the voice."""
        self._held: deque[_Held] = deque()
        self.settling = ""
        """The id of the clause that is being settled, of those that are said now."""
        self._finals: deque[Caption] = deque(maxlen=500)
        self._done: deque[str] = deque(maxlen=1_000)
        self._before: dict[tuple[str, str], deque[str]] = {}

    async def run(self, transcript: Transcript) -> None:
        """Caption what was said in the last minutes, then what is said, until cancelled or left."""
        feed: Feed[Said] = transcript.listen()
        try:
            await self._catch_up(transcript)
            live = False
            async for said in feed:
                live = live or not feed.waiting  # what came while we caught up is late by our own doing
                if isinstance(said, Hypothesis):
                    await self._preview(said)
                    continue
                self.settling = said.id if live else ""
                await self._settle_or_give_up(self._along(said, feed), live=True)
                self.settling = ""
        except asyncio.CancelledError:
            self._since = math.inf  # nobody wants it any more: who comes back begins anew
            raise
        finally:
            self.settling = ""
            transcript.leave(feed)

    async def _catch_up(self, transcript: Transcript) -> None:
        """What was said before, and while we were down."""
        now, since = self._now(), self._since
        self._since = min(since, now)
        for segment in transcript.since(min(now - self.CATCH_UP, since)):
            if segment.id not in self._done:
                await self._settle_or_give_up([segment], live=segment.end > since)

    def after(self, seq: int, most: int = 50) -> tuple[list[Caption], bool]:
        """The finals numbered above `seq` that are remembered, oldest first, and whether there are more."""
        later = [caption for caption in self._finals if (caption.seq or 0) > seq]
        return later[:most], len(later) > most

    def _along(self, first: Segment, feed: Feed[Said]) -> list[Segment]:
        """With it, while clauses are merged, those of the same speaker that wait."""
        if not self._doors.merging() or same_language(first.language, self.lang):
            return [first]

        def goes_along(said: Said) -> bool:
            same = (said.track, said.speaker, said.language) == (first.track, first.speaker, first.language)
            return isinstance(said, Segment) and same and said.end - first.start < self.MERGED_SECONDS

        waiting = feed.pick(goes_along, self.MERGED - 1)
        return [first, *(said for said in waiting if isinstance(said, Segment))]

    @property
    def held(self) -> list[Written]:
        """What finals wait for that nobody has seen yet."""
        return [held.written for held in self._held if held.written]

    async def _settle_or_give_up(self, segments: Sequence[Segment], *, live: bool = False) -> None:
        """The wall of a clause: whatever it fails over, the next one is settled."""
        try:
            await self._settle(segments, live=live)
        except Exception as error:
            if len(segments) > 1:  # one of them may be the one that can't be translated
                for segment in segments:
                    if segment.id not in self._done:
                        await self._settle_or_give_up([segment], live=live)
                return
            if segments[0].id not in self._done:
                self._done.append(segments[0].id)
            self._doors.gave_up(error)

    async def _settle(self, segments: Sequence[Segment], *, live: bool = False) -> None:
        """Clauses of one speaker as captions: all of them, or none where nothing serves the pair."""
        # Marked after the wait: a captioner that is cancelled in it and started again asks anew.
        made = await supervise(partial(self._in_our_language, merged(segments)), failed=self._doors.failed)
        texts = [made.text] if made else []
        if made and len(segments) > 1:
            texts = shared(made.text, self.lang, [len(segment.text) for segment in segments])
        if made and not texts:  # too few words to go round
            for segment in segments:
                await self._settle([segment], live=live)
            return
        for at, segment in enumerate(segments):
            self._done.append(segment.id)
            self._remember(segment)
            if made:
                self._final(segment, texts[at], made.engine, live=live)

    def _final(self, segment: Segment, text: str, engine: str, *, live: bool) -> None:
        self.last += 1
        caption = Caption(
            id=segment.id,
            rev=segment.rev,
            seq=self.last,
            lang=self.lang,
            source=segment.language,
            identity=segment.identity,
            track=segment.track,
            speaker=segment.speaker,
            text=text,
            stable=len(text),
            final=True,
            start=segment.start,
            end=segment.end,
            engine=engine,
            speakable=segment.speakable,
        )
        written = self._doors.keep(caption)
        self._held.append(_Held(caption, live, written))
        if written:
            written.add_done_callback(lambda _: self._let_go())
        self._let_go()

    def _remember(self, segment: Segment) -> None:
        who = (segment.identity, segment.language)
        before = self._before.pop(who, None) or deque(maxlen=self.CONTEXT)
        before.append(segment.text)
        self._before[who] = before
        while len(self._before) > self.SPEAKERS:
            del self._before[next(iter(self._before))]

    def _let_go(self) -> None:
        """Finals in their order, as far as what they wait for is done."""
        while self._held and (self._held[0].written is None or self._held[0].written.done()):
            held = self._held.popleft()
            self._finals.append(held.caption)
            self._doors.show(held.caption)
            if held.live:
                self._doors.say(held.caption)

    async def _in_our_language(self, segment: Segment) -> Translation | None:
        if same_language(segment.language, self.lang):
            return Translation(segment.text, segment.engine)
        context = tuple(self._before.get((segment.identity, segment.language), ()))
        asked = self._now()
        try:
            made = await self._together.translate(segment, self.lang, context)
        except EngineError as error:
            if error.code != "not_served":
                raise
            return None
        self._doors.took(self._now() - asked)
        return made if made and made.text.strip() else None

    async def _preview(self, said: Hypothesis) -> None:
        if same_language(said.language, self.lang):
            if said.text.strip():
                self._doors.show(self._interim(said, said.text, said.stable, said.engine))
        elif self._doors.previews() and (stable := said.text[: said.stable].strip()).count(" ") >= 2:
            # A translated tail flickers, so only what will not change is translated before its time.
            try:
                made = await self._together.preview(said, stable, self.lang)
            except Exception as error:
                if isinstance(error, EngineError) and error.code == "overloaded":
                    self._doors.failed(error)
                return  # a preview is a courtesy; the final will tell of any other failure
            if made and made.text.strip():
                self._doors.show(self._interim(said, made.text, 0, made.engine))

    def _interim(self, said: Hypothesis, text: str, stable: int, engine: str) -> Caption:
        return Caption(
            id=said.id,
            rev=said.rev,
            seq=None,
            lang=self.lang,
            source=said.language,
            identity=said.identity,
            track=said.track,
            speaker=said.speaker,
            text=text,
            stable=stable,
            final=False,
            start=said.start,
            end=said.end,
            engine=engine,
        )
