"""What was lost, by cause."""

from __future__ import annotations

import pytest

from agent.vault.write.losses import Losses


def test_nothing_lost_is_no_cause_at_all():
    assert Losses().counts == {}


def test_losses_add_up_by_cause():
    losses = Losses()

    losses.add("no_key")
    losses.add("unreadable", 3)
    losses.add("no_key")

    assert losses.counts == {"no_key": 2, "unreadable": 3}


def test_a_cause_that_nobody_knows_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        Losses().add("bad luck")
