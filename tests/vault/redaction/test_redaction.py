"""What is found in one text, whatever that text is."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.vault.redaction import Kind, Redactor
from agent.vault.redaction.kinds import MARKS

REDACTOR = Redactor(names=("Ana López", "Will Smith", "Jürgen Müller"), words=("Project Falcon",))
LANGUAGES = ("en", "es", "fr", "de", "pt", "pt-BR", "ja", "")

masks = pytest.mark.parametrize(
    ("language", "text", "masked"),
    [
        ("en", "Pay with 4111 1111 1111 1111.", "Pay with [card]."),
        ("en", "It's four triple one, one one one one, one one one one, double one one one.", "It's [card]."),
        ("es", "Es cuatro uno uno uno, uno uno uno uno, uno uno uno uno, uno uno uno uno.", "Es [card]."),
        ("fr", "C'est quarante et un onze onze onze onze onze onze onze.", "C'est [card]."),
        ("de", "Also einundvierzig elf elf elf elf elf elf elf.", "Also [card]."),
        ("en", "Write to ana at example dot org.", "Write to [e-mail]."),
        ("es", "Escribe a ana punto lopez arroba ejemplo punto com.", "Escribe a [e-mail]."),
        ("fr", "Écrivez à ana tiret bas lopez arobase exemple point fr.", "Écrivez à [e-mail]."),
        ("de", "Schreib an ana at-Zeichen g m x Punkt de.", "Schreib an [e-mail]."),
        ("pt", "Escreve para ana arroba exemplo ponto com ponto br.", "Escreve para [e-mail]."),
        ("en", "Ring me on oh two oh, seven nine four six, oh double one eight.", "Ring me on [phone]."),
        ("pt", "O CPF é 529.982.247-25.", "O CPF é [ID number]."),
        ("de", "Meine IBAN ist DE89 3704 0044 0532 0130 00.", "Meine IBAN ist [IBAN]."),
        ("en", "It's g b eight two w e s t as in tango, one two three four five six nine eight seven six five four "
               "three two.", "It's [IBAN]."),
        ("en", "Ping one ninety two dot one sixty eight dot zero dot one.", "Ping [IP address]."),
        ("en", "See example.org/a?token=s3cr3t and example.org/a.", "See [link] and example.org/a."),
        ("en", "I was born on the third of May nineteen eighty five.", "I was born on [date of birth]."),
        ("en", "We met on the third of May nineteen eighty five.", "We met on the third of May nineteen eighty five."),
        ("de", "Das ist Müllers Auto, nicht das von juergen.", "Das ist [name] Auto, nicht das von juergen."),
        ("en", "Will you ask Will? I will mark it, said A-N-A.", "Will you ask [name]? I will mark it, said [name]."),
        ("en", "project  falcon is late", "[removed] is late"),
    ],
)  # fmt: skip


@masks
def test_a_value_is_masked_as_it_is_written_and_as_it_is_said(language: str, text: str, masked: str) -> None:
    assert REDACTOR.mask(text, language)[0] == masked


def test_the_characters_found_are_those_of_the_text_given() -> None:
    text = "Grüße 🎉, meine Karte: vier eins eins eins eins eins eins eins eins eins eins eins eins eins eins eins!"

    [found] = REDACTOR.find(text, "de")

    assert text[found.start : found.end].startswith("vier eins")
    assert text[found.end :] == "!"


def test_a_number_that_stands_again_without_a_word_about_it_is_masked_again() -> None:
    made, found = REDACTOR.mask("Call 0199 2002. Again: 01 99 20 02.", "en")

    assert made == "Call [phone]. Again: [phone]."
    assert [one.kind for one in found] == [Kind.phone, Kind.phone]


def test_a_card_that_was_heard_wrong_is_masked_where_it_is_called_a_card() -> None:
    assert REDACTOR.mask("My card is 4111 1111 1111 1112.", "en")[0] == "My card is [card]."
    assert REDACTOR.mask("The order is 4111 1111 1111 1112.", "en")[0] == "The order is 4111 1111 1111 1112."


def test_only_the_kinds_that_are_wanted_are_looked_for() -> None:
    redactor = Redactor(names=["Ana"], kinds=frozenset({Kind.email}))

    assert redactor.mask("Ana is ana@example.org at 10.0.0.1", "en")[0] == "Ana is [e-mail] at 10.0.0.1"


@pytest.mark.parametrize(
    "text",
    ["It cost 1,250,000 dollars.", "Version 10.4.0.1 is out.", "Revenue: 412,345,678 euros.", "We won 101 to 98.",
     "Order 4155550132 is ready.", "One two three four five six seven eight nine ten.", "Look at example dot org."],
)  # fmt: skip
def test_amounts_versions_and_orders_stay(text: str) -> None:
    assert REDACTOR.find(text, "en") == []


PIECES = st.sampled_from(
    ["4111 1111 1111 1111", "four one one one ", "ana@example.org", " at ", " dot ", "com", "Ana", "López's", "born ",
     "call ", "3 May 1985", "DE89 3704 0044 0532 0130 00", "123-45-6789", "my card ", "10.0.0.1", "+34 612 345 678",
     "https://a.bc/?token=x1", "Project Falcon", "double ", "oh ", "seven ", "[card]", "[name]", ", ", ". ", "\n",
     "12345678Z", "dni ", "version ", "social security ", "one ", "İ", "ß", "ﬁ", "\u0301", "①", "٣", "x", "4", "-", "'"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=14).map("".join))
slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(TEXTS, st.sampled_from(LANGUAGES))
@example("x\ud800 4111 1111 1111 1111", "en")
def test_any_text_is_masked_and_what_is_found_lies_in_it(text: str, language: str) -> None:
    made, found = REDACTOR.mask(text, language)

    ends = [0, *(at for one in found for at in (one.start, one.end)), len(text)]
    assert ends == sorted(ends)
    assert all(one.start < one.end for one in found)
    assert sum(made.count(mark) for mark in set(MARKS.values())) >= len(found)


@slow
@given(TEXTS, st.sampled_from(LANGUAGES))
def test_what_is_masked_has_nothing_more_to_mask(text: str, language: str) -> None:
    made, _ = REDACTOR.mask(text, language)

    assert REDACTOR.mask(made, language) == (made, [])


@slow
@given(TEXTS, st.sampled_from(LANGUAGES))
def test_no_number_that_was_found_stands_in_the_masked_text(text: str, language: str) -> None:
    made, found = REDACTOR.mask(text, language)

    values = [text[one.start : one.end] for one in found if one.kind in {Kind.card, Kind.iban, Kind.phone, Kind.email}]
    assert not [value for value in values if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", made)]


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "4 ", "a@", "a.", "a ", "four ", "at ", "dot ", "@", "-", "a-", ":", "f:", "https://a:", "1.", "1 1.",
     "AB1 ", "call 415 555 0132 ", "4111 1111 1111 1111 x ", "born 3 may 1985 ", "&key", "token=", "a\u0301", "\0", " ",
     "\n", "[card]"],
)  # fmt: skip
def test_ten_thousand_hostile_characters_are_masked_in_less_than_ten_seconds(piece: str) -> None:
    text = (piece * 10_000)[:10_000]

    begun = time.thread_time()
    REDACTOR.mask(text, "en")

    assert time.thread_time() - begun < 10


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Contract", "We sign the contract today, and our Contract is long."),
        ("Vertrag", "Wir haben einen Vertrag, und unser Vertrag gilt; der vertrag auch."),
        ("Contrato", "Firmamos el contrato y nuestro Contrato es largo."),
        ("Contrat", "Nous signons le contrat, et notre Contrat est long."),
        ("Orçamento", "O orçamento está pronto, e nosso Orçamento é curto."),
        ("Contract Budget", "The contract is in the budget."),
        ("Zanzibar", "They sail to zanzibar."),
        ("the contract has a budget for every meeting", "The contract has a budget, and every meeting has one."),
    ],
)
def test_what_a_guest_calls_themselves_does_not_mask_the_words_of_others(name: str, text: str):
    assert [found for found in Redactor(names=[name]).find(text, "en") if found.kind is Kind.name] == []


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("Contract", "I asked Contract about it.", "Contract"),
        ("Contract Budget", "Here is contract budget.", "contract budget"),
        ("Anna", "Heute spricht Anna.", "Anna"),
        ("Joao", "O João falou.", "João"),
        ("Marta Rojas", "pregunta a marta", "marta"),
    ],
)
def test_who_is_spoken_of_by_name_is_masked_all_the_same(name: str, text: str, shown: str):
    found = [each for each in Redactor(names=[name]).find(text, "en") if each.kind is Kind.name]

    assert [text[each.start : each.end] for each in found] == [shown]
