"""A part's failure is that part's: what falls in a room takes nothing else with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import pytest

from agent.aio import Feed, FeedOverflow
from agent.captions import Captioner
from agent.engines import Diarization, Translation
from agent.errors import EngineError
from agent.nouns import Caption, Chunk, Dub, Hypothesis, Segment, Turn
from agent.participants import Wants
from agent.room import Engines, Room
from agent.transcript import Transcript
from tests.simulated_time import run

from .test_room import Channel, Hearing, Outside, Recognizing, Speaking, Translating, speech

ERRORS = [
    EngineError("engine_failed", "No."),
    EngineError("engine_failed", "No.", retryable=True),
    EngineError("bad_request", "No."),
    EngineError("timeout", "No.", retryable=True),
    RuntimeError("what was said"),
]

Scene = Callable[[Room, Outside], Awaitable[None]]


def play(
    scene: Scene,
    *,
    recognizer: Recognizing | None = None,
    translator: Translating | None = None,
    voice: Speaking | None = None,
    outside: Outside | None = None,
    **options: object,
) -> tuple[Room, Outside, list[Mapping[str, str]]]:
    """A room in which ana reads French and hears it, ben reads German; what happens in it is the scene's."""
    outside = outside or Outside()

    async def performed() -> Room:
        now = asyncio.get_running_loop().time
        diarizer = options.pop("diarizer", None)
        engines = Engines(
            recognizer or Recognizing(),
            translator or Translating(),
            voice or Speaking(),
            diarizer=diarizer,  # type: ignore[arg-type]
        )
        room = Room(engines, outside.ways, outside, now=now, **options)  # type: ignore[arg-type]
        running = asyncio.create_task(room.run())
        await room.running.wait()
        room.started()
        room.wants("ana", Wants("fr", "fr", "fr"))
        room.wants("ben", Wants("de", "de", ""))
        room.wants("cid", Wants("en", "", ""))
        await asyncio.sleep(0.1)
        await scene(room, outside)
        room.close()
        await asyncio.wait_for(running, 60)
        return room

    return run(performed()), outside, outside.failing


async def say(room: Room, *texts: str, track: str = "t") -> None:
    """One clause a second."""
    for text in texts:
        room.listen("cid", track)
        room.hear(speech(track, text, asyncio.get_running_loop().time() - 0.5))
        room.stopped(track)
        await asyncio.sleep(1.0)


async def three(room: Room, outside: Outside) -> None:
    await say(room, "one", "two", "three")
    await asyncio.sleep(40.0)


def clauses(lang: str, *texts: str) -> list[str]:
    return [f"cid: [{lang}] {text}" for text in texts]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_clause_that_fails_in_one_language_is_given_up_there_and_comes_in_the_others(error: Exception):
    class Poisoned(Translating):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "two" and "fr" in targets:
                raise error
            return await super().translate(text, source, targets, context)

    room, outside, told = play(three, translator=Poisoned())

    assert outside.finals("de") == clauses("de", "one", "two", "three")
    assert outside.finals("fr") == clauses("fr", "one", "three")
    assert [c.seq for c in outside.shown if c.final and c.lang == "fr"] == [1, 2]
    code = getattr(error, "code", "internal")
    assert told == [{"captions.fr": code}, {}]
    assert room.failures.counts == {("captions", code): 1}


def test_a_translator_that_fails_once_costs_nothing():
    class Stumbling(Translating):
        fails = 2

        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "two" and self.fails:
                self.fails -= 1
                raise EngineError("engine_failed", "No.")
            return await super().translate(text, source, targets, context)

    _, outside, told = play(three, translator=Stumbling())

    assert outside.finals("fr") == clauses("fr", "one", "two", "three")
    assert told == []


