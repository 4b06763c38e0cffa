"""A room's terms with the engines of this machine: heard, translated and spoken."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from agent.engines.table import load
from agent.recognition.streaming import Streaming
from agent.settings import Settings
from agent.terms.enforce import TermEnforcer
from agent.terms.glossary import Glossary, Term
from agent.terms.prompt import PromptedRecognizer

from .noises import NOISES, pcm
from .test_recognizers import NOISE, TOLD, errors, listen, recording, settled
from .test_translators import skip_what_cannot_be_had
from .test_voices import said, samples

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHERS = ("Dragoman", "Wojciechowska", "Kubernetes", "Xochitl", "Siobhan", "Oyelaran")
"""Names that are said in none of the recordings."""


# Heard


@pytest.fixture(scope="module")
def whisper() -> Any:
    return load("recognise", "whisper", Settings())


async def heard(ear: Any, name: str) -> str:
    sound = recording(name) + bytes(48_000)
    return " ".join(segment.text for segment in settled(await listen(Streaming(ear), TOLD[name]["language"], sound)))


@pytest.mark.parametrize(
    ("name", "term"),
    [("fr_fleurs_005.ogg", "Giancarlo Fisichella"), ("pt_fleurs_002.ogg", "Giancarlo Fisichella")],
)
async def test_a_rare_name_is_heard_where_the_room_knows_it(whisper: Any, name: str, term: str) -> None:
    glossary = Glossary((*map(Term, OTHERS[:3]), Term(term), *map(Term, OTHERS[3:])))

    alone, primed = await heard(whisper, name), await heard(PromptedRecognizer(whisper, glossary), name)

    assert term not in alone
    assert term in primed
    assert errors(TOLD[name]["transcript"], primed) <= errors(TOLD[name]["transcript"], alone)


async def test_names_that_nobody_says_change_nothing_much(whisper: Any) -> None:
    glossary, name = Glossary(tuple(map(Term, OTHERS))), "en_jfk.flac"

    primed = await heard(PromptedRecognizer(whisper, glossary), name)

    assert errors(TOLD[name]["transcript"], primed) <= 0.05


@pytest.mark.parametrize("noise", NOISES)
async def test_no_name_is_heard_in_noise_and_music(whisper: Any, noise: str) -> None:
    ear = PromptedRecognizer(whisper, Glossary(tuple(map(Term, OTHERS))))

    assert await listen(Streaming(ear), "en", pcm(NOISES[noise]())) == []


async def test_no_name_is_heard_in_a_room_without_speech(whisper: Any) -> None:
    ear = PromptedRecognizer(whisper, Glossary(tuple(map(Term, OTHERS))))

    assert await listen(Streaming(ear), "en", recording(NOISE)) == []


# Translated


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def routes() -> AsyncIterator[Any]:
    skip_what_cannot_be_had("routes")
    engine = load("translate", "routes", Settings())
    yield engine
    await engine.close()


async def test_names_that_are_words_too_are_kept_by_the_real_engines(routes: Any) -> None:
    targets = ["pt", "es", "fr"]
    text, faithful = (
        "Will sends the report to Open Door.",
        TermEnforcer(routes, Glossary((Term("Will"), Term("Open Door")))),
    )

    alone = await routes.translate(text, "en", targets)
    kept = await faithful.translate(text, "en", targets)

    assert all("Open Door" not in one.text for one in alone.values())
    assert sorted(kept) == sorted(targets)
    assert all(one.text.count("Open Door") == 1 and one.text.count("Will") == 1 for one in kept.values())


async def test_a_term_is_called_as_the_host_calls_it_by_the_real_engines(routes: Any) -> None:
    glossary = Glossary((Term("board", "en", {"es": "junta directiva", "pt": "conselho"}),))

    made = await TermEnforcer(routes, glossary).translate("The board met on Monday.", "en", ["es", "pt", "fr"])

    assert made["es"].text.count("junta directiva") == 1
    assert made["pt"].text.count("conselho") == 1
    assert made["fr"].text


async def test_stand_ins_come_back_from_every_route(routes: Any) -> None:
    names = Glossary(tuple(Term(name) for name in ("Alpha Point", "Blue River", "Big Stone")))
    text = "Alpha Point and Blue River told Big Stone that Alpha Point has 12 people."
    targets = [pair.partition(">")[2] for pair in routes.served().languages if pair.startswith("en>")]

    made = await TermEnforcer(routes, names).translate(text, "en", targets)

    assert {tag for tag, one in made.items() if not names.found(text, "en").into(tag).stands(one.text, tag)} == set()


NUMBERS = (
    "It costs $1,450.75 including tax.", "Sales grew by 3.5 percent to 12,400 units.", "Flight TP1362 leaves at 06:55.",
    "We meet on 12 November 2026 in room B-204.", "Version 2.10.3 fixes issue 4471.", "Call 555-0199 before 4:45.",
    "Between 1998 and 2003 it fell from 87 to 61 percent.",
)  # fmt: skip


def digits(text: str) -> list[str]:
    """The numbers of a text, thousands as one."""
    return sorted(re.findall(r"\d+", re.sub(r"(?<=\d)[.,\s](?=\d{3}(?!\d))", "", text)))


@pytest.mark.parametrize("text", NUMBERS)
async def test_numbers_and_dates_stay_what_they_are(routes: Any, text: str) -> None:
    made = await routes.translate(text, "en", ["pt", "es", "fr", "it", "ca"])

    assert {tag: digits(one.text) for tag, one in made.items()} == dict.fromkeys(made, digits(text))


# Spoken


async def test_a_voice_says_a_name_as_it_was_told() -> None:
    espeak = load("speak", "espeak", Settings())
    glossary = Glossary((Term("Xochitl", say={"en": "so cheetul"}),))
    text = "Xochitl."

    plain, again = [samples(await said(espeak, text)) for _ in range(2)]
    told = samples(await said(espeak, glossary.pronounced(text, "en-GB")))
    meant = samples(await said(espeak, "so cheetul."))
    await espeak.close()

    assert len(plain) == pytest.approx(len(again), rel=0.01)
    assert len(told) == pytest.approx(len(meant), rel=0.01)
    assert len(told) != pytest.approx(len(plain), rel=0.05)
