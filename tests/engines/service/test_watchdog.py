"""What becomes of an engine's calls that don't come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.engines.service.watchdog import PROBE, Watchdog
from agent.errors import EngineError

pytestmark = pytest.mark.simulated_time


class Engine:
    """Answers when its gate is open, and counts how often it was probed."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.probed = 0

    async def answer(self) -> str:
        await self.gate.wait()
        return "answer"

    async def probe(self) -> None:
        self.probed += 1
        await self.gate.wait()


@pytest.fixture
async def engine() -> Engine:
    return Engine()


@pytest.fixture
async def watchdog(engine: Engine) -> AsyncIterator[Watchdog]:
    watchdog = Watchdog("translate", engine.probe)
    yield watchdog
    watchdog.close()


async def error_of(watchdog: Watchdog, engine: Engine, seconds: float = 5.0) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await watchdog.call(engine.answer(), seconds)
    return caught.value


async def test_a_call_that_comes_back_in_time_is_answered(watchdog: Watchdog, engine: Engine) -> None:
    engine.gate.set()

    assert await watchdog.call(engine.answer(), 5.0) == "answer"
    assert not watchdog.hanging


async def test_what_a_call_raises_is_its_callers(watchdog: Watchdog) -> None:
    async def failing() -> None:
        raise EngineError("not_served", "No.")

    with pytest.raises(EngineError, match="not_served"):
        await watchdog.call(failing(), 5.0)
    assert not watchdog.hanging


async def test_a_call_that_takes_too_long_is_given_up_and_the_next_ones_refused(
    watchdog: Watchdog, engine: Engine
) -> None:
    begun = asyncio.get_running_loop().time()

    late = await error_of(watchdog, engine)
    waited = asyncio.get_running_loop().time() - begun
    next_one = await error_of(watchdog, engine)

    assert (late.code, late.retryable, waited) == ("engine_failed", True, pytest.approx(5.0))
    assert (next_one.code, next_one.retryable) == ("engines_away", True)
    assert asyncio.get_running_loop().time() - begun == pytest.approx(5.0), "it is refused at once"


async def test_it_is_probed_until_it_answers(watchdog: Watchdog, engine: Engine) -> None:
    await error_of(watchdog, engine)

    await asyncio.sleep(2.5 * PROBE)
    assert (watchdog.hanging, engine.probed) == (True, 3)
    engine.gate.set()
    await asyncio.sleep(0.1)

    assert not watchdog.hanging
    assert await watchdog.call(engine.answer(), 5.0) == "answer"


async def test_a_probe_that_fails_is_an_answer_too(engine: Engine) -> None:
    async def probe() -> None:
        raise EngineError("engine_failed", "No.")

    watchdog = Watchdog("translate", probe)
    await error_of(watchdog, engine)
    await asyncio.sleep(0.1)

    assert not watchdog.hanging


async def test_who_is_gone_takes_their_call_with_them(watchdog: Watchdog, engine: Engine) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await engine.answer()
        finally:
            ended.set()

    asking = asyncio.create_task(watchdog.call(work(), 5.0))
    await asyncio.sleep(0.1)
    asking.cancel()
    await asyncio.wait([asking])

    await asyncio.wait_for(ended.wait(), 1.0)
    assert not watchdog.hanging
