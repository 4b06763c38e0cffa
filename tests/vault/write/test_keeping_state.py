"""How keeping goes, in one word."""

from __future__ import annotations

import pytest

from agent.errors import VaultError
from agent.vault.write.keeping_state import KeepingState, fault

AWAY = VaultError("vault_away", "Nobody answers.")
FULL = VaultError("spool_failing", "The disk does not take it.")
KEYLESS = VaultError("keys_away", "Nobody answers.")
SECRET = "what somebody said"


def test_the_worst_is_told_and_only_when_it_changes():
    told: list[str] = []
    state = KeepingState(told.append)

    state.database_away(AWAY)
    state.failed(FULL)
    state.no_key(KEYLESS)
    state.no_key(KEYLESS)
    state.carried()
    state.written()
    state.written()

    assert told == ["waiting", "failing", "away", "ok"]


def test_what_is_written_says_nothing_of_a_database_that_is_away():
    state = KeepingState()
    state.database_away(AWAY)

    state.written()

    assert state.state == "waiting"


def test_each_trouble_is_logged_once_until_it_is_over(caplog: pytest.LogCaptureFixture):
    state = KeepingState()

    for _ in range(3):
        state.failed(FULL)
    state.written()
    state.failed(FULL)

    assert len(caplog.records) == 2


def test_of_a_fault_of_ours_the_type_is_said_and_never_its_message(caplog: pytest.LogCaptureFixture):
    KeepingState().failed(fault(KeyError(SECRET)))

    assert "KeyError" in caplog.text
    assert SECRET not in caplog.text
