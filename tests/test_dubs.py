"""One language's dubbed voice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from agent.aio import Feed
from agent.dubs import Dubber, DubberDoors, Due, VoiceAssignment
from agent.engines.stock_voices import seat
from agent.errors import EngineError
from agent.nouns import Caption, Dub
from agent.terms.glossary import Glossary, Term
from agent.voice_cloning import VoiceCloning


class Time:
    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


class Speaking:
    """Says each text in one piece of a second, at 1,000 Hz; fails on texts that are told."""

    def __init__(self, fails: str = "") -> None:
        self.said: list[tuple[str, str | None, float]] = []
        self._fails = fails

    async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
        if text == self._fails:
            raise EngineError("engine_failed", "No.")
        self.said.append((text, voice, speed))
        yield Dub(language, 1_000, b"\0\0" * 1_000, "fake")


class Loudspeaker:
    """A channel on which time passes as sound is played."""

    def __init__(self, time: Time, pace: float = 1.0) -> None:
        self.events: list[tuple[str, str]] = []
        self.behind: list[float] = []
        self.silent: list[float] = []
        """The pieces in which nothing is to be heard."""
        self._time = time
        self._pace = pace

    async def play(self, dub: Dub) -> None:
        self._time.now += dub.duration * self._pace
        if dub.engine == "fake" and dub.duration < 1.0:
            self.silent.append(dub.duration)

    async def drain(self) -> None:
        self.events.append(("", "drained"))

    def cue(self, caption: Caption, event: str, behind: float) -> None:
        self.events.append((caption.id, event))
        self.behind.append(behind)


def caption(name: str, end: float, identity: str = "ana", speakable: bool = True) -> Caption:
    return Caption(
        name, 1, 1, "es", "en", identity, "t", None, f"text {name}", 0, True, end - 1, end, "fake", speakable
    )


def fed(*captions: Caption, waited: float = 60.0) -> Feed[Due]:
    feed: Feed[Due] = Feed()
    for one in captions:
        feed.put(Due(one, 10.0 - waited))
    feed.close()
    return feed


async def test_captions_are_spoken_in_order_with_a_voice_per_speaker():
    time, voice = Time(), Speaking()
    channel = Loudspeaker(time)

    await Dubber("es", VoiceCloning(voice), channel, now=time).run(fed(caption("a", 9.5), caption("b", 10.0, "ben")))

    assert [(text, speed) for text, _, speed in voice.said] == [("text a", 1.0), ("text b", 1.0)]
    assert len({seat(who, 2) for _, who, _ in voice.said}) == 2
    assert channel.events == [("a", "started"), ("a", "ended"), ("b", "started"), ("b", "ended"), ("", "drained")]


async def test_the_cue_says_how_far_behind_the_voice_is():
    time = Time()
    channel = Loudspeaker(time)

    await Dubber("es", VoiceCloning(Speaking()), channel, now=time).run(fed(caption("a", 8.5)))

    assert channel.behind[0] == pytest.approx(1.5)


async def test_what_is_not_sure_enough_is_not_said_aloud():
    time, voice = Time(), Speaking()

    await Dubber("es", VoiceCloning(voice), Loudspeaker(time), now=time).run(fed(caption("a", 9.5, speakable=False)))

    assert voice.said == []


def test_it_hurries_evenly_up_to_a_quarter_faster_and_never_slower():
    dubber = Dubber("es", VoiceCloning(Speaking()), Loudspeaker(Time()), now=Time())
    speeds = [dubber.speed(behind) for behind in (0.0, 2.5, 2.75, 3.0, 60.0)]

    assert speeds == pytest.approx([1.0, 1.0, 1.125, 1.25, 1.25])


def test_what_takes_longer_to_say_than_the_clause_did_is_said_faster_and_what_takes_less_is_not_slower():
    dubber = Dubber("es", VoiceCloning(Speaking()), Loudspeaker(Time()), now=Time())

    assert [dubber.speed(1.0, longer) for longer in (0.5, 1.0, 1.1, 1.3)] == pytest.approx([1.0, 1.0, 1.1, 1.25])


async def test_how_long_a_text_takes_is_learnt_from_what_was_said():
    time, voice = Time(), Speaking()
    dubber = Dubber("es", VoiceCloning(voice), Loudspeaker(time, pace=0.0), now=time)
    said = [replace(caption(f"{n}", 10.0), start=9.4, text="a" * 8) for n in range(20)]

    await dubber.run(fed(*said, waited=0.0))

    # A second of voice for 0.6 s of speech, which a text of eight letters does not look like at first.
    assert voice.said[0][2] == pytest.approx(1.0)
    assert voice.said[-1][2] == pytest.approx(1.25)


async def test_far_behind_it_says_what_waits_of_one_speaker_in_one_breath():
    time, voice = Time(), Speaking()
    feed = fed(caption("a", 6.5), caption("b", 7.5), caption("c", 8.0, "ben"), waited=1.0)

    await Dubber("es", VoiceCloning(voice), Loudspeaker(time), now=time).run(feed)

    assert [text for text, _, _ in voice.said] == ["text a text b", "text c"]


async def test_what_would_be_heard_too_late_is_not_said_in_the_same_breath():
    time, voice = Time(), Speaking()
    long = replace(caption("a", 6.8), text="word " * 40)

    await Dubber("es", VoiceCloning(voice), Loudspeaker(time), now=time).run(fed(long, caption("b", 7.5), waited=1.0))

    assert len(voice.said) == 2


async def test_too_far_behind_it_skips_the_oldest_and_says_so():
    time, voice = Time(), Speaking()
    channel = Loudspeaker(time)
    dubber = Dubber("es", VoiceCloning(voice), channel, now=time)

    await dubber.run(fed(caption("a", 0.5), caption("b", 9.0)))

    assert dubber.skipped == 1
    assert channel.events[0] == ("a", "skipped")
    assert [text for text, _, _ in voice.said] == ["text b"]


async def test_what_came_late_by_itself_is_said_all_the_same():
    time, voice = Time(), Speaking()

    await Dubber("es", VoiceCloning(voice), Loudspeaker(time), now=time).run(fed(caption("a", 2.0), waited=0.0))

    assert [text for text, _, _ in voice.said] == ["text a"]


async def test_a_voice_slower_than_the_speaker_stays_within_its_bound():
    time, voice = Time(), Speaking()
    channel = Loudspeaker(time, pace=3.0)
    dubber = Dubber("es", VoiceCloning(voice), channel, now=time)

    await dubber.run(fed(*(caption(f"s{i}", 10.0 + i, identity=f"p{i}") for i in range(60))))

    assert dubber.skipped > 0
    assert max(b for b, (_, e) in zip(channel.behind, channel.events, strict=False) if e == "started") <= Dubber.SKIP


async def test_how_long_a_voice_is_waited_for_can_be_asked():
    time = Time()

    class Pondering(Speaking):
        async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
            time.now += 6.0
            waited.append(dubber.waiting)
            async for dub in super().speak(text, language, voice, speed=speed):
                yield dub

    waited: list[float] = []
    dubber = Dubber("es", VoiceCloning(Pondering()), Loudspeaker(time), now=time)

    await dubber.run(fed(caption("a", 9.5)))

    assert [*waited, dubber.waiting] == [6.0, 0.0]


async def test_the_voice_is_given_a_name_as_it_sounds_and_the_cues_are_the_captions():
    time, voice = Time(), Speaking()
    channel = Loudspeaker(time)
    glossary = Glossary((Term("b", say={"es": "be"}),))

    class Spelling(DubberDoors):
        def spelled(self, text: str) -> str:
            return glossary.pronounced(text, "es")

    dubber = Dubber("es", VoiceCloning(voice), channel, now=time, doors=Spelling())
    await dubber.run(fed(caption("a", 6.5), caption("b", 7.5), waited=1.0))

    assert [text for text, _, _ in voice.said] == ["text a text be"]
    assert ("b", "ended") in channel.events


async def test_a_voice_that_fails_is_told_of_and_the_next_caption_is_spoken():
    time, voice, failures = Time(), Speaking(fails="text a"), []
    channel = Loudspeaker(time)

    class Minding(DubberDoors):
        def failed(self, error: EngineError) -> None:
            failures.append(error.code)

    dubber = Dubber("es", VoiceCloning(voice), channel, now=time, doors=Minding())
    await dubber.run(fed(caption("a", 9.5), caption("b", 9.9)))

    assert failures == ["engine_failed"]
    assert channel.events[:2] == [("a", "skipped"), ("b", "started")]


# Who sounds like whom


def test_speakers_in_a_room_share_no_voice_while_there_are_enough():
    cast = VoiceAssignment()
    voices = [cast.voice(f"guest-{n}", None) for n in range(12)]

    assert sorted(seat(voice, 12) for voice in voices) == [*range(12)]


def test_nobodys_voice_changes_when_others_come():
    cast = VoiceAssignment()
    first = cast.voice("ana", None)
    for n in range(60):
        cast.voice(f"guest-{n}", None)

    assert cast.voice("ana", None) == first
    assert cast.voice("guest-50", None) == cast.voice("guest-50", None)


def test_two_voices_on_one_track_are_two_speakers():
    cast = VoiceAssignment()

    assert seat(cast.voice("ana", "A"), 2) != seat(cast.voice("ana", "B"), 2)


def test_an_engine_is_not_told_who_speaks_and_no_more_than_it_takes():
    cast = VoiceAssignment()
    told = [cast.voice(f"ana-{n}@example.org", None) for n in range(100)]

    assert not any("ana" in voice for voice in told)
    assert max(map(len, told)) <= 400


async def test_two_languages_of_a_room_give_a_speaker_the_same_voice():
    time, cast = Time(), VoiceAssignment()
    spanish, french = Speaking(), Speaking()
    await Dubber("es", VoiceCloning(spanish), Loudspeaker(time), now=time, cast=cast).run(
        fed(caption("a", 9.5), caption("b", 9.6, "ben"))
    )
    await Dubber("fr", VoiceCloning(french), Loudspeaker(time), now=time, cast=cast).run(
        fed(caption("b", 9.6, "ben"), caption("a", 9.5))
    )

    assert [who for _, who, _ in spanish.said] == [who for _, who, _ in reversed(french.said)]


# How it breathes


def saying(text: str, name: str, end: float) -> Caption:
    return replace(caption(name, end), text=text, start=end - 5)


async def test_it_pauses_between_sentences_and_half_as_long_within_one():
    time = Time()
    channel = Loudspeaker(time)
    feed = fed(saying("Well,", "a", 9.9), saying("it is late.", "b", 10.9), saying("Good night.", "c", 11.9))

    await Dubber("es", VoiceCloning(Speaking()), channel, now=time).run(feed)

    assert channel.silent == [0.15, 0.3]


async def test_what_comes_after_a_silence_is_said_at_once():
    time = Time()
    channel = Loudspeaker(time)
    dubber = Dubber("es", VoiceCloning(Speaking()), channel, now=time)
    await dubber.run(fed(saying("Good evening.", "a", 9.9)))
    await dubber.run(fed(saying("Good night.", "b", 11.0)))

    assert channel.silent == []


async def test_who_is_late_does_not_breathe():
    time = Time()
    channel = Loudspeaker(time)

    await Dubber("es", VoiceCloning(Speaking()), channel, now=time).run(
        fed(saying("Well.", "a", 4.5), replace(saying("Good night.", "b", 5.0), identity="ben"))
    )

    assert channel.silent == []
