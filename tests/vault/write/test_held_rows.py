"""Rows in memory while the disk takes none."""

from __future__ import annotations

from uuid import uuid4

import pytest

from agent.vault.write.held_rows import HeldRows, batch_of
from agent.vault.write.losses import Losses

from .rows import key, record, speaker


def test_beyond_the_bound_the_oldest_are_lost_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agent.vault.write.held_rows.HELD", 3)
    losses, rows = Losses(), [record(uuid4()) for _ in range(5)]
    held = HeldRows(losses)

    for row in rows:
        held.hold([row])

    assert held.rows == tuple(rows[2:])
    assert losses.counts == {"memory": 2}


def test_what_made_room_while_it_was_carried_takes_nothing_else_along(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agent.vault.write.held_rows.HELD", 2)
    first, second, third = (record(uuid4()) for _ in range(3))
    held = HeldRows(Losses())
    held.hold([first, second])

    carried = held.rows
    held.hold([third])
    held.release(carried)

    assert held.rows == (third,)


def test_what_nobody_carries_any_more_is_lost_and_counted():
    losses = Losses()
    held = HeldRows(losses)
    held.hold([record(uuid4()), record(uuid4())])

    count = held.give_up()

    assert (count, len(held), losses.counts) == (2, 0, {"memory": 2})


def test_a_batch_has_the_same_rows_by_kind():
    id = uuid4()
    rows = [key(id), record(id), speaker(id), record(id)]

    batch = batch_of(rows)

    assert (batch.keys, batch.speakers, batch.records) == ((rows[0],), (rows[2],), (rows[1], rows[3]))
