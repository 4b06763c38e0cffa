"""Whose sound is kept for a voice like theirs, how much of it, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from agent.audio_history import AudioHistory
from agent.engines import Consent, Reference
from agent.engines.fake import FakeVoice, hum, pitch
from agent.errors import EngineError
from agent.nouns import Chunk, Dub, Segment
from agent.voice_cloning import ENOUGH, VoiceCloning

ANA = 170
"""Hz of Ana's voice."""
STOCK = 400
"""Hz of the stock voice for Spanish."""


class Meeting:
    """Likenesses over an engine that hums, and a clock of the room's own."""

    def __init__(self, engine: Any = None) -> None:
        self.recorded: list[tuple[Consent, bool]] = []
        engine = engine or FakeVoice()
        self.heard = AudioHistory(of_all=False)
        self.likenesses = VoiceCloning(
            engine,
            engine,
            "standup",
            lambda *what: self.recorded.append(what),
            clock=lambda: 1_800_000_000.0,
            heard=self.heard,
        )
        self._now = 100.0

    def say(self, seconds: float, identity: str = "ana", speaker: str | None = None, speakable: bool = True) -> None:
        """A clause, heard and settled."""
        start = self._now
        for _ in range(round(seconds * 10)):
            chunk = Chunk("t", self._now, hum(ANA, 0.1))
            self.likenesses.hear(identity, chunk)
            self.heard.hear(chunk)
            self._now += 0.1
        self.likenesses.said(
            Segment("s", 1, "t", "en", "Hello.", start, self._now, "fake", (), identity, speaker, speakable)
        )

    async def pitch(self, identity: str = "ana", language: str = "es") -> float:
        """Of the voice in which somebody is dubbed."""
        said = [dub async for dub in self.likenesses.speak_for(identity, "Hola.", language, "a1")]
        return pitch(b"".join(dub.pcm for dub in said))

    def kept(self) -> int:
        """Bytes of anybody's sound that are still there."""
        return self.heard.size + sum(len(loan.pcm) for loan in self.likenesses._loans.values())


async def test_nobody_is_imitated_and_nothing_kept_before_they_agree() -> None:
    meeting = Meeting()

    meeting.say(5.0)

    assert await meeting.pitch() == pytest.approx(STOCK, rel=0.05)
    assert meeting.kept() == 0
    assert meeting.recorded == []


async def test_who_agrees_is_dubbed_in_a_voice_like_theirs_from_what_they_say_after_that() -> None:
    meeting = Meeting()
    meeting.say(5.0)
    meeting.likenesses.lend("ana")

    before = await meeting.pitch()
    meeting.say(4.0)

    assert before == pytest.approx(STOCK, rel=0.05)
    assert await meeting.pitch() == pytest.approx(ANA, rel=0.05)
    assert await meeting.pitch("bob") == pytest.approx(STOCK, rel=0.05)
    assert meeting.recorded == [(Consent("ana", "standup", 1_800_000_000.0), True)]


async def test_where_everybodys_sound_is_remembered_none_of_before_they_agreed_is_used() -> None:
    meeting = Meeting()
    meeting.heard.follow("t")  # as where another part needs the track
    meeting.say(5.0)
    meeting.likenesses.lend("ana")

    meeting.say(4.0)

    [loan] = meeting.likenesses._loans.values()
    assert len(loan.pcm) == 4 * 32_000


async def test_agreeing_again_changes_nothing_and_is_recorded_once() -> None:
    meeting = Meeting()

    for _ in range(3):
        meeting.likenesses.lend("ana")
        meeting.say(2.0)

    assert await meeting.pitch() == pytest.approx(ANA, rel=0.05)
    assert len(meeting.recorded) == 1


@pytest.mark.parametrize("over", ["taken back", "closed"])
async def test_when_it_is_over_nothing_stays_and_the_stock_voice_is_back(over: str) -> None:
    meeting = Meeting()
    meeting.likenesses.lend("ana")
    meeting.say(4.0)

    if over == "closed":
        meeting.likenesses.close()
    else:
        meeting.likenesses.take_back("ana")
    meeting.say(4.0)

    assert meeting.kept() == 0
    assert await meeting.pitch() == pytest.approx(STOCK, rel=0.05)
    assert [stands for _, stands in meeting.recorded] == [True, False]


