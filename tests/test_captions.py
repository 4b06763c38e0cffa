"""One language's captions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agent.captions import Captioner, CaptionerDoors
from agent.engines import Translation
from agent.errors import EngineError
from agent.languages import same_language
from agent.nouns import Caption, Hypothesis, Segment
from agent.terms.enforce import TermEnforcer
from agent.terms.glossary import Glossary, Term
from agent.transcript import Transcript
from agent.translations import SharedTranslations

pytestmark = pytest.mark.simulated_time


class Translating:
    """Puts `[lang]` before the text, writes down what it was asked, knows some words, and fails as often as told."""

    def __init__(self, fail: int = 0, unserved: Sequence[str] = (), words: Mapping[str, str] | None = None) -> None:
        self.asked: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._fail = fail
        self._unserved = unserved
        self._words = words or {}

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        self.asked.append((text, tuple(targets), tuple(context)))
        await self.go_on.wait()
        if self._fail:
            self._fail -= 1
            raise EngineError("engines_away", "Nobody answers.", retryable=True)
        for word, theirs in self._words.items():
            text = text.replace(word, theirs)
        return {t: Translation(f"[{t}] {text}", "fake") for t in targets if t not in self._unserved}


class Desk(CaptionerDoors):
    """Captioners of some languages over one transcript, and what they showed."""

    def __init__(
        self,
        translating: Translating,
        *langs: str,
        previews: bool = True,
        merging: bool = False,
        preview_by: Translating | None = None,
        glossary: Glossary | None = None,
    ) -> None:
        self.transcript = Transcript()
        self.translating = translating
        self.shown: list[Caption] = []
        self.handed_on: list[Caption] = []
        self.failures: list[str] = []
        together = SharedTranslations(
            TermEnforcer(translating, glossary or Glossary()), lambda: langs, previews=preview_by
        )
        self._previews, self._merging = previews, merging
        self.captioners = [Captioner(lang, together, self, now=lambda: 100.0) for lang in langs]

    def show(self, caption: Caption) -> None:
        self.shown.append(caption)

    def say(self, final: Caption) -> None:
        self.handed_on.append(final)

    def previews(self) -> bool:
        return self._previews

    def merging(self) -> bool:
        return self._merging

    def failed(self, error: EngineError) -> None:
        self.failures.append(error.code)

    def finals(self, lang: str) -> list[tuple[int | None, str]]:
        return [(c.seq, c.text) for c in self.shown if c.lang == lang and c.final]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(captioner.run(self.transcript)) for captioner in self.captioners]
            await settle()
            yield
            await settle()
            for task in tasks:
                task.cancel()


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def said(name: str, text: str, end: float = 99.0, identity: str = "ana", language: str = "en") -> Segment:
    return Segment(name, 5, "t1", language, text, end - 2, end, "whisper", identity=identity)


def guess(name: str, rev: int, text: str, stable: int) -> Hypothesis:
    return Hypothesis(name, rev, "t1", "en", text, stable, 97.0, 99.0, "whisper", identity="ana")


async def test_a_clause_is_translated_once_for_all_languages_together():
    desk = Desk(Translating(), "es", "fr", "de")

    async with desk.open():
        desk.transcript.tell(said("a", "hello all"))

    assert [set(targets) for _, targets, _ in desk.translating.asked] == [{"es", "fr", "de"}]
    assert desk.finals("es") == [(1, "[es] hello all")]
    assert desk.finals("fr") == [(1, "[fr] hello all")]


async def test_the_spoken_language_needs_no_translation():
    desk = Desk(Translating(), "en")

    async with desk.open():
        desk.transcript.tell(said("a", "hello all"))

    assert desk.finals("en") == [(1, "hello all")]
    assert desk.translating.asked == []


async def test_finals_are_numbered_from_one_and_remembered():
    desk = Desk(Translating(), "es")

    async with desk.open():
        for i in range(4):
            desk.transcript.tell(said(f"s{i}", f"clause {i}"))

    captions, more = desk.captioners[0].after(1, most=2)
    assert [c.seq for c in captions] == [2, 3]
    assert more
    assert desk.captioners[0].after(4) == ([], False)


async def test_clauses_before_it_of_the_same_speaker_go_along_as_context():
    desk = Desk(Translating(), "es")

    async with desk.open():
        for name, who in (("a", "ana"), ("b", "ben"), ("c", "ana"), ("d", "ana"), ("e", "ana")):
            desk.transcript.tell(said(name, f"clause {name}", identity=who))
            await settle()

    assert desk.translating.asked[-1][2] == ("clause c", "clause d")


async def test_of_so_many_speakers_the_last_clauses_are_remembered_and_no_more():
    desk = Desk(Translating(), "es")

    async with desk.open():
        for n in range(Captioner.SPEAKERS + 50):
            desk.transcript.tell(said(f"s{n}", f"clause {n}", identity=f"p{n}"))
            await settle()

    assert len(desk.captioners[0]._before) == Captioner.SPEAKERS


async def test_an_engine_that_is_away_loses_no_final_and_is_told_of():
    desk = Desk(Translating(fail=2), "es")

    async with desk.open():
        desk.transcript.tell(said("a", "one"))
        desk.transcript.tell(said("b", "two"))
        await asyncio.sleep(0.8)

    assert desk.finals("es") == [(1, "[es] one"), (2, "[es] two")]
    assert desk.failures == ["engines_away", "engines_away"]


async def test_a_pair_that_nothing_serves_shows_nothing_and_stops_nobody():
    desk = Desk(Translating(unserved=["gl"]), "gl", "es")

    async with desk.open():
        desk.transcript.tell(said("a", "hello"))
        desk.transcript.tell(said("b", "hola", language="gl"))

    assert desk.finals("gl") == [(1, "hola")]
    assert desk.finals("es") == [(1, "[es] hello"), (2, "[es] hola")]


async def test_a_captioner_that_is_dropped_in_mid_call_does_not_take_the_others_with_it():
    desk = Desk(Translating(), "es", "fr")
    desk.translating.go_on.clear()

    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(c.run(desk.transcript)) for c in desk.captioners)
        await settle()
        desk.transcript.tell(said("a", "hello"))
        await settle()
        first.cancel()
        await settle()
        desk.translating.go_on.set()
        await asyncio.sleep(0.5)
        second.cancel()

    assert desk.finals("fr") == [(1, "[fr] hello")]


async def test_who_begins_to_read_late_gets_the_last_minutes_but_hears_them_not():
    desk = Desk(Translating(), "es")
    desk.transcript.tell(said("old", "long ago", end=1.0))
    desk.transcript.tell(said("new", "just now", end=99.0))

    await asyncio.sleep(0)
    desk.captioners[0]._now = lambda: 200.0
    async with desk.open():
        desk.transcript.tell(said("live", "and now", end=199.0))

    assert [text for _, text in desk.finals("es")] == ["[es] just now", "[es] and now"]
    assert [c.id for c in desk.handed_on] == ["live"]


async def test_a_captioner_that_is_started_again_repeats_nothing():
    desk = Desk(Translating(), "es")
    async with desk.open():
        desk.transcript.tell(said("a", "one"))

    async with desk.open():
        desk.transcript.tell(said("b", "two"))

    assert desk.finals("es") == [(1, "[es] one"), (2, "[es] two")]


async def test_interims_are_shown_in_the_spoken_language_and_previewed_in_others_from_their_stable_part():
    desk = Desk(Translating(), "en", "es")

    async with desk.open():
        desk.transcript.tell(guess("a", 1, "one two three four", 13))

    shown = {c.lang: (c.text, c.stable, c.final, c.seq) for c in desk.shown}
    assert shown["en"] == ("one two three four", 13, False, None)
    assert shown["es"] == ("[es] one two three", 0, False, None)


async def test_names_of_the_room_are_kept_in_finals_and_in_previews():
    glossary = Glossary((Term("Rose"), Term("board", "en", {"es": "junta"})))
    desk = Desk(Translating(words={"Rose": "Rosa", "board": "tablero"}), "es", glossary=glossary)

    async with desk.open():
        desk.transcript.tell(guess("a", 1, "Rose and the board met", 18))
        desk.transcript.tell(said("b", "Rose and the board met."))

    assert [c.text for c in desk.shown] == ["[es] Rose and the junta", "[es] Rose and the junta met."]


async def test_previews_are_the_first_to_go():
    desk = Desk(Translating(), "en", "es", previews=False)

    async with desk.open():
        desk.transcript.tell(guess("a", 1, "one two three four", 13))

    assert {c.lang for c in desk.shown} == {"en"}


async def behind(desk: Desk, *segments: Segment) -> None:
    """Something is being translated while these wait."""
    desk.translating.go_on.clear()
    desk.transcript.tell(said("first", "well"))
    await settle()
    for segment in segments:
        desk.transcript.tell(segment)
    desk.translating.go_on.set()


async def test_merging_clauses_that_wait_are_translated_as_one_and_each_gets_its_share():
    desk = Desk(Translating(), "es", "fr", merging=True)

    async with desk.open():
        await behind(
            desk, said("a", "we all went", 95.0), said("b", "to the market.", 97.0), said("c", "It rained.", 99.0)
        )

    assert [text for text, _, _ in desk.translating.asked] == ["well", "we all went to the market. It rained."]
    assert desk.finals("es") == [(1, "[es] well"), (2, "[es] we all"), (3, "went to the market."), (4, "It rained.")]
    assert [caption.id for caption in desk.shown if caption.lang == "fr"] == ["first", "a", "b", "c"]
    assert [caption.id for caption in desk.handed_on if caption.lang == "es"] == ["first", "a", "b", "c"]


async def test_clauses_of_others_and_of_other_languages_are_not_merged_and_lose_no_turn():
    desk = Desk(Translating(), "es", merging=True)

    async with desk.open():
        await behind(
            desk,
            said("a", "we all went", 95.0),
            replace(said("b", "did you", identity="ben"), track="t2"),
            said("c", "to the market", 97.0),
            said("d", "nous aussi", language="fr"),
        )

    assert [text for text, _, _ in desk.translating.asked[1:]] == ["we all went to the market", "did you", "nous aussi"]
    assert [seq for seq, _ in desk.finals("es")] == [1, 2, 3, 4, 5]


async def test_what_was_said_long_apart_or_too_much_is_not_merged():
    desk = Desk(Translating(), "es", merging=True)

    async with desk.open():
        await behind(desk, *(said(f"s{n}", f"clause {n}", 50.0 + n) for n in range(8)), said("far", "later", 99.0))

    assert [text.count("clause") for text, _, _ in desk.translating.asked[1:]] == [6, 2, 0]


async def test_a_translation_with_too_few_words_to_go_round_is_made_clause_by_clause():
    class Terse(Translating):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            await super().translate(text, source, targets, context)
            return {target: Translation("Sí.", "fake") for target in targets}

    desk = Desk(Terse(), "es", merging=True)

    async with desk.open():
        await behind(desk, said("a", "yes"), said("b", "I do"))

    assert desk.finals("es") == [(1, "Sí."), (2, "Sí."), (3, "Sí.")]
    assert [text for text, _, _ in desk.translating.asked[2:]] == ["yes", "I do"]


async def test_merged_clauses_are_asked_for_again_like_any_other():
    desk = Desk(Translating(), "es", merging=True)

    async with desk.open():
        await behind(desk, said("a", "one"), said("b", "two"))
        desk.translating._fail = 1
        await asyncio.sleep(0.5)

    assert [seq for seq, _ in desk.finals("es")] == [1, 2, 3]
    assert desk.failures == ["engines_away"]


async def test_without_merging_every_clause_is_its_own():
    desk = Desk(Translating(), "es")

    async with desk.open():
        await behind(desk, said("a", "one"), said("b", "two"))

    assert [text for text, _, _ in desk.translating.asked] == ["well", "one", "two"]


async def test_the_clause_that_is_being_settled_can_be_asked_for():
    desk = Desk(Translating(), "es")

    async with desk.open():
        await behind(desk)
        desk.translating.go_on.clear()
        await settle()
        before = desk.captioners[0].settling
        desk.transcript.tell(said("a", "one"))
        await settle()
        during = desk.captioners[0].settling
        desk.translating.go_on.set()

    assert [before, during, desk.captioners[0].settling] == ["", "a", ""]


async def test_previews_are_asked_of_their_own_translator_and_a_refusal_is_told():
    class Refusing(Translating):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            await super().translate(text, source, targets, context)
            raise EngineError("overloaded", "Too much.", retryable=True)

    previews = Refusing()
    desk = Desk(Translating(), "es", preview_by=previews)

    async with desk.open():
        desk.transcript.tell(guess("a", 1, "one two three four", 13))
        await settle()
        desk.transcript.tell(said("a", "one two three four"))

    assert [text for text, _, _ in previews.asked] == ["one two three"]
    assert [text for text, _, _ in desk.translating.asked] == ["one two three four"]
    assert desk.failures == ["overloaded"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("pt", "pt-BR", True),
        ("en-GB", "en-US", True),
        ("zh-Hans", "zh-Hant", False),
        ("zh-Hans-CN", "zh-Hans", True),
        ("pt", "es", False),
    ],
)
def test_languages_are_the_same_where_one_can_read_the_other(one: str, other: str, same: bool):
    assert same_language(one, other) is same


async def test_finals_wait_for_what_comes_before_them_and_interims_for_nothing():
    desk, written = Desk(Translating(), "en"), dict[str, asyncio.Future[None]]()

    def keep(final: Caption) -> asyncio.Future[None]:
        return written.setdefault(final.id, asyncio.get_running_loop().create_future())

    desk.keep = keep  # type: ignore[method-assign]
    async with desk.open():
        desk.transcript.tell(said("a", "one"))
        desk.transcript.tell(said("b", "two"))
        desk.transcript.tell(guess("c", 1, "three", 5))
        await settle()
        at_first = [caption.text for caption in desk.shown]
        written["b"].set_result(None)
        await settle()
        out_of_turn = [caption.text for caption in desk.shown]
        written["a"].set_result(None)

    assert at_first == ["three"]
    assert out_of_turn == ["three"]
    assert desk.finals("en") == [(1, "one"), (2, "two")]
