"""What a policy keeps of a final, in the clear: what becomes of personal data before it is sealed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.nouns import Segment
from agent.vault.policy.effective_policy import Keeps
from agent.vault.write.texts import Plain, Redacted, Text, texts

from ..numbered_finals import TOLD, caption, running, segment, stored

MASKED = {"redaction": "mask"}
ONLY_REDACTED = {"source": "not at all", "translation": "not at all", "redacted": "30 days", "redaction": "mask"}


def says(text: str, start: float = 0.0) -> Segment:
    return replace(segment(0, start=start), text=text)


async def kept(told: dict[str, Any], *said: Any, names: tuple[str, ...] = ()) -> list[Text]:
    """Everything that is kept of it, one after the other."""
    found = texts(Keeps.heard(TOLD | told), lambda: names)
    return [text for one in said for text in await found.of(one)]


def newest(found: list[Text]) -> dict[tuple[str, str], str]:
    """As the database has it in the end: the highest revision of each."""
    return {(one.said.id, one.kind): one.text for one in sorted(found, key=lambda one: one.said.rev)}


async def test_without_redaction_everything_is_kept_as_it_was_said():
    said = says("Write to ana@example.org.")

    found = await kept({}, said, caption(said, "es"))

    assert isinstance(texts(Keeps.heard(TOLD), tuple), Plain)
    assert [(one.kind, one.lang, one.tags) for one in found] == [("source", "en", ()), ("translation", "es", ())]
    assert found[0].text == "Write to ana@example.org."


async def test_masked_is_what_was_said_and_its_translation():
    said = says("Write to ana@example.org.")

    found = await kept(MASKED, said, caption(said, "es"))

    assert [(one.kind, one.tags) for one in found] == [("source", ("email",)), ("translation", ("email",))]
    assert not any("ana@" in one.text for one in found)


async def test_tagged_is_kept_whole_with_the_kinds_beside_it():
    (found,) = await kept({"redaction": "tag"}, says("Write to ana@example.org."))

    assert (found.text, found.tags) == ("Write to ana@example.org.", ("email",))


async def test_a_room_that_keeps_only_a_redacted_form_keeps_nothing_else():
    said = says("Write to ana@example.org.")

    found = await kept(ONLY_REDACTED, said, caption(said, "es"))

    assert [one.kind for one in found] == ["redacted"]
    assert "ana@" not in found[0].text


async def test_a_redacted_form_beside_what_was_said_as_it_was():
    found = await kept({"redacted": "forever"}, says("Write to ana@example.org."))

    assert [(one.kind, "ana@" in one.text) for one in found] == [("source", True), ("redacted", False)]


async def test_the_names_of_those_who_take_part_are_masked_as_soon_as_they_are_known():
    names = ["Rosalind Achterberg"]
    found = Redacted(Keeps.heard(TOLD | MASKED), lambda: names)

    before = await found.of(says("Thanks, Wilhelmina Oberst."))
    names.append("Wilhelmina Oberst")
    after = await found.of(says("Thanks, Wilhelmina Oberst.", 5.0))

    assert "Wilhelmina" in before[0].text
    assert "Wilhelmina" not in after[0].text


async def test_a_number_that_is_read_out_over_three_clauses_is_masked_in_all_of_them_and_in_what_was_made_of_them():
    clauses = [says("My card is 4111", 0.0), says("1111 1111", 2.0), says("1111, thank you.", 4.0)]
    said = [each for clause in clauses for each in (clause, caption(clause, "es"))]

    found = await kept(MASKED, *said)

    assert not any("111" in text for text in newest(found).values())
    assert {one.said.id for one in found if "card" in one.tags} == {clause.id for clause in clauses}


async def test_what_is_masked_anew_takes_the_place_of_what_was_stored(kept_url: str, tmp_path: Path):
    clauses = [says("My card is 4111", 0.0), says("1111 1111", 2.0), says("1111, thank you.", 4.0)]
    async with running(kept_url, tmp_path, keeps=Keeps.heard(TOLD | MASKED)) as keeper:
        for clause in clauses:
            await keeper.keep(clause)
            await keeper.keep(caption(clause, "es"))
            await asyncio.sleep(0.3)  # each is in Postgres before the next

    found = await stored(kept_url, tmp_path)
    assert len(found) == 6
    assert not any("111" in one.text for one in found)


@pytest.mark.parametrize("text", ["", " ", "\ud800 half a pair", "a\0b"])
async def test_whatever_was_heard_can_be_kept(kept_url: str, tmp_path: Path, text: str):
    async with running(kept_url, tmp_path, keeps=Keeps.heard(TOLD | MASKED)) as keeper:
        await keeper.keep(says(text))

    assert len(await stored(kept_url, tmp_path)) == 1
