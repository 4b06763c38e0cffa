"""What an interpreter is told when it is called."""

from __future__ import annotations

import json
import logging

import pytest

from agent.glossary import Term
from agent.worker import ATTRIBUTE_LIMIT, by_identity, glossary_of


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


def test_something_about_each_person_is_told_of_as_many_as_an_attribute_holds():
    everybody = {f"guest-{n:04}-é": "zh-Hant" for n in range(5_000)}

    told = by_identity(everybody)

    assert by_identity({"ben": "auto", "ana": "es"}) == '{"ana":"es","ben":"auto"}'
    assert len(told.encode()) <= ATTRIBUTE_LIMIT
    assert json.loads(told).items() <= everybody.items()
    assert len(json.loads(told)) > 300
