"""What a streaming recognizer decides: pure objects over words and probabilities, without I/O."""

from __future__ import annotations

import math
import unicodedata
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Protocol

from ..nouns import SPACELESS, Word
from . import Heard

SENTENCE = ".?!…。！？।؟"
PAUSE = ",;:、，；：—–"

QUICKEST = 0.035
"""Seconds a letter of the quickest speech."""
MOMENT = 0.05
"""Seconds: alignment gives less to a word for which it finds no sound."""
SOUND = 0.03
"""Seconds of sound that a gate hears in each letter at least: it is late for some, and deaf for others."""
ECHO = 8
"""Words that may come again as an echo; longer ones are always loops."""

ABBREVIATED = {
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "vs", "sr", "sra", "srta", "dra",
    "mme", "mlle", "hr", "fr", "bzw", "nr",
}  # fmt: skip
"""Words whose full stop ends no sentence, in the languages of the page: the name or number comes after it."""

CAP = 6.0
"""Seconds that a clause may last before it is settled wherever it stands."""
CLAUSE = 2.0
"""Seconds that a clause must last to be settled at a comma."""
OLD = 5.0
"""Seconds after which a word is committed as it was last heard, whether or not two passes agree."""

INVENTED = {
    "thank you", "thanks for watching", "thank you for watching", "bye", "you", "please subscribe",
    "gracias", "gracias por ver el video", "subtítulos realizados por la comunidad de amara.org",
    "merci", "merci d'avoir regardé cette vidéo", "sous-titres réalisés para la communauté d'amara.org",
    "sous-titrage st' 501", "vielen dank", "untertitel der amara.org-community", "untertitelung des zdf",
    "obrigado", "legendas pela comunidade amara.org", "e aí", "amara.org",
}  # fmt: skip
"""Lines that Whisper is known to invent over silence and music (faster-whisper's issues 506 and 843)."""


def plain(text: str) -> str:
    """A word as it is compared: without case, accents of punctuation, or punctuation."""
    return "".join(c for c in unicodedata.normalize("NFC", text).lower() if c.isalnum() or c == "'")


_INVENTED = {" ".join(map(plain, line.split())) for line in INVENTED}


def joined(words: Sequence[Word], language: str) -> str:
    """Words as text; a mark of punctuation that came alone stands at the word before it, as its language writes it."""
    space = "" if language in SPACELESS else " "
    text = ""
    for word in words:
        mark = word.text[0] in ",.;:!?…)]»%" and not (language == "fr" and word.text[0] in ";:!?»")
        text += word.text if mark or not text else space + word.text
    return text


class Policy(Protocol):
    """Whether a word that was just heard will not change any more."""

    def __call__(self, before: Word | None, now: Word, until: float) -> bool:
        """`before` is what the last pass heard in its place; `until` (seconds) where the sound is still too fresh."""
        ...


def local_agreement(before: Word | None, now: Word, until: float) -> bool:
    """Two passes in a row say the same (LocalAgreement-2).

    Liu et al. 2020 (Interspeech, "Low-latency sequence-to-sequence speech recognition and
    translation by partial hypothesis selection"); for Whisper: Macháček et al. 2023
    (arXiv 2307.14743).
    """
    return before is not None and now.end <= until and plain(before.text) == plain(now.text)


@dataclass(frozen=True, slots=True)
class Alignment:
    """The model's own alignment ends the word safely before the end of the sound, and the model is sure of it.

    One pass is enough for such a word; of one that it is less sure of, two have to say the same. After AlignAtt
    (Papi et al. 2023, arXiv 2305.11408; for Whisper: Wang et al. 2024, arXiv 2406.10052), which
    stops decoding where attention reaches the end of the sound.
    """

    sure: float = 0.6
    """Confidence from which one pass is enough. Lower, and words come sooner and more of them are wrong."""

    def __call__(self, before: Word | None, now: Word, until: float) -> bool:
        return now.end <= until and (now.confidence >= self.sure or local_agreement(before, now, until))


