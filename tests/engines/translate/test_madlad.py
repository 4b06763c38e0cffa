"""MADLAD-400: what its model is told, and what it takes to load it.

Its weights can't be in a test; `tests/models/madlad.py` builds a model of the same kind that talks nonsense.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engines import TextRequest
from agent.engines.table import load
from agent.engines.translate.madlad import TOKENIZERS, Madlad, language_names
from agent.errors import EngineError
from agent.settings import Settings
from tests.models.madlad import LANGUAGES, build

TEXT = "Good morning, everybody. How are you today?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("madlad"))


@pytest.fixture
def madlad(folder: Path) -> Iterator[Madlad]:
    engine = load("translate", "madlad", Settings(madlad_model=folder))
    yield engine
    asyncio.run(engine.close())


class Watched:
    """The model, and what it was told."""

    device = "cpu"

    def __init__(self, model: Any) -> None:
        self._model = model
        self.calls: list[list[list[str]]] = []

    def translate_batch(self, told: list[list[str]], **how: Any) -> Any:
        self.calls.append(told)
        return self._model.translate_batch(told, **how)


@pytest.mark.parametrize(
    ("tag", "token"),
    [("es-MX", "<2es>"), ("zh-CN", "<2zh>"), ("zh-TW", None), ("nb", "<2no>"), ("sr-Latn", "<2sr_Latn>"), ("sr", None)],
)
def test_a_tag_finds_the_token_of_its_language(tag: str, token: str | None) -> None:
    others = ("▁Good", "<s>", "<2back_translated>", "<2en_xx_simple>")

    assert language_names([*(f"<2{language}>" for language in LANGUAGES), *others]).get(tag) == token


def test_only_what_is_offered_and_known_is_served(folder: Path) -> None:
    served = load(
        "translate", "madlad", Settings(madlad_model=folder, madlad_languages="en, es,tlh,zh-Hant,en")
    ).served()

    assert [*served.languages] == ["en>es", "es>en"]
    assert served.route["en>es"] == "madlad en>es"
    assert served.licence == "Apache-2.0"


async def test_the_target_is_said_before_each_sentence_and_all_are_one_call(madlad: Madlad) -> None:
    watched = madlad._model = Watched(madlad._model)

    made = await madlad.translate_batch(
        [TextRequest(TEXT, "en", ("es", "fr-CA", "tlh")), TextRequest("Wie geht es Ihnen heute?", "de", ("es", "de"))]
    )

    [call] = watched.calls
    tokens = [[piece for piece in told if piece.startswith("<2")] for told in call]
    assert tokens == [["<2es>"]] * 2 + [["<2fr>"]] * 2 + [["<2es>"]]
    assert all(told[-1] == "</s>" for told in call)
    assert [sorted(answer) for answer in made if not isinstance(answer, EngineError)] == [["es", "fr-CA"], ["es"]]


async def test_who_says_a_token_has_said_a_text(madlad: Madlad) -> None:
    watched = madlad._model = Watched(madlad._model)

    await madlad.translate("Say <2fr> or </s> now.", "en", ["es"])

    [[told]] = watched.calls
    assert [piece for piece in told if piece.startswith("<2")] == ["<2es>"]
    assert told.count("</s>") == 1


async def test_in_a_batch_everybody_gets_what_they_would_get_alone(madlad: Madlad) -> None:
    together = await madlad.translate(TEXT, "en", ["es", "fr", "de"])
    alone = {tag: (await madlad.translate(TEXT, "en", [tag]))[tag] for tag in ("es", "fr", "de")}

    assert together == alone
    assert len({one.text for one in together.values()}) == 3
    assert not any("<2" in one.text or "</s>" in one.text for one in together.values())


@pytest.mark.parametrize("lost", ["model.bin", TOKENIZERS[0]])
def test_what_is_missing_is_named(folder: Path, tmp_path: Path, lost: str) -> None:
    for path in folder.iterdir():
        if path.name != lost:
            (tmp_path / path.name).write_bytes(path.read_bytes())

    with pytest.raises(EngineError, match=lost):
        load("translate", "madlad", Settings(madlad_model=tmp_path))


@pytest.mark.parametrize("spoilt", ["model.bin", TOKENIZERS[0]])
def test_files_that_are_no_model_are_refused(folder: Path, tmp_path: Path, spoilt: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / spoilt).write_bytes(b"no model")

    with pytest.raises(EngineError, match="no usable"):
        load("translate", "madlad", Settings(madlad_model=tmp_path))
