"""Texts of several rooms through one call of a model, and the names that models have for languages."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agent.engines import TextRequest
from agent.engines.translate.batch_translation import (
    LONGER,
    MOST,
    SPARE,
    WIDTH,
    BatchTranslation,
    Job,
    Names,
    Row,
    beam,
    decoded,
)
from agent.engines.translate.language_names import LanguageNames
from agent.engines.translate.sentences import LETTERS, parts
from agent.errors import EngineError


class Shouts:
    """Upper case instead of a translation; it writes down its batches, and trips over what it is told to."""

    def __init__(self, trips: str = "?!") -> None:
        self.batches: list[list[Job]] = []
        self._trips = trips

    def work(self, jobs: Sequence[Job]) -> list[str]:
        self.batches.append([*jobs])
        if any(self._trips in job.sentence for job in jobs):
            raise RuntimeError("out of memory")
        return [f"{job.sentence.upper()} {job.names[1]}." for job in jobs]

    def names(self, source: str, target: str) -> Names | None:
        return (source, target) if target in ("es", "de") else None


def over(shouts: Shouts) -> BatchTranslation:
    return BatchTranslation("shouts", shouts.names, shouts.work, ThreadPoolExecutor(1))


async def test_every_sentence_of_every_room_into_every_language_is_one_batch_without_doubles() -> None:
    shouts = Shouts()

    made = await over(shouts).translate_batch(
        [TextRequest("Hi. Bye.", "en", ("es", "de", "fr")), TextRequest("Bye.", "en", ("de",))]
    )

    [batch] = shouts.batches
    assert [(job.sentence, job.names[1]) for job in batch] == [
        ("Hi.", "es"), ("Bye.", "es"), ("Hi.", "de"), ("Bye.", "de"),
    ]  # fmt: skip
    assert [
        {tag: one.text for tag, one in answer.items()} for answer in made if not isinstance(answer, EngineError)
    ] == [
        {"es": "HI. es. BYE. es.", "de": "HI. de. BYE. de."},
        {"de": "BYE. de."},
    ]


async def test_a_text_over_which_the_model_trips_takes_no_other_with_it() -> None:
    good, bad = await over(Shouts(trips="bomb")).translate_batch(
        [TextRequest("Hi.", "en", ("es",)), TextRequest("A bomb.", "en", ("es",))]
    )

    assert not isinstance(good, EngineError)
    assert isinstance(bad, EngineError)
    assert (bad.code, bad.retryable) == ("engine_failed", True)
    assert "bomb" not in str(bad)


async def test_a_failure_of_one_text_is_raised() -> None:
    with pytest.raises(EngineError):
        await over(Shouts(trips="bomb")).translate("A bomb.", "en", ["es"])


async def test_nothing_to_translate_asks_no_model() -> None:
    shouts = Shouts()

    assert await over(shouts).translate("Hi.", "en", ["fr"]) == {}
    assert (await over(shouts).translate("…", "en", ["es"]))["es"].text == "…"
    assert shouts.batches == []


class Rambles:
    """A model of CTranslate2 that goes on for as long as it may."""

    def __init__(self) -> None:
        self.how: dict[str, Any] = {}
        self.device = "cpu"

    def translate_batch(self, sources: Sequence[Sequence[str]], **how: Any) -> list[Any]:
        self.how = how
        prefixes = how["target_prefix"] or [[]] * len(sources)
        return [type("Result", (), {"hypotheses": [[*one, *["and"] * how["max_decoding_length"]]]}) for one in prefixes]


def test_no_answer_is_longer_than_its_own_sentence_allows_and_none_keeps_its_prefix() -> None:
    short, long = decoded(Rambles(), [Row(["a"] * 2, ["<es>"]), Row(["a"] * 20, ["<es>"])])

    assert len(short) == 2 * LONGER + SPARE
    assert len(long) == 20 * LONGER + SPARE
    assert {*short, *long} == {"and"}


@pytest.mark.parametrize(
    ("device", "sentences", "width"),
    [("cpu", 1, 1), ("cuda", 1, 4), ("cuda", 8, 4), ("cuda", 9, 2), ("cuda", 256, 2), ("cuda", 512, 1)],
)
def test_a_large_model_looks_for_several_answers_on_a_gpu_while_no_crowd_waits(
    device: str, sentences: int, width: int
) -> None:
    model = Rambles()
    model.device = device

    assert beam(model, sentences) == width


def test_no_batch_is_without_bounds() -> None:
    model = Rambles()

    decoded(model, [Row(["a"] * 10_000)])

    assert (model.how["max_decoding_length"], model.how["max_input_length"]) == (MOST, MOST)
    assert model.how["max_batch_size"] == WIDTH
    assert model.how["no_repeat_ngram_size"]
    assert model.how["target_prefix"] is None


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    said = "and then we went on " * 60

    made = parts(said, "en")

    assert max(map(len, made)) <= LETTERS
    assert " ".join(made) == said.strip() + "."


def test_what_holds_no_letter_is_no_part() -> None:
    assert parts("— …", "en") == []
    assert parts("Yes. 7!", "en") == ["Yes.", "7!"]


# Names of languages


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("es", "spa"), ("es-MX", "spa"), ("he", "iw"), ("iw", "iw"), ("no", "nb"), ("nb", "nb"), ("zh", "cmn_Hans"),
        ("zh-TW", "cmn_Hant"), ("fil", "tl"), ("sr", None), ("sr-Latn", "srp_Latn"), ("qaa", None), ("!", None),
    ],
)  # fmt: skip
def test_a_models_names_are_found_by_any_tag_of_the_language(tag: str, name: str | None) -> None:
    names = ("spa", "spa_MX", "iw", "nb", "cmn_Hans", "cmn_Hant", "tl", "srp_Latn", "not a tag")

    assert LanguageNames({one.replace("_", "-"): one for one in names}).get(tag) == name


def test_languages_are_told_by_the_shortest_tag() -> None:
    names = ("spa", "cmn_Hans", "cmn_Hant", "arb", "srp_Cyrl", "srp_Latn", "eng")

    told = LanguageNames({one.replace("_", "-"): one for one in names}).tags()

    assert sorted(told) == ["ar", "en", "es", "sr", "sr-Latn", "zh", "zh-Hant"]