class Commitment:
    """What is committed of what is being said, and the tail that isn't.

    `committed` only grows, until its front is settled.
    """

    def __init__(self, policy: Policy) -> None:
        self.committed: tuple[Word, ...] = ()
        self.tail: tuple[Word, ...] = ()
        self._policy = policy

    def hear(self, words: Sequence[Word], until: float = math.inf, old: float = -math.inf) -> None:
        """A pass over what follows the committed words.

        No word that ends after `until` is committed; one that ends before `old` is, whatever the policy says.
        """
        count = 0
        for before, now in zip_longest(self.tail, words):
            if now is None or not (now.end < old or self._policy(before, now, until)):
                break
            count += 1
        self.committed += tuple(words[:count])
        self.tail = tuple(words[count:])

    def take(self, count: int) -> tuple[Word, ...]:
        """Settle the first `count` committed words."""
        taken, self.committed = self.committed[:count], self.committed[count:]
        return taken

    def take_all(self) -> tuple[Word, ...]:
        """Settle everything, the tail too: nothing more will be heard."""
        taken, self.committed, self.tail = (*self.committed, *self.tail), (), ()
        return taken


def clause(committed: Sequence[Word], tail: Sequence[Word], until: float) -> int:
    """How many committed words make a clause that can be settled now; 0 for none.

    `until` is the end of the sound (seconds). A sentence's end counts once a word is known after
    it; a comma once the clause has lasted `CLAUSE`; after `CAP` seconds anything does.
    """
    if not committed:
        return 0
    begun = committed[0].start
    followed = len(committed) if tail else len(committed) - 1
    for at in range(followed, 1, -1):
        word = committed[at - 1]
        if _ends_sentence(word) or (word.text[-1] in PAUSE and word.end - begun >= CLAUSE and at >= 4):
            return at
    return _widest(committed, followed, begun) if until - begun >= CAP else 0


def _ends_sentence(word: Word) -> bool:
    if word.text[-1] != ".":
        return word.text[-1] in SENTENCE
    name = plain(word.text)
    initial = len(name) == 1 and name.isalpha() and word.text[0].isupper() and name != "i"
    return not (initial or name in ABBREVIATED)


def _widest(committed: Sequence[Word], followed: int, begun: float) -> int:
    """Where to cut words that never pause: the widest gap of the clause's second half; 0 where it has none.

    The last word is left: its sound may go on, and a window cut inside it would repeat it.
    """
    late = [at for at in range(2, followed) if committed[at - 1].end - begun >= CAP / 2]
    return max(late, key=lambda at: (round(committed[at].start - committed[at - 1].end, 1), at), default=0)


