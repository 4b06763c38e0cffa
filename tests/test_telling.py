"""What everybody can read of an interpreter."""

from __future__ import annotations

from agent.engines import Consent
from agent.telling import Telling
from agent.wire_names import Attribute


class Put:
    def __init__(self) -> None:
        self.attributes: dict[str, str] = {}
        self.changes = 0
        self.telling = Telling(self.attributes.update, self.changed)

    def changed(self) -> None:
        self.changes += 1


def test_a_rooms_state_is_told_with_its_languages_in_order():
    put = Put()

    put.telling.tell_state("degraded", ["fr", "es"], {"ben": "de", "ana": "es"})

    assert put.attributes == {
        Attribute.STATE: "degraded",
        Attribute.LANGUAGES: "es,fr",
        Attribute.DETECTED: '{"ana":"es","ben":"de"}',
    }
    assert put.changes == 1


def test_while_sound_is_encrypted_nothing_else_is_told_of_its_state():
    put = Put()
    put.telling.tell_encrypted(True)
    put.telling.tell_encrypted(True)
    put.telling.tell_state("listening", [], {})

    assert (put.attributes[Attribute.STATE], put.telling.state) == ("encrypted", "encrypted")
    assert put.changes == 2

    put.telling.tell_encrypted(False)

    assert (put.attributes[Attribute.STATE], put.telling.state) == ("listening", "listening")


def test_who_lends_their_voice_is_named_until_they_take_it_back():
    put = Put()
    for who, stands in (("ben", True), ("ana", True), ("ben", False)):
        put.telling.tell_lent(Consent(who, "room", 0.0), stands)

    assert put.attributes[Attribute.LENT] == '["ana"]'


def test_what_fails_is_told_with_how_often_each_kind_did():
    put = Put()

    put.telling.tell_failing({"dub.fr": "internal"}, {"dub": 2})

    assert put.attributes[Attribute.FAILED] == '{"dub.fr":"internal"}'
    assert put.attributes[Attribute.FAILURES] == '{"dub":2}'
