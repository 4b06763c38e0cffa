"""Every live room has exactly one interpreter: a real LiveKit server, real workers, real kills."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession, web
from livekit import api, rtc
from pydantic import SecretStr

from agent.settings import Settings
from tests.live.beater import TOPIC
from tests.live.servers import LiveSfu, LiveWorker, free_port, wait
from tests.thorough import times
from web.app import build

pytestmark = pytest.mark.live

HOST = "the-host-secret"
STOPS = times(4, 20)
"""How many interpreters are stopped and woken; twenty take two minutes."""
SLEEPS = (5.0, 1.0, 2.6, 3.2)
"""Seconds for which they are: some too short to be noticed, some just when somebody asks whether they live."""
KILLED = 5.0
"""Seconds within which an interpreter must be back after its process was killed."""


@dataclass
class Scene:
    """A web server, a LiveKit server, a worker, and people who join as a browser would."""

    sfu: LiveSfu
    worker: LiveWorker
    settings: Settings
    people: list[rtc.Room] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return self.settings.web

    async def start_web(self) -> None:
        self._runner = web.AppRunner(build(self.settings))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.settings.web_port, reuse_address=True).start()
        await self.until(lambda: self._opened())

    async def clear(self) -> None:
        """Nobody is left, and no job; one that was still on its way makes its room anew."""
        for person in self.people:
            await person.disconnect()

        async def empty() -> bool:
            async with self.livekit() as livekit:
                for room in (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms:
                    await livekit.room.delete_room(api.DeleteRoomRequest(room=room.name))
            return not self.worker.jobs()

        await self.until(empty, 30)

    async def stop_web(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def call_by(self, name: str) -> None:
        """From now on another worker's interpreters are called."""
        await self.stop_web()
        self.settings = self.settings.model_copy(update={"agent_name": name})
        await self.start_web()

    async def says(self, room: str, state: str) -> bool:
        return await self.state(room) == state

    async def _opened(self) -> bool:
        async with ClientSession(self.url) as session, session.get("/api/rooms/demo") as answer:
            return answer.status == 200

    async def join(self, room: str = "demo") -> rtc.Room:
        return await self.enter(await self.ask(room))

    async def make(self) -> tuple[str, str]:
        """A room of a host's, and its secret."""
        host = {"Authorization": f"Bearer {HOST}"}
        wish = {"title": "Standup"}
        async with ClientSession(self.url) as session, session.post("/api/rooms", json=wish, headers=host) as answer:
            made = await answer.json()
        return made["room"], made["join"].partition("#")[2]

    async def ask(self, room: str = "demo", secret: str = "") -> dict[str, str]:
        wish = {"name": "Ada", "speaks": "en", "reads": "es", "hears": "", "secret": secret}
        async with ClientSession(self.url) as session, session.post(f"/api/rooms/{room}/join", json=wish) as answer:
            joined: dict[str, str] = await answer.json()
            assert answer.status == 200, joined
        return joined

    async def enter(self, joined: dict[str, str]) -> rtc.Room:
        person = rtc.Room()
        await person.connect(joined["server"], joined["token"], rtc.RoomOptions(auto_subscribe=False))
        self.people.append(person)
        return person

    async def interpreters(self, room: str = "demo") -> list[str]:
        """Those that LiveKit says are there."""
        async with self.livekit() as livekit:
            try:
                found = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
            except (api.ServerError, OSError):
                return []
        return [each.identity for each in found.participants if each.kind == api.ParticipantInfo.Kind.AGENT]

    async def attended(self, room: str = "demo", within: float = 20, *, by_another_than: str = "") -> str:
        """Until exactly one interpreter is there that beats and isn't the one before."""
        one: list[str] = []

        async def attending() -> bool:
            one[:] = await self.interpreters(room)
            return len(one) == 1 and one[0] != by_another_than and await self.state(room) == "listening"

        await self.until(attending, within)
        return one[0]

    async def state(self, room: str = "demo") -> str:
        async with ClientSession(self.url) as session, session.get(f"/api/rooms/{room}") as answer:
            return str((await answer.json()).get("interpreter"))

    async def count(self, line: str) -> float:
        async with ClientSession(self.url) as session, session.get("/metrics") as answer:
            text = await answer.text()
        return sum(float(each.rpartition(" ")[2]) for each in text.splitlines() if each.startswith(line))

    def livekit(self) -> api.LiveKitAPI:
        return api.LiveKitAPI(self.sfu.url, self.sfu.key, self.sfu.secret)

    async def until(self, true: Callable[[], Any], within: float = 20) -> None:
        async with asyncio.timeout(within):
            while not await true():  # noqa: ASYNC110 - no event crosses processes
                await asyncio.sleep(0.05)


@dataclass
class Servers:
    """What all tests here share: it takes long to start."""

    sfu: LiveSfu
    worker: LiveWorker
    folder: Path
    port: int

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="dragoman-live-") as folder:
        port = free_port()
        web = f"http://127.0.0.1:{port}"
        sfu = LiveSfu(Path(folder), f"{web}/livekit/webhook")
        worker = LiveWorker(sfu, web, Path(folder))
        try:
            sfu.start()
            worker.start()
            yield Servers(sfu, worker, Path(folder), port)
        finally:
            worker.stop()
            sfu.stop()


