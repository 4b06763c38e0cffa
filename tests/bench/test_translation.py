"""How the bench of translators walks: what goes on from where, and what an engine that fails costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agent.engines import Served, Translation
from agent.errors import EngineError
from bench.translation import TRIES, amended, measure

TEXTS = {tag: [f"{tag} one two three", f"{tag} four five six"] for tag in ("en", "es", "fr", "pt", "it")}


class Reading:
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


async def measured(**engines: Reading) -> dict[str, list[dict[str, Any]]]:
    return await measure(engines, TEXTS)


def all_pairs() -> list[str]:
    return [f"{a}>{b}" for a in TEXTS for b in TEXTS if a != b]


async def test_chains_are_ranked_by_what_they_make_of_the_text() -> None:
    found = await measured(reading=Reading("en>pt", "en>es", "pt>es"))

    assert [(route["route"], route["chrf"] == 100.0) for route in found["en>pt"]] == [(("reading en>pt",), True)]
    assert [len(route["route"]) for route in found["en>es"]] == [1, 2]


async def test_engines_that_know_every_pair_are_measured_in_bounded_time() -> None:
    engines = {name: Reading(*all_pairs()) for name in ("madlad", "nllb", "opus")}

    found = await measure(engines, TEXTS)

    assert found.keys() == set(all_pairs())
    chains = sum(len(engine.asked) for engine in engines.values()) / 2
    # 5 languages of 3 engines: 12 chains of one hop, from each of 4 languages 3 times 9, and of these 3 times 6.
    assert chains <= 5 * (12 + 4 * 3 * 9 + 4 * 3 * 6)


@pytest.mark.parametrize(
    ("fails", "retryable", "there"), [(TRIES - 1, True, True), (TRIES, True, False), (1, False, False)]
)
async def test_an_engine_that_fails_is_asked_again_or_its_chain_left_out(
    fails: int, retryable: bool, there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await measured(reading=Reading("en>pt", "pt>en", fails=fails, retryable=retryable))

    assert ("en>pt" in found) is there
    assert "pt>en" in found
    assert ("reading en>pt is not measured: engine_failed" in capsys.readouterr().out) is not there


def test_what_was_not_measured_now_stays_in_the_table() -> None:
    old, other, new = (
        {"route": [hop], "chrf": figure, "ms": 1.0}
        for hop, figure in (("apertium en>es", 40.0), ("opus en>es", 50.0), ("apertium en>es", 60.0))
    )
    known = {"about": "a", "command": "c", "date": "d", "pairs": {"en>es": [other, old], "en>it": [other]}}

    now = amended(known, {"en>es": [new], "en>gl": [{"route": ["x en>gl"], "chrf": None, "ms": None}]})

    assert now["pairs"] == {"en>es": [new, other], "en>it": [other]}
    assert now["date"] == "d"
