"""A worker takes as many rooms as it may, and not one more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.agents import AgentServer
from pydantic import SecretStr

from agent.intake import FULL, WELCOMING, Intake, Presence, Worker, epoch_of
from agent.settings import Settings

NOW = 1_700_000_000.0


@dataclass
class Job:
    metadata: str = ""


@dataclass
class Request:
    """A job that LiveKit offers: `accept` lasts until its process has it."""

    id: str
    job: Job = field(default_factory=Job)
    taken: dict[str, Any] | None = None
    rejected: bool | None = None
    launched: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, **taken: Any) -> None:
        self.taken = taken
        await self.launched.wait()

    async def reject(self, *, terminate: bool) -> None:
        self.rejected = terminate


def intake(limit: int, running: set[str] | None = None) -> Intake:
    jobs = set() if running is None else running
    return Intake(limit, lambda: set(jobs), lambda: NOW)


async def offer(to: Intake, *requests: Request) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(to.accept(request)) for request in requests]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_of_many_rooms_at_once_as_many_are_taken_as_there_are_places_for():
    requests = [Request(f"AJ_{number}") for number in range(20)]
    doors = intake(3)

    tasks = await offer(doors, *requests)

    assert [request.taken is not None for request in requests] == [True] * 3 + [False] * 17
    assert {request.rejected for request in requests[3:]} == {False}  # another worker may take them
    assert doors.rooms == 3
    for task in tasks:
        task.cancel()


async def test_a_room_counts_once_from_the_offer_until_its_process_has_ended():
    running: set[str] = set()
    doors = intake(2, running)
    first = Request("AJ_1")
    [task] = await offer(doors, first)
    assert doors.rooms == 1

    running.add("AJ_1")
    assert doors.rooms == 1
    first.launched.set()
    await task
    assert doors.rooms == 1
    running.clear()
    assert doors.rooms == 0


async def test_a_room_that_livekit_gave_to_another_frees_its_place():
    doors = intake(1)
    [task] = await offer(doors, Request("AJ_1"))

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert doors.rooms == 0


def test_livekit_is_told_to_send_rooms_for_as_long_as_there_are_places_and_then_none():
    loads = [intake(4, {f"AJ_{job}" for job in range(rooms)}).load for rooms in range(6)]

    assert loads[:4] == sorted(loads[:4])
    assert max(loads[:4]) < WELCOMING < 0.7
    assert loads[4:] == [FULL, FULL]


async def test_who_is_told_to_stop_takes_no_more():
    doors, request = intake(10), Request("AJ_1")

    doors.close()
    await offer(doors, request)

    assert request.rejected is False


async def test_the_epoch_is_the_one_that_came_with_the_call_and_else_our_clocks():
    called, by_another = Request("AJ_1", Job(json.dumps({"epoch": 5, "glossary": []}))), Request("AJ_2")

    tasks = await offer(intake(10), called, by_another)

    assert called.taken
    assert by_another.taken
    assert called.taken["attributes"]["dragoman.epoch"] == "5"
    assert by_another.taken["attributes"]["dragoman.epoch"] == str(round(NOW * 1000))
    for task in tasks:
        task.cancel()


@pytest.mark.parametrize(
    "told", ["", "{}", "[]", "7", "rubbish", '{"epoch": "5"}', '{"epoch": 0}', '{"epoch": true}', '{"epoch": 1e300}',
             '{"epoch": 9007199254740992}', '{"epoch": -1}']
)  # fmt: skip
def test_an_epoch_that_makes_no_sense_is_none(told: str):
    assert epoch_of(told) is None


async def test_the_library_still_has_what_we_read_of_it():
    """Its private members: where one goes, `/readyz` would say `agent_starting` for ever."""
    worker = Worker(ws_url="ws://127.0.0.1:9", api_key="key", api_secret="secret", port=0, num_idle_processes=0)
    worker.rtc_session(entry)
    started = asyncio.Event()
    worker.once("worker_started", started.set)
    running = asyncio.create_task(worker.run(unregistered=True))
    await asyncio.wait_for(started.wait(), 30)

    assert (worker.registered, worker.warm, worker.running) == (False, 0, set())
    assert isinstance(worker, AgentServer)
    await worker.aclose()
    await running


async def entry(ctx: object) -> None:
    """No job comes."""


class Registered:
    """A worker that has started."""

    registered, warm = True, 1

    def once(self, event: str, call: Callable[[], None]) -> None:
        call()


async def test_what_could_not_be_replayed_is_told_once_also_where_the_first_word_is_refused():
    words, statuses, lost = list[dict[str, Any]](), [500], {"unreadable": 3}

    async def heard(request: web.Request) -> web.Response:
        words.append(await request.json())
        return web.json_response({}, status=statuses.pop() if statuses else 200)

    app = web.Application()
    app.router.add_post("/api/workers/{worker}/beat", heard)
    async with TestServer(app) as here:
        secret = SecretStr("a-secret-of-at-least-32-characters")
        settings = Settings(livekit_api_key="key", livekit_api_secret=secret, web=f"http://127.0.0.1:{here.port}")
        presence = Presence(settings, Registered(), intake(2), not_kept=lambda: lost)  # type: ignore[arg-type]
        task = asyncio.create_task(presence.run())
        async with asyncio.timeout(10):
            while len(words) < 2:  # noqa: ASYNC110 - what is waited for happens in the server
                await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])

    told = [word["not_kept"] for word in words]
    assert told[:2] == [{"unreadable": 3}] * 2  # the first was refused
    assert all(each == {} for each in told[2:])
    assert len(told) > 2
