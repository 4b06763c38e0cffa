"""One room: a line per track, a captioner and a dubber per language that somebody wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from .aio import TaskScope, within
from .audio_history import AudioHistory
from .channels import Channels, WaysOut
from .condition import Condition
from .degradation import Degradation
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
from .load import Load
from .makers import LanguageMakers
from .nouns import Chunk, Hypothesis, Segment
from .participants import Participants, Wants
from .quotas import LanguageQuota
from .recognition.language_check import LanguageChecks
from .recognition.track import LineDoors, TrackLine
from .recognition.tracks import Tracks
from .recording import Keep, Recording
from .sound_taps import SoundTaps
from .speech_translation import SpeechTranslation
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
    slow: Callable[[bool], None] = lambda slow: None
    """Has the recognizer make fewer passes."""


@dataclass(frozen=True, slots=True)
class RoomRules:
    """What holds in one room."""

    limit: int = 12
    """Languages that are made for readers at a time, and as many that are only spoken; `LanguageQuota` says how many
    over the room's life."""
    always: tuple[str, ...] = ()
    """Languages that are made whether anybody reads them or not."""
    glossary: Glossary = field(default_factory=Glossary)
    meeting: str = ""
    """What consents are given for."""


class Tells(Protocol):
    """Tells everybody how the room is."""

    def tell_state(self, state: str, languages: Sequence[str], detected: Mapping[str, str]) -> None: ...

    def tell_spoken(self, spoken: Mapping[str, str]) -> None: ...

    def tell_suggested(self, suggested: Mapping[str, str]) -> None: ...

    def tell_failing(self, failing: Mapping[str, str], by_kind: Mapping[str, int]) -> None: ...

    def tell_lent(self, consent: Consent, stands: bool) -> None: ...


