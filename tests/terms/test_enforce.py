"""A translator that keeps a room's terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from agent.engines import Translation
from agent.errors import EngineError
from agent.terms.enforce import TermEnforcer
from agent.terms.glossary import STANDINS, Glossary, Term

BOARD = Glossary((Term("board", "en", {"es": "junta", "fr": "conseil"}), Term("Rose")))


class Wordwise:
    """Translates word by word, into all languages alike, and writes down what it was asked."""

    def __init__(self, words: Mapping[str, str], spoil: Callable[[str], str] = lambda text: text) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.contexts: list[Sequence[str]] = []
        self.fails: set[str] = set()
        self.serves = {"es", "fr"}
        self._words = words
        self._spoil = spoil

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        self.asked.append((text, tuple(targets)))
        self.contexts.append(context)
        if any(word in text for word in self.fails):
            raise EngineError("engine_failed", "No.")
        made = re.sub(r"\w+", lambda word: self._words.get(word[0], word[0]), text)
        return {target: Translation(self._spoil(made), "wordwise") for target in targets if target in self.serves}


def without_standins(text: str) -> str:
    return re.sub("|".join(STANDINS), "somebody", text)


async def texts(faithful: TermEnforcer, text: str, *targets: str) -> dict[str, str]:
    return {tag: made.text for tag, made in (await faithful.translate(text, "en", targets, ["Before."])).items()}


async def test_a_clause_without_terms_is_translated_once_as_it_is():
    engine = Wordwise({"hello": "hola"})

    assert await texts(TermEnforcer(engine, BOARD), "hello all", "es") == {"es": "hola all"}
    assert engine.asked == [("hello all", ("es",))]
    assert engine.contexts == [["Before."]]


async def test_a_name_that_the_engine_keeps_by_itself_costs_nothing():
    engine = Wordwise({"met": "vio"})

    assert await texts(TermEnforcer(engine, BOARD), "Rose met", "es", "fr") == {
        "es": "Rose vio",
        "fr": "Rose vio",
    }
    assert len(engine.asked) == 1


async def test_a_name_that_the_engine_translates_is_kept_all_the_same():
    engine = Wordwise({"Rose": "Rosa", "met": "vio"})

    assert await texts(TermEnforcer(engine, BOARD), "Rose met Rose", "es") == {"es": "Rose vio Rose"}
    assert [text for text, _ in engine.asked] == ["Rose met Rose", f"{STANDINS[0]} met {STANDINS[0]}"]
    assert engine.contexts == [["Before."], ["Before."]]


async def test_a_term_is_called_in_each_language_what_the_host_calls_it():
    made = await texts(TermEnforcer(Wordwise({"board": "tablero"}), BOARD), "The board met.", "es", "fr")

    assert made == {"es": "The junta met.", "fr": "The conseil met."}


async def test_only_languages_in_which_a_term_is_missing_are_asked_for_again():
    engine = Wordwise({"board": "junta"})

    await texts(TermEnforcer(engine, BOARD), "The board met.", "es", "fr")

    assert [targets for _, targets in engine.asked] == [("es", "fr"), ("fr",)]


async def test_a_language_for_which_the_host_said_nothing_gets_the_engines_word():
    engine = Wordwise({"board": "Vorstand"})
    engine.serves = {"de"}

    assert await texts(TermEnforcer(engine, BOARD), "The board met.", "de") == {"de": "The Vorstand met."}
    assert len(engine.asked) == 1


async def test_where_a_stand_in_is_lost_the_engines_own_word_is_replaced():
    engine = Wordwise({"board": "tablero"}, without_standins)

    assert await texts(TermEnforcer(engine, BOARD), "The board met.", "es") == {"es": "The junta met."}


async def test_where_nothing_helps_the_clause_stays_as_the_engine_made_it():
    engine = Wordwise(
        {"board": "tablero"},
        lambda text: without_standins(text).replace("tablero", "mesa" if "met" in text else "silla"),
    )

    assert await texts(TermEnforcer(engine, BOARD), "The board met.", "es") == {"es": "The mesa met."}


async def test_a_failure_beside_the_clause_itself_loses_no_clause():
    engine = Wordwise({"board": "tablero"})
    engine.fails = {STANDINS[0]}

    assert await texts(TermEnforcer(engine, BOARD), "The board met.", "es") == {"es": "The junta met."}


async def test_where_a_term_was_once_missing_both_ways_are_taken_at_once_and_the_better_one_is_shown():
    engine = Wordwise({"board": "tablero"})
    faithful = TermEnforcer(engine, BOARD)
    await texts(faithful, "The board met.", "es")
    engine.asked.clear()

    made = await texts(faithful, "A board.", "es", "qaa")

    assert made == {"es": "A junta."}
    assert engine.asked == [("A board.", ("es", "qaa")), (f"A {STANDINS[0]}.", ("es",))]


async def test_what_made_a_translation_is_said_as_before():
    made = await TermEnforcer(Wordwise({"board": "tablero"}), BOARD).translate("board", "en", ["es"])

    assert made["es"].engine == "wordwise"
