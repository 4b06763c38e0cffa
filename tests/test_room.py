"""One room: who wants what, what is made for them, and what happens when engines fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count

import pytest

from agent.channels import Channels, WaysOut
from agent.engines import Consent, Reference, Translation
from agent.errors import EngineError
from agent.load import Load
from agent.nouns import Caption, Chunk, Dub, Hypothesis, Segment
from agent.participants import Wants
from agent.quotas import PEOPLE
from agent.recognition.tracks import Tracks
from agent.room import Engines, Room, RoomRules
from agent.terms.glossary import Glossary, Term
from tests.simulated_time import run

pytestmark = pytest.mark.simulated_time


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Hearing:
    """Hears in each chunk the words that its bytes spell; what is pushed is settled by the next push or the end."""

    ids = count()

    def __init__(self, recognizer: Recognizing, track: str, language: str | None) -> None:
        self._recognizer = recognizer
        self._track = track
        self._language = language or "en"
        self._held: list[Chunk] = []

    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        said, self._held = self._held, [chunk]
        return [self._segment(c) for c in said]

    async def finish(self) -> Sequence[Segment]:
        if self._recognizer.away:
            self._recognizer.away -= 1
            raise EngineError("engines_away", "Nobody answers.", retryable=True)
        said, self._held = self._held, []
        return [self._segment(c) for c in said]

    def _segment(self, chunk: Chunk) -> Segment:
        text = chunk.pcm.decode().strip()
        return Segment(f"s{next(self.ids)}", 1, self._track, self._language, text, chunk.start, chunk.end, "fake")


class Recognizing:
    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.listened: list[tuple[str, str | None]] = []

    def listen(self, track: str, language: str | None) -> Hearing:
        self.listened.append((track, language))
        return Hearing(self, track, language)


class Translating:
    """Puts the language before the text, and makes a Rosa of every Rose."""

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        return {t: Translation(f"[{t}] {text.replace('Rose', 'Rosa')}", "fake") for t in targets}


class Speaking:
    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        yield Dub(language, 16_000, text.encode(), "fake")


class Imitating:
    """Says whose sound it was given, and how much."""

    async def alike(self) -> Sequence[str]:
        return ["es"]

    async def speak_as(
        self, text: str, language: str, reference: Reference, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        told = f"{text} like {reference.consent.identity} in {reference.consent.meeting}"
        yield Dub(language, 16_000, told.encode(), "fake")


class Outside:
    """The doors, and everything that went through them."""

    def __init__(self) -> None:
        self.shown: list[Caption] = []
        self.states: list[str] = []
        self.languages: Sequence[str] = []
        self.spoken: dict[str, str] = {}
        self.suggested: dict[str, str] = {}
        self.failing: list[dict[str, str]] = []
        self.channels: dict[str, list[str]] = {}
        self.open: set[str] = set()
        self.opened: list[str] = []
        self.tracks: set[str] = set()
        self.consents: list[tuple[str, bool]] = []

    def show(self, caption: Caption) -> None:
        self.shown.append(caption)

    async def open_captions(self, lang: str) -> None:
        self.opened.append(lang)
        self.tracks.add(lang)

    async def close_captions(self, lang: str) -> None:
        self.tracks.discard(lang)

    async def open_channel(self, lang: str) -> Channel:
        self.open.add(lang)
        return Channel(self.channels.setdefault(lang, []))

    async def close_channel(self, lang: str) -> None:
        self.open.discard(lang)

    def tell_state(self, state: str, languages: Sequence[str], detected: dict[str, str]) -> None:
        if not self.states or self.states[-1] != state:
            self.states.append(state)
        self.languages = languages

    def tell_spoken(self, spoken: dict[str, str]) -> None:
        self.spoken = spoken

    def tell_suggested(self, suggested: dict[str, str]) -> None:
        self.suggested = suggested

    def tell_failing(self, failing: Mapping[str, str], by_kind: Mapping[str, int]) -> None:
        self.failing.append(dict(failing))

    def tell_lent(self, consent: Consent, stands: bool) -> None:
        self.consents.append((consent.identity, stands))

    @property
    def ways(self) -> WaysOut:
        return WaysOut(self, self)

    def finals(self, lang: str) -> list[str]:
        return [f"{c.identity}: {c.text}" for c in self.shown if c.final and c.lang == lang]


class Channel:
    def __init__(self, played: list[str]) -> None:
        self._played = played

    async def play(self, dub: Dub) -> None:
        self._played.append(dub.pcm.decode())

    async def drain(self) -> None:
        pass

    def cue(self, caption: Caption, event: str, behind: float) -> None:
        pass


@asynccontextmanager
async def a_room(
    recognizing: Recognizing | None = None, **options: object
) -> AsyncIterator[tuple[Room, Outside, Time]]:
    outside, time = Outside(), Time()
    engines = Engines(recognizing or Recognizing(), Translating(), Speaking(), likeness=Imitating())
    keep = options.pop("keep", None)
    room = Room(engines, outside.ways, outside, RoomRules(**options), now=time, keep=keep)  # type: ignore[arg-type]
    running = asyncio.create_task(room.run())
    await room.running.wait()
    room.started()
    yield room, outside, time
    room.close()
    await asyncio.wait_for(running, 10)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def speech(track: str, text: str, start: float = 99.0) -> Chunk:
    return Chunk(track, start, (text + " " * (len(text) % 2)).encode())


async def test_each_reads_in_their_own_language_under_the_speakers_name():
    async with a_room() as (room, outside, _):
        room.wants("ana", Wants("es", "es", "es"))
        room.wants("ben", Wants("en", "fr", ""))
        room.listen("ben", "t-ben")
        room.listen("ana", "t-ana")
        room.hear(speech("t-ben", "hello"))
        room.hear(speech("t-ana", "hola"))

    assert sorted(outside.finals("es")) == ["ana: hola", "ben: [es] hello"]
    assert sorted(outside.finals("fr")) == ["ana: [fr] hola", "ben: [fr] hello"]


async def test_a_voice_speaks_only_what_was_said_in_another_language():
    async with a_room() as (room, outside, _):
        room.wants("ana", Wants("es", "es", "es"))
        room.wants("ben", Wants("en", "", ""))
        await settle()
        room.listen("ana", "t-ana")
        room.listen("ben", "t-ben")
        room.hear(speech("t-ana", "hola"))
        room.hear(speech("t-ben", "hello"))
        room.stopped("t-ana")
        room.stopped("t-ben")
        await settle()

        assert outside.open == {"es"}
    assert outside.channels["es"] == ["[es] hello"]
    assert outside.open == set()


async def test_who_lent_their_voice_is_dubbed_in_one_like_it_until_they_take_it_back_or_leave():
    async with a_room(meeting="standup") as (room, outside, _):
        room.wants("ana", Wants("es", "es", "es"))
        for who in ("ben", "cid"):
            room.wants(who, Wants("en", "", ""))
        await settle()
        for text in ("lent", "held", "over"):
            room.lend("ben", text != "over")
            for who in ("ben", "cid"):
                room.listen(who, f"t-{who}")
                room.hear(speech(f"t-{who}", text.ljust(128_000), 95.0))
                room.stopped(f"t-{who}")
                await settle()
        room.lend("cid", True)
        room.left("cid")

    assert outside.channels["es"] == [
        *("[es] lent like ben in standup", "[es] lent", "[es] held like ben in standup", "[es] held"),
        *("[es] over", "[es] over"),
    ]
    assert outside.consents == [("ben", True), ("ben", False), ("cid", True), ("cid", False)]


async def test_a_name_of_the_room_is_shown_as_it_is_and_spoken_as_it_sounds():
    glossary = Glossary((Term("Rose", say={"es": "Rous"}),))
    async with a_room(glossary=glossary) as (room, outside, _):
        room.wants("ana", Wants("es", "es", "es"))
        room.wants("ben", Wants("en", "", ""))
        await settle()
        room.listen("ben", "t-ben")
        room.hear(speech("t-ben", "hello Rose"))
        room.stopped("t-ben")
        await settle()

    assert outside.finals("es") == ["ben: [es] hello Rose"]
    assert outside.channels["es"] == ["[es] hello Rous"]


async def test_a_language_is_work_only_while_somebody_wants_it():
    async with a_room() as (room, outside, time):
        room.wants("ana", Wants("en", "fr", "fr"))
        await settle()
        assert outside.open == {"fr"}

        room.wants("ana", Wants("en", "es", ""))
        time.now += Channels.LINGER + 1
        await asyncio.sleep(1.1)

        assert outside.open == set()
        assert list(outside.languages) == ["es"]


async def test_a_language_that_nobody_wants_any_more_is_given_back_and_counts_on_when_somebody_does():
    async with a_room() as (room, outside, time):
        room.wants("ana", Wants("en", "es", ""))
        await settle()
        for text in ("one", "two"):
            room.listen("ben", "t")
            room.hear(speech("t", text, time.now - 1))
            room.stopped("t")
        await settle()
        room.wants("ana", Wants("en", "", ""))
        time.now += Channels.LINGER + 1
        await asyncio.sleep(1.1)
        given_back = (room.channels.made, set(outside.tracks), room.channels.after("es", 0))

        room.wants("ana", Wants("en", "es", ""))
        await settle()
        again = room.channels.after("es", 0)

    assert given_back == ([], set(), None)
    assert outside.opened == ["es", "es"]
    assert again
    assert [(caption.seq, caption.text) for caption in again[0]] == [(3, "[es] one"), (4, "[es] two")]


async def test_four_hundred_languages_one_after_the_other_are_never_more_than_the_limit():
    async with a_room(limit=12) as (room, outside, time):
        most, refused = 0, 0
        for n in range(400):
            refused += bool(room.wants(f"p{n % 40}", Wants("en", f"q{n:03}", "")))
            most = max(most, len(room.channels.made))
            time.now += 0.01
        await settle()
        tracks = len(outside.tracks)

    assert most == 12
    assert refused == 400 - 96, "eight times the limit in the room's life"
    assert tracks <= 12


async def test_who_asks_for_one_language_after_another_has_the_one_before_given_back_at_once():
    async with a_room(limit=2) as (room, outside, _):
        refused = []
        for n in range(100):
            refused += room.wants("eve", Wants("en", f"q{n:03}", "")).values()
            await settle()

    assert len(outside.opened) == 4, "one person asks for twice the limit in the room's life"
    assert refused == ["too_many_languages"] * 96


async def test_a_language_that_comes_back_while_it_is_being_given_back_has_its_track():
    async with a_room(limit=1) as (room, outside, _):
        for tag in ("es", "fr", "es", "fr", "es"):
            room.wants("ana", Wants("en", tag, ""))
        await settle()
        tracks, languages = set(outside.tracks), list(outside.languages)

    assert tracks == {"es"}
    assert languages == ["es"]


async def test_languages_that_are_spoken_get_captions_as_far_as_the_limit_goes():
    async with a_room(limit=3) as (room, outside, _):
        for n in range(10):
            room.wants(f"p{n}", Wants(f"q{n:03}", "", ""))
            room.listen(f"p{n}", f"t{n}")
            room.hear(speech(f"t{n}", "hello"))
            room.stopped(f"t{n}")
        await settle()
        made = len(room.channels.made)

    assert made == 3
    assert len({caption.lang for caption in outside.shown}) == 3


async def test_a_microphone_that_is_muted_and_unmuted_all_the_time_is_listened_to_now_and_then():
    recognizing = Recognizing()
    async with a_room(recognizing) as (room, _, time):
        room.wants("eve", Wants("en", "en", ""))
        for _ in range(500):
            room.listen("eve", "t")
            room.stopped("t")
        await settle()
        at_once = len(recognizing.listened)
        room.listen("eve", "t")
        time.now += 4.0
        await asyncio.sleep(1.1)
        later = len(recognizing.listened)
        room.hear(speech("t", "hello"))
        room.stopped("t")
        await settle()

        assert (at_once, later) == (20, 21)
        assert [caption.text for caption in room.channels.after("en", 0)[0]] == ["hello"]  # type: ignore[index]


async def test_while_nothing_settles_no_more_tracks_are_begun_than_can_be_borne():
    recognizing = Recognizing(away=10_000)
    async with asyncio.timeout(5):
        outside, time = Outside(), Time()
        room = Room(Engines(recognizing, Translating(), Speaking()), outside.ways, outside, now=time)
        running = asyncio.create_task(room.run())
        await room.running.wait()
        for n in range(500):
            room.listen(f"p{n}", f"t{n}")
            room.hear(speech(f"t{n}", "hello"))
            room.stopped(f"t{n}")
        await settle()
        running.cancel()

    assert len(recognizing.listened) == Tracks.SETTLING


async def test_of_so_many_people_the_wishes_are_known_and_no_more():
    async with a_room() as (room, outside, _):
        refused = [room.wants(f"p{n}", Wants("en", "es", "")) for n in range(PEOPLE + 5)]

    assert refused == [{}] * PEOPLE + [{"es": "too_many_people"}] * 5
    assert len(outside.spoken) == PEOPLE


async def test_what_each_person_speaks_is_told_until_they_leave():
    async with a_room() as (room, outside, _):
        room.wants("ana", Wants("es", "", ""))
        room.wants("ben", Wants("auto", "", ""))
        told = outside.spoken
        room.left("ana")

    assert told == {"ana": "es", "ben": "auto"}
    assert outside.spoken == {"ben": "auto"}


async def test_a_speaker_who_leaves_in_mid_sentence_is_still_quoted():
    async with a_room() as (room, outside, _):
        room.wants("ana", Wants("en", "", ""))
        room.wants("ben", Wants("fr", "fr", ""))
        room.listen("ana", "t")
        room.hear(speech("t", "and so I"))
        await settle()
        room.left("ana")
        await settle()

        assert outside.finals("fr") == ["ana: [fr] and so I"]


async def test_a_mute_settles_and_an_unmute_begins_anew():
    recognizing = Recognizing()
    async with a_room(recognizing) as (room, outside, _):
        room.wants("ana", Wants("en", "en", ""))
        room.listen("ana", "t")
        room.hear(speech("t", "before"))
        room.stopped("t")
        room.hear(speech("t", "while muted"))
        room.listen("ana", "t")
        room.hear(speech("t", "after"))

    assert outside.finals("en") == ["ana: before", "ana: after"]
    assert len(recognizing.listened) == 2


async def test_a_corrected_language_is_listened_for_at_once():
    recognizing = Recognizing()
    async with a_room(recognizing) as (room, outside, _):
        room.wants("ana", Wants("auto", "", ""))
        room.listen("ana", "t")
        room.hear(speech("t", "first"))
        await settle()
        room.correct("ana", "ca")
        room.hear(speech("t", "segon"))

    assert recognizing.listened == [("t", None), ("t", "ca")]
    assert outside.finals("ca") == ["ana: [ca] first", "ana: segon"]


async def test_a_suggested_language_changes_nothing_and_is_gone_once_somebody_says_what_they_speak():
    recognizing = Recognizing()
    async with a_room(recognizing) as (room, outside, _):
        room.wants("ana", Wants("en", "", ""))
        room.listen("ana", "t")
        room.people.suggest("ana", "fr")
        suggested = outside.suggested
        room.wants("ana", Wants("en", "de", ""))
        kept = outside.suggested
        room.correct("ana", "en")

    assert recognizing.listened == [("t", "en")]
    assert suggested == kept == {"ana": "fr"}
    assert outside.suggested == {}


async def test_there_is_one_suggestion_a_person_and_none_for_who_is_not_here_or_speaks_so():
    async with a_room() as (room, outside, _):
        room.wants("ana", Wants("en", "", ""))
        for n in range(1_000):
            room.people.suggest(f"nobody-{n}", "fr")
        for language in ("fr", "es", "en-GB"):
            room.people.suggest("ana", language)
        told = outside.suggested
        room.left("ana")

    assert told == {"ana": "es"}
    assert outside.suggested == {}


async def test_a_language_beyond_the_limit_is_refused_by_name_and_the_others_go_on():
    async with a_room(limit=2) as (room, _, _):
        assert room.wants("ana", Wants("en", "es", "fr")) == {}

        assert room.wants("ben", Wants("en", "de", "fr")) == {"de": "too_many_languages"}
        assert room.wants("eve", Wants("en", "es", "")) == {}
        room.left("eve")
        assert room.wants("ana", Wants("en", "it", "nl")) == {"nl": "too_many_languages"}


async def test_forty_languages_by_one_person_after_another_stay_within_the_limit():
    async with a_room(limit=12) as (room, outside, _):
        refused = [
            room.wants(f"p{i}", Wants("en", f"q{chr(97 + i % 26)}{'' if i < 26 else 'x'}", "")) for i in range(40)
        ]
        await settle()

        assert sum(bool(r) for r in refused) == 28
        assert len(outside.languages) <= 13


async def test_engines_that_are_away_are_said_so_and_lose_nothing():
    async with a_room(Recognizing(away=2)) as (room, outside, _):
        room.wants("ana", Wants("en", "en", ""))
        room.listen("ana", "t")
        room.hear(speech("t", "hello"))
        room.stopped("t")
        await asyncio.sleep(1.0)

        assert outside.finals("en") == ["ana: hello"]
        assert outside.states == ["listening", "engines_away", "listening"]


async def test_catch_up_is_for_languages_that_have_captions():
    async with a_room() as (room, _, _):
        room.wants("ana", Wants("en", "es", ""))
        room.listen("ana", "t")
        room.hear(speech("t", "hello"))
        room.stopped("t")
        await settle()

        found = room.channels.after("es", 0)
        assert found
        assert [c.text for c in found[0]] == ["[es] hello"]
        assert room.channels.after("xx", 0) is None


class Slow(Recognizing):
    """Takes `pace` seconds for a second of sound."""

    pace = 0.1

    def listen(self, track: str, language: str | None) -> Hearing:
        return SlowHearing(self, track, language)


class SlowHearing(Hearing):
    async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
        assert isinstance(self._recognizer, Slow)
        await asyncio.sleep(self._recognizer.pace * chunk.duration)
        return await super().push(chunk)


def second(at: float) -> Chunk:
    return Chunk("t", at, b"word".ljust(32_000))


def test_what_cannot_be_kept_up_with_is_given_up_step_by_step_and_taken_back_in_the_opposite_order():
    async def scene() -> Outside:
        outside, recognizing, now = Outside(), Slow(), asyncio.get_running_loop().time
        slowed: list[bool] = []
        engines = Engines(recognizing, Translating(), Speaking(), slow=slowed.append)
        room = Room(engines, outside.ways, outside, now=now)
        running = asyncio.create_task(room.run())
        await room.running.wait()
        room.started()
        room.wants("ana", Wants("en", "en", ""))
        room.listen("ana", "t")
        for at in range(160):
            recognizing.pace = 2.0 if at < 45 else 0.1
            room.hear(second(now()))
            if at == 44:
                kept.extend((room.tracks.waiting, room.tracks.dropped))
            await asyncio.sleep(1.0)
        slow.extend(slowed)
        room.close()
        await running
        return outside

    kept: list[float] = []
    slow: list[bool] = []
    outside = run(scene())

    up = ["listening", "degraded", "slower", "merging", "captions_only", "skipping"]
    assert outside.states == [*up, *reversed(up[:-1])]
    assert slow == [False, *[True] * 7, False, False]
    assert kept[0] <= 3.0
    assert kept[1] > 0.0


def test_translations_that_lag_and_engines_that_refuse_are_noticed():
    class Stuck(Translating):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "refused":
                raise EngineError("overloaded", "Too much.", retryable=True)
            await asyncio.sleep(7.0)
            return await super().translate(text, source, targets, context)

    async def scene() -> None:
        outside, now = Outside(), asyncio.get_running_loop().time
        room = Room(Engines(Recognizing(), Stuck(), Speaking()), outside.ways, outside, now=now)
        running = asyncio.create_task(room.run())
        await room.running.wait()
        room.started()
        room.wants("ana", Wants("en", "es", ""))
        for text in ("lags", "refused"):
            room.listen("ana", text)
            room.hear(speech(text, text))
            room.stopped(text)
            await asyncio.sleep(6.0)
            strains.append(room.load)
            await asyncio.sleep(3.0)
        running.cancel()
        states.extend(outside.states)

    strains: list[Load] = []
    states: list[str] = []
    run(scene())

    assert strains[0] == Load(clause=pytest.approx(6.0, abs=0.1))
    assert strains[1].refused >= 3
    assert states[:2] == ["listening", "degraded"]


def test_while_engines_are_away_nothing_is_given_up():
    class Away(Translating):
        until = 60.0

        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if asyncio.get_running_loop().time() < self.until:
                raise EngineError("engines_away", "Nobody answers.", retryable=True)
            return await super().translate(text, source, targets, context)

    async def scene() -> tuple[list[str], list[str], float]:
        outside, now = Outside(), asyncio.get_running_loop().time
        room = Room(Engines(Recognizing(), Away(), Speaking()), outside.ways, outside, now=now)
        running = asyncio.create_task(room.run())
        await room.running.wait()
        room.started()
        room.wants("ana", Wants("en", "es", ""))
        for n in range(3):
            room.listen("ana", f"t{n}")
            room.hear(speech(f"t{n}", f"clause {n}"))
            room.stopped(f"t{n}")
        while not outside.finals("es"):  # noqa: ASYNC110  in simulated time
            await asyncio.sleep(0.01)
        back = now()
        await asyncio.sleep(1.0)
        room.close()
        await running
        return outside.states, outside.finals("es"), back

    states, finals, back = run(scene())

    assert states == ["listening", "engines_away", "listening"]
    assert finals == [f"ana: [es] clause {n}" for n in range(3)]
    assert back - Away.until < 2.0


class Writing:
    """Keeps what it is handed, and has it written down when it is told to."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str]] = []
        self.waiting: list[asyncio.Future[None]] = []

    def __call__(self, said: Segment | Caption) -> asyncio.Future[None]:
        lang = said.lang if isinstance(said, Caption) else said.language
        self.kept.append((lang, said.text))
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def write(self) -> None:
        """The oldest that waits."""
        self.waiting.pop(0).set_result(None)


