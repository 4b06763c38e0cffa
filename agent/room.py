"""One room: a line per track, a captioner and a dubber per language that somebody wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from .aio import Supervisor
from .captions import Captioner
from .channels import Channels, WaysOut
from .degradation import Degradation
from .dubs import Channel, Dubber, VoiceAssignment
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
from .load import Load, LoadMeter
from .nouns import Caption, Chunk, Hypothesis, Segment
from .participants import Participants, Wants
from .quotas import LanguageQuota
from .recognition.language_check import LanguageChecks
from .recognition.track import TrackLine
from .recognition.tracks import Tracks
from .recording import Keep, Recording
from .speech_translation import AudioHistory, SpeechTranslation
from .terms.enforce import TermEnforcer
from .terms.glossary import Glossary
from .transcript import Transcript
from .translations import SharedTranslations
from .voice_cloning import VoiceCloning


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


class Doors(WaysOut, Protocol):
    """The way out of the house. None of these waits, but for the opening and closing of a language's ways out."""

    def show(self, caption: Caption) -> None: ...


class Tells(Protocol):
    """Tells everybody how the room is."""

    def tell_state(self, state: str, languages: Sequence[str], detected: Mapping[str, str]) -> None: ...

    def tell_spoken(self, spoken: Mapping[str, str]) -> None: ...

    def tell_suggested(self, suggested: Mapping[str, str]) -> None: ...

    def tell_failing(self, failing: Mapping[str, str], by_kind: Mapping[str, int]) -> None: ...


