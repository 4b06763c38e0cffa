"""What a streaming recognizer decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.nouns import Transcription, Word
from agent.recognition.commit import Alignment, Commitment, Policy, local_agreement
from agent.recognition.language_id import LanguageDetector
from agent.vad import SpeechState, Voiced
from agent.word_timing import UNTOLD
from agent.words import believable, clause, rushed, speakable, without_echoes, without_loops, without_rest


def words(text: str, start: float = 0.0, each: float = 0.4) -> tuple[Word, ...]:
    return tuple(Word(w, start + i * each, start + (i + 1) * each, 0.9) for i, w in enumerate(text.split()))


def texts(some: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in some)


def heard(text: str, **but: float) -> Transcription:
    given = {"no_speech": 0.05, "logprob": -0.3, "compression": 1.1} | but
    return Transcription("en", 0.9, words(text), engine="fake", **given)


def test_a_word_is_committed_when_two_passes_agree():
    agreement = Commitment(local_agreement)

    agreement.hear(words("the cat"))
    agreement.hear(words("The cat, sat"))
    agreement.hear(words("on"))

    assert texts(agreement.committed) == "The cat,"
    assert texts(agreement.tail) == "on"


def test_a_word_that_is_sure_and_well_before_the_end_needs_one_pass():
    commitment = Commitment(Alignment(0.7))

    commitment.hear(words("the cat sat on"), until=1.3)

    assert texts(commitment.committed) == "the cat sat"
    assert texts(commitment.tail) == "on"


def test_a_word_that_is_not_sure_holds_up_those_after_it_until_two_passes_agree():
    sure, unsure = words("the cat sat"), replace(words("the cat")[1], confidence=0.4)
    commitment = Commitment(Alignment(0.7))

    commitment.hear((sure[0], unsure, sure[2]))
    assert texts(commitment.committed) == "the"
    commitment.hear((unsure, sure[2]))

    assert texts(commitment.committed) == "the cat sat"


def test_words_whose_engine_tells_no_confidence_are_committed_where_two_passes_say_the_same():
    guess, commitment = [replace(word, confidence=UNTOLD) for word in words("fellow America")], Commitment(Alignment())

    commitment.hear(guess)
    assert commitment.committed == ()
    commitment.hear([guess[0], replace(guess[1], text="Americans")])

    assert texts(commitment.committed) == "fellow"


PASSES = st.lists(st.lists(st.sampled_from("abc"), max_size=6), max_size=12)


@pytest.mark.parametrize("policy", [local_agreement, Alignment(), Alignment(0.95)])
@given(passes=PASSES)
def test_committed_words_never_change(policy: Policy, passes: list[list[str]]):
    agreement = Commitment(policy)
    before: tuple[str, ...] = ()
    for heard_words in passes:
        agreement.hear(words(" ".join(heard_words)))
        now = tuple(w.text for w in agreement.committed)
        assert now[: len(before)] == before
        before = now


@given(PASSES, st.data())
def test_every_settled_word_was_committed_once_and_in_order(passes: list[list[str]], data: st.DataObject):
    agreement, taken, grown = Commitment(local_agreement), [], []
    for heard_words in passes:
        held = len(agreement.committed)
        agreement.hear(words(" ".join(heard_words)))
        grown += agreement.committed[held:]
        taken += agreement.take(data.draw(st.integers(0, len(agreement.committed))))
    tail = agreement.tail

    assert [*taken, *agreement.take_all()] == [*grown, *tail]
    assert agreement.take_all() == ()


@pytest.mark.parametrize(
    ("committed", "tail", "until", "count"),
    [
        ("Hello there. And", "", 2.0, 2),
        ("Hello there.", "", 2.0, 0),
        ("Hello there.", "and", 2.0, 2),
        ("well, and", "then", 2.0, 0),
        ("when all of this is said, and", "done", 4.0, 6),
        ("no stop in all of this long speech that goes on and on so", "", 6.5, 12),
        ("no stop in all of this", "long", 3.0, 0),
        ("", "nothing", 60.0, 0),
        ("this is Mr. Quilter", "who", 2.0, 0),
        ("la Sra. Ruiz", "dijo", 2.0, 0),
        ("said by J. Smith", "and", 2.0, 0),
        ("so do I. And", "then", 2.0, 3),
        ("he knew Mr. Quilter. And", "then", 2.0, 4),
    ],
)
def test_clauses_end_at_stops_at_commas_after_a_while_and_at_the_cap(
    committed: str, tail: str, until: float, count: int
):
    assert clause(words(committed), words(tail), until) == count


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no no no", "no no no"),
        ("no no no no no", "no"),
        ("ask not ask not", "ask not ask not"),
        ("ask not ask not ask not", "ask not"),
        ("What you can do. What you can do.", "What you can do."),
        (
            "I said. Ask what you can do for your country. Ask what you",
            "I said. Ask what you can do for your country. Ask what you",
        ),
        ("a b c d", "a b c d"),
    ],
)
def test_loops_are_cut_and_speech_is_not(said: str, kept: str):
    assert texts(without_loops(words(said))) == kept


def test_a_loop_that_began_in_committed_words_is_cut_too():
    assert without_loops(words("what you can do"), known=words("what you can do")) == ()


def at(*said: tuple[str, float, float]) -> tuple[Word, ...]:
    return tuple(Word(text, start, end, 0.9) for text, start, end in said)


def speech(start: float, end: float) -> Voiced:
    """Somebody speaks from one time to another."""
    voiced = Voiced()
    for frame in range(round(start / 0.032), round(end / 0.032)):
        voiced.hear(frame * 0.032, 0.9)
    return voiced


@pytest.mark.parametrize(
    ("said", "known", "once"),
    [
        (at(("Sunday", 0.0, 0.56), ("Sunday", 0.56, 0.58), ("Sunday", 0.58, 0.66)), (), "Sunday"),
        (at(("Allure.", 0.0, 0.2), ("Allure", 0.32, 0.62)), (), "Allure"),
        (at(("However.", 0.7, 0.9), ("it", 1.1, 1.2), ("was", 1.2, 1.4)), at(("However.", 0.2, 0.6)), "it was"),
        (at((".", 0.7, 0.7), ("Gets.", 0.7, 0.7), ("Gets.", 0.8, 0.8)), at(("Gets.", 0.2, 0.6)), ""),
        (at(("he", 0.3, 0.4), ("was", 0.4, 0.6), ("He", 0.6, 1.0), ("was", 1.0, 1.0)), (), "He was"),
        (at(("so", 0.2, 0.5), ("it", 0.5, 0.6), ("so", 0.6, 0.6), ("it", 0.6, 0.6), ("so", 0.6, 0.6)), (), "so it"),
    ],
)
def test_a_word_that_comes_again_without_sound_of_its_own_was_said_once(
    said: tuple[Word, ...], known: tuple[Word, ...], once: str
):
    voiced = speech(0.3, 0.6)
    for frame in range(34, 60):
        voiced.hear(frame * 0.032, 0.9)

    assert texts(without_echoes(said, known, voiced.within)) == once


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (at(("No,", 0.0, 0.2), ("no.", 0.2, 0.4)), ()),
        (at(("very", 0.0, 0.25), ("very", 0.25, 0.5), ("good", 0.5, 0.9)), ()),
        (at(("no", 0.4, 0.6), ("thanks", 0.6, 0.9)), at(("no", 0.1, 0.4))),
        (at(("he", 0.0, 0.1), ("was", 0.1, 0.3), ("he", 0.4, 0.5), ("was", 0.5, 0.7), ("late", 0.7, 1.0)), ()),
    ],
)
def test_what_people_say_twice_is_heard_twice(said: tuple[Word, ...], known: tuple[Word, ...]):
    assert without_echoes(said, known, speech(0.0, 1.0).within) == said


def test_where_speech_was_is_known_for_as_long_as_the_window_is():
    voiced = speech(0.0, 60.0)

    voiced.forget(59.0)

    assert len(voiced._frames) <= 1.0 / 0.032 + 2
    assert voiced.within(59.2, 59.7) == pytest.approx(0.5, abs=0.01)
    assert voiced.within(60.1, 61.0) == 0.0


def test_words_for_which_there_is_no_sound_are_cut():
    again = (*words("And so my fellow Americans."), *words("And so my", start=2.0, each=0.0))
    quick = (*words("one two"), Word("a", 0.8, 0.8, 0.9), *words("lot of words", start=0.8, each=0.2))

    assert texts(without_rest(again)) == "And so my fellow Americans."
    assert without_rest(quick) == quick


def test_more_words_than_anybody_says_in_the_time_are_no_speech():
    said = words("He was also involved in engraving notes.")

    assert not rushed(words("and recent examples"), said, 1.2)
    assert rushed(words("and so he was also involved in engraving some notes"), said, 1.2)
    assert not rushed(words("and so he was also involved in engraving some notes"), said, 4.0)


def test_a_word_that_is_old_is_committed_though_no_two_passes_agree():
    agreement = Commitment(local_agreement)

    agreement.hear(words("were we"))
    agreement.hear(words("where he went"), old=0.9)

    assert texts(agreement.committed) == "where he"


def test_a_word_near_the_end_of_the_sound_waits_for_what_comes_next():
    agreement = Commitment(local_agreement)

    agreement.hear(words("the cat sat"))
    agreement.hear(words("the cat sat"), until=0.9)

    assert texts(agreement.committed) == "the cat"


def test_at_the_cap_a_clause_ends_where_its_speaker_took_longest():
    committed = (*words("this goes on and on and on and on and on"), *words("until it ends", start=4.9))

    assert clause(committed, words("here", start=6.1), 6.5) == 11


@pytest.mark.parametrize(
    "noise",
    [
        heard("some words", no_speech=0.9, logprob=-1.2),
        heard("some words", logprob=-1.5),
        heard("blah blub blah blub blib", compression=3.0),
        heard("Thank you.", no_speech=0.5),
        heard("Thanks for watching!", logprob=-0.8),
    ],
)
def test_what_a_model_invents_over_noise_is_not_believed(noise: Transcription):
    assert believable(noise, speech=1.0) == ()


def test_a_first_guess_may_be_less_sure_than_what_is_settled():
    guess = heard("some words", logprob=-1.8)

    assert believable(guess, speech=1.0, final=False)
    assert not believable(guess, speech=1.0)
    assert not believable(guess, speech=0.2, final=False)


def test_a_thank_you_that_was_said_is_believed():
    assert texts(believable(heard("Thank you."), speech=0.8)) == "Thank you."


def test_what_is_said_aloud_passes_a_stricter_bar_than_what_is_shown():
    unsure = heard("some words", logprob=-1.0)

    assert believable(unsure, speech=1.0)
    assert not speakable(unsure, unsure.words)
    assert speakable(heard("some words"), words("some words"))


def test_the_gate_opens_after_three_frames_and_closes_after_the_hang():
    voicing, states = SpeechState(hang=0.1), []
    for probability in [0.9, 0.2, 0.9, 0.9, 0.9, 0.4, 0.1, 0.1, 0.1, 0.1]:
        voicing.hear(probability)
        states.append(voicing.speaking)

    assert states == [False] * 4 + [True] * 5 + [False]


def test_a_language_that_was_set_is_never_looked_for():
    assert LanguageDetector("pt-BR").ask(5.0) == "pt"


def test_a_language_is_found_out_from_enough_sound_and_kept():
    tongue = LanguageDetector(None)

    assert tongue.ask(0.6) is None
    assert not tongue.hear("nl", 0.4, 0.6)
    assert tongue.hear("nl", 0.9, 0.6)
    assert tongue.current is None
    assert tongue.hear("de", 0.9, 1.5)
    assert (tongue.current, tongue.ask(2.0)) == ("de", "de")


def test_an_unsure_first_language_is_taken_when_it_is_found_again_or_after_a_while():
    again, late = LanguageDetector(None), LanguageDetector(None)

    again.hear("pt", 0.6, 1.5)
    again.hear("pt", 0.6, 2.4)
    late.hear("ar", 0.3, 3.0)
    late.hear("pt", 0.3, 4.1)

    assert (again.current, late.current) == ("pt", "pt")


def test_a_word_or_two_in_no_likely_language_are_not_believed_and_more_is():
    assert not LanguageDetector(None).hear("nl", 0.3, 0.8, final=True)
    assert LanguageDetector(None).hear("nl", 0.3, 2.0, final=True)


def test_another_language_needs_two_sure_detections_in_a_row():
    tongue = LanguageDetector(None)
    tongue.hear("de", 0.9, 1.5)

    tongue.begin()
    assert tongue.ask(1.9) is None
    assert not tongue.hear("en", 0.95, 1.9)
    assert tongue.current == "de"
    assert tongue.hear("en", 0.95, 2.8)
    assert tongue.current == "en"


def test_one_sure_detection_is_enough_where_nothing_follows():
    tongue = LanguageDetector(None)
    tongue.hear("de", 0.9, 1.5)

    tongue.begin()

    assert tongue.hear("en", 0.95, 1.9, final=True)
    assert tongue.current == "en"


def test_one_unsure_detection_changes_nothing():
    tongue = LanguageDetector(None)
    tongue.hear("de", 0.9, 1.5)

    tongue.begin()
    assert not tongue.hear("nl", 0.5, 1.9)
    assert tongue.ask(2.0) == "de"