async def test_a_word_taken_back_in_the_middle_of_a_text_is_heard_at_once() -> None:
    meeting = Meeting()
    meeting.likenesses.lend("ana")
    meeting.say(4.0)

    async with aclosing(meeting.likenesses.speak_for("ana", "x" * 100, "es", "a1")) as said:  # type: ignore[type-var]
        first = await anext(said)
        meeting.likenesses.take_back("ana")
        rest = [dub async for dub in said]

    assert pitch(first.pcm) == pytest.approx(ANA, rel=0.05)
    assert rest == []


async def test_no_more_is_kept_than_a_voice_needs() -> None:
    meeting = Meeting()
    meeting.likenesses.lend("ana")

    for _ in range(20):
        meeting.say(5.0)

    assert meeting.kept() == ENOUGH * 32_000


@pytest.mark.parametrize("what", [{"seconds": 2.0}, {"seconds": 0.8}, {"seconds": 5.0, "speakable": False}])
async def test_too_little_sound_and_what_is_not_clean_make_no_voice(what: Any) -> None:
    meeting = Meeting()
    meeting.likenesses.lend("ana")

    meeting.say(**what)

    assert await meeting.pitch() == pytest.approx(STOCK, rel=0.05)


async def test_two_voices_at_one_microphone_are_both_left_alone() -> None:
    meeting = Meeting()
    meeting.likenesses.lend("ana")
    meeting.say(4.0, speaker="A")
    alone = await meeting.pitch()

    meeting.say(4.0, speaker="B")
    meeting.say(4.0, speaker="A")

    assert alone == pytest.approx(ANA, rel=0.05)
    assert await meeting.pitch() == pytest.approx(STOCK, rel=0.05)
    assert meeting.kept() == 0


class Stumbling(FakeVoice):
    """An engine that imitates nobody, for whatever reason."""

    def __init__(self, code: str, after: int = 0) -> None:
        self._code = code
        self._after = after

    async def alike(self) -> Sequence[str]:
        if self._code == "engines_away":
            raise EngineError("engines_away", "Nobody answers.", retryable=True)
        return ["es"]

    async def speak_as(
        self, text: str, language: str, reference: Reference, *, speed: float = 1.0
    ) -> AsyncIterator[Dub]:
        for _ in range(self._after):
            yield Dub(language, 16_000, hum(ANA, 0.2), "fake")
        raise EngineError(self._code, "No.")


@pytest.mark.parametrize("code", ["engines_away", "not_served", "engine_failed"])
async def test_where_the_engine_cannot_the_stock_voice_says_it(code: str) -> None:
    meeting = Meeting(Stumbling(code))
    meeting.likenesses.lend("ana")
    meeting.say(4.0)

    assert await meeting.pitch() == pytest.approx(STOCK, rel=0.05)


async def test_what_has_begun_in_one_voice_is_not_said_again_in_another() -> None:
    meeting = Meeting(Stumbling("engine_failed", after=1))
    meeting.likenesses.lend("ana")
    meeting.say(4.0)
    said: list[Dub] = []

    async def hear() -> None:
        async for dub in meeting.likenesses.speak_for("ana", "Hola.", "es", "a1"):
            said.append(dub)

    with pytest.raises(EngineError):
        await hear()
    assert [pitch(dub.pcm) for dub in said] == [pytest.approx(ANA, rel=0.05)]


async def test_a_language_in_which_the_engine_imitates_nobody_has_the_stock_voice() -> None:
    meeting = Meeting(Stumbling("engine_failed", after=1))
    meeting.likenesses.lend("ana")
    meeting.say(4.0)

    assert await meeting.pitch(language="fr") == pytest.approx(500, rel=0.05)


def test_no_sound_prints() -> None:
    meeting = Meeting()
    meeting.likenesses.lend("ana")
    meeting.say(4.0)

    assert "\\x" not in repr(meeting.likenesses._loans)
