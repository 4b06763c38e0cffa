"""The languages that a room makes: where the captions and the voice of each begin and end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from .aio import Feed, FeedOverflow, TaskScope, within
from .captions import Captioner
from .dubs import Channel, Dubber, Due
from .nouns import Caption
from .quotas import LanguageQuota
from .transcript import Transcript


class CaptionsOut(Protocol):
    """Where captions go out. `show` never waits."""

    def show(self, caption: Caption) -> None: ...

    async def open_captions(self, lang: str) -> None: ...

    async def close_captions(self, lang: str) -> None: ...


class VoicesOut(Protocol):
    """Where voices go out."""

    async def open_channel(self, lang: str) -> Channel: ...

    async def close_channel(self, lang: str) -> None: ...


@dataclass(frozen=True, slots=True)
class WaysOut:
    """The ways out of the house."""

    captions: CaptionsOut
    voices: VoicesOut


class Makers(Protocol):
    """Makes what a language needs."""

    def captioner(self, lang: str, say: Callable[[Caption], None]) -> Captioner: ...

    def dubber(self, lang: str, channel: Channel) -> Dubber: ...


@dataclass(slots=True)
class Language:
    """One that is made: its captions, and its voice while somebody hears it."""

    captioner: Captioner
    captions: asyncio.Task[None] | None = None
    dubs: asyncio.Task[None] | None = None
    dubber: Dubber | None = None
    feed: Feed[Due] | None = None
    unwanted_since: float = math.inf
    unheard_since: float = math.inf


class Channels:
    """A language is work only while somebody wants it, and `LINGER` seconds after.

    Then its captions, its data track and what it remembered are given back. Of those that linger, as many stay as the
    quota's limit leaves over. Each language's captions, way out and voice have a wall of their own, `captions.<tag>`,
    `captions_track.<tag>` and `dub.<tag>`.
    """

    LINGER = 10.0

    def __init__(
        self,
        makers: Makers,
        ways_out: WaysOut,
        transcript: Transcript,
        quota: LanguageQuota,
        tasks: TaskScope,
        now: Callable[[], float],
    ) -> None:
        self._makers = makers
        self._ways_out = ways_out
        self._transcript = transcript
        self._quota = quota
        self._tasks = tasks
        self._now = now
        self._languages: dict[str, Language] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, tag: object) -> bool:
        return tag in self._languages

    @property
    def made(self) -> list[str]:
        """The languages that there are captions in."""
        return list(self._languages)

    @property
    def active(self) -> list[str]:
        """Those whose captions run."""
        return [tag for tag, language in self._languages.items() if language.captions]

    @property
    def settling(self) -> list[str]:
        """The clauses that captions of the languages are at."""
        return [language.captioner.settling for language in self._languages.values() if language.captions]

    @property
    def voices_waiting(self) -> list[float]:
        """Seconds that each voice has been waited for."""
        dubbers = [language.dubber for language in self._languages.values() if language.captions]
        return [dubber.waiting for dubber in dubbers if dubber]

    def after(self, lang: str, seq: int) -> tuple[list[Caption], bool] | None:
        """Finals of a language above `seq`; None where the language has no captions."""
        language = self._languages.get(lang)
        return language.captioner.after(seq) if language else None

    def want(self, tag: str) -> None:
        """Captions in a language, from now on."""
        language = self._languages.get(tag)
        if language is None:
            language = self._languages[tag] = Language(self._makers.captioner(tag, partial(self._say, tag)))
        if language.captions is None:
            language.captions = self._tasks.begin(self._caption(language, self._ending.get(tag)), f"captions {tag}")

    def settle(self, read: Sequence[str], heard: Collection[str], spoken: Collection[str]) -> bool:
        """Has what is read captioned and what is heard dubbed; what nobody wants begins to linger, or goes.

        Whether a language was given back at once.
        """
        for tag in read:
            self.want(tag)
        for tag in heard:
            self._want_voice(tag)
        now, wanted = self._now(), {*read, *spoken}
        for tag, language in self._languages.items():
            language.unwanted_since = math.inf if tag in wanted else min(language.unwanted_since, now)
            language.unheard_since = math.inf if tag in heard else min(language.unheard_since, now)
        return self._make_room(len(read))

    def _say(self, tag: str, final: Caption) -> None:
        """Hand a final to its language's voice, where it has one."""
        language = self._languages.get(tag)
        if language and language.feed:
            language.feed.put(Due(final, self._now()))

    def retire(self) -> bool:
        """Ends what has lingered for long enough. Whether a language was given back."""
        late = self._now() - self.LINGER
        for language in self._languages.values():
            if language.feed and language.unheard_since < late:
                language.feed.close()
                language.feed = language.dubs = language.dubber = None
        gone = [tag for tag, language in self._languages.items() if language.unwanted_since < late]
        for tag in gone:
            self._give_back(tag)
        return bool(gone)

    async def finish(self) -> None:
        """The room is over: captioners read to the end, what they made is kept and shown, and voices stop."""
        everything = self._languages.values()
        await within(5.0, [language.captions for language in everything if language.captions])
        await within(2.0, [held for language in everything for held in language.captioner.held])
        for language in self._languages.values():
            if language.dubs:
                language.dubs.cancel()

    def _make_room(self, wanted: int) -> bool:
        """Languages that linger may be as many as the limit leaves over; those nobody wants for longest go first."""
        lingering = [(one.unwanted_since, tag) for tag, one in self._languages.items() if one.unwanted_since < math.inf]
        gone = sorted(lingering)[: max(0, len(lingering) - max(0, self._quota.limit - wanted))]
        for _, tag in gone:
            self._give_back(tag)
        return bool(gone)

    def _give_back(self, tag: str) -> None:
        """Nobody wants a language any more: its tasks end, its tracks go, and only its last number is remembered."""
        language = self._languages.pop(tag)
        if language.feed:
            language.feed.close()
        if language.captions:
            self._ending[tag] = ending = self._tasks.begin(self._end(tag, language.captions, language), f"end {tag}")
            ending.add_done_callback(partial(self._ended, tag))

    def _ended(self, tag: str, ending: asyncio.Task[None]) -> None:
        if self._ending.get(tag) is ending:
            del self._ending[tag]

    async def _end(self, tag: str, captions: asyncio.Task[None], language: Language) -> None:
        captions.cancel()
        await asyncio.wait([captions])
        self._quota.give_back(tag, max(self._quota.last(tag), language.captioner.last))
        try:
            async with asyncio.timeout(5.0):
                await self._ways_out.captions.close_captions(tag)
        except Exception as error:
            self._tasks.fell(f"captions_track.{tag}", error)

    async def _caption(self, language: Language, before: asyncio.Task[None] | None) -> None:
        tag = language.captioner.lang
        if before:
            await asyncio.wait([before])
        language.captioner.last = self._quota.last(tag)
        async with asyncio.TaskGroup() as group:
            # Until its data track is there, and where it can't be had, finals go out as text streams all the same.
            way_out = self._tasks.keep(f"captions_track.{tag}", lambda: self._ways_out.captions.open_captions(tag))
            opening = group.create_task(way_out, name=f"captions track {tag}")
            await self._tasks.keep(f"captions.{tag}", lambda: language.captioner.run(self._transcript))
            opening.cancel()

    def _want_voice(self, tag: str) -> None:
        language = self._languages[tag]
        if language.dubs is None:
            language.feed = Feed(limit=200)
            language.dubs = self._tasks.begin_part(f"dub.{tag}", partial(self._dub, language, language.feed))

    async def _dub(self, language: Language, feed: Feed[Due]) -> None:
        tag = language.captioner.lang
        if feed.closed:
            return
        channel = await self._ways_out.voices.open_channel(tag)
        try:
            language.dubber = self._makers.dubber(tag, channel)
            await language.dubber.run(feed)
        except FeedOverflow:
            feed.clear()  # it would be far too late to say what waits there
            raise
        finally:
            await asyncio.shield(self._ways_out.voices.close_channel(tag))
