"""Speech carried straight into another language, where no text translator serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from agent.audio_history import AudioHistory
from agent.engines import Translation
from agent.errors import EngineError
from agent.nouns import SAMPLE_BYTES, SAMPLE_RATE, Chunk, Segment
from agent.speech_translation import SpeechTranslation
from agent.terms.glossary import Glossary, Term

BYTES = SAMPLE_RATE * SAMPLE_BYTES


def second(at: float, track: str = "t") -> Chunk:
    """A second of sound, each with samples of its own."""
    return Chunk(track, at, bytes([int(at), 0]) * SAMPLE_RATE)


def clause(language: str = "de", start: float = 1.0, end: float = 2.0, text: str = "Guten Tag.") -> Segment:
    return Segment("s", 1, "t", language, text, start, end, "fake")


def heard(seconds: int) -> AudioHistory:
    sounds = AudioHistory()
    for at in range(seconds):
        sounds.hear(second(float(at)))
    return sounds


def test_sound_is_kept_of_so_many_tracks_and_no_more():
    sounds = AudioHistory()
    for n in range(1_000):
        sounds.hear(Chunk(f"t{n}", 1.0, b"\0\0"))

    assert len(sounds._tracks) == AudioHistory.MOST


class Carrying:
    """A direct engine that knows these pairs."""

    def __init__(self, *pairs: str, fails: str = "", silent: bool = False, says: str = "Good day.") -> None:
        self.asked: list[tuple[int, str, str]] = []
        self._pairs = pairs
        self._fails = fails
        self._silent = silent
        self._says = says

    async def pairs(self) -> Sequence[str]:
        return self._pairs

    async def carry(self, pcm: bytes, source: str, target: str) -> Translation | None:
        self.asked.append((len(pcm), source, target))
        if self._fails:
            raise EngineError(self._fails, "It failed.", retryable=True)
        return None if self._silent else Translation(self._says, "direct:fake")


class Translating:
    """Puts the target before the text; knows English and French only."""

    def __init__(self, missing: bool = False) -> None:
        self.asked: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        self._missing = missing

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        self.asked.append((text, source, tuple(targets), tuple(context)))
        if self._missing:
            raise EngineError("not_served", "There is no translator.")
        known = targets if source in ("en", "fr") else ()
        return {target: Translation(f"[{target}] {text}", "text") for target in known}


def test_the_sound_of_a_clause_is_found_again_with_a_little_around_it():
    pcm = heard(4).of(clause(start=1.0, end=2.0))

    assert len(pcm) == int(1.5 * BYTES)
    assert (pcm[0], pcm[BYTES // 2], pcm[-2]) == (0, 1, 2)


def test_sound_of_another_track_is_no_part_of_it():
    sounds = heard(2)
    sounds.hear(Chunk("other", 1.0, b"\x07\0" * SAMPLE_RATE))

    assert b"\x07" not in sounds.of(clause(start=0.5, end=1.9))


def test_sound_is_forgotten_after_a_minute_of_ended_tracks_too():
    sounds = heard(2)
    sounds.hear(second(61.5, "other"))
    assert sounds.of(clause(start=0.5, end=0.9)) == b""

    sounds.hear(second(90.0, "other"))
    assert sounds.of(clause(start=1.0, end=1.5)) == b""


async def test_a_language_that_text_serves_is_not_carried():
    direct, translator = Carrying("fr>en"), Translating()
    direct._pairs = ()

    made = await SpeechTranslation(direct, translator, heard(3)).translate(clause("fr"), ["en", "es"], ["Avant."])

    assert made == {tag: Translation(f"[{tag}] Guten Tag.", "text") for tag in ("en", "es")}
    assert translator.asked == [("Guten Tag.", "fr", ("en", "es"), ("Avant.",))]
    assert direct.asked == []


async def test_what_text_does_not_serve_is_carried_into_english_once_and_on_from_there():
    direct, translator = Carrying("de>en"), Translating()

    made = await SpeechTranslation(direct, translator, heard(3)).translate(clause("de-AT"), ["en-GB", "es", "fr"])

    assert made == {
        "en-GB": Translation("Good day.", "direct:fake"),
        "es": Translation("[es] Good day.", "direct:fake+text"),
        "fr": Translation("[fr] Good day.", "direct:fake+text"),
    }
    assert direct.asked == [(int(1.5 * BYTES), "de-AT", "en")]


async def test_a_pair_that_measured_better_so_is_carried_though_text_serves_it():
    direct, translator = Carrying("fr>en"), Translating()

    made = await SpeechTranslation(direct, translator, heard(3)).translate(clause("fr"), ["en", "es"])

    assert made["en"].engine == "direct:fake"
    assert made["es"] == Translation("[es] Guten Tag.", "text")


@pytest.mark.parametrize("sounds", [heard(0), heard(1)], ids=["nothing", "another stretch"])
async def test_without_its_sound_a_clause_goes_by_text_alone(sounds: AudioHistory):
    direct = Carrying("de>en", "fr>en")

    late = clause("fr", start=-3.0, end=-2.0)
    made = await SpeechTranslation(direct, Translating(), sounds).translate(late, ["en"])

    assert made["en"].engine == "text"
    assert direct.asked == []


async def test_nothing_made_out_is_nothing_shown():
    assert (
        await SpeechTranslation(Carrying("de>en", silent=True), Translating(), heard(3)).translate(
            clause(), ["en", "es"]
        )
        == {}
    )


async def test_a_name_that_is_in_what_was_recognised_is_right_in_what_is_carried_and_carried_on():
    direct = Carrying("de>en", says="Then Mr Fisikella met Biber.")
    glossary = Glossary((Term("Fisichella"), Term("Bieber")))
    said = clause(text="Dann traf Fisichella jemanden.")

    made = await SpeechTranslation(direct, Translating(), heard(3), glossary.carried).translate(said, ["en", "es"])

    # Nobody recognised the other name: it may be somebody else's.
    assert made["en"].text == "Then Mr Fisichella met Biber."
    assert made["es"].text == "[es] Then Mr Fisichella met Biber."


async def test_a_failure_is_raised_unless_text_served_somebody():
    beside = SpeechTranslation(Carrying("fr>en", "de>en", fails="overloaded"), Translating(), heard(3))

    assert [*await beside.translate(clause("fr"), ["en", "es"])] == ["es"]
    with pytest.raises(EngineError) as failure:
        await beside.translate(clause("de"), ["en", "es"])
    assert failure.value.code == "overloaded"


async def test_a_machine_without_a_translator_carries_into_english_all_the_same():
    made = await SpeechTranslation(Carrying("de>en"), Translating(missing=True), heard(3)).translate(
        clause(), ["en", "es"]
    )

    assert made == {"en": Translation("Good day.", "direct:fake")}