@pytest.mark.parametrize("error", [*ERRORS, EngineError("no_consent", "No.")], ids=repr)
def test_a_voice_that_fails_costs_a_clause_of_that_voice(error: Exception):
    class Hoarse(Speaking):
        async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
            if "two" in text:
                raise error
            yield Dub(language, 16_000, text.encode(), "fake")

    _, outside, told = play(three, voice=Hoarse())

    assert outside.channels == {"fr": ["[fr] one", "[fr] three"]}
    assert outside.finals("fr") == clauses("fr", "one", "two", "three")
    assert [*told[0]] == ["dub.fr"]


class Shut(Outside):
    """Doors that don't open the first `tries` times, and channels that break at a word."""

    def __init__(self, tries: int = 0, breaks: str = "") -> None:
        super().__init__()
        self.tries = tries
        self.breaks = breaks
        self.opened = 0

    async def open_captions(self, lang: str) -> None:
        self._knock()

    async def open_channel(self, lang: str) -> Channel:
        self._knock()
        self.opened += 1
        outer = self

        class Breaking(Channel):
            async def play(self, dub: Dub) -> None:
                if outer.breaks and outer.breaks in dub.pcm.decode():
                    raise RuntimeError("the track is gone")
                await super().play(dub)

        self.open.add(lang)
        return Breaking(self.channels.setdefault(lang, []))

    def _knock(self) -> None:
        if self.tries:
            self.tries -= 1
            raise RuntimeError("not now")


def test_tracks_that_cannot_be_published_cost_their_own_way_out_and_are_tried_again():
    _, outside, told = play(three, outside=Shut(tries=10))

    assert outside.finals("fr") == clauses("fr", "one", "two", "three")
    assert outside.finals("de") == clauses("de", "one", "two", "three")
    assert outside.channels["fr"][-1] == "[fr] three"
    parts = {"dub.fr", "captions_track.fr", "captions_track.de", "captions_track.en"}
    assert told[3] == dict.fromkeys(parts, "internal")
    assert told[-1] == {}


def test_a_track_that_is_never_published_costs_nobody_their_captions():
    _, outside, _ = play(three, outside=Shut(tries=10_000))

    assert outside.finals("fr") == clauses("fr", "one", "two", "three")
    assert outside.channels == {}


def test_a_channel_that_breaks_is_opened_again():
    outside = Shut(breaks="two")

    play(three, outside=outside)

    assert outside.channels["fr"] == ["[fr] one", "[fr] three"]
    assert outside.opened == 2


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_recognition_that_fails_costs_that_window_and_the_track_goes_on(error: Exception):
    class Deaf(Hearing):
        async def push(self, chunk: Chunk) -> Sequence[Hypothesis | Segment]:
            if chunk.pcm.startswith(b"two"):
                raise error
            return await super().push(chunk)

    class Recognizes(Recognizing):
        def listen(self, track: str, language: str | None) -> Hearing:
            self.listened.append((track, language))
            return Deaf(self, track, language)

    async def scene(room: Room, outside: Outside) -> None:
        room.listen("cid", "t")
        for text in ("one", *["two"] * 9, "three", "four"):
            room.hear(speech("t", text, asyncio.get_running_loop().time() - 0.5))
            await asyncio.sleep(1.0)
        await asyncio.sleep(30.0)
        room.stopped("t")
        await say(room, "other", track="u")

    _, outside, told = play(scene, recognizer=Recognizes())

    said = [text.rpartition(" ")[2] for text in outside.finals("fr")]
    assert said[-3:] == ["three", "four", "other"]
    assert [*told[0]] == ["recognise.t"]


def test_a_recognizer_that_cannot_listen_yet_is_asked_again():
    class Late(Recognizing):
        def listen(self, track: str, language: str | None) -> Hearing:
            self.listened.append((track, language))
            if len(self.listened) < 3:
                raise RuntimeError("no")
            return Hearing(self, track, language)

    _, outside, told = play(three, recognizer=Late())

    assert outside.finals("de") == clauses("de", "one", "two", "three")
    assert told[0] == {"track.t": "internal"}


