"""A window recognizer as a stream, on the fake ear."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engines.fake import VOCABULARY, FakeDetector, FakeRecognizer, spell
from agent.errors import EngineError
from agent.nouns import Chunk, Hypothesis, Segment, Transcription, Word
from agent.recognition.streaming import Pace, Stream, Streaming
from agent.words import without_loops

SILENCE = ("", "", "", "")


class WindowRecognizer(FakeRecognizer):
    """Counts its passes, fails those that it is told to, and hears the language of the moment."""

    def __init__(self, fails: Callable[[int], EngineError | None] = lambda n: None) -> None:
        super().__init__()
        self.passes: list[tuple[float, str, bool]] = []
        self.spoken = "en"
        self._fails = fails

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        self.passes.append((len(pcm) / 32_000, prefix, final))
        if error := self._fails(len(self.passes)):
            raise error
        return await super().transcribe(pcm, language or self.spoken, prompt, prefix=prefix, final=final)


def stream(ear: WindowRecognizer, language: str | None = "en", pace: Pace | None = None) -> Stream:
    return Streaming(ear, FakeDetector, pace or Pace()).listen("t", language)


async def listen(to: Stream, *said: str, piece: int = 1_920, retry: bool = False) -> list[Hypothesis | Segment]:
    """Everything that a stream says of words, pushed in pieces of so many bytes."""
    pcm, out = spell(*said), list[Hypothesis | Segment]()
    for at in range(0, len(pcm), piece):
        try:
            out += await to.push(Chunk("t", 10.0 + at / 32_000, pcm[at : at + piece]))
        except EngineError:
            if not retry:
                raise
    while True:
        try:
            return [*out, *await to.finish()]
        except EngineError:
            if not retry:
                raise


def settled(out: list[Hypothesis | Segment]) -> str:
    return " ".join(one.text for one in out if isinstance(one, Segment))


async def test_speech_becomes_hypotheses_that_grow_and_one_segment_at_the_pause():
    out = await listen(stream(WindowRecognizer()), *SILENCE, "one", "two", "three", "five", "six", *SILENCE)

    *guesses, segment = out
    assert isinstance(segment, Segment)
    assert segment.text == "one two three five six"
    assert segment.start == pytest.approx(11.28, abs=0.1)
    assert segment.end == pytest.approx(12.88, abs=0.15)
    assert guesses
    assert all(isinstance(g, Hypothesis) and segment.text.startswith(g.text[: g.stable]) for g in guesses)
    assert {g.id for g in guesses} == {segment.id}
    assert [g.rev for g in out] == sorted({g.rev for g in out})


async def test_silence_costs_no_pass():
    ear = WindowRecognizer()

    assert await listen(stream(ear), *SILENCE * 5) == []
    assert ear.passes == []


async def test_a_sentence_in_the_middle_of_speech_is_settled_before_its_speaker_pauses():
    out = await listen(
        stream(WindowRecognizer()), "one", "two", "three", "four.", "five", "six", "seven", "nine", "ten", *SILENCE
    )

    assert [s.text for s in out if isinstance(s, Segment)] == ["one two three four.", "five six seven nine ten"]


async def test_a_long_clause_is_settled_at_the_cap_and_nothing_is_said_twice():
    sixes = ["one", "two", "three", "five", "six", "seven"]
    said = [word for turn in range(6) for word in (*sixes[turn:], *sixes[:turn], "nine" if turn % 2 else "ten")]
    ear = WindowRecognizer()

    out = await listen(stream(ear), *said, *SILENCE)

    assert settled(out).split() == said
    assert max(s.end - s.start for s in out if isinstance(s, Segment)) < 8.0
    assert max(seconds for seconds, _, _ in ear.passes) <= 12.5


async def test_committed_words_are_given_to_the_next_pass_as_its_prefix():
    ear = WindowRecognizer()

    await listen(stream(ear), "one", "two", "three", "five", "six", "seven", *SILENCE)

    prefixes = [prefix for _, prefix, _ in ear.passes]
    assert prefixes[0] == ""
    assert all(now.startswith(before) for before, now in pairwise(prefixes))
    assert prefixes[-1].startswith("one two")


async def test_the_pass_in_the_hush_is_the_last_one():
    ear = WindowRecognizer()

    await listen(stream(ear), "one", "two", *SILENCE, *SILENCE)

    assert [final for _, _, final in ear.passes].count(True) == 1


async def test_two_utterances_are_two_segments_with_ids_of_their_own():
    out = await listen(stream(WindowRecognizer()), "one", "two", *SILENCE, "three", "five", *SILENCE)

    segments = [s for s in out if isinstance(s, Segment)]
    assert [s.text for s in segments] == ["one two", "three five"]
    assert segments[0].id != segments[1].id


def no_loop(said: list[str]) -> bool:
    """Whether nothing is said so often in a row that it would be cut as a decoder's loop."""
    words = [Word(word, 0.0, 0.3, 1.0) for word in said if word]
    return len(without_loops(words)) == len(words)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([w for w in VOCABULARY if w.isalpha()] + [""]), min_size=3, max_size=25)
    .map(lambda said: [w for i, w in enumerate(said) if i == 0 or w == "" or w != said[i - 1]])
    .filter(no_loop),
    st.sampled_from([640, 1_920, 9_000, 64_000]),
    st.sets(st.integers(1, 12), max_size=4),
)
async def test_whatever_is_said_comes_out_once_whatever_fails_and_however_it_arrives(
    said: list[str], piece: int, failing: set[int]
):
    away = EngineError("engines_away", "Nobody answers.", retryable=True)
    ear = WindowRecognizer(lambda n: away if n in failing else None)

    out = await listen(stream(ear), *SILENCE, *said, *SILENCE, piece=piece, retry=True)

    assert settled(out).split() == [word for word in said if word]
    for guess in [g for g in out if isinstance(g, Hypothesis)]:
        final = next((s.text for s in out if isinstance(s, Segment) and s.id == guess.id), guess.text)
        assert final.startswith(guess.text[: guess.stable].rstrip()) or guess.text.startswith(final)


