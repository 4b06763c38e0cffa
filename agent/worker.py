"""LiveKit job in, Room out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, runtime_checkable

import aiohttp
from livekit import api, rtc
from livekit.agents import AutoSubscribe, JobContext

from .aio import Supervisor
from .calls import Calls, parsed, wants_of
from .clock import RoomClock
from .engines import Recognizer
from .engines.service.client import Remote
from .engines.table import prepare
from .errors import DragomanError
from .heartbeat import Heartbeat
from .intake import Intake, Worker
from .languages import canonical
from .nouns import Chunk
from .recognition.silero import Silero
from .recognition.streaming import Streaming
from .room import Engines, Room
from .served import ServedStages
from .settings import Settings, read
from .sfu import Sfu
from .standing import Standing
from .telling import Telling
from .terms.glossary import Glossary, parse
from .terms.prompt import PromptedRecognizer
from .tokens import allow_for_clocks
from .vault import NOTHING, Keeping, Keeps, Meeting, meeting_id
from .wire import Signer
from .wire_names import INTERPRETER, Attribute, Method

log = logging.getLogger(__name__)

ALONE = 3.0
"""Seconds for the LiveKit server to say who is in the room."""
CLOCKS_DIFFER = 15 * 60.0
"""Seconds that the clocks of two machines may differ."""
OFFER = 5.0
"""Seconds between two looks at what voices can do."""
NAMES = 1_000
"""People whose names are remembered, those who have left too."""


def build(settings: Settings) -> tuple[Worker, Intake]:
    """The worker: explicit dispatch, a process a room; and how many rooms it takes."""
    allow_for_clocks()
    intake = Intake(settings.rooms_limit, lambda: server.running)
    server: Worker = Worker(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret.get_secret_value(),
        host="127.0.0.1",
        port=settings.agent_port,
        num_idle_processes=1,
        # What a job needs is imported once, in the process that all of them are forked from.
        preload_modules=["agent.worker"],
        load_fnc=lambda: intake.load,
        # The library would refuse a second room while the first is on its way: how many there may be is our rule.
        load_threshold=math.inf,
        # The SFU may be away for hours: we wait for it.
        max_retry=1_000_000,
    )
    server.rtc_session(agent_name=settings.agent_name, on_request=intake.accept, on_session_end=leave)(enter)
    return server, intake


async def enter(ctx: JobContext) -> None:
    """Interpret a room until it ends."""
    allow_for_clocks()
    settings = read("livekit_api_key", "livekit_api_secret")
    interpreter = Interpreter(ctx, settings)
    ctx.proc.userdata["interpreter"] = interpreter
    await interpreter.enter()


async def leave(ctx: JobContext) -> None:
    """The room is still connected: what was settled is delivered."""
    interpreter: Interpreter | None = ctx.proc.userdata.get("interpreter")
    if interpreter:
        await interpreter.leave()


@runtime_checkable
class Closing(Protocol):
    """What holds connections of its own."""

    async def close(self) -> None: ...


def recognizer(settings: Settings, service: Streaming, glossary: Glossary) -> Recognizer:
    """The engine service; where the settings name LiveKit plugins, those of them that stream, which then run here."""
    if settings.recognise != "livekit":
        return service
    prepare("recognise", "livekit", settings)
    from .engines.livekit.load import load_listener
    from .recognition.silero import Silero

    return load_listener(settings, service, Silero, glossary.heard)


class Interpreter:
    """One job: a LiveKit room and our room, and the calls that people make to us."""

    def __init__(self, ctx: JobContext, settings: Settings) -> None:
        self._ctx = ctx
        self._settings = settings
        self._epoch = int((ctx.token_claims().attributes or {}).get(Attribute.EPOCH, "0"))
        self._signer = Signer(self._epoch)
        made = ctx.job.room.creation_time_ms / 1000 or float(ctx.job.room.creation_time) or time.time()
        self._clock = RoomClock(made)
        self._now = self._clock.now
        self._engines = Remote(settings, room=ctx.job.room.name)
        glossary = glossary_of(ctx.job.metadata)
        self._streaming = Streaming(PromptedRecognizer(self._engines.ear, glossary))
        self._recognizer = recognizer(settings, self._streaming, glossary)
        self._standing = Standing()
        self._sfu = Sfu(ctx.room, self._signer, self, self._now, self._fell, self._standing.hold)
        self._telling = Telling(self._sfu.set_attributes, self._changed)
        self._keeping = self._agreed()
        self._over = True
        self._room = Room(
            Engines(
                self._recognizer,
                self._engines.translator,
                self._engines.voice,
                direct=self._engines.direct,
                previews=self._engines.previews,
                likeness=self._engines.voice,
                ear=self._engines.ear,
                gate=Silero,
            ),
            self._sfu,
            self._telling,
            now=self._now,
            limit=settings.languages_limit,
            always=[tag for tag in map(canonical, settings.always.split(",")) if tag],
            glossary=glossary,
            slow=self._streaming.slow,
            meeting=ctx.job.room.name,
            lent=self._telling.tell_lent,
            keep=self._keeping.keep if self._keeping else None,
        )
        self._served = ServedStages(self._engines)
        self._names: dict[str, str] = {}
        self._calls = Calls(
            self._room,
            self._signer,
            now=self._now,
            present=lambda: ctx.room.remote_participants,
            hosts=self.hosts,
            names=self._names,
            served=lambda: self._served.stages,
        )
        self._supervisor = Supervisor(self._fell)
        self._main: asyncio.Task[None] | None = None
        self._beating: Heartbeat | None = None

    def _changed(self) -> None:
        if self._beating:
            self._beating.changed()

    def _fell(self, part: str, error: Exception) -> None:
        self._room.failures.fell(part, error)

    async def enter(self) -> None:
        """Connect, take over from older interpreters, and begin."""
        if self._keeping:
            await self._keeping.begin()
        self._sfu.attach()
        await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
        self._beating = self._heartbeat()
        if not await self._take_over(self._beating):
            self._ctx.shutdown("a newer interpreter is here")
            return
        self._telling.begun(self._signer.public, self._clock.zero)
        self._main = asyncio.create_task(self._run(self._beating), name="interpreter")
        self._main.add_done_callback(self._ended)

    async def leave(self) -> None:
        """Settle and deliver what was said, then let go."""
        self._room.close()
        if self._main:
            with contextlib.suppress(asyncio.CancelledError, Exception):  # `_ended` has logged it
                await asyncio.wait_for(self._main, 20.0)
        elif self._keeping:
            self._keeping.close(over=False)
            await self._keeping.run()
        await self._engines.close()
        if isinstance(self._recognizer, Closing):
            await self._recognizer.close()

    async def _run(self, heartbeat: Heartbeat) -> None:
        keep = self._supervisor.keep  # without any of these a room is a room still
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(keep("heartbeat", heartbeat.run))
            learning = group.create_task(keep("served", self._served.run))
            if self._keeping:
                group.create_task(keep("keeping", self._keeping.run, tries=1), name="keeping")
            offering = group.create_task(keep("offer", self._offer))
            room = group.create_task(self._room.run())
            await self._room.running.wait()
            sfu = group.create_task(keep("sfu", partial(self._sfu.run, self._room.started)))
            await room
            await self._sfu.flush()
            if self._keeping:
                self._keeping.close(over=self._over)
            sfu.cancel()
            beating.cancel()
            learning.cancel()
            offering.cancel()

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self._settings,
            job=self._ctx.job.id,
            room=self._ctx.room.name,
            identity=self._ctx.room.local_participant.identity,
            epoch=self._epoch,
            key=self._signer.public,
            state=lambda: self._telling.state,
            refused=self.refused,
            replaced=self._replaced,
            standing=self._standing,
            alone=self._alone,
            failures=lambda: self._room.failures.by_kind,
        )

    def _agreed(self) -> Keeping | None:
        """What keeps this meeting, as we were told when we were called; None where nothing is kept."""
        keeps, room = keeps_of(self._ctx.job.metadata), self._ctx.job.room
        if keeps is None:
            return None
        if not self._settings.vault.get_secret_value():
            log.error("nothing of this room is kept: DRAGOMAN_VAULT_URL is not set")
            self._telling.tell_keeping(NOTHING, "away")
            return None
        meeting = Meeting(keeps.tenant, meeting_id(keeps.tenant, room.sid), room.name, keeps.policy)
        return Keeping(
            keeps,
            meeting,
            self._settings,
            zero=self._clock.zero,
            name_of=lambda identity: self._names.get(identity, ""),
            names=lambda: [name for name in self._names.values() if name],
            tell=self._telling.tell_keeping,
        )

    def _ended(self, main: asyncio.Task[None]) -> None:
        if not main.cancelled() and (error := main.exception()):
            log.error("the interpreter failed", exc_info=error)
        # Whatever it was: the process ends, and a clean one is sent for.
        self._ctx.shutdown("interpreting ended")

    async def _take_over(self, heartbeat: Heartbeat) -> bool:
        """Remove older interpreters. False where a newer one is here already.

        Anybody with the right to send agents may claim any epoch; whether one is newer the web
        server says. Only where that is away is a claim believed.
        """
        others = {
            identity: epoch_claimed(participant.attributes)
            for identity, participant in self._ctx.room.remote_participants.items()
            if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT and identity.startswith(INTERPRETER)
        }
        newer = {identity for identity, epoch in others.items() if epoch > self._epoch}
        if newer and await heartbeat.ask() is not False:
            return False
        for identity in others.keys() - newer:
            with contextlib.suppress(api.TwirpError):  # it has left by itself
                await self._ctx.api.room.remove_participant(
                    api.RoomParticipantIdentity(room=self._ctx.room.name, identity=identity)
                )
        return True

    async def _alone(self) -> bool:
        """Whether the LiveKit server shows us, and no newer interpreter."""
        asked = api.ListParticipantsRequest(room=self._ctx.room.name)
        try:
            async with asyncio.timeout(ALONE):
                found = await self._ctx.api.room.list_participants(asked)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError, OSError):
            return False
        here = {person.identity: epoch_claimed(person.attributes) for person in found.participants if is_ours(person)}
        return max(here, key=lambda identity: here[identity], default="") == self._ctx.room.local_participant.identity

    # What LiveKit tells (sfu.Listener)

    def came(self, identity: str, name: str, attributes: Mapping[str, str]) -> None:
        self._names[identity] = name
        while len(self._names) > NAMES:
            del self._names[next(iter(self._names))]
        # Their token says what they want at first; after that they call. A call may even come before the news that
        # its caller is here.
        if self._room.people.knows(identity) is None:
            self._room.wants(identity, wants_of(attributes, "dragoman."))

    def left(self, identity: str) -> None:
        self._room.left(identity)

    def hosts(self) -> set[str]:
        """Those in the room whose token says that they are hosts."""
        people = self._ctx.room.remote_participants.items()
        return {identity for identity, person in people if person.attributes.get(Attribute.HOST) == "true"}

    def refused(self) -> dict[str, int]:
        """What was refused because it was too much or not theirs to ask, by code; there is a fixed number of codes."""
        tracks = {"too_many_microphones": self._sfu.microphones.refused, "unread_streams": self._sfu.unread.count}
        return {code: count for code, count in {**self._calls.refused, **tracks}.items() if count}

    def listen(self, identity: str, track: str) -> None:
        self._room.listen(identity, track)

    def hear(self, chunk: Chunk) -> None:
        if not self._telling.encrypted:  # no room is interpreted by half
            self._room.hear(chunk)

    def encrypted(self, is_so: bool) -> None:
        self._telling.tell_encrypted(is_so)

    def stopped(self, track: str) -> None:
        self._room.stopped(track)

    async def asked(self, method: str, identity: str, payload: str) -> str:
        """Answer a call. Raises `DragomanError` with the code that the caller gets."""
        # Nobody in the room: the LiveKit server, which calls for the web server.
        if method == Method.ALIVE and self._beating and identity not in self._ctx.room.remote_participants:
            return self._beating.answer(payload)
        return await self._calls.asked(method, identity, payload)

    async def _offer(self) -> None:
        """Tell in which languages people may be dubbed in a voice like their own."""
        while True:
            with contextlib.suppress(DragomanError):  # the engines are away: asked again
                self._telling.tell_alike(await self._engines.voice.alike())
            await asyncio.sleep(OFFER)

    def _replaced(self) -> None:
        self._over = False
        self._ctx.shutdown("a newer interpreter is here")


def epoch_claimed(attributes: Mapping[str, str], wall: Callable[[], float] = time.time) -> int:
    """The epoch in an interpreter's attributes; 0 where there is none, or one that no clock can have given by now."""
    digits = attributes.get(Attribute.EPOCH, "")
    epoch = int(digits) if digits.isdecimal() and len(digits) <= 20 else 0
    return epoch if epoch <= (wall() + CLOCKS_DIFFER) * 1000 else 0


def is_ours(person: api.ParticipantInfo) -> bool:
    return person.kind == api.ParticipantInfo.Kind.AGENT and person.identity.startswith(INTERPRETER)


def glossary_of(told: str) -> Glossary:
    """The names and terms in what we were told when we were called; none where they make no sense."""
    if not told:
        return Glossary()
    try:
        return parse(parsed(told).get("glossary", []))
    except DragomanError as error:
        log.warning("a room without its glossary: %s", error.code)
        return Glossary()


def keeps_of(told: str) -> Keeps | None:
    """What is kept, in what we were told when we were called; None where nothing is, or where it makes no sense."""
    try:
        keeps = parsed(told).get("keeps") if told else None
        return Keeps.heard(keeps) if keeps else None
    except DragomanError as error:
        log.error("nothing of this room is kept: %s", error.code)
        return None
