"""An ear that knows a room's terms."""

from __future__ import annotations

from agent.nouns import Transcription, Word
from agent.terms.glossary import Glossary, Term
from agent.terms.prompt import PromptedRecognizer

NAMES = Glossary((Term("Sintra"), Term("Ana Duguid"), Term("EcoBee"), Term("board", "de")))


class WindowRecognizer:
    """Hears what it is told to, and writes down how it was asked."""

    def __init__(self, text: str = "", no_speech: float = 0.0, logprob: float = -0.2) -> None:
        self.asked: list[tuple[bytes, str | None, str, str, bool]] = []
        self._heard = (text, no_speech, logprob)

    async def transcribe(
        self, pcm: bytes, language: str | None, prompt: str = "", *, prefix: str = "", final: bool = False
    ) -> Transcription:
        self.asked.append((pcm, language, prompt, prefix, final))
        text, no_speech, logprob = self._heard
        words = tuple(Word(word, at / 2, at / 2 + 0.4, 0.9) for at, word in enumerate(text.split()))
        return Transcription("en", 0.9, words, no_speech, logprob, 1.0, "ear")


async def heard(ear: WindowRecognizer, glossary: Glossary = NAMES) -> str:
    return " ".join(word.text for word in (await PromptedRecognizer(ear, glossary).transcribe(b"", "en")).words)


async def test_the_model_is_told_the_terms_of_the_language_before_what_was_said():
    ear = WindowRecognizer("I am in Sintra.")

    await PromptedRecognizer(ear, NAMES).transcribe(b"pcm", "en", "Said before.", prefix="I am", final=True)

    assert ear.asked == [(b"pcm", "en", "Glossary: Sintra, Ana Duguid, EcoBee. Said before.", "I am", True)]


async def test_without_terms_everything_is_as_it_was():
    ear = WindowRecognizer("Sintra", no_speech=0.9)

    assert await heard(ear, Glossary()) == "Sintra"
    assert ear.asked == [(b"", "en", "", "", False)]


async def test_a_name_that_was_said_alone_is_heard():
    assert await heard(WindowRecognizer("Sintra.")) == "Sintra."


async def test_names_over_noise_are_not_believed():
    assert await heard(WindowRecognizer("Sintra, EcoBee.", no_speech=0.4)) == ""
    assert await heard(WindowRecognizer("Glossary: sintra", logprob=-0.9)) == ""


async def test_a_sentence_with_a_name_in_it_is_judged_as_any_other():
    assert await heard(WindowRecognizer("in Sintra", no_speech=0.4)) == "in Sintra"


async def test_what_was_told_and_comes_back_in_its_order_is_an_echo():
    assert await heard(WindowRecognizer("so Sintra, Ana Duguid, EcoBee. Sintra")) == "so"
    assert await heard(WindowRecognizer("Sintra, Ana Duguid and EcoBee.")) == "Sintra, Ana Duguid and EcoBee."
