"""What participants ask by RPC: who may, how often, and what they are answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.calls import Calls
from agent.errors import DragomanError
from agent.participants import Wants
from agent.room import Room
from agent.wire import Signer
from tests.test_room import Outside, Recognizing, Time, a_room, settle, speech

TAGS = "af sq am ar hy az eu be bn bs bg ca zh hr cs da nl et fi fr gl ka de el gu ht he hi hu is id ga it ja jv kn kk".split()  # noqa: SIM905, E501
METHODS = ("dragoman.captions", "dragoman.languages", "dragoman.lend", "dragoman.speaks")


@dataclass
class Scene:
    room: Room
    outside: Outside
    time: Time
    calls: Calls
    signer: Signer

    async def ask(self, method: str, identity: str, payload: Any) -> Any:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return json.loads(await self.calls.asked(f"dragoman.{method}", identity, text))

    async def code(self, method: str, identity: str, payload: Any) -> str:
        """The code of the refusal, or `ok`."""
        try:
            await self.ask(method, identity, payload)
        except DragomanError as error:
            return error.code
        return "ok"


@dataclass
class Present:
    """Who is in the room."""

    people: tuple[str, ...]
    of_the_house: tuple[str, ...]

    @property
    def names(self) -> dict[str, str]:
        return {identity: identity.title() for identity in self.people}

    def present(self) -> tuple[str, ...]:
        return self.people

    def hosts(self) -> tuple[str, ...]:
        return self.of_the_house


@asynccontextmanager
async def a_scene(*people: str, hosts: tuple[str, ...] = (), **options: Any) -> AsyncIterator[Scene]:
    """A room in which these people speak English."""
    async with a_room(**options) as (room, outside, time):
        for identity in people:
            room.wants(identity, Wants("en", "", ""))
        signer = Signer(7)
        calls = Calls(
            room,
            signer,
            Present(people, hosts),
            now=time,
            served=lambda: {},
            alive=lambda nonce: f"alive {nonce}",
        )
        yield Scene(room, outside, time, calls, signer)


async def test_four_hundred_languages_one_after_the_other_leave_the_limit_and_no_more():
    tags = [
        f"{tag}-{region}"
        for region in ("AA", "DE", "US", "GB", "FR", "IT", "ES", "BR", "MX", "CH", "AT")
        for tag in TAGS
    ]
    async with a_scene("eve", "ana", limit=12) as scene:
        await scene.ask("languages", "ana", {"speaks": "en", "reads": "es", "hears": ""})
        refused: set[str] = set()
        for tag in tags[:400]:
            scene.time.now += 0.25  # as fast as calls are let in
            try:
                answer = await scene.ask("languages", "eve", {"speaks": "en", "reads": tag, "hears": ""})
                refused |= set(answer["refused"].values())
            except DragomanError as error:
                refused.add(error.code)
            assert len(scene.room.channels.made) <= 12
        await settle()

        assert refused == {"too_many_languages", "too_many_calls"}
        assert len(scene.outside.opened) <= 25
        assert "es" in scene.outside.languages


async def test_calls_beyond_the_burst_are_refused_without_any_work_and_counted():
    async with a_scene("eve", "ana") as scene:
        codes = [await scene.code("captions", "eve", {"lang": "xx", "after": 0}) for _ in range(600)]

        assert codes == ["not_served"] * 20 + ["too_many_calls"] * 580
        assert scene.calls.refused == {"not_served": 20, "too_many_calls": 580}
        assert await scene.code("languages", "ana", {"reads": "es"}) == "ok"


async def test_somebody_elses_language_can_only_be_suggested_and_only_now_and_then():
    recognizing = Recognizing()
    async with a_scene("eve", "ana", recognizing=recognizing) as scene:
        scene.room.listen("ana", "t")
        await settle()
        codes = []
        for n in range(60):
            scene.time.now += 0.5
            codes.append(await scene.code("speaks", "eve", {"identity": "ana", "language": TAGS[n % 30]}))

        assert set(codes) == {"ok", "too_soon", "too_many_calls"}
        assert codes.count("ok") <= 3
        await settle()
        assert recognizing.listened == [("t", "en")]
        assert scene.outside.spoken == {"eve": "en", "ana": "en"}


async def test_a_suggestion_is_answered_as_one():
    async with a_scene("eve", "ana") as scene:
        answer = await scene.ask("speaks", "eve", {"identity": "ana", "language": "fr"})

        assert answer == {"language": "fr", "suggested": True}
        assert scene.outside.suggested == {"ana": "fr"}
        assert await scene.code("speaks", "ana", {"identity": "eve", "language": "auto"}) == "not_allowed"


@pytest.mark.parametrize("caller", ["ana", "host"])
async def test_a_persons_language_is_changed_by_that_person_and_by_a_host(caller: str):
    async with a_scene("ana", "host", hosts=("host",)) as scene:
        answer = await scene.ask("speaks", caller, {"identity": "ana", "language": "FR"})

        assert answer == {"language": "fr"}
        assert scene.outside.spoken == {"ana": "fr", "host": "en"}


async def test_a_spoken_language_changes_once_in_ten_seconds_by_whichever_call():
    async with a_scene("ana") as scene:
        codes = [await scene.code("speaks", "ana", {"identity": "ana", "language": tag}) for tag in ("fr", "fr", "es")]
        answer = await scene.ask("languages", "ana", {"speaks": "es", "reads": "de", "hears": ""})
        scene.time.now += 10.0
        later = await scene.ask("languages", "ana", {"speaks": "es", "reads": "de", "hears": ""})

        assert codes == ["ok", "ok", "too_soon"]
        assert (answer["speaks"], answer["reads"], answer["refused"]) == ("fr", "de", {"es": "too_soon"})
        assert (later["speaks"], later["refused"]) == ("es", {})


async def test_who_speaks_too_soon_what_they_read_goes_on_reading_it():
    async with a_scene("ana") as scene:
        await scene.ask("speaks", "ana", {"identity": "ana", "language": "fr"})
        answer = await scene.ask("languages", "ana", {"speaks": "es", "reads": "es", "hears": ""})

        assert (answer["speaks"], answer["reads"], answer["refused"]) == ("fr", "es", {"es": "too_soon"})


async def test_what_a_call_does_not_name_stays_as_it_is():
    async with a_scene("ana", "host", hosts=("host",)) as scene:
        await scene.ask("languages", "ana", {"reads": "de", "hears": "es"})
        await scene.ask("speaks", "host", {"identity": "ana", "language": "fr"})
        answer = await scene.ask("languages", "ana", {"hears": ""})

        assert (answer["speaks"], answer["reads"], answer["hears"]) == ("fr", "de", "")


async def test_a_page_that_says_again_what_it_said_does_not_undo_what_a_host_set():
    async with a_scene("ana", "host", hosts=("host",)) as scene:
        await scene.ask("languages", "ana", {"speaks": "en", "reads": "de", "hears": ""})
        await scene.ask("speaks", "host", {"identity": "ana", "language": "fr"})
        answer = await scene.ask("languages", "ana", {"speaks": "en", "reads": "es", "hears": ""})

        assert answer["speaks"] == "fr"
        assert scene.outside.spoken["ana"] == "fr"


async def test_who_changes_back_what_they_said_by_another_call_is_heard():
    async with a_scene("ana") as scene:
        await scene.ask("languages", "ana", {"speaks": "en", "reads": "", "hears": ""})
        await scene.ask("speaks", "ana", {"identity": "ana", "language": "fr"})
        scene.time.now += 10.0

        assert (await scene.ask("languages", "ana", {"speaks": "en"}))["speaks"] == "en"


async def test_a_voice_is_lent_and_taken_back_by_a_call():
    async with a_scene("ana") as scene:
        answers = [await scene.ask("lend", "ana", {"given": given}) for given in (True, True, False)]

        assert answers == [{"given": True}, {"given": True}, {"given": False}]
        assert await scene.code("lend", "ana", {"given": 1}) == "bad_request"


async def test_the_forty_first_voice_is_not_lent():
    people = [f"p{n}" for n in range(45)]
    async with a_scene(*people) as scene:
        answers = [await scene.ask("lend", person, {"given": True}) for person in people]

        assert [answer["given"] for answer in answers] == [True] * 40 + [False] * 5


async def test_finals_are_signed_once_however_often_they_are_asked_for(monkeypatch: pytest.MonkeyPatch):
    async with a_scene("ana") as scene:
        scene.room.wants("ana", Wants("en", "en", ""))
        for n in range(50):
            scene.room.transcript.tell(_segment(n, scene.time.now))
        await settle()
        shown = [scene.signer.caption(caption).decode() for caption in scene.outside.shown]
        monkeypatch.setattr(scene.signer, "_sign", lambda payload: pytest.fail("signed again"))
        asked = await scene.ask("captions", "ana", {"lang": "en", "after": 0})

        assert len(shown) == 50
        assert asked["frames"] == shown


async def test_names_come_along_with_what_was_said():
    async with a_scene("ana") as scene:
        scene.room.wants("ana", Wants("en", "en", ""))
        scene.room.listen("ana", "t")
        scene.room.hear(speech("t", "hello"))
        scene.room.stopped("t")
        await settle()

        assert (await scene.ask("captions", "ana", {"lang": "en"}))["names"] == {"ana": "Ana"}


@pytest.mark.parametrize(
    ("method", "payload", "code"),
    [
        ("captions", "no json", "bad_json"),
        ("captions", "[" * 1_900, "bad_json"),
        ("captions", '{"lang": "en", "after": NaN}', "bad_json"),
        ("captions", '{"lang": "en", "after": 1e999}', "bad_request"),
        ("captions", '{"lang": "en", "after": ' + "9" * 1_500 + "}", "bad_request"),
        ("captions", {"lang": "en", "after": True}, "bad_request"),
        ("captions", {"lang": "en", "after": 1.0}, "bad_request"),
        ("captions", {"lang": ["en"]}, "bad_request"),
        ("captions", {"lang": "en", "pad": "x" * 2_000}, "bad_request"),
        ("captions", '{"lang": "\\ud800"}', "not_served"),
        ("languages", {"reads": {"en": 1}}, "bad_request"),
        ("languages", {"reads": "x" * 300}, "bad_request"),
        ("speaks", {"identity": "ana", "language": 7}, "bad_request"),
        ("speaks", {"identity": ["ana"], "language": "en"}, "bad_request"),
        ("speaks", {"identity": "nobody", "language": "en"}, "bad_request"),
        ("speaks", '{"identity": "\\ud800", "language": "en"}', "bad_request"),
        ("lend", {"given": "yes"}, "bad_request"),
        ("lend", {}, "bad_request"),
    ],
)
async def test_a_call_that_makes_no_sense_gets_a_code(method: str, payload: Any, code: str):
    async with a_scene("ana") as scene:
        assert await scene.code(method, "ana", payload) == code


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
FIELDS = ("lang", "after", "identity", "language", "speaks", "reads", "hears", "given")
ASKED = st.dictionaries(st.sampled_from(FIELDS), ANYTHING | st.sampled_from(["ana", "en", "auto", "es-419", -1, 2**64]))
PAYLOADS = st.text(max_size=50) | ANYTHING.map(json.dumps) | ASKED.map(json.dumps)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked=st.lists(st.tuples(st.sampled_from(METHODS), PAYLOADS), min_size=1, max_size=12))
async def test_whatever_is_sent_is_answered_with_json_or_a_code(asked: list[tuple[str, str]]):
    async with a_scene("ana", "ben") as scene:
        for method, payload in asked:
            try:
                answer = await scene.calls.asked(method, "ana", payload)
            except DragomanError as error:
                assert error.code.isidentifier()  # noqa: PT017  most calls raise nothing
            else:
                answer.encode()
                assert isinstance(json.loads(answer), dict)


def _segment(n: int, now: float) -> Any:
    from agent.nouns import Segment

    return Segment(f"s{n}", 1, "t", "en", f"clause {n}", now - 1.0, now, "fake", identity="ana")


async def test_whether_we_live_is_signed_for_the_web_server_and_for_nobody_in_the_room():
    async with a_scene("ana") as scene:
        assert await scene.calls.asked("dragoman.alive", "", "a nonce") == "alive a nonce"
        with pytest.raises(DragomanError) as refused:
            await scene.calls.asked("dragoman.alive", "ana", "a nonce")
        assert refused.value.code == "not_allowed"
