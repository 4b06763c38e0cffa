"""What eSpeak NG's rules make of a text, in a process of their own: the library is under the GPL."""

from __future__ import annotations

import subprocess
import sys

import pytest


def of(language: str, *texts: str, separator: str = "") -> list[str]:
    program = (
        "import sys\n"
        "from agent.engines.speak.phonemes import Phonemes\n"
        "phonemes = Phonemes(sys.argv[1])\n"
        "for text in sys.argv[3:]:\n"
        "    print(phonemes.of(text, sys.argv[2]))\n"
    )
    words = [sys.executable, "-c", program, language, separator, *texts]
    asked = subprocess.run(words, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise ValueError(asked.stderr.splitlines()[-1])
    return asked.stdout.splitlines()


def test_a_word_is_pronounced_in_its_language() -> None:
    assert of("en-us", "Good morning") == ["ɡˈʊd mˈɔːɹnɪŋ"]
    assert of("de", "Guten Tag") == ["ɡˈuːtən tˈɑːk"]


def test_phonemes_can_be_told_apart() -> None:
    assert of("en-us", "Hello", separator="_") == ["h_ə_l_ˈoʊ"]


def test_several_clauses_are_one_line_and_nothing_is_nothing() -> None:
    assert of("en-us", "One. Two, three!", "") == ["wˌʌn tˈuː θɹˈiː", ""]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="does not know this language"):
        of("qqq", "Hello")
