"""What the documentation points at is there, and the figures it shows are those that were measured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engines.recognise.whisper import WER
from web.languages import CHRF_GRADES, WER_GRADES

from .test_settings import documented

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "web/client/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
QUALITY = ROOT / "docs" / "quality.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")
SETTING = re.compile(r"\b(?:DRAGOMAN|LIVEKIT)_[A-Z_]*[A-Z]\b|\bDATABASE_URL\b")
PROGRAM = re.compile(r"python -m ([\w.]+)")
BUILT = {"web/client/dist"}
"""What only a build makes: a fresh clone has none of it, and git ignores it."""
IN_CODE = re.compile(r"`((?:agent|web|infra|tests|docs|migrations)/[\w./-]+)`")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if not link.startswith(("https://", "http://", "#"))]

    assert [link for link in links if not (page.parent / link.partition("#")[0]).exists()] == []


@each_page
def test_every_path_that_is_named_exists(page: Path) -> None:
    named = IN_CODE.findall(page.read_text())

    assert [path for path in named if path not in BUILT and not (ROOT / path).exists()] == []


@each_page
def test_every_setting_that_is_named_exists(page: Path) -> None:
    assert set(SETTING.findall(page.read_text())) - documented().keys() == set()


@each_page
def test_every_program_that_is_named_exists(page: Path) -> None:
    places = [ROOT.joinpath(*name.split(".")) for name in PROGRAM.findall(page.read_text())]

    assert [at for at in places if not (at.with_suffix(".py").is_file() or (at / "__main__.py").is_file())] == []


def test_the_documented_words_of_quality_are_those_of_the_page() -> None:
    quality = QUALITY.read_text()
    words = re.search(r"^\| +\|((?: \*\*\w+\*\* +\|)+)$", quality, re.MULTILINE)

    assert words
    assert re.findall(r"\w+", words[1]) == [*WER_GRADES, "poor"] == [*CHRF_GRADES, "poor"]
    assert row(quality, "word error rate") == [*WER_GRADES.values()]
    assert row(quality, "chrF") == [*CHRF_GRADES.values()]


def test_the_decision_on_words_of_quality_has_the_table_that_counts() -> None:
    page = (ROOT / "docs" / "decisions" / "words-of-quality.md").read_text()

    assert row(page, "word error rate, at most") == [*WER_GRADES.values()]
    assert row(page, "chrF, at least") == [*CHRF_GRADES.values()]


def row(page: str, name: str) -> list[float]:
    """The figures of a table's row."""
    [cells] = re.findall(rf"^\| {name} +\|(.+)$", page, re.MULTILINE)
    return [float(figure) for figure in re.findall(r"[\d.]+", cells)]


def test_the_documented_translation_figures_are_those_of_the_routes() -> None:
    pairs = json.loads((ROOT / "agent" / "engines" / "translate" / "routes.json").read_text())["pairs"]
    shown = dict(table_of_pairs())

    assert len(shown) == 30
    assert shown == {pair: pairs[pair][0]["chrf"] for pair in shown}


def test_the_documented_error_rates_are_those_that_the_engine_states() -> None:
    [row] = [line for line in QUALITY.read_text().splitlines() if re.fullmatch(r"(\| +0\.\d\d +){5}\|", line)]

    assert [float(cell) for cell in cells(row)] == [WER[tag] for tag in ("en", "es", "pt", "de", "fr")]


def table_of_pairs() -> Iterator[tuple[str, float]]:
    """`source>target` and its figure, cell by cell."""
    lines = iter(QUALITY.read_text().splitlines())
    targets = next(cells(line)[1:] for line in lines if line.startswith("| from \\ to "))
    for line in lines:
        if not line.startswith("|"):
            return
        head, *figures = cells(line)
        for target, figure in zip(targets, figures, strict=False):
            if figure and (source := re.search(r"`(\w+)`", head)):
                yield f"{source[1]}>{target}", float(figure)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().removeprefix("|").removesuffix("|").split("|")]


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}

    assert {page for page in pages if f"({page})" not in index} == set()