async def test_while_no_engine_answers_the_window_is_bounded_and_what_is_lost_is_counted():
    away = EngineError("engines_away", "Nobody answers.", retryable=True)
    down = {"now": True}
    ear = WindowRecognizer(lambda n: away if down["now"] else None)
    listening = stream(ear)
    pcm = spell(*["one", "two", "three", ""] * 30)

    for at in range(0, len(pcm), 32_000):
        with suppress(EngineError):
            await listening.push(Chunk("t", at / 32_000, pcm[at : at + 32_000]))
    down["now"] = False

    assert settled(list(await listening.finish()))
    assert listening.dropped >= 9.0


async def test_an_engine_that_fails_is_asked_twice_a_second_at_most():
    away = EngineError("engines_away", "Nobody answers.", retryable=True)
    ear = WindowRecognizer(lambda n: away)
    listening, pcm = stream(ear), spell(*["one", "two", "three", "five"] * 4)

    for at in range(0, len(pcm), 640):
        with suppress(EngineError):
            await listening.push(Chunk("t", at / 32_000, pcm[at : at + 640]))

    assert 3 <= len(ear.passes) <= len(pcm) / 32_000 / 0.5 + 1


async def test_a_refused_pass_is_made_up_for_and_nothing_is_lost():
    busy = EngineError("overloaded", "Later.", retryable=True)
    ear = WindowRecognizer(lambda n: busy if n % 2 else None)
    said = ["one", "two", "three", "five", "six", "seven", "nine", "ten"]

    out = await listen(stream(ear), *said, *SILENCE, retry=True)

    assert settled(out).split() == said


async def test_settled_words_are_heard_again_before_what_follows_them_soon():
    ear = WindowRecognizer()

    await listen(stream(ear), "one", "two", "three", "four.", *SILENCE, "five", "six", *SILENCE)

    assert ear.passes[-1][1].startswith("one two three four.")


async def test_settled_words_are_forgotten_after_a_long_silence():
    ear = WindowRecognizer()

    await listen(stream(ear), "one", "two", "three", "four.", *SILENCE * 2, "five", "six", *SILENCE)

    assert ear.passes[-1][1] in ("", "five", "five six")


async def test_the_sound_of_settled_words_is_bounded():
    ear = WindowRecognizer()

    said = [word for words in permutations(("one", "two", "three")) for word in (*words, "four.")]
    out = await listen(stream(ear), *said, *SILENCE)

    assert settled(out).split() == said
    assert max(seconds for seconds, _, _ in ear.passes) < 7.0


async def test_an_ear_that_answers_late_is_asked_less_often():
    quick, late = WindowRecognizer(), WindowRecognizer()
    said = ["one", "two", "three", "five", "six", "seven"] * 4

    await listen(stream(quick), *said, piece=1_920)
    await listen(stream(late), *said, piece=32_000)

    assert len(late.passes) < 0.8 * len(quick.passes)


