"""Opus-MT: a folder a model, pairs and groups, and what it takes to load them.

`tests/models/opus.py` builds models of the same kind that talk nonsense.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engines import TextRequest
from agent.engines.table import load
from agent.engines.translate.opus import Opus, languages
from agent.errors import EngineError
from agent.settings import Settings
from tests.models.opus import build
from tests.models.transformer import Shape

TEXT = "Good morning, everybody. How are you today?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("opus")
    build(folder / "opus-mt-en-de")
    build(folder / "opus-mt-en-roa", ["fra", "spa", "por", "pt_br"], ends=True)
    build(folder / "opus-mt-en-es", seed=2)
    build(folder / "opus-mt-tc-big-de+es-en", seed=3)
    return folder


@pytest.fixture
def opus(folder: Path) -> Iterator[Opus]:
    engine = load("translate", "opus", Settings(opus_models=folder))
    yield engine
    asyncio.run(engine.close())


def watch(opus: Opus, name: str) -> list[list[list[str]]]:
    """What a model is told from now on."""
    calls: list[list[list[str]]] = []
    model = opus._models[name]._model

    class Watched:
        def translate_batch(self, told: list[list[str]], **how: Any) -> Any:
            calls.append(told)
            return model.translate_batch(told, **how)

    opus._models[name]._model = Watched()
    return calls


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("opus-mt-en-de", (["en"], ["de"])),
        ("opus-mt-tc-big-en-pt", (["en"], ["pt"])),
        ("en-zho_Hans", (["en"], ["zho-Hans"])),
        ("fr+es+it-en", (["fr", "es", "it"], ["en"])),
    ],
)
def test_a_models_name_tells_its_languages(name: str, sides: tuple[list[str], list[str]]) -> None:
    assert languages(name) == sides


def test_pairs_are_served_by_name_and_groups_by_their_vocabulary(opus: Opus) -> None:
    served = opus.served()

    assert sorted(served.languages) == ["de>en", "en>de", "en>es", "en>fr", "en>pt", "es>en"]
    assert served.licence == "CC-BY-4.0"


async def test_a_group_is_told_the_target_before_each_sentence_in_one_call(opus: Opus) -> None:
    calls = watch(opus, "opus-mt-en-roa")

    made = await opus.translate_batch(
        [TextRequest(TEXT, "en", ("fr", "pt-BR")), TextRequest("Good morning.", "en", ("pt",))]
    )

    [call] = calls
    assert [told[0] for told in call] == [">>fra<<"] * 2 + [">>por<<"] * 3
    assert not any("</s>" in told for told in call), "CTranslate2 ends it for a model of Marian's own files"
    assert [sorted(answer) for answer in made if not isinstance(answer, EngineError)] == [["fr", "pt-BR"], ["pt"]]


async def test_a_model_of_one_target_is_told_none_and_ended_by_us(opus: Opus) -> None:
    calls = watch(opus, "opus-mt-en-de")

    await opus.translate("Say >>fra<< or </s> now.", "en", ["de"])

    [[told]] = calls
    assert not told[0].startswith(">>")
    assert ">>fra<<" not in told
    assert (told[-1], told.count("</s>")) == ("</s>", 1)


async def test_a_pair_of_its_own_is_better_than_a_group_and_a_large_model_than_a_small_one(
    opus: Opus, tmp_path: Path
) -> None:
    build(tmp_path / "opus-mt-en-de")
    build(tmp_path / "opus-mt-tc-big-en-de", shape=Shape(layers=3))
    big = load("translate", "opus", Settings(opus_models=tmp_path))

    assert opus._pair("en", "es") == ("opus-mt-en-es", "")
    assert big._pair("en", "de") == ("opus-mt-tc-big-en-de", "")


async def test_its_own_language_and_one_it_does_not_know_are_not_served(opus: Opus) -> None:
    assert await opus.translate(TEXT, "en", ["en-GB", "ja"]) == {}
    assert await opus.translate(TEXT, "fr", ["en"]) == {}
    assert (await opus.translate(TEXT, "es", ["en"])).keys() == {"en"}


def test_a_model_that_is_none_is_left_out_and_said(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build(tmp_path / "opus-mt-en-de")
    build(tmp_path / "opus-mt-en-fr")
    build(tmp_path / "broken")
    (tmp_path / "opus-mt-en-fr" / "source.spm").unlink()

    with caplog.at_level(logging.WARNING):
        served = load("translate", "opus", Settings(opus_models=tmp_path)).served()

    assert [*served.languages] == ["en>de"]
    assert "opus-mt-en-fr is left out: source.spm missing" in caplog.text
    assert "broken is left out" in caplog.text


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no usable"):
        load("translate", "opus", Settings(opus_models=tmp_path))
