"""Clauses made fit for engines, and translations made fit for clauses."""

from __future__ import annotations

import pytest

from agent.engines.translate.sentences import fitted, whole
from agent.text import plain, sentences


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("and then we went home", "and then we went home."),
        ("when we came home,", "when we came home."),
        ("Are you sure?", "Are you sure?"),
        ('He said "yes."', 'He said "yes."'),
        ("Wait…", "Wait…"),
        ("  two \n lines\t here ", "two lines here."),
        ("“curly” quotes’", '"curly" quotes\'.'),
        ("um, so uh we er begin", "so we begin."),
        ("Um.", "Um."),
        ("", ""),
        ("...", "..."),
        ("cafe\u0301", "café."),
    ],
)
def test_an_engine_is_asked_for_whole_sentences(said: str, asked: str) -> None:
    assert whole(said, "en") == asked


def test_what_is_a_word_in_another_language_is_no_filler_there() -> None:
    assert whole("um dia", "pt") == "um dia."


@pytest.mark.parametrize(
    ("made", "said", "shown"),
    [
        ("Y entonces fuimos a casa.", "and then we went home", "y entonces fuimos a casa"),
        ("Cuando llegamos.", "when we came,", "cuando llegamos,"),
        ("vamos.", "Let's go.", "Vamos."),
        ("NASA no viene.", "nasa isn't coming.", "NASA no viene."),
        ("10 de mayo.", "may tenth", "10 de mayo"),
        ("Hola , amigo .", "Hello, friend.", "Hola, amigo."),
        ("De verdad?", "Really?", "¿De verdad?"),
        ("Sí. De verdad? No!", "Yes. Really? No!", "Sí. ¿De verdad? ¡No!"),
        ('"De verdad?"', '"Really?"', '"¿De verdad?"'),
        ("", "and", ""),
    ],
)
def test_a_translation_ends_and_begins_as_its_clause(made: str, said: str, shown: str) -> None:
    assert fitted(made, said, "es") == shown


def test_marks_that_open_a_question_stay_in_spanish() -> None:
    assert fitted("¿Verdade?", "¿De verdad?", "pt") == "Verdade?"


@pytest.mark.parametrize(
    ("made", "shown"),
    [("preço,,,,,,,,,,,,", "Preço,"), ("não não não não não não", "Não"), ("custa 10000", "Custa 10000")],
)
def test_a_loop_of_the_engines_is_cut(made: str, shown: str) -> None:
    assert fitted(made + ".", "The price.", "pt") == shown + "."


def test_what_somebody_says_many_times_is_no_loop() -> None:
    assert fitted("não não não não.", "no no no no.", "pt") == "não não não não."


def test_sentences_are_told_from_abbreviations_and_numbers() -> None:
    text = 'Dr. Smith said "Hello." Then J. Smith left... What? «Sí.» ¿Qué? It costs 3.5 dollars. ok then'

    assert sentences(text) == [
        *('Dr. Smith said "Hello."', "Then J. Smith left...", "What?", "«Sí.»", "¿Qué?"),
        *("It costs 3.5 dollars.", "ok then"),
    ]


def test_invisible_characters_and_controls_are_gone() -> None:
    assert plain("a\u200bb\u0000c\u202ed\ufeff e\nf") == "abcd e f"
