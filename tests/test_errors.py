"""Errors that go from one process to another."""

from __future__ import annotations

import pickle

from agent.errors import EngineError


def test_an_error_is_the_same_in_another_process() -> None:
    error = EngineError("overloaded", "Too many requests wait.", retryable=True)

    there = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert (there.code, there.message, there.retryable) == ("overloaded", "Too many requests wait.", True)
    assert str(there) == str(error) == "overloaded: Too many requests wait."
