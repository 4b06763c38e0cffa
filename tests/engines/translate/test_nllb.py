"""NLLB-200: codes of languages, one batch a clause, and what it takes to load it.

Its weights can't be in a test; `tests/models/nllb.py` builds a model of the same kind that talks nonsense.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.engines import LoadedTranslator
from agent.engines.licences import accept
from agent.engines.table import load
from agent.engines.translate.batch_translation import LONGER, SPARE
from agent.engines.translate.nllb import Nllb, language_names
from agent.engines.translate.routes import Route, Routes
from agent.errors import EngineError
from agent.settings import Settings
from tests.models.nllb import LANGUAGES, build

TEXT = "Good morning, everybody. How are you today?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nllb"))


def accepted(folder: Path, languages: str = "en,es,fr,de,pt,zh,zh-Hant,ar") -> Settings:
    return Settings(nllb_model=folder, licences="nllb-200", nllb_languages=languages)


@pytest.fixture
def nllb(folder: Path) -> Iterator[Nllb]:
    engine = load("translate", "nllb", accepted(folder))
    yield engine
    asyncio.run(engine.close())


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "eng_Latn"),
        ("en-GB", "eng_Latn"),
        ("pt-BR", "por_Latn"),
        ("zh", "zho_Hans"),
        ("zh-TW", "zho_Hant"),
        ("zh-Hant-HK", "zho_Hant"),
        ("ar", "arb_Arab"),
        ("ar-EG", "arb_Arab"),
        ("fa", "pes_Arab"),
        ("no", "nob_Latn"),
        ("nb", "nob_Latn"),
        ("ps", "pbt_Arab"),
        ("ja", "jpn_Jpan"),
        ("tlh", None),
        ("sr", None),
    ],
)
def test_a_tag_finds_the_code_of_its_language_and_script(tag: str, code: str | None) -> None:
    assert language_names([*LANGUAGES, "▁Good", "<s>"]).get(tag) == code


def test_only_what_is_offered_and_known_is_served(folder: Path) -> None:
    served = load("translate", "nllb", accepted(folder, "en, es,tlh,en")).served()

    assert [*served.languages] == ["en>es", "es>en"]
    assert served.route["en>es"] == "nllb en>es"
    assert "CC-BY-NC" in served.licence


async def test_all_sentences_into_all_targets_are_one_batch_each_under_its_tags(nllb: Nllb) -> None:
    seen: list[dict[str, Any]] = []
    model = nllb._model

    class Watched:
        device = "cpu"

        def translate_batch(self, told: list[list[str]], **how: Any) -> Any:
            seen.append({"told": told, **how})
            return model.translate_batch(told, **how)

    nllb._model = Watched()

    made = await nllb.translate(TEXT, "en", ["es", "fr-CA", "es-MX", "tlh"])

    assert sorted(made) == ["es", "es-MX", "fr-CA"]
    assert made["es"] == made["es-MX"], "made once"
    [call] = seen
    assert [prefix for [prefix] in call["target_prefix"]] == ["spa_Latn"] * 2 + ["fra_Latn"] * 2
    assert all(told[0] == "eng_Latn" and told[-1] == "</s>" for told in call["told"])
    assert "eng_Latn" not in call["told"][0][1:], "the tokenizer puts no tag of its own before the pieces"
    assert call["max_decoding_length"] <= max(map(len, call["told"])) * LONGER + SPARE


async def test_in_a_batch_everybody_gets_what_they_would_get_alone(nllb: Nllb) -> None:
    together = await nllb.translate(TEXT, "en", ["es", "fr", "de"])
    alone = {tag: (await nllb.translate(TEXT, "en", [tag]))[tag] for tag in ("es", "fr", "de")}

    assert together == alone
    assert len({one.text for one in together.values()}) == 3
    assert not any(code in one.text for one in together.values() for code in (*LANGUAGES, "</s>"))


async def test_many_rooms_at_once_do_not_get_each_others_answers(nllb: Nllb) -> None:
    texts = [f"Good morning {name}." for name in ("Ana", "Ben", "Eve", "Ida", "Leo", "Mia")]
    alone = [await nllb.translate(text, "en", ["es"]) for text in texts]

    assert await asyncio.gather(*(nllb.translate(text, "en", ["es"]) for text in texts)) == alone


async def test_its_own_language_and_an_unknown_source_are_not_served(nllb: Nllb) -> None:
    assert await nllb.translate(TEXT, "en", ["en-GB"]) == {}
    assert await nllb.translate(TEXT, "tlh", ["es"]) == {}


def test_its_licence_must_be_accepted_by_name(folder: Path) -> None:
    with pytest.raises(EngineError) as failure:
        load("translate", "nllb", Settings(nllb_model=folder, licences="xtts-v2"))

    assert failure.value.code == "licence_not_accepted"
    assert "DRAGOMAN_LICENCES=nllb-200" in failure.value.message


async def test_a_licence_that_was_accepted_once_at_a_pull_is_enough(tmp_path: Path) -> None:
    accept("nllb-200", tmp_path)

    nllb = load("translate", "nllb", Settings(nllb_model=build(tmp_path / "nllb-200"), nllb_languages="en,es"))

    assert [*nllb.served().languages] == ["en>es", "es>en"]
    await nllb.close()


@pytest.mark.parametrize("lost", ["model.bin", "tokenizer.json"])
def test_what_is_missing_is_named(folder: Path, tmp_path: Path, lost: str) -> None:
    for path in folder.iterdir():
        if path.name != lost:
            (tmp_path / path.name).write_bytes(path.read_bytes())

    with pytest.raises(EngineError, match=lost):
        load("translate", "nllb", accepted(tmp_path))


def test_files_that_are_no_model_are_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.bin").write_bytes(b"no model")

    with pytest.raises(EngineError, match="no usable"):
        load("translate", "nllb", accepted(tmp_path))


async def test_among_routes_it_serves_what_no_measured_one_does(nllb: Nllb) -> None:
    class Measured(LoadedTranslator):
        def served(self) -> Any:
            return replace(nllb.served(), languages={"en>es": None})

        async def translate(self, text: str, source: str, targets: Any, context: Any = ()) -> Any:
            raise EngineError("engine_failed", "It fell over.")

    routes = Routes({"apertium": Measured(), "nllb": nllb}, {"en>es": [Route(("apertium en>es",), 44.0)]})

    assert routes.served().route["en>es"] == "apertium en>es"
    assert routes.served().route["en>de"] == "nllb en>de"
    chinese = await routes.translate(TEXT, "en-US", ["zh-TW", "zh-CN"])
    assert chinese["zh-TW"] == (await nllb.translate(TEXT, "en", ["zh-Hant"]))["zh-Hant"]
    assert chinese["zh-CN"] == (await nllb.translate(TEXT, "en", ["zh"]))["zh"]
    made = await routes.translate(TEXT, "en", ["es", "de"])
    assert {one.engine for one in made.values()} == {"nllb"}, "it stands in for one that fails"
