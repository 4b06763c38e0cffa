"""Names that were heard nearly right, and what must not be taken for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.terms.name_correction import corrected

NAMES = ("Giancarlo Fisichella", "Carpanedo", "Bieber", "Northern Marianas", "Müller", "Rose")


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("Carpaneo participó en dos carreras.", "Carpanedo participó en dos carreras."),
        ("Una declaración: dijo Biber, que no.", "Una declaración: dijo Bieber, que no."),
        ("The Northern Mariana's office said so.", "The Northern Marianas office said so."),
        ("Then Jan Carlo Fisikella lost it.", "Then Jan Carlo Fisikella lost it."),
        ("Then Gian-Carlo Fisikella lost it.", "Then Giancarlo Fisichella lost it."),
        ("Then Gian Carlo Fisichela lost it.", "Then Giancarlo Fisichella lost it."),
        ("We met Muller and Biber.", "We met Müller and Bieber."),
    ],
)
def test_a_name_that_was_heard_nearly_right_is_written_as_it_is(heard: str, written: str) -> None:
    assert corrected(heard, NAMES, "en") == written


@pytest.mark.parametrize(
    "text",
    [
        "Biber",  # a word that begins a sentence has a capital whatever it is, and a short one is like too much
        "It went so. Biber came.",
        "a beaver and a biber",  # small letters are no name
        "the Mülleres were there",  # another ending
        "We met Ross.",  # too short a name
        "They met Bie, Ber and others.",
        "We met Giancarlo Fisichella, Bieber and Müller.",
        "",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert corrected(text, NAMES, "en") == text


def test_where_words_have_no_spaces_nothing_is_guessed() -> None:
    assert corrected("我们见到了 Biber 先生", NAMES, "zh") == "我们见到了 Biber 先生"


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_whatever_stands_in_a_text_without_capitals_stays(text: str, names: list[str]) -> None:
    assert corrected(text.lower(), names, "en") == text.lower()
