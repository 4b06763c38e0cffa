"""What an interpreter is told when it is called."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

import pytest

from agent.engines import Served
from agent.errors import EngineError
from agent.job_metadata import glossary_of
from agent.served import ASKED_AGAIN, ServedStages
from agent.succession import epoch_claimed
from agent.telling import ATTRIBUTE_LIMIT, by_identity
from agent.terms.glossary import Term


def test_the_names_and_terms_of_the_room_are_read_from_the_dispatch():
    assert glossary_of(json.dumps({"glossary": [{"term": "Sintra"}], "theme": "dark"})).terms == (Term("Sintra"),)


@pytest.mark.parametrize("told", ["", "{}", '{"glossary": []}'])
def test_a_room_without_them_has_none(told: str, caplog: pytest.LogCaptureFixture):
    assert glossary_of(told).terms == ()
    assert caplog.records == []


@pytest.mark.parametrize(
    "told", ["Sintra", "[]", '{"glossary": "Sintra"}', '{"glossary": [{"term": "Sintra\\u0000"}]}']
)
def test_what_makes_no_sense_costs_the_room_its_glossary_and_nothing_else(told: str, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert glossary_of(told).terms == ()

    [record] = caplog.records
    assert "Sintra" not in record.getMessage()


def served(engine: str, *, loading: bool = False) -> Sequence[Served]:
    return [Served("recognise", "fake", "", "", "", {}), Served("translate", engine, "", "", "", {}, loading=loading)]


@pytest.mark.simulated_time
async def test_what_the_engines_serve_is_asked_until_all_have_loaded_and_now_and_then_from_then_on():
    class Loading:
        def __init__(self) -> None:
            self.asked = 0

        async def served(self) -> Sequence[Served]:
            self.asked += 1
            if self.asked == 1:
                raise EngineError("engines_away", "Nobody answers.", retryable=True)
            if self.asked < 60:
                return served("none", loading=True)
            return served("late" if asyncio.get_running_loop().time() > 100 else "fake")

    known_of = ServedStages(Loading())
    learning = asyncio.create_task(known_of.run())
    known = []
    for seconds in (29.0, 2.0, 80.0, ASKED_AGAIN):
        await asyncio.sleep(seconds)
        known.append(known_of.stages["translate"].engine if known_of.stages else "")
    learning.cancel()

    assert known == ["", "fake", "late", "late"]


def test_something_about_each_person_is_told_of_as_many_as_an_attribute_holds():
    everybody = {f"guest-{n:04}-é": "zh-Hant" for n in range(5_000)}

    told = by_identity(everybody)

    assert by_identity({"ben": "auto", "ana": "es"}) == '{"ana":"es","ben":"auto"}'
    assert len(told.encode()) <= ATTRIBUTE_LIMIT
    assert json.loads(told).items() <= everybody.items()
    assert len(json.loads(told)) > 300


@pytest.mark.parametrize(
    ("claimed", "believed"),
    [
        ("1000000", 1_000_000),
        ("1600000", 1_600_000),  # ten minutes ahead of our clock
        ("1900001", 0),  # more than a quarter of an hour
        (str(2**62), 0),
        ("9" * 30, 0),
        ("-1", 0),
        ("", 0),
    ],
)
def test_an_epoch_that_no_clock_can_have_given_by_now_outranks_nobody(claimed: str, believed: int):
    assert epoch_claimed({"dragoman.epoch": claimed}, lambda: 1_000.0) == believed
