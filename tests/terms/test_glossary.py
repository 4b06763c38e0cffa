"""A room's own names and terms: how they are written, translated and said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import DragomanError
from agent.terms.glossary import LONGEST, ROOM, TERMS, Found, Glossary, Term, parse
from web.api import glossary as of_web

NAMES = Glossary((Term("Dragoman"), Term("Ana Sintra"), Term("Sintra")))
BOARD = Glossary((Term("board", "en", {"es": "junta", "pt-BR": "conselho"}),))


def kept(found: Found, language: str, made: str) -> bool:
    return found.into(language).stands(made, language)


# What hosts give


def test_a_term_of_a_host_is_read_whole():
    [term] = parse(
        [{"term": " Sintra ", "language": "pt", "translations": {"en": "Cintra"}, "say": {"en": "Seen-tra"}}]
    ).terms

    assert term == Term("Sintra", "pt", {"en": "Cintra"}, {"en": "Seen-tra"})


def test_a_term_without_more_is_a_name_that_stays_as_it_is():
    assert parse([{"term": "Sintra"}]).terms == (Term("Sintra", None, "keep", {}),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"term": "Sintra"},
        [{"term": "Sintra"}] * (TERMS + 1),
        ["Sintra"],
        [{}],
        [{"term": 7}],
        [{"term": ""}],
        [{"term": " \t "}],
        [{"term": "…!"}],
        [{"term": "a" * (LONGEST + 1)}],
        [{"term": "Ana\nSintra"}],
        [{"term": "Ana\u0000"}],
        [{"term": "\u202eartniS"}],
        [{"term": "Sintra", "language": "not a tag"}],
        [{"term": "Sintra", "language": 7}],
        [{"term": "Sintra", "translations": ["Cintra"]}],
        [{"term": "Sintra", "translations": {"en": ""}}],
        [{"term": "Sintra", "translations": {"<b>": "Cintra"}}],
        [{"term": "Sintra", "translations": "drop"}],
        [{"term": "Sintra", "say": {"en": "x\u0007"}}],
        [{"term": "Sintra", "say": {f"en-x-{n}": "seen" for n in range(100)}}],
    ],
    ids=ascii,
)
def test_a_glossary_that_makes_no_sense_is_one_error_that_repeats_nothing_of_it(wrong: Any):
    with pytest.raises(DragomanError) as caught:
        parse(wrong)

    assert caught.value.code == "bad_glossary"
    assert "intra" not in str(caught.value)


def test_what_a_term_says_is_in_no_log():
    assert "intra" not in repr(NAMES) + repr(NAMES.terms) + repr(NAMES.found("Sintra", "en"))


def test_both_halves_of_the_house_have_the_same_limits():
    assert (TERMS, LONGEST) == (of_web.TERMS, of_web.LONGEST)


# Recognition


def test_a_recognizer_is_told_the_names_in_the_hosts_order():
    assert NAMES.prompt("en") == "Glossary: Dragoman, Ana Sintra, Sintra."


def test_a_recognizer_is_told_only_terms_of_the_language_that_is_spoken():
    assert BOARD.told("en-GB") == ["board"]
    assert BOARD.told(None) == ["board"]
    assert BOARD.prompt("es") == ""


def test_of_a_long_glossary_as_much_is_told_as_the_recognizer_takes():
    many = Glossary(tuple(Term(f"Nameofperson{n}") for n in range(TERMS)))

    told = many.told("en")

    assert told == [term.written for term in many.terms[: len(told)]]
    assert ROOM - 20 < len(", ".join(told)) <= ROOM


def test_no_terms_are_no_prompt():
    assert Glossary().prompt("en") == ""


# Where terms stand


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Dragoman's engines and Dragoman.", ["Dragoman", "Dragoman"]),
        ("Ana Sintra left Sintra.", ["Ana Sintra", "Sintra"]),
        ("Ana  Sintra", ["Ana Sintra"]),
        ("The dragoman spoke.", []),
        ("Dragomans and PreDragoman", []),
        ("(Sintra)", ["Sintra"]),
        ("", []),
    ],
)
def test_a_name_stands_where_it_is_a_word_of_its_own_and_written_as_given(text: str, terms: list[str]):
    assert [term.written for _, _, term in NAMES.found(text, "en").at] == terms


def test_a_word_in_small_letters_stands_at_the_start_of_a_sentence_too():
    assert len(BOARD.found("Board or board", "en").at) == 2
    assert BOARD.found("Board", "de").at == ()


def test_a_name_is_found_within_a_language_that_writes_without_spaces():
    assert len(Glossary((Term("東京"),)).found("私は東京に住んでいます", "ja").at) == 1


# Translation


def test_a_translation_is_right_when_every_term_stands_in_it_as_often_as_it_was_said():
    found = NAMES.found("Ana Sintra, Dragoman and Dragoman", "en")

    assert kept(found, "es", "Dragoman, dragoman y Ana Sintra")
    assert not kept(found, "es", "Dragoman, dragoman, Ana y Sintra")
    assert not kept(found, "es", "Dragoman y Ana Sintra")
    assert not kept(found, "es", "Dragoman, Dragoman, Dragoman y Ana Sintra")


def test_a_term_is_called_by_its_name_in_the_nearest_variety_of_the_language():
    found = BOARD.found("the board", "en")

    assert kept(found, "es-MX", "la Junta")
    assert kept(found, "pt", "o conselho")
    assert found.into("fr").at == ()


def test_names_get_their_capitals_back():
    found = NAMES.found("Dragoman", "en").into("es")

    assert found.spelled("el dragoman", "es") == "el Dragoman"


def test_a_clause_with_stand_ins_comes_back_with_its_terms():
    shield = NAMES.found("Ana Sintra told Sintra of Ana Sintra's wish.", "en").into("es").shielded()
    assert shield
    assert "Sintra" not in shield.text
    one, two = (name for name, _ in shield.names)

    assert shield.text == f"{one} told {two} of {one}'s wish."
    assert shield.restored(f"El deseo de {one}: {two}, {one}.", "es") == "El deseo de Ana Sintra: Sintra, Ana Sintra."


@pytest.mark.parametrize("lost", ["", "{one}", "{one} {one} {two} {two}", "{one}{two} {one}", "x{one} {two} {one}"])
def test_a_stand_in_that_was_lost_or_garbled_makes_the_whole_worthless(lost: str):
    shield = NAMES.found("Ana Sintra, Sintra, Ana Sintra", "en").into("es").shielded()
    assert shield
    one, two = (name for name, _ in shield.names)

    assert shield.restored(lost.format(one=one, two=two), "es") is None


def test_a_stand_in_is_never_a_word_of_the_clause():
    shield = NAMES.found("Kowalski met Dragoman", "en").into("es").shielded()

    assert shield
    assert shield.text.count("Kowalski") == 1


def test_more_terms_than_stand_ins_are_not_shielded():
    names = [f"Name{letter}" for letter in "abcdefghijklmnop"]
    found = Glossary(tuple(map(Term, names))).found(" ".join(names), "en")

    assert found.into("es").shielded() is None


def test_an_engines_own_word_for_a_term_is_replaced():
    found = BOARD.found("The board met.", "en").into("es")

    assert found.replaced("El tablero se reunió.", {"board": "Tablero."}, "es") == "El junta se reunió."
    assert found.replaced("El consejo se reunió.", {"board": "tablero"}, "es") == "El consejo se reunió."
    assert found.replaced("El consejo se reunió.", {"board": "?"}, "es") == "El consejo se reunió."


@given(st.lists(st.sampled_from(["Dragoman", "Sintra", "Ana Sintra", "and", "the,", "x.", "\\1", "$0"]), max_size=12))
def test_shielding_and_restoring_is_nothing_at_all(words: list[str]):
    text = " ".join(words)
    found = NAMES.found(text, "en").into("es")
    shield = found.shielded()

    assert shield
    assert shield.restored(shield.text, "es") == text
    assert found.stands(text, "es")


# Voices


def test_a_voice_is_given_the_spelling_that_its_language_needs():
    said = Glossary((Term("Sintra", say={"en": "Seen-tra"}), Term("board", "en", {"es": "junta"}, {"es": "hunta"})))

    assert said.pronounced("Sintra, and sintra", "en-US") == "Seen-tra, and sintra"
    assert said.pronounced("Sintra y la Junta", "es") == "Sintra y la hunta"


def test_what_is_said_for_one_term_is_not_taken_for_another():
    said = Glossary((Term("Ann", say={"en": "Bob"}), Term("Bob", say={"en": "Ann"})))

    assert said.pronounced("Ann met Bob.", "en") == "Bob met Ann."


def test_a_backslash_is_only_a_backslash():
    assert Glossary((Term("Ann", say={"en": r"A\1n"}),)).pronounced("Ann", "en") == r"A\1n"
