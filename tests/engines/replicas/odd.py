"""Services with engines that do what a test wants; a replica finds them by their names here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from agent.engines import Translation
from agent.engines.fake import FakeTranslator
from agent.engines.service.service import Service
from tests.engines.service.test_client import Named
from tests.engines.service.test_service import Breaking, Fragile, without
from tests.engines.serving import FAKES


def fakes() -> Service:
    """The twins of all engines."""
    return Service(FAKES.__getitem__)


def named(name: str) -> Service:
    """A translator that signs what it makes."""
    return Service((FAKES | {"translate": Named(name)}).__getitem__)


def odd() -> Service:
    """An ear that falls over a window of one sample, a translator that can be slow, a voice that breaks off, and no
    engine to carry speech directly.
    """
    engines = {"recognise": Fragile(), "translate": Slow(), "speak": Breaking()}
    return Service(lambda stage: engines.get(stage) or without("direct")(stage))


class Slow(FakeTranslator):
    """A translator that takes as many seconds as the text says, if it is a number."""

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        if text.isdecimal():
            await asyncio.sleep(int(text))
        return await super().translate(text, source, targets, context)
