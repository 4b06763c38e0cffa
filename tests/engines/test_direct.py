"""The questions that every direct engine is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sacrebleu

from agent.engines.fake import FakeDirect, FakeTranslator, spell
from agent.engines.recognise.whisper import DirectWhisper
from agent.engines.service.client import Remote
from agent.engines.table import load
from agent.errors import EngineError
from agent.nouns import Transcription, Word
from agent.settings import Settings
from tests.sound import pcm_of

from .noises import NOISES, pcm
from .serving import FAKES, at, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = Path(__file__).parent.parent / "data" / "speech"
TOLD = {entry["file"]: entry for entry in json.loads((DATA / "MANIFEST.json").read_text())}
GERMAN = "de_fleurs_005.ogg"


@dataclass
class Asked:
    engine: Any
    pcm: bytes
    source: str
    reference: str


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["fake", "remote", "whisper"])
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
    if request.param == "whisper":
        whisper = load("direct", "whisper", Settings())
        yield Asked(whisper, pcm_of(DATA / GERMAN), "de", TOLD[GERMAN]["translations"]["en"])
    elif request.param == "fake":
        yield Asked(FakeDirect(), spell("one", "two"), "ja", "one two")
    else:
        async with serving() as (_, path):
            remote = Remote(at(path))
            yield Asked(remote.direct, spell("one", "two"), "ja", "one two")
            await remote.close()


async def test_speech_comes_out_as_english_and_says_that_it_came_directly(asked: Asked) -> None:
    made = await asked.engine.carry(asked.pcm, asked.source, "en")

    assert sacrebleu.sentence_chrf(made.text, [asked.reference]).score > 35
    assert made.engine.startswith("direct:")


async def test_regions_make_no_difference(asked: Asked) -> None:
    assert await asked.engine.carry(asked.pcm, f"{asked.source}-AT", "en-GB")


async def test_its_pairs_lead_out_of_the_language(asked: Asked) -> None:
    assert f"{asked.source}>en" in await asked.engine.pairs()


async def test_a_pair_it_does_not_know_is_refused_by_a_code(asked: Asked) -> None:
    with pytest.raises(EngineError) as failure:
        await asked.engine.carry(asked.pcm, asked.source, "fr")

    assert failure.value.code == "not_served"


async def test_of_silence_it_makes_nothing(asked: Asked) -> None:
    assert await asked.engine.carry(bytes(64_000), asked.source, "en") is None


@pytest.mark.parametrize("noise", NOISES)
async def test_whisper_makes_nothing_of_noise_but_what_is_no_sentence(noise: str) -> None:
    made = await load("direct", "whisper", Settings()).carry(pcm(NOISES[noise]()), "de", "en")

    # No gate stands before it here, as it does in a room: a stray word may get through, a sentence may not.
    assert made is None or len(made.text.split()) <= 2


async def test_one_model_serves_both_stages() -> None:
    assert load("direct", "whisper", Settings())._model is load("recognise", "whisper", Settings())


class Carrying:
    """A model that makes the same text of everything."""

    name, carries = "whisper-base", ("ja",)

    def __init__(self, text: str, logprob: float = -0.3, compression: float = 1.2) -> None:
        self._text, self._logprob, self._compression = text, logprob, compression

    async def carry(self, pcm: bytes, source: str) -> Transcription:
        words = tuple(Word(word, 0.0, 2.0, 1.0) for word in self._text.split())
        return Transcription("en", 1.0, words, 0.05, self._logprob, self._compression, self.name)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Carrying("What water came? What water came? What water"), "What water came?"),
        (Carrying("I see. " + "and so on and on " * 20, compression=5.0), "I see. and so on and on"),
        (Carrying("No, no, it is very very good."), "No, no, it is very very good."),
        (Carrying("It is what it is."), "It is what it is."),
        (Carrying("Thank you.", logprob=-0.9), None),
        (Carrying("He said something or other.", logprob=-1.5), None),
        (Carrying("In two seconds nobody says " + " ".join(f"word{n}" for n in range(20))), None),
    ],
)
async def test_what_comes_directly_is_guarded_as_a_transcript_is(model: Any, told: str | None) -> None:
    made = await DirectWhisper(model, {}).carry(bytes(2 * 32_000), "ja", "en")

    assert (made.text if made else None) == told


class Knowing(FakeDirect):
    """Carries what a translator knows too, once measured better so and once worse."""

    PAIRS: Mapping[str, float | None] = {"ja>en": 40.0, "fr>en": 50.0, "de>en": 50.0, "es>en": None}

    def served(self) -> Any:
        return replace(super().served(), cascade={"fr>en": 49.0, "de>en": 51.0})


async def test_only_pairs_that_text_does_not_serve_better_are_told() -> None:
    async with serving({**FAKES, "direct": Knowing()}.__getitem__) as (_, path):
        remote = Remote(at(path))
        pairs = await remote.direct.pairs()
        await remote.close()

    assert "es>en" in FakeTranslator().served().languages
    assert pairs == {"ja>en": 40.0, "fr>en": 50.0}
