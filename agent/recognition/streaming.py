"""A window recognizer as a stream: gate, window, commit policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..engines import VoiceActivityDetector, WindowRecognizer
from ..errors import EngineError
from ..nouns import Chunk, Hypothesis, Segment, Transcription, Word
from ..words import believable, clause, folded, joined, moved, rushed
from .clause_writer import ClauseWriter
from .commit import OLD, Alignment, Commitment, Policy
from .language_id import LanguageDetector
from .window import FRAME, FrameQueue, Window

BREAK = 0.5
"""Seconds of lost sound that part two utterances."""
OPENING = 3 * FRAME
"""Seconds of speech that open the gate."""


@dataclass(slots=True)
class Pace:
    """Seconds between the decisions of every stream of a recognizer.

    Chosen on 47 recordings in five languages, a pass taken to last 0.3 s (`bench/recognition.py`).
    """

    first: float = 0.6
    """Speech before the first pass, and new sound between two passes while nothing is understood."""
    tick: float = 0.9
    """New sound between two passes while somebody speaks. More passes cost more and commit words too early."""
    again: float = 0.5
    """New sound before an engine that failed or refused is asked again."""
    hush: float = 0.22
    """Silence after which a pass is made that will be the last one if the silence goes on."""
    hang: float = 0.5
    """Silence that ends an utterance."""
    before: float = 0.32
    """Sound kept from before the gate opened, so that no first consonant is lost."""
    hold: float = 0.4
    """Words nearer to the end of the sound are not committed: what comes next may still change them."""
    context: float = 2.5
    """Sound of settled words that is heard again, as the beginning of what follows them."""
    lull: float = 1.5
    """Silence after which that sound no longer helps."""
    deaf: float = 8.0
    """Sound in which no word was found, of which all but the end is then forgotten."""
    window: float = 12.0
    """The longest window that is heard while an engine answers."""
    most: float = 28.0
    """The longest window that is kept while none does; beyond it the oldest sound is dropped."""


def _silero() -> VoiceActivityDetector:
    from .silero import Silero

    return Silero()


class Streaming:
    """A `Recognizer` made of a `WindowRecognizer` and a `VoiceActivityDetector` per track."""

    def __init__(
        self,
        ear: WindowRecognizer,
        gate: Callable[[], VoiceActivityDetector] = _silero,
        pace: Pace | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._ear = ear
        self._gate = gate
        self._pace = pace or Pace()
        self._policy = policy or Alignment()
        self._quick = self._pace.tick

    def listen(self, track: str, language: str | None) -> Stream:
        return Stream(self._ear, self._gate(), self._pace, self._policy, track, language)

    def slow(self, slow: bool) -> None:
        """Make passes half as often, for as long as the machine cannot keep up."""
        self._pace.tick = self._quick * (2.0 if slow else 1.0)


@dataclass(slots=True)
class Progress:
    """How far the passes over an utterance have come."""

    until: float = 0.0
    """The end of the sound of the last pass."""
    voiced_until: float = 0.0
    """The end of the speech in it."""
    well: bool = False
    """Whether it was made as the last one."""


class Stream:
    """A `Recognition`: one track, one utterance at a time, one pass at a time.

    The window holds, in this order: the sound of the last settled words (`_context`), that of
    committed words, that of the tail. All known words are the prefix of the next pass.

    Every step either happens whole or, where the ear raises, not at all: what was
    pushed waits and the step is tried again by a later call.
    """

    def __init__(
        self,
        ear: WindowRecognizer,
        gate: VoiceActivityDetector,
        pace: Pace,
        policy: Policy,
        track: str,
        language: str | None,
    ) -> None:
        self._ear = ear
        self._pace = pace
        self._tongue = LanguageDetector(language)
        self._frames = FrameQueue(pace.most)
        self._window = Window(gate, pace.hang)
        self._progress = Progress()
        self._context: tuple[Word, ...] = ()
        self._words = Commitment(policy)
        self._clauses = ClauseWriter(track)
        self._last: Transcription | None = None
        self._open = False
        self._broken = False
        self._failed_at = -math.inf
        self._forgotten = 0.0

    @property
    def dropped(self) -> float:
        """Seconds of sound that no engine heard."""
        return self._frames.dropped + self._forgotten

    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        """See `Recognition`."""
        if self._open and chunk.start - self._frames.end > BREAK:
            self._broken = True
        self._frames.push(chunk)
        try:
            await self._work()
        except EngineError:
            self._failed_at = self._frames.end
            if not self._clauses:
                raise
        return self._clauses.taken()

    async def finish(self) -> Sequence[Segment]:
        """See `Recognition`."""
        self._failed_at = -math.inf
        await self._work()
        if self._open:
            await self._settle_all()
        return [one for one in self._clauses.taken() if isinstance(one, Segment)]

    # Sound

    async def _work(self) -> None:
        """Take what waits through the gate; settle wherever an utterance ends, and hear what is due."""
        late = self._frames.seconds
        while True:
            over = self._open and (self._broken or not self._window.state.speaking)
            if over and self._may_ask:
                await self._settle_all()
            if (over and self._open) or not self._frames:
                break
            self._take(*self._frames.take())
            if self._window.seconds > self._pace.window and self._due(late):
                await self._pass()
        if self._due(late):
            await self._pass()

    def _take(self, start: float, frame: bytes) -> None:
        if not self._window.add(start, frame):
            self._context = ()
        if self._window.state.speaking and not self._open:
            self._begin()
        if not self._open:
            self._rest_in_silence()
        elif self._window.seconds > self._pace.most:
            self._forget(1.0)

    def _begin(self) -> None:
        self._open = True
        self._progress = Progress(self._window.end - OPENING, self._window.start)
        self._tongue.begin()

    def _rest_in_silence(self) -> None:
        """Of silence little is kept; of what was said before it as much as helps to understand what follows."""
        window = self._window
        if not self._context or window.end - window.voiced_until > self._pace.lull:
            self._context = ()
            window.cut_before(window.end - self._pace.before - OPENING)

    def _forget(self, seconds: float) -> None:
        before = self._window.start
        self._window.cut_before(before + seconds)
        if self._progress.until < self._window.start:
            self._forgotten += self._window.start - max(before, self._progress.until)
        self._context = ()

    # Passes

    @property
    def _may_ask(self) -> bool:
        """Whether an engine that failed may be asked again."""
        return self._frames.end - self._failed_at >= self._pace.again

    def _due(self, late: float) -> bool:
        """Whether it is time for a pass, where `late` seconds of sound had come during the last one."""
        if not self._open or not self._may_ask:
            return False
        if self._hushed:
            return not self._finally_heard
        new = self._window.end - self._progress.until
        if not (self._words.committed or self._words.tail):
            return new >= max(self._pace.first, late)
        # What came while the last pass ran says how long one takes: half of the time is left to others.
        return new >= max(self._pace.tick, 2 * late)

    @property
    def _hushed(self) -> bool:
        return self._window.state.silence >= self._pace.hush

    @property
    def _finally_heard(self) -> bool:
        """Whether the last pass was a final one and nobody has spoken since."""
        return self._progress.well and self._progress.voiced_until >= self._window.voiced_until

    async def _pass(self) -> None:
        if not await self._hear(final=self._hushed):
            return
        window = self._window
        while count := clause(self._words.committed, self._words.tail, window.voiced_until):
            self._settle(self._words.take(count))
            self._tongue.begin()
        told = self._clauses.hypothesis(self._words, self._language, window.voiced_until, self._last)
        if not told and window.seconds > self._pace.deaf:
            self._context = ()
            window.cut_before(window.end - self._pace.hold)

    async def _hear(self, *, final: bool) -> bool:
        """One pass over the window. False where it told nothing."""
        window = self._window
        known, start, committed = self._context, window.start, self._words.committed
        language = self._tongue.ask(window.end - self._unsettled)
        if language is None:
            known, start = (), self._unsettled  # what is said now tells the language, not what was said before it
        known = (*known, *committed)
        prefix = joined(known, language or self._language)
        heard = await self._ear.transcribe(window.since(start), language, prefix=prefix, final=final)
        self._progress = Progress(window.end, window.voiced_until, final)
        if language is None and not self._believed(heard, window.end - start, final):
            return False
        self._last = heard
        heard = replace(heard, words=moved(heard.words, start))
        words = believable(heard, window.state.speech, known, final=final, voiced=window.voiced)
        if not committed:
            words = _from_a_letter(words)
        if not (known and rushed(words, known, window.voiced_until - known[-1].end)):
            self._words.hear(words, *self._bounds(final))
        return True

    def _bounds(self, final: bool) -> tuple[float, float]:
        """Before what time words may be committed, and before what time they must."""
        if self._tongue.current is None:
            return -math.inf, -math.inf
        return math.inf if final else self._window.end - self._pace.hold, self._window.end - OLD

    @property
    def _unsettled(self) -> float:
        """Where the sound of settled words ends."""
        return max(self._window.start, self._context[-1].end) if self._context else self._window.start

    def _believed(self, heard: Transcription, seconds: float, final: bool) -> bool:
        """Whether a pass is in the language that is spoken. Words of another language are settled as such."""
        before = self._tongue.current
        believed = self._tongue.hear(heard.language, heard.language_probability, seconds, final=final)
        if not believed or before in (None, self._tongue.current):
            return believed
        committed, self._context = self._words.leave(), ()
        if not committed:
            return True
        # They were the prefix of this pass: what comes after them is heard again.
        self._clauses.segment(committed, str(before), self._window.voiced_until, self._last)
        self._window.cut_before(committed[-1].end)
        self._progress.until, self._progress.well = self._window.start, False
        return False

    # What was said

    @property
    def _language(self) -> str:
        return self._tongue.current or (self._last.language if self._last else "und")

    async def _settle_all(self) -> None:
        """The utterance is over. The pass made in its last hush is the final one, where nobody spoke since."""
        if not self._finally_heard and not await self._hear(final=True):
            self._tongue.keep()
            await self._hear(final=True)
        if words := self._words.take_all():
            self._settle(words)
        self._open, self._broken, self._last = False, False, None

    def _settle(self, words: tuple[Word, ...]) -> None:
        """Say a clause; its sound stays for a while as what the next one follows."""
        self._clauses.segment(words, self._language, self._window.voiced_until, self._last)
        said = (*self._context, *words)
        since = words[-1].end - self._pace.context
        gone = next((at for at, word in enumerate(said) if word.start >= since), len(said))
        self._context = said[gone:]
        after = [*self._context, *self._words.committed, *self._words.tail]
        if gone:
            last = said[gone - 1]
            self._window.cut_before(max(last.start, (last.end + after[0].start) / 2 if after else last.end))


def _from_a_letter(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Words without marks that belong to the clause before them."""
    return next((words[at:] for at, word in enumerate(words) if folded(word.text)), ())