async def test_nobody_sees_hears_or_is_told_a_final_before_it_is_written_down():
    writing = Writing()
    async with a_room(keep=writing) as (room, outside, _):
        room.wants("ana", Wants("en", "es", "es"))
        room.listen("ana", "t")
        room.hear(speech("t", "hello"))
        room.stopped("t")
        await settle()
        before = (
            outside.finals("en"),
            outside.finals("es"),
            room.channels.after("es", 0),
            list(outside.channels["es"]),
        )
        writing.write()
        await settle()
        original = (outside.finals("en"), outside.finals("es"))
        writing.write()
        await settle()

        assert before == ([], [], ([], False), [])
        assert original == (["ana: hello"], [])
        assert outside.finals("es") == ["ana: [es] hello"]
        assert room.channels.after("es", 0) != ([], False)
        assert outside.channels == {"es": ["[es] hello"]}
        assert writing.kept == [("en", "hello"), ("es", "[es] hello")]


async def test_what_is_said_is_kept_even_where_nobody_reads_it():
    writing = Writing()
    async with a_room(keep=writing) as (room, outside, _):
        room.listen("ana", "t")  # of whom nobody has told us
        room.hear(speech("t", "hello"))
        room.stopped("t")
        await settle()

        assert writing.kept == [("en", "hello")]
        assert outside.shown == []
        writing.write()


async def test_a_room_that_closes_waits_for_what_is_being_written_down():
    writing = Writing()
    async with a_room(keep=writing) as (room, outside, _):
        room.wants("ana", Wants("en", "", ""))
        room.listen("ana", "t")
        room.hear(speech("t", "hello"))
        await settle()
        room.stopped("t")
        await settle()
        asyncio.get_running_loop().call_later(0.05, writing.write)

    assert outside.finals("en") == ["ana: hello"]
