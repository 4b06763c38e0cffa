"""What is split over segments, said again or translated."""

from __future__ import annotations

from collections.abc import Sequence

from agent.nouns import Segment
from agent.vault.redaction import Masked, Redactor, Thread


class Talk:
    """A meeting whose store keeps the highest revision of everything."""

    def __init__(self) -> None:
        self.thread = Thread(Redactor(names=("Ana López",)))
        self.stored: dict[tuple[str, str], Masked] = {}
        self.clock = 0.0

    def say(self, id: str, language: str, text: str, *, identity: str = "ana", pause: float = 0.5) -> None:
        start = self.clock + pause
        self.clock = start + 3.0
        segment = Segment(id, 1, "TR_1", language, text, start, self.clock, "test", identity=identity)
        settled = self.thread.settle(segment)
        self._store([settled.newest, *settled.anew])

    def translate(self, id: str, language: str, text: str) -> None:
        self._store([self.thread.translated(id, language, text, 1)])

    def text(self, id: str, language: str = "en") -> str:
        return self.stored[id, language].text

    def _store(self, many: Sequence[Masked]) -> None:
        for one in many:
            before = self.stored.get((one.id, one.language))
            assert before is None or one.rev > before.rev
            self.stored[one.id, one.language] = one


def test_a_thousand_voices_are_not_all_remembered() -> None:
    talk = Talk()

    for n in range(1_000):
        talk.say(f"s{n}", "en", "Hello.", identity=f"guest-{n}")

    assert len(talk.thread._windows) == 256


def test_a_card_split_over_three_segments_and_two_languages_is_masked_in_all_and_in_their_translations() -> None:
    talk = Talk()

    talk.say("s1", "en", "My card is four one one one, one one")
    talk.translate("s1", "es", "Mi tarjeta es cuatro uno uno uno, uno uno")
    talk.say("s2", "en", "one one, one one")
    talk.translate("s2", "es", "11, 11")
    talk.say("s3", "es", "uno uno, uno uno uno uno, gracias.")
    talk.translate("s3", "en", "1 1, 1111, thank you.")

    assert [talk.text(f"s{at}") for at in (1, 2)] == ["My card is [card]", "[card]"]
    assert talk.text("s3", "es") == "[card], gracias."
    assert talk.text("s3", "en") == "[card], thank you."
    assert talk.text("s1", "es") == "Mi tarjeta es [card]"
    assert talk.text("s2", "es") == "[card]"
    assert talk.stored["s1", "en"].rev == talk.stored["s1", "es"].rev == 2


def test_an_address_split_over_two_segments_is_masked_in_both() -> None:
    talk = Talk()

    talk.say("s1", "en", "Write to joe underscore doe at example.")
    talk.say("s2", "en", "Dot org, please.")

    assert (talk.text("s1"), talk.text("s2")) == ("Write to [e-mail]", "[e-mail], please.")


def test_what_somebody_else_repeats_is_masked_and_so_is_what_was_said_before_it_was_known() -> None:
    talk = Talk()

    talk.say("s1", "en", "There was 0199 2002 on the note.", identity="ben")
    talk.say("s2", "en", "Yes, call 0199 2002.")
    talk.say("s3", "en", "So 01 99 20 02 it is.", identity="ben")

    assert talk.text("s1") == "There was [phone] on the note."
    assert talk.text("s2") == "Yes, call [phone]."
    assert talk.text("s3") == "So [phone] it is."


def test_another_voice_in_between_breaks_no_number() -> None:
    talk = Talk()

    talk.say("s1", "en", "Four one one one, one one one one")
    talk.say("s2", "en", "Yes.", identity="ben")
    talk.say("s3", "en", "one one one one one one one one.")

    assert talk.text("s1") == "[card]"
    assert talk.text("s2") == "Yes."
    assert talk.text("s3") == "[card]."


def test_numbers_a_minute_apart_are_no_number() -> None:
    talk = Talk()

    talk.say("s1", "en", "It was 4111 1111")
    talk.say("s2", "en", "and 1111 1111", pause=61.0)

    assert talk.text("s1") == "It was 4111 1111"
    assert talk.text("s2") == "and 1111 1111"


def test_digits_that_a_translation_changed_are_masked_all_the_same() -> None:
    talk = Talk()

    talk.say("s1", "en", "My card is 4111 1111 1111 1111.")
    talk.translate("s1", "es", "Mi tarjeta es 4.111.111 y 1111111.")

    assert talk.text("s1", "es") == "Mi tarjeta es [card] y [card]."


def test_an_address_that_a_translation_took_for_words_is_masked() -> None:
    talk = Talk()

    talk.say("s1", "en", "Mail joe at example dot org now.")
    talk.translate("s1", "es", "Correo joe en ejemplo punto org ahora.")

    assert "joe" not in talk.text("s1", "es")
    assert "ejemplo" not in talk.text("s1", "es")


def test_a_date_of_birth_is_masked_in_a_translation_that_lost_the_word_for_it() -> None:
    talk = Talk()

    talk.say("s1", "en", "Born 3 May 1985.")
    talk.translate("s1", "es", "Llegó al mundo el 3 de mayo de 1985.")

    assert talk.text("s1", "es") == "Llegó al mundo el [date of birth]."


def test_ordinary_talk_is_stored_once_and_as_it_was() -> None:
    talk = Talk()

    said = ["We have 4 apples", "and 3 pears", "in 2024 it was 17 and 1 more", "at 5 we are done."]
    for at, text in enumerate(said):
        talk.say(str(at), "en", text)

    assert [talk.text(str(at)) for at in range(len(said))] == said
    assert {one.rev for one in talk.stored.values()} == {1}


def test_nothing_that_was_said_is_in_what_is_printed() -> None:
    talk = Talk()

    talk.say("s1", "en", "My card is 4111 1111 1111 1111, pumpkin.")

    assert "pumpkin" not in repr(talk.stored)
    assert "4111" not in repr(vars(talk.thread))
