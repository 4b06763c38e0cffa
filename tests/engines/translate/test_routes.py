"""How a text finds its way through several translators."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from agent.engines import LoadedTranslator, Served, TextRequest, Translation
from agent.engines.translate.routes import TABLE, Route, Routes, read
from agent.errors import EngineError


class Hops(LoadedTranslator):
    """A translator that writes down each hop, in the text and in a list."""

    def __init__(self, name: str, *pairs: str, fails: Sequence[str] = ()) -> None:
        self.asked: list[str] = []
        self.contexts: list[Sequence[str]] = []
        self._name = name
        self._pairs = pairs
        self._fails = fails

    def served(self) -> Served:
        return Served("translate", self._name, "", "MIT", "chrf", dict.fromkeys(self._pairs))

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        made = {}
        for target in targets:
            pair = f"{source}>{target}"
            self.asked.append(pair)
            self.contexts.append(context)
            if pair in self._fails:
                raise EngineError("engine_failed", "No.", retryable=True)
            made[target] = Translation(f"{text} {pair}", self._name)
        return made


def table(**pairs: list[tuple[str, float | None]]) -> dict[str, list[Route]]:
    """`en_es=[("n en>pt, r pt>es", 52.9)]`."""
    return {
        name.replace("_", ">"): [Route(tuple(hops.split(", ")), figure) for hops, figure in routes]
        for name, routes in pairs.items()
    }


BEST = table(
    en_es=[("n en>pt, r pt>es", 52.0), ("r en>es", 44.0)],
    en_it=[("n en>pt, r pt>es, r es>it", 48.0)],
    en_pt=[("n en>pt", 70.0)],
)


async def test_the_chain_that_measured_best_is_taken() -> None:
    routes = Routes({"n": Hops("n", "en>pt"), "r": Hops("r", "pt>es", "en>es")}, BEST)

    made = await routes.translate("Hi.", "en", ["es"])

    assert made == {"es": Translation("Hi. en>pt pt>es", "n+r")}


async def test_hops_that_targets_share_are_made_once() -> None:
    neural, rules = Hops("n", "en>pt"), Hops("r", "pt>es", "es>it", "en>es")
    routes = Routes({"n": neural, "r": rules}, BEST)

    made = await routes.translate("Hi.", "en", ["es", "it", "pt"])

    assert {tag: one.text for tag, one in made.items()} == {
        "es": "Hi. en>pt pt>es",
        "it": "Hi. en>pt pt>es es>it",
        "pt": "Hi. en>pt",
    }
    assert neural.asked == ["en>pt"]
    assert sorted(rules.asked) == ["es>it", "pt>es"]


async def test_a_chain_with_a_missing_engine_is_not_taken() -> None:
    routes = Routes({"r": Hops("r", "pt>es", "en>es")}, BEST)

    assert (await routes.translate("Hi.", "en", ["es", "it", "pt"])).keys() == {"es"}
    assert routes.served().languages == {"en>es": 44.0, "pt>es": None}
    assert routes.served().route["en>es"] == "r en>es"


async def test_where_a_hop_fails_the_next_best_chain_is_taken() -> None:
    routes = Routes({"n": Hops("n", "en>pt", fails=["en>pt"]), "r": Hops("r", "pt>es", "en>es")}, BEST)

    assert (await routes.translate("Hi.", "en", ["es"]))["es"].text == "Hi. en>es"


async def test_a_language_whose_chains_all_fail_does_not_take_the_others_with_it() -> None:
    rules = Hops("r", "pt>es", "es>it", "en>es", fails=["es>it"])
    routes = Routes({"n": Hops("n", "en>pt"), "r": rules}, BEST)

    assert (await routes.translate("Hi.", "en", ["es", "it"])).keys() == {"es"}


async def test_where_nothing_works_the_failure_is_told() -> None:
    routes = Routes({"n": Hops("n", "en>pt", fails=["en>pt"])}, BEST)

    with pytest.raises(EngineError) as caught:
        await routes.translate("Hi.", "en", ["pt"])

    assert (caught.value.code, caught.value.retryable) == ("engine_failed", True)


async def test_a_pair_that_is_in_no_table_is_still_served_directly() -> None:
    routes = Routes({"r": Hops("r", "oc>fr")}, BEST)

    assert (await routes.translate("Adiu.", "oc", ["fr"]))["fr"].text == "Adiu. oc>fr"
    assert routes.served().languages == {"oc>fr": None}


async def test_regions_find_the_route_of_their_language() -> None:
    routes = Routes({"n": Hops("n", "en>pt"), "r": Hops("r", "pt>es", "en>es")}, BEST)

    assert (await routes.translate("Hi.", "en-GB", ["es-MX"])).keys() == {"es-MX"}


async def test_what_was_said_before_goes_only_with_its_own_language() -> None:
    neural, rules = Hops("n", "en>pt"), Hops("r", "pt>es")
    routes = Routes({"n": neural, "r": rules}, BEST)

    await routes.translate("Hi.", "en", ["es"], ["Before."])

    assert (neural.contexts, rules.contexts) == ([("Before.",)], [()])


class Batches(Hops):
    """The same, which takes all that it is asked at one time as one batch."""

    most = 32

    def __init__(self, name: str, *pairs: str, fails: Sequence[str] = ()) -> None:
        super().__init__(name, *pairs, fails=fails)
        self.batches: list[list[str]] = []

    async def translate_batch(
        self, requests: Sequence[TextRequest]
    ) -> Sequence[Mapping[str, Translation] | EngineError]:
        self.batches.append([f"{one.text} {one.source}>{','.join(one.targets)}" for one in requests])
        return [await self._answered(one) for one in requests]

    async def _answered(self, one: TextRequest) -> Mapping[str, Translation] | EngineError:
        try:
            return await self.translate(one.text, one.source, one.targets, one.context)
        except EngineError as error:
            return error


async def test_all_targets_of_all_rooms_are_one_batch_of_their_engine() -> None:
    many, rules = Batches("m", "en>de", "en>ja", "pt>ja"), Hops("r", "en>pt")
    routes = Routes({"m": many, "r": rules}, {})

    made = await routes.translate_batch(
        [
            TextRequest("Hi.", "en", ("de", "ja", "pt")),
            TextRequest("Hello.", "en", ("de", "qaa")),
            TextRequest("Oi.", "pt", ("ja",)),
        ]
    )

    assert many.batches == [["Hi. en>de", "Hi. en>ja", "Hello. en>de", "Oi. pt>ja"]]
    assert [
        {tag: one.text for tag, one in answer.items()} for answer in made if not isinstance(answer, EngineError)
    ] == [
        {"de": "Hi. en>de", "ja": "Hi. en>ja", "pt": "Hi. en>pt"},
        {"de": "Hello. en>de"},
        {"ja": "Oi. pt>ja"},
    ]


def test_texts_are_collected_only_for_an_engine_that_takes_several() -> None:
    one_at_a_time, batches = Hops("n", "en>pt"), Batches("b", "en>pt")

    assert Routes({"n": one_at_a_time}, {}).most == 1
    assert Routes({"n": one_at_a_time, "b": batches}, {}).most > 1


def test_of_several_engines_the_one_that_takes_the_fewest_says_how_many_texts_are_collected() -> None:
    on_a_gpu, says_nothing = Batches("b", "en>pt"), Batches("c", "en>es")
    on_a_gpu.most = 512

    assert Routes({"b": on_a_gpu}, {}).most == 512
    assert Routes({"b": on_a_gpu, "c": says_nothing}, {}).most < 512


def test_calls_are_made_one_at_a_time_where_an_engine_asks_for_it() -> None:
    quick, on_a_gpu = Hops("n", "en>pt"), Batches("b", "en>pt")
    on_a_gpu.width = 1

    assert Routes({"n": quick}, {}).width == 2
    assert Routes({"n": quick, "b": on_a_gpu}, {}).width == 1


async def test_what_fails_for_one_room_is_made_for_the_others() -> None:
    routes = Routes({"m": Batches("m", "en>de", "en>ja", fails=["en>ja"])}, {})

    good, bad, none = await routes.translate_batch(
        [TextRequest("Hi.", "en", ("de", "ja")), TextRequest("Hi.", "en", ("ja",)), TextRequest("Hi.", "en", ())]
    )

    assert not isinstance(good, EngineError)
    assert good.keys() == {"de"}
    assert isinstance(bad, EngineError)
    assert none == {}


async def test_a_library_that_stumbles_takes_no_other_engine_with_it() -> None:
    class Stumbles(Hops):
        async def translate(self, *asked: Any, **more: Any) -> Mapping[str, Translation]:
            raise ZeroDivisionError("Hi.")

    routes = Routes({"bad": Stumbles("bad", "en>de"), "n": Hops("n", "en>pt")}, {})

    broken, good = await routes.translate_batch([TextRequest("Hi.", "en", ("de",)), TextRequest("Hi.", "en", ("pt",))])

    assert isinstance(broken, EngineError)
    assert broken.message == "bad failed (ZeroDivisionError)."
    assert not isinstance(good, EngineError)
    assert good.keys() == {"pt"}


@pytest.mark.parametrize("turns", range(8))
async def test_who_leaves_at_any_moment_leaves_nothing_behind(turns: int) -> None:
    wrong: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: wrong.append(context))
    routes = Routes(
        {"n": Hops("n", "en>pt"), "m": Batches("m", "pt>es")}, BEST | table(en_es=[("n en>pt, m pt>es", 1)])
    )

    asked = asyncio.ensure_future(routes.translate("Hi.", "en", ["es", "pt"]))
    for _ in range(turns):
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await asyncio.sleep(0)

    assert wrong == []
    assert (await routes.translate("Hi.", "en", ["es"]))["es"].text == "Hi. en>pt pt>es"


async def test_the_second_hops_of_a_batch_are_a_batch_again() -> None:
    first, second = Batches("a", "en>pt"), Batches("b", "pt>es", "pt>it")
    chained = table(en_es=[("a en>pt, b pt>es", 50.0)], en_it=[("a en>pt, b pt>it", 50.0)])

    await Routes({"a": first, "b": second}, chained).translate("Hi.", "en", ["es", "it"])

    assert (len(first.batches), len(second.batches)) == (1, 1)


def test_where_nobody_measured_the_engines_stand_in_their_order_behind_what_was_measured() -> None:
    engines = {name: Hops(name, "en>de", "en>it") for name in ("nllb", "opus", "madlad", "apertium", "firefox")}

    served = Routes(engines, table(en_it=[("apertium en>it", 40.0)])).served()

    assert served.route == {"en>de": "firefox en>de", "en>it": "apertium en>it"}


async def test_two_models_around_english_make_a_pair_that_no_engine_has() -> None:
    routes = Routes({"firefox": Hops("firefox", "es>en", "en>de"), "opus": Hops("opus", "en>ja")}, {})

    made = await routes.translate("Hola.", "es", ["de", "ja", "en"])

    assert {tag: (one.text, one.engine) for tag, one in made.items()} == {
        "de": ("Hola. es>en en>de", "firefox"),
        "ja": ("Hola. es>en en>ja", "firefox+opus"),
        "en": ("Hola. es>en", "firefox"),
    }


def test_rules_and_models_of_all_pairs_are_not_led_through_english() -> None:
    routes = Routes({"apertium": Hops("apertium", "es>en", "en>de"), "nllb": Hops("nllb", "fr>en", "en>it")}, {})

    assert routes.served().languages.keys() == {"es>en", "en>de", "fr>en", "en>it"}


def test_the_reason_says_what_is_missing() -> None:
    bergamot, apertium = Hops("bergamot", "en>pt"), Hops("apertium", "pt>es")

    assert "Apertium is not installed" in Routes({"bergamot": bergamot}, BEST).served().why
    assert "no Bergamot model" in Routes({"apertium": apertium}, BEST).served().why
    assert "MADLAD-400" in Routes({"madlad": Hops("madlad", "en>pt"), "bergamot": bergamot}, BEST).served().why
    assert "German" in Routes({"bergamot": bergamot, "apertium": apertium}, BEST).served().why


# The table in the repository


def test_the_table_is_in_order_and_each_chain_leads_from_its_source_to_its_target() -> None:
    for pair, routes in read(TABLE).items():
        figures = [route.figure for route in routes if route.figure is not None]
        assert figures[:3] == sorted(figures[:3], reverse=True)
        for route in routes:
            stops = [hop.split()[1].split(">") for hop in route.hops]
            assert f"{stops[0][0]}>{stops[-1][1]}" == pair
            assert all(one[1] == next_[0] for one, next_ in pairwise(stops))
            assert 1 <= len(route.hops) <= 3


def test_the_table_says_how_it_was_measured() -> None:
    about = json.loads(TABLE.read_text())

    assert about["command"].startswith("python -m agent.engines models measure --data ")
    assert about["date"]


def test_every_pair_of_the_languages_with_a_text_is_measured() -> None:
    languages = ("en", "es", "fr", "pt", "it", "ca")
    routes = read(TABLE)

    assert [f"{a}>{b}" for a in languages for b in languages if a != b and f"{a}>{b}" not in routes] == []
    assert all(routes[f"{a}>{b}"][0].figure for a in languages for b in languages if a != b)
