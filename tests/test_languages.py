"""Language tags."""

from __future__ import annotations

import itertools
import json
import string
from pathlib import Path

import langcodes
import psutil
import pytest

from agent.languages import CACHED, base, canonical, is_shaped, same_language

GOLDEN = json.loads((Path(__file__).parent / "data" / "languages.json").read_text())
"""What the page's code is held to as well."""


@pytest.mark.parametrize(("tag", "alone"), GOLDEN["base"].items())
def test_the_language_of_a_tag_alone(tag: str, alone: str):
    assert base(tag) == alone


@pytest.mark.parametrize(("one", "other", "same"), GOLDEN["same"])
def test_who_reads_one_tag_reads_another_unless_it_is_in_another_script(one: str, other: str, same: bool):
    assert same_language(one, other) == same_language(other, one) == same


@pytest.mark.parametrize(("tag", "shaped"), GOLDEN["shape"].items())
def test_what_looks_like_a_tag(tag: str, shaped: bool):
    assert is_shaped(tag) == shaped


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        *[("en", "en"), ("en_US", "en-US"), ("zh-cmn-hans-cn", "zh-Hans-CN"), ("spa-latn-mx", "es-MX")],
        *[("ca-valencia", "ca-valencia"), ("de-1996", "de-1996"), ("auto", ""), ("", ""), ("e", ""), ("日本", "")],
        *[("en-x-whatever", ""), ("en-u-ca-buddhist", ""), ("\ud800", ""), ("en-" + "US-" * 20, ""), ("en\n", "")],
    ],
)
def test_a_tag_comes_out_canonical_or_not_at_all(given: str, tag: str):
    assert canonical(given) == tag


def test_a_hundred_thousand_odd_tags_leave_nothing_behind():
    letters = itertools.product(string.ascii_lowercase, repeat=4)
    odd = [f"en-{''.join(four).title()}-{n % 900 + 100}" for n, four in enumerate(itertools.islice(letters, 102_500))]
    for tag in odd[:2_500]:
        canonical(tag)
    before = psutil.Process().memory_info().rss
    for tag in odd[2_500:]:
        canonical(tag)

    assert psutil.Process().memory_info().rss - before < 20_000_000  # 77 MB where all are remembered
    assert len(langcodes.Language._PARSE_CACHE) <= CACHED + 2
    assert len(langcodes.Language._INSTANCES) <= CACHED + 4


def test_a_region_is_read_alike_and_a_script_is_not():
    assert same_language("pt", "pt-BR")
    assert not same_language("zh-Hans", "zh-Hant")
