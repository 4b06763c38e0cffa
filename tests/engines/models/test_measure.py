"""How translators are ranked: what goes on from where, what an engine that fails costs, and what is written down."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.engines import LoadedTranslator, Served, Translation
from agent.engines.models import measure as measuring
from agent.engines.models.commands import main
from agent.engines.models.measure import TRIES, amended, best, measure, onward, unmeasured
from agent.engines.translate.routes import TABLE, read
from agent.errors import EngineError

TEXTS = {tag: [f"{tag} one two three", f"{tag} four five six"] for tag in ("en", "es", "fr", "pt", "it")}


class Reading(LoadedTranslator):
    """Knows some pairs: the first one perfectly, of each other it loses a word."""

    def __init__(self, *pairs: str, fails: int = 0, retryable: bool = True) -> None:
        self.asked: list[str] = []
        self._pairs = pairs
        self._fails = fails
        self._retryable = retryable

    def served(self) -> Served:
        return Served("translate", "reading", "", "", "chrf", dict.fromkeys(self._pairs))

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        if self._fails:
            self._fails -= 1
            raise EngineError("engine_failed", "It failed.", retryable=self._retryable)
        pair = f"{source}>{targets[0]}"
        self.asked.append(pair)
        words = text.split()[1:] if pair == self._pairs[0] else text.split()[1:-1]
        return {targets[0]: Translation(" ".join([targets[0], *words]), "reading")}


async def measured(said: list[str] | None = None, **engines: Reading) -> dict[str, list[dict[str, Any]]]:
    return await measure(engines, TEXTS, (said if said is not None else []).append)


def all_pairs() -> list[str]:
    return [f"{a}>{b}" for a in TEXTS for b in TEXTS if a != b]


async def test_chains_are_ranked_by_what_they_make_of_the_text() -> None:
    found = await measured(reading=Reading("en>pt", "en>es", "pt>es"))

    assert [(route["route"], route["chrf"] == 100.0) for route in found["en>pt"]] == [(("reading en>pt",), True)]
    assert [len(route["route"]) for route in found["en>es"]] == [1, 2]


async def test_engines_that_know_every_pair_are_measured_in_bounded_time() -> None:
    engines = {name: Reading(*all_pairs()) for name in ("madlad", "nllb", "opus")}

    found = await measured(**engines)

    assert found.keys() == set(all_pairs())
    chains = sum(len(engine.asked) for engine in engines.values()) / 2
    # 5 languages of 3 engines: 12 chains of one hop, from each of 4 languages 3 times 9, and of these 3 times 6.
    assert chains <= 5 * (12 + 4 * 3 * 9 + 4 * 3 * 6)


@pytest.mark.parametrize(
    ("fails", "retryable", "there"), [(TRIES - 1, True, True), (TRIES, True, False), (1, False, False)]
)
async def test_an_engine_that_fails_is_asked_again_or_its_chain_left_out(
    fails: int, retryable: bool, there: bool
) -> None:
    said: list[str] = []

    found = await measured(said, reading=Reading("en>pt", "pt>en", fails=fails, retryable=retryable))

    assert ("en>pt" in found) is there
    assert "pt>en" in found
    assert ("reading en>pt is not measured: engine_failed" in said) is not there


def test_what_was_not_measured_now_stays_in_the_table() -> None:
    old, other, new = (
        {"route": [hop], "chrf": figure, "ms": 1.0}
        for hop, figure in (("apertium en>es", 40.0), ("opus en>es", 50.0), ("apertium en>es", 60.0))
    )
    known = {"about": "a", "command": "c", "date": "d", "pairs": {"en>es": [other, old], "en>it": [other]}}

    now = amended(known, {"en>es": [new], "en>gl": [{"route": ["x en>gl"], "chrf": None, "ms": None}]})

    assert now["pairs"] == {"en>es": [new, other], "en>it": [other]}
    assert now["date"] == "d"


def test_a_chain_goes_on_only_to_where_it_has_not_been() -> None:
    hops = {"r en>es", "r es>en", "r es>fr", "r fr>es"}

    assert [*onward(hops, "en", ("r en>es",))] == ["r es>fr"]


def test_the_best_chains_stand_first_and_one_stays_for_want_of_an_engine() -> None:
    routes = [{"route": (hop,), "chrf": chrf} for hop, chrf in (("apertium a>b", 40.0), ("bergamot a>b", 60.0))]
    routes += [{"route": (f"bergamot {n}",), "chrf": 50.0 + n} for n in range(3)]

    kept = best(routes)

    assert [one["chrf"] for one in kept] == [60.0, 52.0, 51.0, 40.0]


def test_a_language_without_a_text_is_reached_from_the_best_measured_neighbour() -> None:
    measured = {"en>pt": [{"route": ("n en>pt",), "chrf": 70.0}]}

    found = unmeasured({"n en>pt", "r pt>gl", "r en>gl"}, measured, {"en", "pt"})

    assert [one["route"] for one in found["en>gl"]] == [("n en>pt", "r pt>gl"), ("r en>gl",)]
    assert found["en>gl"][0]["chrf"] is None


# The command


class Capitals(Reading):
    """Says everything in capitals, and remembers whether it was closed."""

    closed = False

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        return {target: Translation(text.upper(), "capitals") for target in targets}

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Capitals]:
    """The translators of this machine, by name; the others can't be loaded."""
    here: dict[str, Capitals] = {}

    def load(stage: str, name: str, settings: object) -> Capitals:
        if name not in here:
            raise EngineError("engine_failed", f"{name} has no model.")
        return here[name]

    monkeypatch.setattr(measuring, "load", load)
    return here


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A parallel text of a language in small letters and two in capitals, of two lines more than are asked for."""
    lines = [f"{n}\tthis is line {n}\tTHIS IS LINE {n}\tTHIS WAS LINE {n}" for n in range(5)]
    file = tmp_path / "text.tsv"
    file.write_text("\n".join(["line\ten\tpt-br\tfr", *lines]) + "\n")
    return file


def test_the_command_measures_what_is_here_and_writes_the_table(
    engines: dict[str, Capitals], text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engines["opus"] = Capitals("en>pt-BR", "en>fr", "fr>gl")
    into = tmp_path / "routes.json"

    assert main(["measure", "--data", str(text), "--sentences", "3", "--write", str(into)]) == 0

    written = json.loads(into.read_text())
    assert written["command"] == "python -m agent.engines models measure --data text.tsv --sentences 3"
    assert {pair: routes[0]["chrf"] for pair, routes in written["pairs"].items() if "gl" not in pair} == {
        "en>pt-BR": 100.0,
        "en>fr": written["pairs"]["en>fr"][0]["chrf"],
    }
    assert 50.0 < written["pairs"]["en>fr"][0]["chrf"] < 100.0
    assert [str(route) for route in read(into)["en>gl"]] == ["opus en>fr, opus fr>gl"]
    assert "opus en>pt-BR" in capsys.readouterr().out
    assert engines["opus"].closed


def test_of_a_part_of_the_languages_the_rest_of_the_table_stays(
    engines: dict[str, Capitals], text: Path, tmp_path: Path
) -> None:
    engines["opus"] = Capitals("en>fr", "en>pt-BR")
    into = tmp_path / "routes.json"

    assert main(["measure", "--data", str(text), "--languages", "en,fr", "--write", str(into)]) == 0

    before, after = read(TABLE), read(into)
    assert "en>pt-BR" not in after
    assert after["en>fr"][0].hops in {before["en>fr"][0].hops, ("opus en>fr",)}
    assert {pair: routes for pair, routes in after.items() if pair != "en>fr"} == {
        pair: routes for pair, routes in before.items() if pair != "en>fr"
    }


@pytest.mark.parametrize(
    ("written", "words", "code"),
    [
        (None, [], "no_text"),
        ("", [], "no_text"),
        ("en\nhello\n", [], "no_text"),
        ("en\tfr\nhello\n", [], "no_text"),
        ("en\tfr\nhello\tbonjour\tmore\n", [], "no_text"),
        ("en\tno tag at all\nhello\tbonjour\n", [], "no_text"),
        (b"en\tfr\nhello\t\xff\n", [], "no_text"),
        ("en\tfr\nhello\tbonjour\n", ["--languages", "en,de"], "no_text"),
        ("en\tfr\nhello\tbonjour\n", ["--engines", "babelfish"], "unknown_model"),
        ("en\tfr\nhello\tbonjour\n", ["--engines", "nllb"], "not_here"),
        ("en\tfr\nhello\tbonjour\n", ["--write", "/"], "cannot_write"),
    ],
)
def test_what_cannot_be_measured_is_one_line_with_a_code_and_nothing_is_written(
    engines: dict[str, Capitals],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    written: str | bytes | None,
    words: list[str],
    code: str,
) -> None:
    engines["opus"] = Capitals("en>fr")
    data, into = tmp_path / "text.tsv", tmp_path / "routes.json"
    if written is not None:
        data.write_bytes(written if isinstance(written, bytes) else written.encode())

    assert main(["measure", "--data", str(data), "--write", str(into), *words]) == 1

    assert capsys.readouterr().err.startswith(f"{code}: ")
    assert not into.exists()


def test_without_the_package_that_compares_the_command_says_which_one_it_is(
    text: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "agent.engines.models.measure")
    monkeypatch.setitem(sys.modules, "sacrebleu", None)

    assert main(["measure", "--data", str(text)]) == 1

    assert "no_measure: Measuring needs the package sacrebleu" in capsys.readouterr().err