@pytest.fixture
async def scene(database_url: str, servers: Servers) -> AsyncIterator[Scene]:
    """A web server of the test's own, and a room that nobody was in before."""
    given: dict[str, Any] = {
        "livekit_url": servers.sfu.url,
        "livekit_api_key": servers.sfu.key,
        "livekit_api_secret": SecretStr(servers.sfu.secret),
        "database_url": SecretStr(database_url),
        "host_secret": SecretStr(HOST),
        "engines": "unix:nobody.sock",
        "web": servers.web,
        "web_port": servers.port,
        "migrate": False,
        "room_limit": 2,
    }
    scene = Scene(servers.sfu, servers.worker, Settings(**given))
    try:
        await scene.start_web()
        yield scene
        await scene.clear()
    finally:
        await scene.stop_web()


async def test_who_joins_first_finds_an_interpreter_and_livekits_webhooks_are_taken(scene: Scene):
    await scene.join()

    await scene.attended()
    await scene.until(lambda: scene.count('dragoman_web_webhooks_total{outcome="taken"}'))
    assert await scene.count('dragoman_web_webhooks_total{outcome="rejected"}') == 0
    assert await scene.count("dragoman_web_dispatches_total") == 1


async def test_a_killed_interpreter_is_replaced_within_five_seconds_every_time(scene: Scene):
    await scene.join()
    identity = await scene.attended()
    await asyncio.sleep(3)  # the watch believes in silence only after it has listened for a while
    took = []

    for _ in range(3):
        assert len(scene.worker.kill_jobs()) == 1
        killed = time.monotonic()
        identity = await scene.attended(by_another_than=identity)
        took.append(time.monotonic() - killed)

    assert max(took) <= KILLED, took
    assert await scene.count("dragoman_web_dispatches_total") == 4
    print("back after", [round(seconds, 2) for seconds in took])


@dataclass
class Said:
    """Which interpreters' words reached somebody in the room, in their order."""

    epochs: list[int] = field(default_factory=list)

    def listen(self, person: rtc.Room) -> None:
        @person.on("data_received")
        def _(packet: rtc.DataPacket) -> None:
            if packet.topic == TOPIC:
                self.epochs.append(int(packet.data.split()[0]))

    @property
    def turns(self) -> int:
        """How often the speaker changed."""
        return sum(one != other for one, other in pairwise(self.epochs))


async def test_interpreters_that_are_stopped_and_wake_never_speak_beside_those_that_came_for_them(scene: Scene):
    said = Said()
    said.listen(await scene.join())
    await scene.attended()
    await asyncio.sleep(3)

    for number in range(STOPS):
        [job] = scene.worker.jobs()
        stopped = psutil.Process(job)
        stopped.suspend()
        await asyncio.sleep(SLEEPS[number % len(SLEEPS)])
        stopped.resume()
        heard = len(said.epochs)
        await scene.until(lambda heard=heard: spoken(said, heard + 5), 20)
        await asyncio.to_thread(wait, lambda: len(scene.worker.jobs()) == 1, 20)

    assert said.epochs == sorted(said.epochs)
    assert 1 <= said.turns <= STOPS
    print("stopped and woken", STOPS, "times;", said.turns, "were replaced;", len(said.epochs), "words in order")


async def spoken(said: Said, words: int) -> bool:
    return len(said.epochs) >= words


async def test_an_interpreter_whose_beats_never_arrive_stays_for_as_long_as_it_answers(
    scene: Scene, servers: Servers, caplog: pytest.LogCaptureFixture
):
    await scene.call_by("deaf")
    deaf = LiveWorker(servers.sfu, servers.web, servers.folder, name="deaf", TEST_DEAF="1")
    said = Said()

    try:
        await asyncio.to_thread(deaf.start)
        said.listen(await scene.join())
        await scene.attended(within=40)
        await asyncio.sleep(5)
        assert await scene.count('dragoman_web_asked_total{outcome="answered"}') >= 2
        assert len(set(said.epochs)) == 1
        assert await scene.count("dragoman_web_removals_total") == 0
    finally:
        deaf.stop()


@pytest.mark.parametrize("ahead", ["-600", "600"])
async def test_a_worker_whose_clock_is_ten_minutes_off_serves_as_any_other(scene: Scene, servers: Servers, ahead: str):
    await scene.call_by("skewed")
    skewed = LiveWorker(servers.sfu, servers.web, servers.folder, name="skewed", TEST_CLOCK_AHEAD=ahead)

    try:
        await asyncio.to_thread(skewed.start)
        await scene.join()
        identity = await scene.attended(within=10)
        await asyncio.sleep(5)
        assert await scene.attended() == identity
        assert await scene.count("dragoman_web_beats_refused_total") == 0
        assert await scene.count("dragoman_web_clock_difference_seconds") == pytest.approx(float(ahead), abs=2)
    finally:
        skewed.stop()


