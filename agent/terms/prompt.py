"""An ear that knows a room's terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..engines import WindowRecognizer
from ..nouns import Transcription, Word
from .glossary import Glossary

ORDERED = 3
"""Terms in the order of the prompt that are its echo."""

HEAD = ("glossary",)
"""What stands before the terms, as it may come back."""

_LETTERS = re.compile(r"[\W_]+")


class PromptedRecognizer:
    """A `WindowRecognizer` over another, which is told a room's terms as what was said before the window.

    A model that hears noise may repeat what it was told. So words that are nothing but terms are dropped where
    somebody hardly spoke, and several terms in the very order in which they were told wherever they come.
    """

    DOUBT = (0.3, -0.7)
    """The probability of no speech above which, and the mean log probability below which terms alone are doubted."""

    def __init__(self, ear: WindowRecognizer, glossary: Glossary) -> None:
        self._ear = ear
        self._glossary = glossary

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        """See `WindowRecognizer`. What was really said before the window goes last: it tells more."""
        told = " ".join(part for part in (self._glossary.prompt(language), prompt) if part)
        heard = await self._ear.transcribe(pcm, language, told, prefix=prefix, final=final)
        terms = [[_letters(word) for word in term.split()] for term in self._glossary.told(language)]
        return replace(heard, words=self._believed(heard, terms)) if terms else heard

    def _believed(self, heard: Transcription, terms: Sequence[Sequence[str]]) -> tuple[Word, ...]:
        words = [_letters(word.text) for word in heard.words]
        doubtful = heard.no_speech > self.DOUBT[0] or heard.logprob < self.DOUBT[1]
        if doubtful and set(words) <= {*HEAD, *(word for term in terms for word in term)}:
            return ()
        return heard.words[: _echo(words, terms)]


def _echo(words: Sequence[str], terms: Sequence[Sequence[str]]) -> int:
    """Where words begin to repeat `ORDERED` terms as they were told; behind the last word where they do not."""
    for at in range(len(terms) - ORDERED + 1):
        run = [word for term in terms[at : at + ORDERED] for word in term]
        for start in range(len(words) - len(run) + 1):
            if words[start : start + len(run)] == run:
                return start
    return len(words)


def _letters(word: str) -> str:
    return _LETTERS.sub("", word).casefold()
