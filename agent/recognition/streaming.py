"""A window recognizer as a stream: gate, window, commit policy."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from uuid_utils import uuid7

from ..engines import VoiceActivityDetector, WindowRecognizer
from ..errors import EngineError
from ..nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Hypothesis, Segment, Transcription, Word
from ..vad import SpeechState, Voiced
from ..words import believable, clause, joined, moved, plain, rushed, speakable
from .commit import OLD, Alignment, Commitment, Policy
from .language_id import LanguageDetector

FRAME_BYTES = 512 * SAMPLE_BYTES
BYTES = SAMPLE_RATE * SAMPLE_BYTES
"""Bytes of a second."""
FRAME = FRAME_BYTES / BYTES
"""Seconds of the gate's frame."""
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
        self.dropped = 0.0
        """Seconds of sound that no engine heard."""
        self._ear = ear
        self._gate = gate
        self._pace = pace
        self._policy = policy
        self._track = track
        self._tongue = LanguageDetector(language)
        self._voicing = SpeechState(pace.hang)
        self._voiced = Voiced()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._rest = b""
        self._rest_start = 0.0
        self._window = bytearray()
        self._start = 0.0
        self._open = False
        self._voiced_until = 0.0
        self._heard_until = 0.0
        self._heard_voice_until = 0.0
        self._heard_well = False
        self._failed_at = -math.inf
        self._late = 0.0
        self._context: tuple[Word, ...] = ()
        self._words = Commitment(policy)
        self._last: Transcription | None = None
        self._broken = False
        self._out: list[Hypothesis | Segment] = []
        self._clause()

    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        """See `Recognition`."""
        if self._open and chunk.start - self._latest > 0.5:
            self._broken = True  # the sound between was lost: two utterances
        self._cut(chunk)
        try:
            await self._work()
        except EngineError:
            self._failed_at = self._latest
            if not self._out:
                raise
        return self._said()

    async def finish(self) -> Sequence[Segment]:
        """See `Recognition`."""
        self._failed_at = -math.inf
        await self._work()
        if self._open:
            await self._settle_all()
        return [one for one in self._said() if isinstance(one, Segment)]

    def _said(self) -> Sequence[Hypothesis | Segment]:
        said, self._out = self._out, []
        return said

    # Sound

    @property
    def _end(self) -> float:
        return self._start + len(self._window) / BYTES

    @property
    def _latest(self) -> float:
        """The end of all sound that was pushed."""
        return self._rest_start + len(self._rest) / BYTES

    def _cut(self, chunk: Chunk) -> None:
        """Sound as frames that wait for the gate."""
        if abs(chunk.start - self._latest) > 0.1:
            self._rest = b""
        start = chunk.start - len(self._rest) / BYTES
        pcm = self._rest + chunk.pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        for at in range(0, whole, FRAME_BYTES):
            self._waiting.append((start + at / BYTES, pcm[at : at + FRAME_BYTES]))
        self._rest, self._rest_start = pcm[whole:], start + whole / BYTES
        while len(self._waiting) * FRAME > self._pace.most:
            self._waiting.popleft()
            self.dropped += FRAME

    async def _work(self) -> None:
        """Take what waits through the gate; settle wherever an utterance ends, and hear what is due."""
        self._late = len(self._waiting) * FRAME
        while True:
            over = self._open and (self._broken or not self._voicing.speaking)
            if over and self._may_ask:
                await self._settle_all()
            if (over and self._open) or not self._waiting:
                break
            self._take(*self._waiting.popleft())
            if self._end - self._start > self._pace.window and self._due():
                await self._pass()
        if self._due():
            await self._pass()

    def _take(self, start: float, frame: bytes) -> None:
        if abs(start - self._end) > 0.1:
            self._window.clear()
            self._context = ()
        if not self._window:
            self._start = start
        self._window += frame
        probability = self._gate.speech(frame)
        self._voicing.hear(probability)
        self._voiced.hear(start, probability)
        if self._voicing.speaking and not self._open:
            self._begin()
        if not self._open:
            self._rest_in_silence()
            return
        if self._voicing.silence == 0.0:
            self._voiced_until = self._end
        if self._end - self._start > self._pace.most:
            self._forget(1.0)

    def _begin(self) -> None:
        self._heard_until = self._end - OPENING
        self._heard_voice_until = self._start
        self._open, self._heard_well = True, False
        self._tongue.begin()

    def _rest_in_silence(self) -> None:
        """Of silence little is kept; of what was said before it as much as helps to understand what follows."""
        if not self._context or self._end - self._voiced_until > self._pace.lull:
            self._context = ()
            self._cut_before(self._end - self._pace.before - OPENING)

    def _forget(self, seconds: float) -> None:
        before = self._start
        self._cut_before(self._start + seconds)
        if self._heard_until < self._start:
            self.dropped += self._start - max(before, self._heard_until)
        self._context = ()

    def _cut_before(self, at: float) -> None:
        samples = max(0, int((at - self._start) * SAMPLE_RATE))
        del self._window[: samples * SAMPLE_BYTES]
        self._start += samples / SAMPLE_RATE
        self._voiced.forget(self._start)

    # Passes

    @property
    def _may_ask(self) -> bool:
        """Whether an engine that failed may be asked again."""
        return self._latest - self._failed_at >= self._pace.again

    def _due(self) -> bool:
        if not self._open or not self._may_ask:
            return False
        if self._voicing.silence >= self._pace.hush:
            return not self._finally_heard
        new = self._end - self._heard_until
        if not (self._words.committed or self._words.tail):
            return new >= max(self._pace.first, self._late)
        # What came while the last pass ran says how long one takes: half of the time is left to others.
        return new >= max(self._pace.tick, 2 * self._late)

    @property
    def _finally_heard(self) -> bool:
        """Whether the last pass was a final one and nobody has spoken since."""
        return self._heard_well and self._heard_voice_until >= self._voiced_until

    async def _pass(self) -> None:
        if not await self._hear(final=self._voicing.silence >= self._pace.hush):
            return
        while count := clause(self._words.committed, self._words.tail, self._voiced_until):
            self._settle(self._words.take(count))
            self._tongue.begin()
        if text := self._text():
            self._out.append(self._hypothesis(text))
        elif self._end - self._start > self._pace.deaf:
            self._context = ()
            self._cut_before(self._end - self._pace.hold)

    async def _hear(self, *, final: bool) -> bool:
        """One pass over the window. False where it told nothing."""
        known, start, committed = self._context, self._start, self._words.committed
        language = self._tongue.ask(self._end - self._unsettled)
        if language is None:
            known, start = (), self._unsettled  # what is said now tells the language, not what was said before it
        known = (*known, *committed)
        prefix = joined(known, language or self._language)
        pcm = bytes(self._window[int((start - self._start) * SAMPLE_RATE) * SAMPLE_BYTES :])
        heard = await self._ear.transcribe(pcm, language, prefix=prefix, final=final)
        self._heard_until, self._heard_voice_until, self._heard_well = self._end, self._voiced_until, final
        if language is None and not self._believed(heard, self._end - start, final):
            return False
        self._last = heard
        heard = replace(heard, words=moved(heard.words, start))
        words = believable(heard, self._voicing.speech, known, final=final, voiced=self._voiced.within)
        if not committed:
            words = _from_a_letter(words)
        if not (known and rushed(words, known, self._voiced_until - known[-1].end)):
            self._words.hear(words, *self._bounds(final))
        return True

    def _bounds(self, final: bool) -> tuple[float, float]:
        """Before what time words may be committed, and before what time they must."""
        if self._tongue.current is None:
            return -math.inf, -math.inf
        return math.inf if final else self._end - self._pace.hold, self._end - OLD

    @property
    def _unsettled(self) -> float:
        """Where the sound of settled words ends."""
        return max(self._start, self._context[-1].end) if self._context else self._start

    def _believed(self, heard: Transcription, seconds: float, final: bool) -> bool:
        """Whether a pass is in the language that is spoken. Words of another language are settled as such."""
        before, committed = self._tongue.current, self._words.committed
        believed = self._tongue.hear(heard.language, heard.language_probability, seconds, final=final)
        if not believed or before in (None, self._tongue.current):
            return believed
        self._words, self._context = Commitment(self._policy), ()
        if not committed:
            return True
        # They were the prefix of this pass: what comes after them is heard again.
        self._out.append(self._segment(committed, str(before)))
        self._cut_before(committed[-1].end)
        self._heard_until, self._heard_well = self._start, False
        return False

    # What was said

    def _clause(self) -> None:
        self._id = str(uuid7())
        self._rev = 0

    def _text(self) -> str:
        return joined([*self._words.committed, *self._words.tail], self._language)

    @property
    def _language(self) -> str:
        return self._tongue.current or (self._last.language if self._last else "und")

    def _hypothesis(self, text: str) -> Hypothesis:
        self._rev += 1
        words = [*self._words.committed, *self._words.tail]
        return Hypothesis(
            id=self._id,
            rev=self._rev,
            track=self._track,
            language=self._language,
            text=text,
            stable=len(joined(self._words.committed, self._language)),
            start=words[0].start,
            end=max(words[0].start, self._voiced_until),
            engine=self._last.engine if self._last else "",
        )

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
        self._out.append(self._segment(words, self._language))
        said = (*self._context, *words)
        since = words[-1].end - self._pace.context
        gone = next((at for at, word in enumerate(said) if word.start >= since), len(said))
        self._context = said[gone:]
        after = [*self._context, *self._words.committed, *self._words.tail]
        if gone:
            last = said[gone - 1]
            self._cut_before(max(last.start, (last.end + after[0].start) / 2 if after else last.end))

    def _segment(self, words: Sequence[Word], language: str) -> Segment:
        segment = Segment(
            id=self._id,
            rev=self._rev + 1,
            track=self._track,
            language=language,
            text=joined(words, language),
            start=words[0].start,
            end=max(words[0].start, min(words[-1].end, self._voiced_until + 0.1)),
            engine=self._last.engine if self._last else "",
            words=tuple(words),
            speakable=self._last is None or speakable(self._last, words),
        )
        self._clause()
        return segment


def _from_a_letter(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Words without marks that belong to the clause before them."""
    return next((words[at:] for at, word in enumerate(words) if plain(word.text)), ())
