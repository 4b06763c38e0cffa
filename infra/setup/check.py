"""What is there, what is missing, and what can't be had here."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..settings import Refused, read, refuse_occupied
from . import debian
from .paths import Place
from .step import Step
from .steps import stamps
from .weights import wrong


def check(place: Place, steps: Sequence[Step]) -> int:
    """Prints a line for each; 1 when something that can be had is missing."""
    done = stamps(place)
    missing = 0
    for step in steps:
        if done.done(step) and not (step.name == "weights" and wrong(place.whisper)):
            print(f"there    {step.name}")
        elif step.name == "apertium" and not debian.apertium_can_be_had():
            print(f"can't be {step.name}: installing it needs Debian's packages and root; without: {debian.COSTS}")
        else:
            missing += 1
            print(f"missing  {step.name}: `infra/run --setup` sees to it ({step.doing})")
    print("besides  more models: `infra/run models list` shows what can be had")
    try:
        local = read(os.environ)
        given = {"sfu": local.own_sfu, "postgres": local.own_database, "engines": local.own_engines}
        for name in (name for name, own in given.items() if not own):
            print(f"given    {name}: its address is in the environment, so none is started here")
        refuse_occupied(local)
        print(f"free     the ports for {local.url}")
    except Refused as error:
        missing += 1
        print(f"in the way  {error}")
    return 1 if missing else 0
