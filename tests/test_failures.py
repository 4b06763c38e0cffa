"""What is counted, told and logged of parts that fall."""

from __future__ import annotations

import logging

import pytest

from agent.errors import EngineError
from agent.failures import Failures

SECRET = "the butler did it"  # what somebody said


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_part_is_told_while_it_fell_lately_and_once_for_all_its_falls():
    time, told = Time(), []
    failures = Failures(time, lambda failing: told.append(dict(failing)))

    for _ in range(3):
        failures.fell("dub.fr", EngineError("timeout", "It hangs."))
        time.now += Failures.LATELY - 1.0
        failures.look()
    failures.fell("captions.de", RuntimeError(SECRET))
    time.now += 2.0
    failures.look()

    assert told == [
        {"dub.fr": "timeout"},
        {"dub.fr": "timeout", "captions.de": "internal"},
        {"captions.de": "internal"},
    ]
    assert failures.counts == {("dub", "timeout"): 3, ("captions", "internal"): 1}
    assert failures.by_kind == {"dub": 3, "captions": 1}


def test_of_ever_so_many_parts_the_newest_forty_are_told():
    failures = Failures(Time())

    for n in range(100):
        failures.fell(f"track.{n}", RuntimeError())

    assert [*failures.failing] == [f"track.{n}" for n in range(60, 100)]
    assert failures.counts == {("track", "internal"): 100}


def test_the_log_says_where_it_happened_and_nothing_that_was_said(caplog: pytest.LogCaptureFixture):
    failures = Failures(Time())

    try:
        raise ValueError(SECRET)
    except ValueError as error:
        failures.fell("captions.fr", error)

    assert "captions.fr failed: ValueError" in caplog.text
    assert "test_failures.py:" in caplog.text
    assert SECRET not in caplog.text
    assert caplog.records[0].levelno == logging.WARNING
