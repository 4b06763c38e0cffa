"""Clauses as one, and its translation shared out again."""

from __future__ import annotations

import pytest

from agent.merge import merged, shared
from agent.nouns import Segment, Word


def clause(name: str, text: str, start: float, end: float, language: str = "en", speakable: bool = True) -> Segment:
    words = (Word(text, start, end, 1.0),)
    return Segment(name, 2, "t", language, text, start, end, "fake", words, "ana", None, speakable)


def test_clauses_become_one_from_the_first_to_the_last():
    one = merged([clause("a", "We went", 1.0, 2.0), clause("b", "to the market.", 2.5, 4.0, speakable=False)])

    assert (one.id, one.text, one.start, one.end) == ("a+b", "We went to the market.", 1.0, 4.0)
    assert len(one.words) == 2
    assert not one.speakable


def test_one_clause_is_itself():
    only = clause("a", "We went", 1.0, 2.0)

    assert merged([only]) is only


def test_languages_without_spaces_get_none():
    assert merged([clause("a", "你好", 0, 1, "zh-Hant"), clause("b", "世界", 1, 2, "zh-Hant")]).text == "你好世界"


@pytest.mark.parametrize(
    ("text", "language", "lengths", "parts"),
    [
        ("Hola a todos. ¿Cómo están ustedes hoy?", "es", [10, 22], ["Hola a todos.", "¿Cómo están ustedes hoy?"]),
        ("Hola a todos. ¿Cómo están ustedes hoy?", "es", [14, 18], ["Hola a todos.", "¿Cómo están ustedes hoy?"]),
        ("Fuimos al mercado por la mañana", "es", [7, 8, 14], ["Fuimos", "al mercado", "por la mañana"]),
        ("Primero, lo segundo", "es", [9, 9], ["Primero,", "lo segundo"]),
        ("你好。世界很大", "zh-Hans", [3, 4], ["你好。", "世界很大"]),
        ("Sí, no", "es", [100, 1], ["Sí,", "no"]),
        ("  Uno   dos  ", "es", [3, 3], ["Uno", "dos"]),
        ("Sí", "es", [3, 3], []),
        ("Uno", "es", [1], ["Uno"]),
        ("Uno dos", "es", [3, 3, 3], []),
        ("", "es", [3, 3], []),
    ],
)
def test_a_text_is_shared_out_between_words_and_rather_where_a_sentence_ends(
    text: str, language: str, lengths: list[int], parts: list[str]
):
    assert shared(text, language, lengths) == parts


def test_nothing_of_it_is_lost_however_it_is_cut():
    text = "a bb ccc, dddd eeeee. ffffff ggggggg hhhhhhhh"

    for lengths in ([1, 1], [9, 1, 1], [1, 1, 90], [5, 5, 5, 5, 5, 5, 5, 5]):
        parts = shared(text, "es", lengths)
        assert (" ".join(parts), len(parts)) == (text, len(lengths))
        assert all(parts)