class Room:
    """Everything that happens to what is said in one room.

    `run` owns all tasks; the other methods are called while it runs and never wait.
    At most `limit` languages are made for readers, and as many that are only spoken (`LanguageQuota` says how many
    over the room's life); wishes of at most `PEOPLE` people are known.

    Each track, each language's captions, its way out and its voice have a wall of their own: what falls there is
    counted, told (see `Failures`) and begun again, and nothing else notices.
    """

    def __init__(
        self,
        engines: Engines,
        doors: Doors,
        tells: Tells,
        *,
        now: Callable[[], float],
        limit: int = 12,
        always: Sequence[str] = (),
        glossary: Glossary | None = None,
        slow: Callable[[bool], None] = lambda slow: None,
        degradation: Degradation | None = None,
        meeting: str = "",
        lent: Callable[[Consent, bool], None] = lambda consent, stands: None,
        keep: Keep | None = None,
    ) -> None:
        self.failures = Failures(now, lambda failing: tells.tell_failing(failing, self.failures.by_kind))
        self._supervisor = Supervisor(self.failures.fell)
        self.transcript = Transcript()
        self.people = Participants(always)
        self._engines = engines
        self._doors = doors
        self._tells = tells
        self._now = now
        self._quota = LanguageQuota(limit, always)
        self._always = tuple(always)
        self._glossary = glossary or Glossary()
        self._slow = slow
        self._degradation = degradation or Degradation()
        self._recording = Recording(keep, lambda error: self.failures.fell("keeping", error))
        self._meter = LoadMeter(now)
        self._away = False
        self._tracks = Tracks(self._line, self._spawn, self._supervisor, now)
        self._channels = Channels(
            self,
            doors,
            self.transcript,
            self._quota,
            self._spawn,
            supervisor=self._supervisor,
            fell=self.failures.fell,
            now=now,
        )
        self._voices = VoiceAssignment()
        self._cloning = VoiceCloning(engines.voice, engines.likeness, meeting, lent)
        self._checks = self._language_checks(engines)
        self._history = AudioHistory() if engines.direct else None
        translator = TermEnforcer(engines.translator, self._glossary)
        previews = TermEnforcer(engines.previews, self._glossary) if engines.previews else translator
        carried = (
            SpeechTranslation(engines.direct, translator, self._history, self._glossary.carried)
            if engines.direct and self._history
            else None
        )
        self._translations = SharedTranslations(translator, lambda: self.people.read, beside=carried, previews=previews)
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
                self._channels.want(tag)
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
        if not self.people.has_room(identity):
            return dict.fromkeys(wants.languages, "too_many_people")
        refused = self._quota.refused(identity, wants.languages, self.people.read_by_others(identity))
        if self.people.note(identity, wants.without(refused)):
            self.withdraw(identity)
            self._tracks.begin_anew(identity)
        self._settle_wants()
        return dict.fromkeys(refused, "too_many_languages")

    def left(self, identity: str) -> None:
        """Somebody left; what they were saying is still settled and shown."""
        self.people.forget(identity)
        self.withdraw(identity)
        if self._checks:
            self._checks.forget(identity)
        self._cloning.take_back(identity)
        self._tracks.left(identity)
        self._settle_wants()

    def lend(self, identity: str, given: bool) -> bool:
        """Whether somebody wants to be dubbed in a voice like their own, and whether they are from now on."""
        if given:
            return self._cloning.lend(identity)
        self._cloning.take_back(identity)
        return False

    def correct(self, identity: str, language: str) -> None:
        """A person says which language somebody speaks, against what was detected."""
        held = self.people.wants(identity)
        self.wants(identity, replace(held, speaks=language))
        self.withdraw(identity)
        if self._checks and language == held.speaks:
            self._checks.insisted(identity)

    def suggest(self, identity: str, language: str) -> None:
        """What somebody seems to speak, against what they say; they are asked, and nothing else changes.

        One suggestion a person, and only for people who are here.
        """
        if self.people.suggest(identity, language):
            self._tells.tell_suggested(self.people.suggested)

    def withdraw(self, identity: str) -> None:
        """There is nothing to ask somebody any more."""
        if self.people.withdraw(identity):
            self._tells.tell_suggested(self.people.suggested)

    def _language_checks(self, engines: Engines) -> LanguageChecks | None:
        if engines.ear is None or engines.gate is None:
            return None
        return LanguageChecks(
            engines.ear,
            engines.gate,
            suggest=self.suggest,
            withdraw=self.withdraw,
            busy=lambda: self._degradation.step > 0,
        )

    # Tracks

    def listen(self, identity: str, track: str) -> None:
        """A track can be heard from now on."""
        if self._group:
            self._tracks.listen(identity, track)

    def hear(self, chunk: Chunk) -> None:
        """Sound of a track that is listened to."""
        if line := self._tracks.line(chunk.track):
            line.inbox.put(chunk)
            try:
                self._cloning.hear(line.identity, chunk)
                if self._history:
                    self._history.hear(chunk)
                if self._checks and (person := self.people.knows(line.identity)):
                    self._checks.hear(line.identity, person.speaks, chunk)
            except Exception as error:  # it is in the inbox: what else would be done with it is not worth a word
                self.failures.fell(f"sound.{chunk.track}", error)

    def stopped(self, track: str) -> None:
        """A track was muted, lost or ended: settle what was heard on it."""
        self._tracks.stop(track)

    def _line(self, identity: str, track: str) -> TrackLine:
        speaks = self.people.wants(identity).speaks
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
        line.inbox.limit = self._degradation.kept
        return line

    # Answers

    def captions_after(self, lang: str, seq: int) -> tuple[list[Caption], bool] | None:
        """Finals of a language above `seq`; None where the language has no captions."""
        return self._channels.after(lang, seq)

    def delays(self) -> dict[str, float]:
        """Median seconds per stage of the last minute, where known."""
        return self._meter.delays()

    @property
    def state(self) -> str:
        """As people are told it: `starting`, what was given up, or `engines_away`."""
        if not self._started:
            return "starting"
        return "engines_away" if self._away else self._degradation.state

    @property
    def made(self) -> list[str]:
        """The languages that there are captions in."""
        return self._channels.made

    @property
    def waiting(self) -> float:
        """Seconds of sound in the longest inbox."""
        return self._tracks.waiting

    @property
    def dropped(self) -> float:
        """Seconds of sound that were skipped on the tracks there are now."""
        return self._tracks.dropped

    @property
    def load(self) -> Load:
        """How far behind we are."""
        languages = [language for language in self._channels if language.captions]
        settling = [language.captioner.settling for language in languages]
        return self._meter.load(self.waiting, settling, [one.dubber.waiting for one in languages if one.dubber])

    # What a language needs (channels.Makers)

    def captioner(self, lang: str) -> Captioner:
        return Captioner(
            lang,
            self._translations,
            lambda caption: self._show(lang, caption),
            lambda final: self._say(lang, final),
            now=self._now,
            previews=lambda: self._degradation.previews,
            merging=lambda: self._degradation.merging,
            failed=self._failed,
            gave_up=lambda error: self.failures.fell(f"captions.{lang}", error),
            took=lambda seconds: self._took("translate", seconds),
            keep=self._recording.final,
        )

    def dubber(self, lang: str, channel: Channel) -> Dubber:
        return Dubber(
            lang,
            self._engines.voice,
            channel,
            now=self._now,
            cast=self._voices,
            aloud=self._cloning,
            failed=lambda error: self._mute(lang, error),
            took=lambda seconds: self._took("speak", seconds),
            spoken=lambda text: self._glossary.spoken(text, lang),
        )

    def _show(self, lang: str, caption: Caption) -> None:
        try:
            self._doors.show(caption)
        except Exception as error:
            self.failures.fell(f"captions.{lang}", error)

    def _say(self, lang: str, final: Caption) -> None:
        if self._degradation.voices and not same_language(final.source, lang):
            self._channels.say(lang, final)

    def _mute(self, lang: str, error: EngineError) -> None:
        """A clause that is not spoken."""
        self._failed(error)
        if not error.passes:
            self.failures.fell(f"dub.{lang}", error)

    # What follows from what is said

    def _tell(self, said: Hypothesis | Segment) -> None:
        self._back()
        if isinstance(said, Segment):
            self._took("recognise", self._now() - said.end)
            self._meter.said(said.id)
            self._recording.said(said)
            try:
                self._cloning.said(said)
            except Exception as error:  # a voice like somebody's is a courtesy
                self.failures.fell(f"sound.{said.track}", error)
        try:
            self._detect(said)
        finally:  # whatever becomes of the rest
            self.transcript.tell(said)

    def _detect(self, said: Hypothesis | Segment) -> None:
        if self.people.found(said.identity, said.language):
            unread = set(self.made) - set(self.people.read)
            if said.language in self._channels or self._quota.admits_spoken(said.language, unread):
                self._channels.want(said.language)
            self._settle_wants()

    def _settle_wants(self) -> None:
        self._channels.settle(self.people.read, self.people.heard, self.people.spoken)
        self._tells.tell_spoken(self.people.speaks)
        self._tell_state()

    def _took(self, stage: str, seconds: float) -> None:
        self._meter.took(stage, seconds)
        self._back()

    def _back(self) -> None:
        if self._away:
            self._away = False
            self._tell_state()

    def _failed(self, error: EngineError) -> None:
        if error.code in ("engines_away", "loading"):
            self._away = True
            self._tell_state()
        elif error.code == "overloaded":
            self._meter.refused()

    def _tell_state(self) -> None:
        self._tells.tell_state(self.state, self._channels.active, self.people.detected)

    # Its tasks

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("the room does not run")
        return self._group.create_task(work, name=name)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            # Engines that are away are no machine that is busy: what waits for them says nothing.
            if not self._away and self._degradation.look(self.load):
                self._step()
            if self._channels.retire():
                self._tell_state()
            self._tracks.listen_to_who_waits()
            self.failures.look()

    def _step(self) -> None:
        self._slow(self._degradation.slow)
        for line in self._tracks:
            line.inbox.limit = self._degradation.kept
        self._tell_state()

    async def _deliver_the_rest(self) -> None:
        """Lines settle, captioners read to the end, voices stop: what was settled is still delivered."""
        self._cloning.close()
        await self._within(10.0, self._tracks.stop_all())
        self.transcript.close()
        await self._within(5.0, [language.captions for language in self._channels if language.captions])
        await self._within(2.0, [held for language in self._channels for held in language.captioner.held])
        self._channels.stop_voices()

    async def _within(self, seconds: float, tasks: Iterable[asyncio.Future[None]]) -> None:
        waiting = list(tasks)
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()
