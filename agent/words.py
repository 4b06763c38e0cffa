"""Words of a recognizer: how they are compared, joined to text, cut into clauses, and which of them nobody said."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from .nouns import SPACELESS, Transcription, Word

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

INVENTED = {
    "thank you", "thanks for watching", "thank you for watching", "bye", "you", "please subscribe",
    "gracias", "gracias por ver el video", "subtítulos realizados por la comunidad de amara.org",
    "merci", "merci d'avoir regardé cette vidéo", "sous-titres réalisés para la communauté d'amara.org",
    "sous-titrage st' 501", "vielen dank", "untertitel der amara.org-community", "untertitelung des zdf",
    "obrigado", "legendas pela comunidade amara.org", "e aí", "amara.org",
}  # fmt: skip
"""Lines that Whisper is known to invent over silence and music (faster-whisper's issues 506 and 843)."""


def folded(text: str) -> str:
    """A word as it is compared: without case, accents of punctuation, or punctuation."""
    return "".join(c for c in unicodedata.normalize("NFC", text).lower() if c.isalnum() or c == "'")


_INVENTED = {" ".join(map(folded, line.split())) for line in INVENTED}


def joined(words: Sequence[Word], language: str) -> str:
    """Words as text; a mark of punctuation that came alone stands at the word before it, as its language writes it."""
    space = "" if language in SPACELESS else " "
    text = ""
    for word in words:
        mark = word.text[0] in ",.;:!?…)]»%" and not (language == "fr" and word.text[0] in ";:!?»")
        text += word.text if mark or not text else space + word.text
    return text


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
    name = folded(word.text)
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
    said = [folded(word.text) for word in (*known, *words)]
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
        if not folded(word.text) or (echoed and _silent([word], word.start, voiced)):
            kept += [] if echoed else [word]
            continue
        kept.append(word)
        spoken = [at for at, one in enumerate(kept) if folded(one.text)]
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
        if [folded(word.text) for word in first] == [folded(word.text) for word in again] and (
            _silent(again, first[-1].end, voiced) or (2 * length <= new and _silent(first, first[0].start, voiced))
        ):
            return length
    return 0


def _silent(words: Sequence[Word], since: float, voiced: Callable[[float, float], float]) -> bool:
    """Whether there is no sound in which these words can have been said, at the earliest from `since` on."""
    letters = sum(len(folded(word.text)) for word in words)
    moment = any(word.end - word.start < MOMENT for word in words)
    return moment or voiced(max(words[0].start, since), words[-1].end) < SOUND * letters


def without_rest(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words up to where there is no sound for them any more.

    Over the silence that a window is padded with, a decoder may begin again from the start;
    alignment finds no time for such words.
    """
    for at in range(1, len(words) - 1):
        rest = words[at:]
        letters = sum(len(folded(word.text)) for word in rest)
        if words[at].end - words[at].start < MOMENT and rest[-1].end - rest[0].start < QUICKEST * letters:
            return tuple(words[:at])
    return tuple(words)


def rushed(words: Sequence[Word], known: Sequence[Word], seconds: float) -> bool:
    """Whether nobody says as much in so many seconds; or, where known words come again, few people do."""
    letters = sum(len(folded(word.text)) for word in words)
    new, old = [folded(word.text) for word in words], [folded(word.text) for word in known]
    runs = {tuple(old[at : at + 4]) for at in range(len(old) - 3)}
    again = any(tuple(new[at : at + 4]) in runs for at in range(len(new) - 3))
    return letters > 10 + max(0.0, seconds) * (15 if again else 1 / QUICKEST)


def believable(
    heard: Transcription,
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
    line = " ".join(folded(word.text) for word in words)
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


def speakable(heard: Transcription, words: Sequence[Word]) -> bool:
    """Whether what was heard is sure enough to be said aloud; stricter than what may be shown."""
    sure = sum(word.confidence for word in words) / max(1, len(words))
    return heard.logprob > -0.9 and sure > 0.45 and heard.no_speech < 0.6


def moved(words: Sequence[Word], by: float) -> tuple[Word, ...]:
    """Words of a window as words of the room."""
    return tuple(replace(word, start=word.start + by, end=word.end + by) for word in words)
