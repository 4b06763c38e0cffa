"""One room: a line per track, a captioner and a dubber per language that somebody wants."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any, Protocol

from .aio import Feed, FeedOverflow, Supervisor
from .captions import Captioner, Written
from .degradation import Degradation, Load
from .dubs import Channel, Dubber, Due, VoiceAssignment
from .engines import (
    Consent,
    Diarizer,
    Direct,
    Likeness,
    Recognizer,
    Translator,
    Voice,
    VoiceActivityDetector,
    WindowRecognizer,
)
from .errors import EngineError
from .failures import Failures
from .languages import same_language
from .nouns import Caption, Chunk, Hypothesis, Segment
from .quotas import PEOPLE, LanguageQuota
from .rate_limit import TokenBucket
from .recognition.language_check import LanguageChecks
from .recognition.track import TrackLine
from .speech_translation import AudioHistory, SpeechTranslation
from .terms.enforce import TermEnforcer
from .terms.glossary import Glossary
from .transcript import Transcript
from .translations import SharedTranslations
from .voice_cloning import VoiceCloning


@dataclass(frozen=True, slots=True)
class Wants:
    """What one participant speaks (a tag, or `auto`), reads and hears (a tag, or empty)."""

    speaks: str = "auto"
    reads: str = ""
    hears: str = ""

    @property
    def languages(self) -> tuple[str, ...]:
        """What somebody has to make for this person."""
        return tuple(dict.fromkeys(tag for tag in (self.reads, self.hears) if tag))


@dataclass(frozen=True, slots=True)
class Engines:
    """The stages, handed in."""

    recognizer: Recognizer
    translator: Translator
    voice: Voice
    diarizer: Diarizer | None = None
    direct: Direct | None = None
    previews: Translator | None = None
    """For what may be dropped where there is too much to do; the translator itself where there is none."""
    likeness: Likeness | None = None
    """For dubs in a voice like the speaker's own; without one all are in stock voices."""
    ear: WindowRecognizer | None = None
    gate: Callable[[], VoiceActivityDetector] | None = None
    """Both for noticing who speaks something else than they say; without them nobody does."""


Keep = Callable[[Segment | Caption], Written | None]
"""Takes what was settled, as it was said or in another language, and answers when it may be shown: None, at once."""


class Doors(Protocol):
    """The way out of the house. None of these waits, but for the opening of a channel."""

    def show(self, caption: Caption) -> None: ...

    async def open_captions(self, lang: str) -> None: ...

    async def close_captions(self, lang: str) -> None: ...

    async def open_channel(self, lang: str) -> Channel: ...

    async def close_channel(self, lang: str) -> None: ...

    def tell_state(self, state: str, languages: Sequence[str], detected: dict[str, str]) -> None: ...

    def tell_spoken(self, spoken: dict[str, str]) -> None: ...

    def tell_suggested(self, suggested: dict[str, str]) -> None: ...


@dataclass(slots=True)
class _Language:
    captioner: Captioner
    captions: asyncio.Task[None] | None = None
    dubs: asyncio.Task[None] | None = None
    dubber: Dubber | None = None
    feed: Feed[Due] | None = None
    unwanted_since: float = math.inf
    unheard_since: float = math.inf


@dataclass(slots=True)
class Delays:
    """Seconds that a stage took lately."""

    WINDOW = 60.0
    _took: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=500))

    def add(self, now: float, seconds: float) -> None:
        self._took.append((now, seconds))

    def p50(self, now: float) -> float | None:
        """The median of the last minute; None where nothing happened."""
        recent = [seconds for at, seconds in self._took if at > now - self.WINDOW]
        return median(recent) if recent else None


