"""When a journal is wiped, its log emptied, and what waits brought to the disk; by a moved clock."""

from __future__ import annotations

from uuid import uuid4

import pytest

from agent.vault.write.upkeep import EMPTIED, SOON, SYNCED, TIDY, Upkeep

from .rows import key, record


class Journal:
    """Takes down what is done to it."""

    def __init__(self) -> None:
        self.unwiped = False
        self.done: list[str] = []
        self.refuses = False
        self.keyed = False

    def wipe(self) -> None:
        self.unwiped = False
        self._do("wipe")

    def empty_log(self) -> bool:
        self._do("empty")
        return self.keyed

    def sync(self) -> None:
        self._do("sync")

    def wait_for_disk(self) -> None:
        self.done.append("wait")

    def _do(self, what: str) -> None:
        if self.refuses:
            raise OSError("Input/output error")
        self.done.append(what)


class Tended:
    """A journal whose upkeep goes by a clock that the test moves."""

    def __init__(self, *, sync_after: bool = False) -> None:
        self.clock = 0.0
        self.journal = Journal()
        self.upkeep = Upkeep(self.journal, sync_after=sync_after, now=lambda: self.clock)


def test_with_nothing_to_do_it_waits_for_ever():
    assert Tended().upkeep.patience is None


def test_what_was_acknowledged_is_wiped_at_the_next_pause():
    tended = Tended()
    tended.upkeep.wrote([record(uuid4())])
    tended.journal.unwiped = True
    tended.upkeep.proceed()

    pause = tended.upkeep.patience
    tended.upkeep.rest()

    assert pause == TIDY
    assert tended.journal.done == ["wipe"]


def test_where_a_key_is_among_it_nothing_waits_for_a_pause_and_the_log_is_emptied_after_the_wipe():
    tended = Tended()
    tended.upkeep.wrote([key(uuid4())])
    tended.journal.unwiped = True

    tended.upkeep.proceed()

    assert tended.journal.done == ["wipe", "empty"]


@pytest.mark.parametrize("keyed", [True, False])
def test_after_a_key_has_gone_a_wipe_waits_for_a_pause_again(keyed: bool):
    tended = Tended()
    tended.journal.keyed = keyed
    tended.upkeep.wrote([key(uuid4())])
    tended.journal.unwiped = True
    tended.upkeep.proceed()
    tended.journal.done.clear()

    tended.journal.unwiped = True
    tended.upkeep.proceed()

    assert tended.journal.done == (["wipe", "empty"] if keyed else [])


def test_the_log_is_emptied_every_minute_though_the_talk_never_ends():
    tended = Tended()

    for second in range(200):
        tended.clock = float(second)
        tended.upkeep.wrote([record(uuid4())])
        tended.upkeep.proceed()

    assert tended.journal.done == ["empty"] * int(199 // EMPTIED)


def test_what_was_shown_before_the_disk_had_it_is_brought_there_at_the_next_pause_or_after_a_tenth_of_a_second():
    tended = Tended(sync_after=True)
    tended.upkeep.wrote([record(uuid4())])
    tended.upkeep.proceed()

    pause = tended.upkeep.patience
    tended.upkeep.rest()
    tended.upkeep.proceed()
    tended.clock += SYNCED
    tended.upkeep.proceed()

    assert pause == SOON
    assert tended.journal.done == ["sync", "sync"]


def test_where_the_disk_refuses_what_comes_next_waits_for_it(caplog: pytest.LogCaptureFixture):
    tended = Tended(sync_after=True)
    tended.upkeep.proceed()

    tended.journal.refuses = True
    tended.upkeep.rest()
    tended.upkeep.proceed()

    assert tended.journal.done == ["wait"]
    assert tended.upkeep.patience is None
    assert "could not be brought to the disk" in caplog.text


def test_a_wipe_that_the_disk_refuses_is_tried_again_with_the_next_acknowledgement():
    tended = Tended()
    tended.journal.unwiped = tended.journal.refuses = True
    tended.upkeep.rest()
    tended.journal.refuses = False

    tended.upkeep.rest()
    before = list(tended.journal.done)
    tended.journal.unwiped = True
    tended.upkeep.rest()

    assert (before, tended.journal.done) == ([], ["wipe"])
