"""What becomes of the words that a plugin says of a stream."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from livekit.agents import stt

from agent.engines.livekit.plugin_transcript import MOST, PluginTranscript, UnsettledSound
from agent.nouns import SAMPLE_RATE, Chunk, Hypothesis, Segment

PLUGIN: Any = SimpleNamespace(name="fake:one", offer=SimpleNamespace(languages=("en", "es")))


def chunk(start: float, seconds: float = 1.0, value: int = 1) -> Chunk:
    return Chunk("t", start, np.full(round(seconds * SAMPLE_RATE), value, np.int16).tobytes())


def sound(seconds: int) -> UnsettledSound:
    kept = UnsettledSound()
    for start in range(seconds):
        kept.keep(chunk(float(start)), -math.inf)
    return kept


def transcript() -> PluginTranscript:
    return PluginTranscript(PLUGIN, "t", "en", lambda text, language: text.replace("Bob", "Rob"))


def said(text: str, start: float, end: float) -> stt.SpeechData:
    return stt.SpeechData(language="en", text=text, start_time=start, end_time=end, confidence=0.9)  # type: ignore[arg-type]


def test_no_more_sound_is_kept_than_a_stream_is_told_again() -> None:
    kept = sound(60)

    assert kept.end == 60.0
    assert sum(one.duration for one in kept) <= MOST + 1.0


def test_settled_sound_is_dropped_and_the_last_chunk_stays() -> None:
    kept = sound(3)

    kept.keep(chunk(3.0), settled=9.0)

    assert [one.start for one in kept] == [3.0]


def test_sound_is_what_comes_after_the_settled_words_with_silence_where_none_was_sent() -> None:
    kept = UnsettledSound()
    kept.keep(chunk(0.0), -math.inf)
    kept.keep(chunk(2.0, value=2), -math.inf)

    start, pcm = kept.after(0.5)

    half = SAMPLE_RATE // 2
    assert start == 0.5
    assert np.frombuffer(pcm, np.int16).tolist() == [1] * half + [0] * SAMPLE_RATE + [2] * SAMPLE_RATE


def test_words_that_may_change_are_hypotheses_of_one_segment_until_a_final_settles_them() -> None:
    heard = transcript()
    kept = sound(4)

    heard.hear(said("Where is", 0.0, 1.0), kept, 3.0, final=False)
    heard.hear(said("Where is Bob", 0.0, 1.5), kept, 3.0, final=False)
    heard.hear(said("Where is Bob", 0.0, 1.5), kept, 3.0, final=False)
    heard.hear(said("Where is Bob?", 0.0, 2.0), kept, 3.0, final=True)
    first, second, last = heard.take()

    assert isinstance(first, Hypothesis)
    assert isinstance(second, Hypothesis)
    assert isinstance(last, Segment)
    assert [first.text, second.text, last.text] == ["Where is", "Where is Rob", "Where is Rob?"]
    assert first.id == second.id == last.id
    assert first.rev < second.rev < last.rev
    assert heard.settled == last.end
    assert heard.take() == []


def test_a_hypothesis_that_nothing_follows_is_settled_as_it_was() -> None:
    heard = transcript()

    heard.hear(said("Where is", 0.0, 1.0), sound(2), 3.0, final=False)
    heard.settle_interim(3.0)

    assert [(type(one), one.text) for one in heard.take()] == [(Hypothesis, "Where is"), (Segment, "Where is")]


def test_what_was_settled_is_not_heard_before_its_end() -> None:
    heard = transcript()
    kept = sound(4)

    heard.hear(said("One two.", 0.0, 2.0), kept, 3.0, final=True)
    heard.hear(said("Three four.", 1.0, 3.0), kept, 3.0, final=True)
    first, second = heard.take()

    assert second.start >= first.end
    assert first.id != second.id


def test_what_nobody_said_in_the_time_is_not_told() -> None:
    heard = transcript()

    heard.hear(said("Thank you.", 0.0, 2.0), sound(2), 0.0, final=True)

    assert heard.take() == []