async def test_a_worker_takes_as_many_rooms_as_it_may_and_the_next_gets_the_first_free_place(
    scene: Scene, servers: Servers
):
    await scene.call_by("small")
    small = LiveWorker(servers.sfu, servers.web, servers.folder, name="small", DRAGOMAN_ROOMS_LIMIT="2")
    try:
        await asyncio.to_thread(small.start)
        rooms = [await scene.make() for _ in range(3)]
        people = [await scene.enter(await scene.ask(room, secret)) for room, secret in rooms[:2]]
        await asyncio.gather(*(scene.attended(room) for room, _ in rooms[:2]))

        await scene.enter(await scene.ask(*rooms[2]))
        await scene.until(lambda: scene.says(rooms[2][0], "no_worker_free"), 10)
        assert len(small.jobs()) == 2
        await people[0].disconnect()
        async with scene.livekit() as livekit:
            await livekit.room.delete_room(api.DeleteRoomRequest(room=rooms[0][0]))

        await scene.attended(rooms[2][0], within=6)
        assert len(small.jobs()) == 2
    finally:
        small.stop()


async def test_of_two_that_were_called_at_once_one_remains(scene: Scene):
    await scene.join()
    await scene.attended()

    async with scene.livekit() as livekit:
        wish = api.CreateAgentDispatchRequest(room="demo", agent_name="interpreter")
        await asyncio.gather(*(livekit.agent_dispatch.create_dispatch(wish) for _ in range(2)))

    await asyncio.sleep(3)
    await scene.attended()
    await asyncio.to_thread(wait, lambda: len(scene.worker.jobs()) == 1, 20)


async def test_a_room_that_waited_for_a_worker_gets_its_interpreter_when_one_comes(scene: Scene, servers: Servers):
    await scene.call_by("late")
    await scene.join()
    late = LiveWorker(servers.sfu, servers.web, servers.folder, name="late")
    await scene.until(lambda: scene.says("demo", "no_worker_free"))

    try:
        await asyncio.to_thread(late.start)
        await scene.attended(within=4)  # from its registration, and not from the next try of ours
    finally:
        late.stop()


async def test_a_livekit_server_that_starts_anew_is_attended_anew(scene: Scene):
    person = await scene.join()
    await scene.attended()

    scene.sfu.stop()
    await asyncio.sleep(1)
    scene.sfu.start()
    await person.disconnect()
    await scene.join()

    await scene.attended(within=60)


async def test_a_web_server_that_starts_anew_leaves_a_living_interpreter_alone(scene: Scene):
    await scene.join()
    identity = await scene.attended()

    await scene.stop_web()
    await asyncio.sleep(4)
    await scene.start_web()

    await asyncio.sleep(5)
    assert await scene.attended() == identity
    assert await scene.count("dragoman_web_dispatches_total") == 0


async def test_a_room_that_people_have_left_gets_no_interpreter(scene: Scene):
    person = await scene.join()
    await scene.attended()
    await person.disconnect()
    scene.people.remove(person)
    await asyncio.sleep(3)
    before = await scene.count("dragoman_web_dispatches_total")

    scene.worker.kill_jobs()
    await asyncio.sleep(6)

    assert await scene.interpreters() == []
    assert await scene.count("dragoman_web_dispatches_total") == before


async def test_livekit_holds_a_guest_to_what_the_token_grants(scene: Scene):
    person = await scene.join()

    for change in (
        person.local_participant.set_name("Grace"),
        person.local_participant.set_attributes({"dragoman.host": "true"}),
        person.local_participant.set_metadata("x"),
    ):
        with contextlib.suppress(Exception):  # some of them are refused, as a bare Exception, and some not answered
            await change
    await person.local_participant.publish_data("hello", topic="x")
    source = rtc.AudioSource(48_000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await person.local_participant.publish_track(track, microphone)

    async with scene.livekit() as livekit:
        wish = api.RoomParticipantIdentity(room="demo", identity=person.local_participant.identity)
        seen = await livekit.room.get_participant(wish)
    told = {"dragoman.speaks": "en", "dragoman.reads": "es", "dragoman.hears": ""}
    assert (seen.name, dict(seen.attributes)) == ("Ada", told)
    assert seen.kind == api.ParticipantInfo.Kind.STANDARD
    assert seen.permission.can_publish_sources == [
        api.TrackSource.CAMERA,
        api.TrackSource.MICROPHONE,
        api.TrackSource.SCREEN_SHARE,
        api.TrackSource.SCREEN_SHARE_AUDIO,
    ]
    assert not seen.permission.hidden
    assert not seen.permission.agent


async def test_livekit_lets_no_more_people_in_than_the_room_holds(scene: Scene):
    room, secret = await scene.make()
    tokens = [await scene.ask(room, secret) for _ in range(3)]  # all before the first of them enters
    await scene.enter(tokens[0])
    await scene.enter(tokens[1])

    with pytest.raises(rtc.ConnectError):
        await scene.enter(tokens[2])
