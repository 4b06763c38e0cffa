"""Languages: tags in canonical form, and measured figures as words."""

from __future__ import annotations

import pytest

from tests.web.conftest import SERVED
from web.languages import Stage, grade, offers, tag

STAGES = [Stage.model_validate(each) for each in SERVED]


@pytest.mark.parametrize(
    ("given", "canonical"),
    [("es", "es"), ("pt-br", "pt-BR"), ("ES_mx", "es-MX"), ("eng", "en"), ("iw", "he"), ("zh-hant-tw", "zh-Hant-TW")],
)
def test_a_tag_comes_out_in_its_canonical_form(given: str, canonical: str):
    assert tag(given) == canonical


@pytest.mark.parametrize(
    ("measure", "figure", "word"),
    [
        ("wer", 0.12, "good"),
        ("wer", 0.121, "fair"),
        ("wer", 0.25, "fair"),
        ("wer", 0.33, "rough"),
        ("wer", 0.41, "poor"),
        ("wer", 1.3, "poor"),
        ("chrf", 65, "good"),
        ("chrf", 64.9, "fair"),
        ("chrf", 50, "rough"),
        ("chrf", 44.9, "poor"),
        ("chrf", None, "unmeasured"),
        ("mos", 4.5, "unmeasured"),
    ],
)
def test_a_figure_becomes_the_word_that_fits_its_measure(measure: str, figure: float | None, word: str):
    assert grade(measure, figure) == word


def test_every_language_of_any_stage_is_offered_once():
    assert [offer.tag for offer in offers(STAGES)] == ["de", "en", "es", "gl", "it", "xh"]


def test_what_nothing_serves_is_null_and_not_guessed():
    offer = next(offer for offer in offers(STAGES) if offer.tag == "gl")

    assert offer.speak is None
    assert offer.hear is None
    assert offer.read.from_["en"].grade == "unmeasured"
    assert offer.read.from_["en"].route == "routes"


def test_chinese_is_one_language_whatever_its_engines_call_it():
    voices = {"stage": "speak", "engine": "v", "why": "", "licence": "", "languages": {"cmn": None, "zh": None}}
    texts = {**voices, "stage": "translate", "languages": {"en>cmn": None}, "route": {"en>cmn": "t en>cmn"}}
    found = {offer.tag: offer for offer in offers([Stage.model_validate(one) for one in (voices, texts)])}

    assert found.keys() == {"zh"}
    assert found["zh"].hear is not None
    assert found["zh"].read.from_["en"].route == "t en>cmn"


def test_a_language_that_is_only_understood_is_readable_where_it_is_spoken():
    by = {offer.tag: offer.read.from_ for offer in offers(STAGES)}

    assert by["de"].keys() == {"de"}
    assert (by["de"]["de"].measure, by["de"]["de"].figure, by["de"]["de"].route) == ("wer", 0.22, "whisper-base")
    assert by["es"].keys() == {"es", "en"}
    assert by["it"].keys() == {"en"}
    assert offers(STAGES, ["de-AT"])[0].read.from_.keys() == {"de"}


def test_what_is_carried_directly_is_readable_in_its_language_and_in_those_beyond_it():
    carried = {
        "stage": "direct",
        "engine": "w",
        "why": "",
        "licence": "",
        "measure": "chrf",
        "languages": {"ja>en": 41.0},
    }
    found = {offer.tag: offer.read.from_ for offer in offers([*STAGES, Stage.model_validate(carried)])}

    assert (found["en"]["ja"].grade, found["en"]["ja"].route) == ("poor", "direct:w")
    assert found["es"]["ja"].grade == "unmeasured"
    assert found["es"]["ja"].route == f"direct:w, {found['es']['en'].route}"
    assert "ja" not in found["de"]


def test_a_region_is_served_as_its_language():
    (offer,) = offers(STAGES, ["es-MX"])

    assert offer.tag == "es-MX"
    assert offer.speak is not None
    assert offer.read.from_["en"].figure == 52.9


def test_a_language_that_the_host_named_is_listed_even_where_nothing_serves_it():
    (offer,) = offers(STAGES, ["cy"])

    assert (offer.speak, offer.read.from_, offer.hear) == (None, {}, None)


def test_a_voice_is_as_good_as_its_engine():
    by = {offer.tag: offer.hear for offer in offers(STAGES)}

    assert (by["en"].grade, by["en"].engine) == ("good", "piper")
    assert (by["es"].grade, by["es"].engine) == ("rough", "espeak-ng")
