"""How long something is kept: as written, as read, and which of two ends first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import VaultError
from agent.vault.policy.terms import FOREVER, LONGEST, NOT_AT_ALL, Term, stricter

terms = st.one_of(
    st.just(FOREVER), st.just(NOT_AT_ALL), st.builds(Term, days=st.integers(1, LONGEST), from_end=st.booleans())
)


@given(terms)
def test_what_is_written_is_read_back(term: Term) -> None:
    assert Term.parse(str(term)) == term


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 days",
        "-1 days",
        "1 day",
        "30  days",
        "30 days ",
        "030 days",
        "36501 days",
        "1000000000 days",
        "٣٠ days",
        "meeting end",
        "meeting end + forever",
        "Forever",
        "nothing",
    ],
)
def test_what_is_no_term_is_refused(text: str) -> None:
    with pytest.raises(VaultError, match="bad_term"):
        Term.parse(text)


@given(terms, terms)
def test_of_two_terms_one_is_the_stricter_whichever_comes_first(one: Term, other: Term) -> None:
    found = stricter(one, other)

    assert found in (one, other)
    assert found == stricter(other, one)
    assert found.kept == (one.kept and other.kept)


@pytest.mark.parametrize(
    ("strict", "loose"),
    [
        ("not at all", "1 days"),
        ("36500 days", "forever"),
        ("29 days", "30 days"),
        ("30 days", "meeting end + 30 days"),
        ("meeting end + 7 days", "30 days"),
        ("meeting end + 7 days", "meeting end + 8 days"),
    ],
)
def test_the_stricter_ends_first(strict: str, loose: str) -> None:
    assert stricter(Term.parse(strict), Term.parse(loose)) == Term.parse(strict)