def without_loops(words: Sequence[Word], known: Sequence[Word] = ()) -> tuple[Word, ...]:
    """The words up to where they begin to repeat themselves; `known` are those before them.

    One word may be said three times in a row, two words twice; three words or more that
    come again at once are the decoder's loop, not the speaker's.
    """
    said = [plain(word.text) for word in (*known, *words)]
    for at in range(len(said)):
        for length in range(1, min(16, (len(said) - at) // 2) + 1):
            unit = said[at : at + length]
            times = 1
            while said[at + times * length : at + (times + 1) * length] == unit:
                times += 1
            if times > (3, 2, 1)[min(length, 3) - 1]:
                return tuple(words[: max(0, at + length - len(known))])
    return tuple(words)


def without_echoes(
    words: Sequence[Word], known: Sequence[Word], voiced: Callable[[float, float], float]
) -> tuple[Word, ...]:
    """The words without those that come again at once and were said only once; `known` are those before them.

    A decoder that has a short window, or a pause after the words that it was given, fills it by saying the last ones
    again. People say words twice too, and then each has sound of its own: `voiced` tells how many of the seconds
    from a time to another hold speech.
    """
    kept, echoed = [*known], False
    for word in words:
        if not plain(word.text) or (echoed and _silent([word], word.start, voiced)):
            kept += [] if echoed else [word]
            continue
        kept.append(word)
        spoken = [at for at, one in enumerate(kept) if plain(one.text)]
        new = sum(at >= len(known) for at in spoken)
        length = _echo([kept[at] for at in spoken], new, voiced)
        echoed = length > 0
        if echoed:
            first, again = spoken[-2 * length : -length], [kept[at] for at in spoken[-length:]]
            del kept[max(len(known), first[-1] + 1) :]
            if first[0] >= len(known):  # else it is committed, and stays as it is
                for at, other in zip(first, again, strict=True):
                    kept[at] = replace(kept[at], text=other.text, end=max(kept[at].end, other.end))
    return tuple(kept[len(known) :])


def _echo(said: Sequence[Word], new: int, voiced: Callable[[float, float], float]) -> int:
    """How many of the last words are an echo of those before them; only the last `new` can be one."""
    for length in range(1, min(ECHO, new, len(said) // 2) + 1):
        first, again = said[-2 * length : -length], said[-length:]
        if [plain(word.text) for word in first] == [plain(word.text) for word in again] and (
            _silent(again, first[-1].end, voiced) or (2 * length <= new and _silent(first, first[0].start, voiced))
        ):
            return length
    return 0


def _silent(words: Sequence[Word], since: float, voiced: Callable[[float, float], float]) -> bool:
    """Whether there is no sound in which these words can have been said, at the earliest from `since` on."""
    letters = sum(len(plain(word.text)) for word in words)
    moment = any(word.end - word.start < MOMENT for word in words)
    return moment or voiced(max(words[0].start, since), words[-1].end) < SOUND * letters


def without_rest(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words up to where there is no sound for them any more.

    Over the silence that a window is padded with, a decoder may begin again from the start;
    alignment finds no time for such words.
    """
    for at in range(1, len(words) - 1):
        rest = words[at:]
        letters = sum(len(plain(word.text)) for word in rest)
        if words[at].end - words[at].start < MOMENT and rest[-1].end - rest[0].start < QUICKEST * letters:
            return tuple(words[:at])
    return tuple(words)


def rushed(words: Sequence[Word], known: Sequence[Word], seconds: float) -> bool:
    """Whether nobody says as much in so many seconds; or, where known words come again, few people do."""
    letters = sum(len(plain(word.text)) for word in words)
    new, old = [plain(word.text) for word in words], [plain(word.text) for word in known]
    runs = {tuple(old[at : at + 4]) for at in range(len(old) - 3)}
    again = any(tuple(new[at : at + 4]) in runs for at in range(len(new) - 3))
    return letters > 10 + max(0.0, seconds) * (15 if again else 1 / QUICKEST)


def believable(
    heard: Heard,
    speech: float,
    known: Sequence[Word] = (),
    *,
    final: bool = True,
    voiced: Callable[[float, float], float] | None = None,
) -> tuple[Word, ...]:
    """The words of a pass over `speech` seconds of speech that can be shown: none over noise, no loops, no echoes.

    `known` are the committed words before them; for `voiced` see `without_echoes`. It needs times on one clock.

    Thresholds of no speech, log probability and compression are Whisper's own
    (openai/whisper, transcribe.py).
    """
    once = without_echoes(heard.words, known, voiced) if voiced else heard.words
    words = without_rest(without_loops(once, known))
    line = " ".join(plain(word.text) for word in words)
    if heard.no_speech > 0.6 and heard.logprob < -1.0:
        return ()
    # The beginning of something is heard with less certainty; where there surely is speech, a first guess may be shown.
    sure = final or heard.no_speech > 0.5 or speech < 0.4
    if heard.logprob < (-1.4 if sure else -2.2):
        return ()
    if len(words) == len(heard.words) and heard.compression > 2.4:
        return ()
    if line in _INVENTED and (speech < 0.4 or heard.no_speech > 0.3 or heard.logprob < -0.7):
        return ()
    return words


def speakable(heard: Heard, words: Sequence[Word]) -> bool:
    """Whether what was heard is sure enough to be said aloud; stricter than what may be shown."""
    sure = sum(word.confidence for word in words) / max(1, len(words))
    return heard.logprob > -0.9 and sure > 0.45 and heard.no_speech < 0.6


def moved(words: Sequence[Word], by: float) -> tuple[Word, ...]:
    """Words of a window as words of the room."""
    return tuple(replace(word, start=word.start + by, end=word.end + by) for word in words)


class Voiced:
    """Where in a window there is speech. As long as the window is: what is before it is to be forgotten."""

    def __init__(self) -> None:
        self._frames: deque[float] = deque()

    def hear(self, start: float, probability: float) -> None:
        """One frame of 32 ms."""
        if probability >= Voicing.KEEP:
            self._frames.append(start)

    def forget(self, before: float) -> None:
        while self._frames and self._frames[0] + Voicing.FRAME <= before:
            self._frames.popleft()

    def within(self, start: float, end: float) -> float:
        """Seconds of speech from one time to another."""
        return sum(max(0.0, min(end, at + Voicing.FRAME) - max(start, at)) for at in self._frames)


class Voicing:
    """When somebody speaks: opened by speech for 96 ms, closed by `hang` seconds without."""

    FRAME = 0.032
    OPEN, KEEP = 0.5, 0.35

    def __init__(self, hang: float) -> None:
        self._hang = hang
        self._run = 0
        self.speaking = False
        self.silence = 0.0
        self.speech = 0.0

    def hear(self, probability: float) -> None:
        """One frame of 32 ms."""
        self._run = self._run + 1 if probability >= self.OPEN else 0
        if not self.speaking and self._run >= 3:
            self.speaking, self.silence, self.speech = True, 0.0, 3 * self.FRAME
        elif self.speaking:
            voiced = probability >= self.KEEP
            self.silence = 0.0 if voiced else self.silence + self.FRAME
            self.speech += self.FRAME if voiced else 0.0
            self.speaking = self.silence < self._hang


class Tongue:
    """Which language is spoken: the one that was set, or found out, with hysteresis.

    On 79 recordings Whisper base knew the language after 1.2 s in four of five, after 1.8 s in
    74, and none of its mistakes then was surer than 0.8.
    """

    LIKELY, SURE = 0.5, 0.8
    ENOUGH, PLENTY, LONG = 1.2, 1.8, 4.0
    """Seconds of sound to find a first language, to doubt one, and to take the likeliest as the first."""

    def __init__(self, fixed: str | None) -> None:
        self.current = fixed.split("-")[0] if fixed else None
        self._fixed = fixed is not None
        self._checked = False
        self._rival: str | None = None

    def begin(self) -> None:
        """Something new is said: look again."""
        self._checked = False

    def keep(self) -> None:
        """Do not look again at what is being said."""
        self._checked = True

    def ask(self, seconds: float) -> str | None:
        """What to ask the ear for over a window of so many seconds; None to find out."""
        if self._fixed or (self.current and (self._checked or seconds < self.PLENTY)):
            return self.current
        return None

    def hear(self, language: str, probability: float, seconds: float, *, final: bool = False) -> bool:
        """What the ear found out. False where the pass was in a language that we don't believe yet.

        `final`: nothing more will be said for now.
        """
        if language == self.current:
            self._checked, self._rival = True, None
            return True
        if self.current is None:
            return self._first(language, probability, seconds) or (final and seconds >= self.PLENTY)
        return self._other(language, probability, final)

    def _first(self, language: str, probability: float, seconds: float) -> bool:
        if seconds >= self.ENOUGH:
            again = language == self._rival and probability >= self.LIKELY
            if again or probability >= self.SURE or seconds >= self.LONG:
                self._change(language)
            else:
                self._rival = language
        return self.current is not None or probability >= self.LIKELY

    def _other(self, language: str, probability: float, final: bool) -> bool:
        """A language once found is left only for one that is surely heard, twice in a row while somebody goes on."""
        if probability < self.SURE:
            self._checked, self._rival = True, None
            return False
        if final or language == self._rival:
            self._change(language)
            return True
        self._rival = language
        return False

    def _change(self, language: str) -> None:
        self.current, self._checked, self._rival = language, True, None