async def test_speech_in_which_nothing_is_understood_fills_no_window():
    class Deaf(WindowRecognizer):
        async def transcribe(self, *args: Any, **options: Any) -> Transcription:
            return replace(await super().transcribe(*args, **options), words=())

    ear = Deaf()

    assert await listen(stream(ear), *["one", "two", "three"] * 40) == []
    assert max(seconds for seconds, _, _ in ear.passes) < 10.0


async def test_a_change_of_language_settles_what_was_said_and_loses_no_word():
    ear = WindowRecognizer()
    listening, out = stream(ear, None), list[Hypothesis | Segment]()
    said = ["one", "two", "three", "five", "six", "four.", "seven", "nine", "ten", "one", "three", "six", "two", "five"]
    pcm = spell(*said, *SILENCE)
    for at in range(0, len(pcm), 1_920):
        ear.spoken = "en" if at / 32_000 < 1.92 else "es"
        out += await listening.push(Chunk("t", at / 32_000, pcm[at : at + 1_920]))

    languages = [segment.language for segment in out if isinstance(segment, Segment)]
    assert settled(out).split() == said
    assert languages == sorted(languages)
    assert set(languages) == {"en", "es"}


class Echoing(WindowRecognizer):
    """Says the last of what was said again, as often as there are quarters of a second without sound after it."""

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        heard = await super().transcribe(pcm, language, prompt, prefix=prefix, final=final)
        whole = await super().transcribe(pcm, language, prompt)
        last, end = whole.words[-1:], len(pcm) / 32_000
        again = [replace(word, start=word.end, end=min(word.end + 0.02, end)) for word in last]
        silent = int((end - last[0].end) / 0.25) if last else 0
        return replace(heard, words=(*heard.words, *(again * silent)))


async def test_a_word_before_a_pause_is_said_once_though_its_ear_hears_it_again():
    said = ["one", "", "two", "three", "", "five", *SILENCE, "six", "", "seven", *SILENCE]

    out = await listen(stream(Echoing()), *said, *SILENCE)

    assert settled(out).split() == ["one", "two", "three", "five", "six", "seven"]


async def test_a_word_that_is_said_twice_comes_twice_though_its_ear_hears_the_second_again():
    out = await listen(stream(Echoing()), "one", "one", "", "two", "three", "two", "three", "", "five", *SILENCE)

    assert settled(out) == "one one two three two three five"


async def test_until_a_language_is_known_nothing_is_committed():
    class Unsure(WindowRecognizer):
        async def transcribe(self, *args: Any, **options: Any) -> Transcription:
            return replace(await super().transcribe(*args, **options), language_probability=0.55, language="pt")

    out = await listen(stream(Unsure(), None), "one", "two", "three", "five", "six", *SILENCE)

    first = next(one for one in out if isinstance(one, Hypothesis))
    assert first.stable == 0
    assert settled(out).split() == ["one", "two", "three", "five", "six"]


async def test_sound_that_was_lost_in_between_makes_two_utterances():
    listening, out = stream(WindowRecognizer()), list[Hypothesis | Segment]()
    for start, words in ((0.0, ("one", "two", "three")), (9.0, ("five", "six", *SILENCE))):
        pcm = spell(*words)
        for at in range(0, len(pcm), 1_920):
            out += await listening.push(Chunk("t", start + at / 32_000, pcm[at : at + 1_920]))

    segments = [one for one in out if isinstance(one, Segment)]
    assert [one.text for one in segments] == ["one two three", "five six"]
    assert segments[0].end < 1.2
    assert segments[1].start == pytest.approx(9.0, abs=0.1)


async def test_a_program_error_is_not_swallowed():
    ear = WindowRecognizer(lambda n: EngineError("bad_request", "No."))

    with pytest.raises(EngineError, match="bad_request"):
        await listen(stream(ear), "one", "two", "three", "five")


async def test_slow_makes_fewer_passes():
    quick, slow = WindowRecognizer(), WindowRecognizer()
    said = ["one", "two", "three", "five", "six"] * 3
    await listen(stream(quick), *said)
    recognizer = Streaming(slow, FakeDetector)
    recognizer.slow(True)

    await listen(recognizer.listen("t", "en"), *said)

    assert len(slow.passes) < len(quick.passes)
