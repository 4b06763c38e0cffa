"""One job: a LiveKit room, our room, and what connects the two."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Protocol, runtime_checkable

from livekit import rtc
from livekit.agents import AutoSubscribe, JobContext

from .aio import Supervisor
from .attributes import OwnAttributes
from .calls import Calls
from .caption_sender import CaptionSender
from .channels import WaysOut
from .clock import RoomClock
from .dub_track import DubTracks
from .engines import Recognizer
from .engines.service.client import Remote
from .engines.table import prepare
from .errors import DragomanError
from .guests import Guests
from .heartbeat import Heartbeat, InterpreterId
from .job_metadata import glossary_of, keeps_of
from .languages import canonical
from .recognition.silero import Silero
from .recognition.streaming import Streaming
from .room import Engines, Room, RoomRules
from .served import ServedStages
from .settings import Settings
from .sfu import Outbound, Sfu
from .standing import Standing
from .succession import Succession
from .telling import Telling
from .terms.glossary import Glossary
from .terms.prompt import PromptedRecognizer
from .vault import NOTHING, Agreement, Keeping, Meeting, Names, meeting_id
from .wire import Signer
from .wire_names import Attribute, Method

log = logging.getLogger(__name__)

OFFER = 5.0
"""Seconds between two looks at what voices can do."""


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

    return load_listener(settings, service, Silero, glossary.heard)


class Interpreter:
    """From the call to a room to its end: puts the parts together, takes over, and settles what was said."""

    def __init__(self, ctx: JobContext, settings: Settings) -> None:
        self._ctx = ctx
        self._settings = settings
        self._epoch = int((ctx.token_claims().attributes or {}).get(Attribute.EPOCH, "0"))
        self._signer = Signer(self._epoch)
        made = ctx.job.room.creation_time_ms / 1000 or float(ctx.job.room.creation_time) or time.time()
        self._clock = RoomClock(made)
        self._standing = Standing()
        self._outbound = self._ways_out()
        self._telling = Telling(self._outbound.attributes.put, self._changed)
        self._keeping = self._agreed()
        self._engines = Remote(settings, room=ctx.job.room.name)
        self._room = self._interpreted()
        self._guests = Guests(self._room, self._telling, lambda: ctx.room.remote_participants)
        self._served = ServedStages(self._engines)
        self._calls = Calls(
            self._room, self._signer, self._guests, now=self._clock.now, served=lambda: self._served.stages
        )
        self._sfu = Sfu(ctx.room, self._guests, self.asked, self._outbound, self._clock.now, self._fell)
        self._succession = Succession(ctx.room, self._epoch, lambda: ctx.api)
        self._main: asyncio.Task[None] | None = None
        self._beating: Heartbeat | None = None
        self._over = True

    async def enter(self) -> None:
        """Connect, take over from older interpreters, and begin."""
        if self._keeping:
            await self._keeping.begin()
        self._sfu.attach()
        await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
        room, key = self._ctx.room, self._signer.public
        who = InterpreterId(self._ctx.job.id, room.name, room.local_participant.identity, self._epoch, key)
        self._beating = Heartbeat(self._settings, who, self, self._standing)
        if not await self._succession.take_over(self._beating.ask):
            self._ctx.shutdown("a newer interpreter is here")
            return
        self._telling.begun(key, self._clock.zero)
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

    async def asked(self, method: str, identity: str, payload: str) -> str:
        """Answer a call. Raises `DragomanError` with the code that the caller gets."""
        # Nobody in the room: the LiveKit server, which calls for the web server.
        if method == Method.ALIVE and self._beating and identity not in self._guests.present():
            return self._beating.answer(payload)
        return await self._calls.asked(method, identity, payload)

    # Whose heart beats (heartbeat.Subject)

    @property
    def state(self) -> str:
        return self._telling.state

    @property
    def refused(self) -> Mapping[str, int]:
        """What was refused because it was too much or not theirs to ask, by code; there is a fixed number of codes."""
        tracks = {"too_many_microphones": self._sfu.microphones.refused, "unread_streams": self._sfu.unread.count}
        return {code: count for code, count in {**self._calls.refused, **tracks}.items() if count}

    @property
    def failures(self) -> Mapping[str, int]:
        return self._room.failures.by_kind

    @property
    def lost(self) -> Mapping[str, int]:
        return self._keeping.lost if self._keeping else {}

    def replaced(self) -> None:
        self._over = False
        self._ctx.shutdown("a newer interpreter is here")

    async def alone(self) -> bool:
        return await self._succession.alone()

    # Its parts

    def _ways_out(self) -> Outbound:
        def ourselves() -> rtc.LocalParticipant:
            return self._ctx.room.local_participant

        hold, now = self._standing.hold, self._clock.now
        return Outbound(
            CaptionSender(ourselves, self._signer, now, self._fell, hold),
            DubTracks(ourselves, self._signer, self._fell, hold),
            OwnAttributes(ourselves, self._fell),
        )

    def _interpreted(self) -> Room:
        settings, engines = self._settings, self._engines
        glossary = glossary_of(self._ctx.job.metadata)
        streaming = Streaming(PromptedRecognizer(engines.ear, glossary))
        self._recognizer = recognizer(settings, streaming, glossary)
        return Room(
            Engines(
                self._recognizer,
                engines.translator,
                engines.voice,
                direct=engines.direct,
                previews=engines.previews,
                likeness=engines.voice,
                ear=engines.ear,
                gate=Silero,
                slow=streaming.slow,
            ),
            WaysOut(self._outbound.captions, self._outbound.voices),
            self._telling,
            RoomRules(
                settings.languages_limit,
                tuple(tag for tag in map(canonical, settings.always.split(",")) if tag),
                glossary,
                self._ctx.job.room.name,
            ),
            now=self._clock.now,
            keep=self._keeping.keep if self._keeping else None,
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
        names = Names(
            of=lambda identity: self._guests.names.get(identity, ""),
            all=lambda: [name for name in self._guests.names.values() if name],
        )
        return Keeping(Agreement(meeting, keeps, self._clock.zero), self._settings, names, self._telling.tell_keeping)

    # Its tasks

    async def _run(self, heartbeat: Heartbeat) -> None:
        keep = Supervisor(self._fell).keep  # without any of these a room is a room still
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(keep("heartbeat", heartbeat.run)),
                group.create_task(keep("served", self._served.run)),
                group.create_task(keep("offer", self._offer)),
            ]
            if self._keeping:
                group.create_task(keep("keeping", self._keeping.run, tries=1), name="keeping")
            room = group.create_task(self._room.run())
            await self._room.running.wait()
            beside.append(group.create_task(keep("sfu", partial(self._sfu.run, self._room.started))))
            await room
            await self._outbound.captions.flush()
            if self._keeping:
                self._keeping.close(over=self._over)
            for task in beside:
                task.cancel()

    async def _offer(self) -> None:
        """Tell in which languages people may be dubbed in a voice like their own."""
        while True:
            with contextlib.suppress(DragomanError):  # the engines are away: asked again
                self._telling.tell_alike(await self._engines.voice.alike())
            await asyncio.sleep(OFFER)

    def _changed(self) -> None:
        if self._beating:
            self._beating.changed()

    def _fell(self, part: str, error: Exception) -> None:
        self._room.failures.fell(part, error)

    def _ended(self, main: asyncio.Task[None]) -> None:
        if not main.cancelled() and (error := main.exception()):
            log.error("the interpreter failed", exc_info=error)
        # Whatever it was: the process ends, and a clean one is sent for.
        self._ctx.shutdown("interpreting ended")