class Room:
    """Everything that happens to what is said in one room.

    `run` owns all tasks; the other methods are called while it runs and never wait.
    A language is work only while somebody wants it, and `LINGER` seconds after; then its captions, its data track
    and what it remembered are given back. At most `limit` languages are made for readers, and as many that are only
    spoken (`LanguageQuota` says how many over the room's life); wishes of at most `PEOPLE` people are known.

    Each track, each language's captions, its way out and its voice have a wall of their own: what falls there is
    counted, told by `failing` (see `Failures`) and begun again, and nothing else notices.
    """

    LINGER = 10.0
    LISTENED, LISTENED_PER_SECOND = 20, 1.0
    """How often one person's microphones may be listened to anew (unmuted, published, in another language): so many
    times at once, then so many a second. Later ones wait."""
    SETTLING = 100
    """Tracks that are listened to or settle what was heard; those beyond it wait."""
    LATELY = 5.0
    """Seconds for which a refusal by an engine counts."""

    def __init__(
        self,
        engines: Engines,
        doors: Doors,
        *,
        now: Callable[[], float],
        limit: int = 12,
        always: Sequence[str] = (),
        glossary: Glossary | None = None,
        slow: Callable[[bool], None] = lambda slow: None,
        ladder: Degradation | None = None,
        meeting: str = "",
        lent: Callable[[Consent, bool], None] = lambda consent, stands: None,
        keep: Keep | None = None,
        failing: Callable[[Mapping[str, str]], None] = lambda failing: None,
    ) -> None:
        self.failures = Failures(now, failing)
        self._supervisor = Supervisor(self.failures.fell)
        self.transcript = Transcript()
        self.refused_languages = 0
        self._engines = engines
        self._doors = doors
        self._now = now
        self._quota = LanguageQuota(limit, always)
        self._always = tuple(always)
        self._glossary = glossary or Glossary()
        self._slow = slow
        self._ladder = ladder or Degradation()
        self._keep = keep or (lambda said: None)
        self._written: dict[str, Written] = {}
        self._away: dict[str, float] = {}
        self._refusals: deque[float] = deque(maxlen=100)
        self._told: dict[str, float] = {}
        self._people: dict[str, Wants] = {}
        self._detected: dict[str, str] = {}
        self._suggested: dict[str, str] = {}
        self._lines: dict[str, TrackLine] = {}
        self._postponed: dict[str, str] = {}
        self._listens: dict[str, TokenBucket] = {}
        self._hearing: set[asyncio.Task[None]] = set()
        self._languages: dict[str, _Language] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._cast = VoiceAssignment()
        self._likenesses = VoiceCloning(engines.voice, engines.likeness, meeting, lent)
        self._checks = self._language_checks(engines)
        self._sounds = AudioHistory() if engines.direct else None
        translator = TermEnforcer(engines.translator, self._glossary)
        previews = TermEnforcer(engines.previews, self._glossary) if engines.previews else translator
        named = self._glossary.carried
        beside = (
            SpeechTranslation(engines.direct, translator, self._sounds, named)
            if engines.direct and self._sounds
            else None
        )
        self._together = SharedTranslations(translator, self._wanted_tags, beside=beside, previews=previews)
        self._delays = {stage: Delays() for stage in ("recognise", "translate", "speak")}
        self._group: asyncio.TaskGroup | None = None
        self._closing = asyncio.Event()
        self.running = asyncio.Event()
        self._started = False

    async def run(self) -> None:
        """Interpret until `close`; then settle what was said and deliver it."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            keeper = group.create_task(self._supervisor.keep("upkeep", self._look_after))
            checking = group.create_task(self._supervisor.keep("language", self._checks.run)) if self._checks else None
            for tag in self._always:
                self._want(tag)
            self.running.set()
            await self._closing.wait()
            keeper.cancel()
            if checking:
                checking.cancel()
            await self._deliver_the_rest()

    def close(self) -> None:
        """The room is over."""
        self._closing.set()

    def started(self) -> None:
        """We are in the room and can hear."""
        self._started = True
        self._tell_state()

    # People

    def wants(self, identity: str, wants: Wants) -> dict[str, str]:
        """What somebody wants now. Answers the languages that were refused, with a code each."""
        if identity not in self._people and len(self._people) >= PEOPLE:
            return dict.fromkeys(wants.languages, "too_many_people")
        before = self._people.get(identity, Wants())
        refused = {tag: "too_many_languages" for tag in self._too_many(wants.languages, identity)}
        self.refused_languages += len(refused)
        self._people[identity] = Wants(
            wants.speaks,
            "" if wants.reads in refused else wants.reads,
            "" if wants.hears in refused else wants.hears,
        )
        if before.speaks != wants.speaks:
            self._detected.pop(identity, None)
            self.withdraw(identity)
            for line in [line for line in self._lines.values() if line.identity == identity]:
                self.stopped(line.track)
                self.listen(identity, line.track)
        self._settle_wants()
        return refused

    def knows(self, identity: str) -> Wants | None:
        """What somebody wants who is here; None where they have not said it yet."""
        return self._people.get(identity)

    def left(self, identity: str) -> None:
        """Somebody left; what they were saying is still settled and shown."""
        self._people.pop(identity, None)
        self._detected.pop(identity, None)
        self.withdraw(identity)
        if self._checks:
            self._checks.forget(identity)
        self._likenesses.take_back(identity)
        for line in [line for line in self._lines.values() if line.identity == identity]:
            self.stopped(line.track)
        for track in [track for track, who in self._postponed.items() if who == identity]:
            self.stopped(track)
        self._settle_wants()

    def lend(self, identity: str, given: bool) -> bool:
        """Whether somebody wants to be dubbed in a voice like their own, and whether they are from now on."""
        if given:
            return self._likenesses.lend(identity)
        self._likenesses.take_back(identity)
        return False

    def correct(self, identity: str, language: str) -> None:
        """A person says which language somebody speaks, against what was detected."""
        held = self._people.get(identity, Wants())
        self.wants(identity, Wants(language, held.reads, held.hears))
        self.withdraw(identity)
        if self._checks and language == held.speaks:
            self._checks.insisted(identity)

    def suggest(self, identity: str, language: str) -> None:
        """What somebody seems to speak, against what they say; they are asked, and nothing else changes.

        One suggestion a person, and only for people who are here.
        """
        person = self._people.get(identity)
        if person and not same_language(person.speaks, language) and self._suggested.get(identity) != language:
            self._suggested[identity] = language
            self._doors.tell_suggested(dict(self._suggested))

    def withdraw(self, identity: str) -> None:
        """There is nothing to ask somebody any more."""
        if self._suggested.pop(identity, None):
            self._doors.tell_suggested(dict(self._suggested))

    def _language_checks(self, engines: Engines) -> LanguageChecks | None:
        if engines.ear is None or engines.gate is None:
            return None
        return LanguageChecks(
            engines.ear,
            engines.gate,
            suggest=self.suggest,
            withdraw=self.withdraw,
            busy=lambda: self._ladder.step > 0,
        )

    # Tracks

    def listen(self, identity: str, track: str) -> None:
        """A track can be heard from now on."""
        if track in self._lines or self._group is None:
            return
        if len(self._hearing) >= self.SETTLING or not self._may_listen(identity):
            self._postponed[track] = identity
            return
        self._postponed.pop(track, None)
        speaks = self._people.get(identity, Wants()).speaks
        line = TrackLine(
            identity,
            track,
            None if speaks in ("auto", "") else speaks,
            self._engines.recognizer,
            self._tell,
            diarizer=self._engines.diarizer,
            failed=self._failed,
            gave_up=lambda part, error: self.failures.fell(f"{part}.{track}", error),
        )
        line.inbox.limit = self._ladder.kept
        self._lines[track] = line
        hearing = self._spawn(self._supervisor.keep(f"track.{track}", line.run), name=f"track {track}")
        self._hearing.add(hearing)
        hearing.add_done_callback(self._hearing.discard)

    def hear(self, chunk: Chunk) -> None:
        """Sound of a track that is listened to."""
        if line := self._lines.get(chunk.track):
            line.inbox.put(chunk)
            try:
                self._likenesses.hear(line.identity, chunk)
                if self._sounds:
                    self._sounds.hear(chunk)
                if self._checks and (person := self._people.get(line.identity)):
                    self._checks.hear(line.identity, person.speaks, chunk)
            except Exception as error:  # it is in the inbox: what else would be done with it is not worth a word
                self.failures.fell(f"sound.{chunk.track}", error)

    def stopped(self, track: str) -> None:
        """A track was muted, lost or ended: settle what was heard on it."""
        self._postponed.pop(track, None)
        if line := self._lines.pop(track, None):
            line.inbox.close()

    # Answers

    def captions_after(self, lang: str, seq: int) -> tuple[list[Caption], bool] | None:
        """Finals of a language above `seq`; None where the language has no captions."""
        language = self._languages.get(lang)
        return language.captioner.after(seq) if language else None

    def delays(self) -> dict[str, float]:
        """Median seconds per stage of the last minute, where known."""
        now = self._now()
        known = {stage: delays.p50(now) for stage, delays in self._delays.items()}
        return {stage: round(p50, 3) for stage, p50 in known.items() if p50 is not None}

    @property
    def state(self) -> str:
        """As people are told it: `starting`, a step of the ladder, or `engines_away`."""
        if not self._started:
            return "starting"
        return "engines_away" if self._away else self._ladder.state

    @property
    def spoken(self) -> set[str]:
        """The languages that people say they speak, and those that were found out."""
        said = {person.speaks for person in self._people.values() if person.speaks not in ("auto", "")}
        return said | set(self._detected.values())

    @property
    def made(self) -> list[str]:
        """The languages that there are captions in."""
        return list(self._languages)

    @property
    def waiting(self) -> float:
        """Seconds of sound in the longest inbox."""
        return max((line.inbox.seconds for line in self._lines.values()), default=0.0)

    @property
    def strain(self) -> Load:
        """How far behind we are."""
        now = self._now()
        languages = [language for language in self._languages.values() if language.captions]
        clauses = [now - self._told.get(language.captioner.settling, now) for language in languages]
        voices = [language.dubber.waiting for language in languages if language.dubber]
        refused = sum(at > now - self.LATELY for at in self._refusals)
        return Load(self.waiting, max(clauses, default=0.0), max(voices, default=0.0), refused)

    @property
    def dropped(self) -> float:
        """Seconds of sound that were skipped on the tracks there are now."""
        return sum(line.inbox.dropped for line in self._lines.values())

    # What follows from it

    def _wanted_tags(self) -> list[str]:
        wanted = [tag for person in self._people.values() for tag in person.languages]
        return list(dict.fromkeys([*self._always, *wanted]))

    def _too_many(self, tags: Sequence[str], identity: str) -> list[str]:
        others = (person.languages for who, person in self._people.items() if who != identity)
        wanted = {tag for languages in others for tag in languages} | set(self._always)
        return self._quota.refused(identity, tags, wanted)

    def _may_listen(self, identity: str) -> bool:
        now = self._now()
        if identity not in self._listens:
            while len(self._listens) >= PEOPLE:
                del self._listens[next(iter(self._listens))]
            self._listens[identity] = TokenBucket(self.LISTENED, self.LISTENED_PER_SECOND, now)
        return self._listens[identity].take(now)

    def _settle_wants(self) -> None:
        heard = {person.hears for person in self._people.values() if person.hears}
        for tag in self._wanted_tags():
            self._want(tag)
        for tag in heard:
            self._want_voice(tag)
        now, wanted = self._now(), set(self._wanted_tags()) | self.spoken
        for tag, language in self._languages.items():
            language.unwanted_since = math.inf if tag in wanted else min(language.unwanted_since, now)
            language.unheard_since = math.inf if tag in heard else min(language.unheard_since, now)
        self._make_room(len(self._wanted_tags()))
        self._doors.tell_spoken({identity: person.speaks or "auto" for identity, person in self._people.items()})
        self._tell_state()

    def _make_room(self, wanted: int) -> None:
        """Languages that linger may be as many as the limit leaves over; those nobody wants for longest go first."""
        lingering = [(one.unwanted_since, tag) for tag, one in self._languages.items() if one.unwanted_since < math.inf]
        for _, tag in sorted(lingering)[: max(0, len(lingering) - max(0, self._quota.limit - wanted))]:
            self._give_back(tag)

    def _give_back(self, tag: str) -> None:
        """Nobody wants a language any more: its tasks end, its tracks go, and only its last number is remembered."""
        language = self._languages.pop(tag)
        if language.feed:
            language.feed.close()
        if language.captions:
            self._ending[tag] = ending = self._spawn(self._end(tag, language.captions, language), name=f"end {tag}")
            ending.add_done_callback(partial(self._ended, tag))
        self._tell_state()

    def _ended(self, tag: str, ending: asyncio.Task[None]) -> None:
        if self._ending.get(tag) is ending:
            del self._ending[tag]

    async def _end(self, tag: str, captions: asyncio.Task[None], language: _Language) -> None:
        captions.cancel()
        await asyncio.wait([captions])
        self._quota.give_back(tag, max(self._quota.last(tag), language.captioner.last))
        try:
            async with asyncio.timeout(5.0):
                await self._doors.close_captions(tag)
        except Exception as error:
            self.failures.fell(f"captions_track.{tag}", error)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("the room does not run")
        return self._group.create_task(work, name=name)

    def _want(self, tag: str) -> None:
        language = self._languages.get(tag)
        if language is None:
            language = self._languages[tag] = _Language(self._captioner(tag))
        if language.captions is None:
            language.captions = self._spawn(self._caption(language, self._ending.get(tag)), name=f"captions {tag}")

    def _captioner(self, tag: str) -> Captioner:
        return Captioner(
            tag,
            self._together,
            lambda caption: self._show(tag, caption),
            lambda final: self._hand_on(tag, final),
            now=self._now,
            previews=lambda: self._ladder.previews,
            merging=lambda: self._ladder.merging,
            failed=self._failed,
            gave_up=lambda error: self.failures.fell(f"captions.{tag}", error),
            took=lambda seconds: self._took("translate", seconds),
            keep=self._kept,
        )

    def _kept(self, final: Caption) -> Written | None:
        """The original is kept as it was said, whoever reads it."""
        if same_language(final.source, final.lang):
            return self._written.get(final.id)
        return self._recorded(final)

    def _recorded(self, said: Segment | Caption) -> Written | None:
        """What it waits for; nothing where the recorder fails: people are told that, and read on."""
        try:
            return self._keep(said)
        except Exception as error:
            self.failures.fell("keeping", error)
            return None

    def _show(self, tag: str, caption: Caption) -> None:
        try:
            self._doors.show(caption)
        except Exception as error:
            self.failures.fell(f"captions.{tag}", error)

    async def _caption(self, language: _Language, before: asyncio.Task[None] | None) -> None:
        tag = language.captioner.lang
        if before:
            await asyncio.wait([before])
        language.captioner.last = self._quota.last(tag)
        async with asyncio.TaskGroup() as group:
            # Until its data track is there, and where it can't be had, finals go out as text streams all the same.
            way_out = self._supervisor.keep(f"captions_track.{tag}", lambda: self._doors.open_captions(tag))
            opening = group.create_task(way_out, name=f"captions track {tag}")
            await self._supervisor.keep(f"captions.{tag}", lambda: language.captioner.run(self.transcript))
            opening.cancel()

    def _want_voice(self, tag: str) -> None:
        language = self._languages[tag]
        if language.dubs is None:
            language.feed = Feed(limit=200)
            part = partial(self._dub, language, language.feed)
            language.dubs = self._spawn(self._supervisor.keep(f"dub.{tag}", part), name=f"dub {tag}")

    async def _dub(self, language: _Language, feed: Feed[Due]) -> None:
        tag = language.captioner.lang
        if feed.closed:
            return
        channel = await self._doors.open_channel(tag)
        try:
            dubber = Dubber(
                tag,
                self._engines.voice,
                channel,
                now=self._now,
                cast=self._cast,
                aloud=self._likenesses,
                failed=lambda error: self._mute(tag, error),
                took=lambda seconds: self._took("speak", seconds),
                spoken=lambda text: self._glossary.spoken(text, tag),
            )
            language.dubber = dubber
            await dubber.run(feed)
        except FeedOverflow:
            feed.clear()  # it would be far too late to say what waits there
            raise
        finally:
            await asyncio.shield(self._doors.close_channel(tag))

    def _mute(self, tag: str, error: EngineError) -> None:
        """A clause that is not spoken."""
        self._failed(error)
        if not error.passes:
            self.failures.fell(f"dub.{tag}", error)

    def _hand_on(self, tag: str, final: Caption) -> None:
        language = self._languages.get(tag)
        feed = language.feed if language else None
        if feed and self._ladder.voices and not same_language(final.source, tag):
            feed.put(Due(final, self._now()))

    def _tell(self, said: Hypothesis | Segment) -> None:
        self._back("recognise")
        if isinstance(said, Segment):
            self._took("recognise", self._now() - said.end)
            self._remember(said)
            if written := self._recorded(said):
                self._written[said.id] = written
            try:
                self._likenesses.said(said)
            except Exception as error:  # a voice like somebody's is a courtesy
                self.failures.fell(f"sound.{said.track}", error)
        try:
            self._detect(said)
        finally:  # whatever becomes of the rest
            self.transcript.tell(said)

    def _detect(self, said: Hypothesis | Segment) -> None:
        if self._detected.get(said.identity) != said.language and said.identity in self._people:
            self._detected[said.identity] = said.language
            if said.language in self._languages or self._quota.admits_spoken(said.language, self._only_spoken):
                self._want(said.language)
            self._settle_wants()

    @property
    def _only_spoken(self) -> set[str]:
        """The languages that are made though nobody reads them."""
        return self._languages.keys() - set(self._wanted_tags())

    def _remember(self, said: Segment) -> None:
        self._told[said.id] = self._now()
        while len(self._told) > 500:
            oldest = next(iter(self._told))
            del self._told[oldest]
            self._written.pop(oldest, None)

    def _took(self, stage: str, seconds: float) -> None:
        self._delays[stage].add(self._now(), seconds)
        self._back(stage)

    def _back(self, stage: str) -> None:
        if self._away:
            self._away.clear()
            self._tell_state()

    def _failed(self, error: EngineError) -> None:
        if error.code in ("engines_away", "loading"):
            self._away[error.code] = self._now()
            self._tell_state()
        elif error.code == "overloaded":
            self._refusals.append(self._now())

    def _tell_state(self) -> None:
        active = [tag for tag, language in self._languages.items() if language.captions]
        self._doors.tell_state(self.state, active, dict(self._detected))

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            # Engines that are away are no machine that is busy: what waits for them says nothing.
            if not self._away and self._ladder.look(self.strain):
                self._step()
            self._retire()
            for track, identity in list(self._postponed.items()):
                self.listen(identity, track)
            self.failures.look()

    def _step(self) -> None:
        self._slow(self._ladder.slow)
        for line in self._lines.values():
            line.inbox.limit = self._ladder.kept
        self._tell_state()

    def _retire(self) -> None:
        late = self._now() - self.LINGER
        for language in self._languages.values():
            if language.feed and language.unheard_since < late:
                language.feed.close()
                language.feed = language.dubs = language.dubber = None
        for tag in [tag for tag, language in self._languages.items() if language.unwanted_since < late]:
            self._give_back(tag)

    async def _deliver_the_rest(self) -> None:
        """Lines settle, captioners read to the end, voices stop: what was settled is still delivered."""
        self._likenesses.close()
        for track in list(self._lines):
            self.stopped(track)
        await self._within(10.0, self._hearing)
        self.transcript.close()
        await self._within(5.0, [language.captions for language in self._languages.values() if language.captions])
        await self._within(2.0, [held for language in self._languages.values() for held in language.captioner.held])
        for language in self._languages.values():
            if language.dubs:
                language.dubs.cancel()

    async def _within(self, seconds: float, tasks: Iterable[asyncio.Future[None]]) -> None:
        waiting = list(tasks)
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()