class Room:
    """Everything that happens to what is said in one room.

    `run` owns all tasks; the other methods are called while it runs and never wait. Wishes of at most `PEOPLE` people
    are known.

    Each track, each language's captions, its way out and its voice have a wall of their own: what falls there is
    counted, told (see `Failures`) and begun again, and nothing else notices.
    """

    def __init__(
        self,
        engines: Engines,
        ways_out: WaysOut,
        tells: Tells,
        rules: RoomRules | None = None,
        *,
        now: Callable[[], float],
        keep: Keep | None = None,
        degradation: Degradation | None = None,
    ) -> None:
        rules = rules or RoomRules()
        self.failures = Failures(now, lambda failing: tells.tell_failing(failing, self.failures.by_kind))
        self.condition = Condition(now, self.failures, degradation or Degradation(), self._tell_state)
        self.transcript = Transcript()
        self.people = Participants(rules.always, tells.tell_suggested)
        self._tasks = TaskScope(self.failures.fell)
        self._engines = engines
        self._tells = tells
        self._quota = LanguageQuota(rules.limit, rules.always)
        self._recording = Recording(keep, lambda error: self.failures.fell("keeping", error))
        self._taps = self._tapped(engines, rules)
        translations = shared_translations(engines, rules.glossary, self._taps.history, self.people)
        makers = LanguageMakers(
            self.condition,
            self._recording,
            translations,
            self._taps.cloning,
            rules.glossary,
            ways_out.captions.show,
        )
        self.tracks = Tracks(self._line, self._tasks, now)
        self.channels = Channels(makers, ways_out, self.transcript, self._quota, self._tasks, now)
        self._closing = asyncio.Event()
        self.running = asyncio.Event()

    async def run(self) -> None:
        """Interpret until `close`; then settle what was said and deliver it."""
        async with self._tasks as tasks:
            keeper = tasks.begin_part("upkeep", self._look_after)
            checking = tasks.begin_part("language", self._taps.run)
            for tag in self.people.read:
                self.channels.want(tag)
            self.running.set()
            await self._closing.wait()
            keeper.cancel()
            checking.cancel()
            await self._deliver_the_rest()

    def close(self) -> None:
        """The room is over."""
        self._closing.set()

    def started(self) -> None:
        """We are in the room and can hear."""
        self.condition.started()

    # People

    def wants(self, identity: str, wants: Wants) -> dict[str, str]:
        """What somebody wants now. Answers the languages that were refused, with a code each."""
        if not self.people.has_room(identity):
            return dict.fromkeys(wants.languages, "too_many_people")
        refused = self._quota.refused(identity, wants.languages, self.people.read_by_others(identity))
        if self.people.note(identity, wants.without(refused)):
            self.people.withdraw(identity)
            self.tracks.begin_anew(identity)
        self._settle_wants()
        return dict.fromkeys(refused, "too_many_languages")

    def left(self, identity: str) -> None:
        """Somebody left; what they were saying is still settled and shown."""
        self.people.forget(identity)
        self.people.withdraw(identity)
        self._taps.left(identity)
        self.tracks.left(identity)
        self._settle_wants()

    def lend(self, identity: str, given: bool) -> bool:
        """Whether somebody wants to be dubbed in a voice like their own, and whether they are from now on."""
        if given:
            return self._taps.cloning.lend(identity)
        self._taps.cloning.take_back(identity)
        return False

    def correct(self, identity: str, language: str) -> None:
        """A person says which language somebody speaks, against what was detected."""
        held = self.people.wants(identity)
        self.wants(identity, replace(held, speaks=language))
        self.people.withdraw(identity)
        if language == held.speaks:
            self._taps.insisted(identity)

    # Tracks

    def listen(self, identity: str, track: str) -> None:
        """A track can be heard from now on."""
        if self._tasks.entered:
            self.tracks.listen(identity, track)

    def hear(self, chunk: Chunk) -> None:
        """Sound of a track that is listened to."""
        if line := self.tracks.line(chunk.track):
            line.inbox.put(chunk)
            person = self.people.knows(line.identity)
            self._taps.hear(line.identity, person.speaks if person else None, chunk)

    def stopped(self, track: str) -> None:
        """A track was muted, lost or ended: settle what was heard on it."""
        self.tracks.stop(track)

    def _line(self, identity: str, track: str) -> TrackLine:
        speaks = self.people.wants(identity).speaks
        language = None if speaks in ("auto", "") else speaks
        doors = _Line(track, self.condition, self._tell)
        line = TrackLine(identity, track, language, self._engines.recognizer, doors, self._engines.diarizer)
        line.inbox.limit = self.condition.gives_up.kept
        return line

    @property
    def load(self) -> Load:
        """How far behind we are."""
        return self.condition.load(self.tracks.waiting, self.channels.settling, self.channels.voices_waiting)

    # What follows from what is said

    def _tell(self, said: Hypothesis | Segment) -> None:
        self.condition.answered()
        if isinstance(said, Segment):
            self.condition.said(said.id, said.end)
            self._recording.said(said)
            self._taps.said(said)
        try:
            self._detect(said)
        finally:  # whatever becomes of the rest
            self.transcript.tell(said)

    def _detect(self, said: Hypothesis | Segment) -> None:
        if self.people.found(said.identity, said.language):
            unread = set(self.channels.made) - set(self.people.read)
            if said.language in self.channels or self._quota.admits_spoken(said.language, unread):
                self.channels.want(said.language)
            self._settle_wants()

    def _settle_wants(self) -> None:
        self.channels.settle(self.people.read, self.people.heard, self.people.spoken)
        self._tells.tell_spoken(self.people.speaks)
        self._tell_state()

    def _tell_state(self) -> None:
        self._tells.tell_state(self.condition.state, self.channels.active, self.people.detected)

    # Its tasks

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if self.condition.look(self.load):
                self._step()
            if self.channels.retire():
                self._tell_state()
            self.tracks.listen_to_who_waits()

    def _step(self) -> None:
        self._engines.slow(self.condition.gives_up.slow)
        for line in self.tracks:
            line.inbox.limit = self.condition.gives_up.kept
        self._tell_state()

    async def _deliver_the_rest(self) -> None:
        """Lines settle, captioners read to the end, voices stop: what was settled is still delivered."""
        self._taps.close()
        await within(10.0, self.tracks.stop_all())
        self.transcript.close()
        await self.channels.finish()

    def _tapped(self, engines: Engines, rules: RoomRules) -> SoundTaps:
        history = AudioHistory(of_all=engines.direct is not None)
        cloning = VoiceCloning(
            engines.voice, engines.likeness, rules.meeting, record=self._tells.tell_lent, heard=history
        )
        checks = None
        if engines.ear and engines.gate:
            checks = LanguageChecks(
                engines.ear,
                engines.gate,
                suggest=self.people.suggest,
                withdraw=self.people.withdraw,
                busy=lambda: self.condition.gives_up.step > 0,
            )
        return SoundTaps(history, cloning, checks, self.failures.fell)


@dataclass(frozen=True, slots=True)
class _Line(LineDoors):
    track: str
    condition: Condition
    heard: Callable[[Hypothesis | Segment], None]

    def tell(self, said: Hypothesis | Segment) -> None:
        self.heard(said)

    def failed(self, error: EngineError) -> None:
        self.condition.failed(error)

    def gave_up(self, part: str, error: Exception) -> None:
        self.condition.failures.fell(f"{part}.{self.track}", error)


def shared_translations(
    engines: Engines, glossary: Glossary, history: AudioHistory, people: Participants
) -> SharedTranslations:
    """The translations of one room: each clause once for all who read it, with the room's terms, by text or sound."""
    translator = TermEnforcer(engines.translator, glossary)
    previews = TermEnforcer(engines.previews, glossary) if engines.previews else translator
    carried = SpeechTranslation(engines.direct, translator, history, glossary.carried) if engines.direct else None
    return SharedTranslations(translator, lambda: people.read, beside=carried, previews=previews)