def test_a_diarizer_that_fails_costs_labels_only():
    class Failing:
        def follow(self, track: str) -> Diarization:
            return self

        async def push(self, chunk: Chunk) -> Sequence[Turn]:
            raise RuntimeError("no")

    _, outside, told = play(three, diarizer=Failing())

    assert outside.finals("de") == clauses("de", "one", "two", "three")
    assert [*told[0]] == ["diarize.t"]


def test_a_recorder_that_fails_costs_what_is_kept_and_not_what_is_read():
    def keep(said: Segment | Caption) -> None:
        raise OSError("what was said")

    _, outside, told = play(three, keep=keep)

    assert outside.finals("fr") == clauses("fr", "one", "two", "three")
    assert told[0] == {"keeping": "internal"}


def test_a_captioner_that_falls_is_begun_again_and_loses_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch):
    heard = Captioner._along

    def falls(self: Captioner, first: Segment, feed: Feed[Hypothesis | Segment]) -> list[Segment]:
        if self.lang == "fr" and first.text in ("two", "three") and first.text not in fallen:
            fallen.append(first.text)
            raise RuntimeError("what was said")
        return heard(self, first, feed)

    fallen: list[str] = []
    monkeypatch.setattr(Captioner, "_along", falls)
    room, outside, _ = play(three)

    assert fallen == ["two", "three"]
    assert outside.finals("fr") == clauses("fr", "one", "two", "three")
    assert [c.seq for c in outside.shown if c.final and c.lang == "fr"] == [1, 2, 3]
    assert outside.channels == {"fr": ["[fr] one", "[fr] two", "[fr] three"]}
    assert room.failures.counts == {("captions", "internal"): 2}


def test_a_listener_whose_feed_is_full_begins_again_from_what_the_transcript_remembers(
    monkeypatch: pytest.MonkeyPatch,
):
    class Stuck(Translating):
        async def translate(
            self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
        ) -> Mapping[str, Translation]:
            if text == "one":
                await asyncio.sleep(30.0)
            return await super().translate(text, source, targets, context)

    monkeypatch.setattr(Transcript, "FEED", 3)

    async def scene(room: Room, outside: Outside) -> None:
        await say(room, "one", "two", "three", "four", "five", "six")
        await asyncio.sleep(60.0)

    room, outside, _ = play(scene, translator=Stuck())

    assert outside.finals("fr") == clauses("fr", "one", "two", "three", "four", "five", "six")
    assert outside.finals("de") == clauses("de", "one", "two", "three", "four", "five", "six")
    assert room.failures.counts[("captions", "internal")] == 2


def test_a_voice_that_has_not_read_for_ever_so_long_begins_anew():
    class Slow(Speaking):
        begun = 0

        async def speak(self, text: str, language: str, voice: str | None, *, speed: float = 1.0) -> AsyncIterator[Dub]:
            self.begun += 1
            if self.begun == 1:
                await asyncio.sleep(300.0)
            yield Dub(language, 16_000, text.encode(), "fake")

    async def scene(room: Room, outside: Outside) -> None:
        await say(room, *(f"clause {n}" for n in range(210)))
        await asyncio.sleep(120.0)
        await say(room, "last")

    _, outside, _ = play(scene, voice=Slow())

    assert outside.channels["fr"][-1] == "[fr] last"
    assert len(outside.finals("fr")) == 211


async def test_an_overflow_is_told_to_its_listener_and_to_nobody_else():
    transcript = Transcript()
    slow, quick = transcript.listen(), transcript.listen()
    for n in range(Transcript.FEED + 1):
        transcript.tell(Segment(f"s{n}", 1, "t", "en", "clause", n, n + 1, "fake"))
        await quick.__aiter__().__anext__()

    with pytest.raises(FeedOverflow):
        await slow.__aiter__().__anext__()
