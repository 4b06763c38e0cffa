"""Which languages are said to be unserved: those that nothing makes, not those that are only spoken."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from agent.calls import Calls
from agent.engines import Served
from agent.participants import Participants, Wants
from agent.wire import Signer
from tests.test_calls import Present

SERVED = {
    "recognise": Served("recognise", "ear", "", "", "wer", {"en": 0.1, "de": 0.2, "es": 0.1, "fi": None}),
    "translate": Served("translate", "text", "", "", "chrf", {"en>es": 50.0}),
    "direct": Served("direct", "ear", "", "", "chrf", {"de>en": 44.0}),
    "speak": Served("speak", "voice", "", "", "", {"de": None, "es": None, "cy": None}),
}


class Quiet:
    """A room in which every wish is taken and nothing has happened yet."""

    def __init__(self) -> None:
        self.people = Participants()
        self.condition = SimpleNamespace(delays={})

    def wants(self, identity: str, wants: Wants) -> dict[str, str]:
        return {}


@pytest.mark.parametrize(
    ("reads", "hears", "refused"),
    [
        ("es", "es", {}),
        ("de", "", {}),
        ("de-AT", "", {}),
        ("en", "", {}),
        ("de", "de", {"de": "no_voice"}),
        ("fi", "es", {}),
        ("cy", "", {"cy": "not_served"}),
        ("cy", "cy", {"cy": "not_served"}),
    ],
)
async def test_a_language_that_is_only_understood_can_be_read_but_not_heard(
    reads: str, hears: str, refused: dict[str, str]
):
    room: Any = Quiet()
    calls = Calls(room, Signer(7), Present((), ()), now=lambda: 0.0, served=lambda: SERVED, alive=str)
    asked = {"speaks": "auto", "reads": reads, "hears": hears}

    answer = json.loads(await calls.asked("dragoman.languages", "guest-1", json.dumps(asked)))

    assert answer["refused"] == refused
