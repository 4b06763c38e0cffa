"""What an interpreter is made of, put together for one job."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livekit import rtc
from livekit.agents import JobContext

from .attributes import OwnAttributes
from .calls import Calls
from .caption_sender import CaptionSender
from .channels import WaysOut
from .clock import RoomClock
from .dub_track import DubTracks
from .engines import Recognizer
from .engines.service.client import Remote
from .engines.table import prepare
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
from .wire_names import Attribute

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """One interpreter's."""

    clock: RoomClock
    key: str
    """The public half of what captions are signed with."""
    engines: Remote
    recognizer: Recognizer
    room: Room
    sfu: Sfu
    outbound: Outbound
    telling: Telling
    heartbeat: Heartbeat
    succession: Succession
    served: ServedStages
    keeping: Keeping | None
    """What keeps the meeting; None where nothing is kept."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """How an interpreter is (`heartbeat.Subject`)."""

    room: Room
    sfu: Sfu
    captions: CaptionSender
    telling: Telling
    calls: Calls
    succession: Succession
    keeping: Keeping | None
    leave: Callable[[], None]

    @property
    def state(self) -> str:
        return self.telling.state

    @property
    def refused(self) -> Mapping[str, int]:
        """What was refused because it was too much or not theirs to ask, by code; there is a fixed number of codes."""
        tracks = {"too_many_microphones": self.sfu.microphones.refused, "unread_streams": self.sfu.unread.count}
        return {code: count for code, count in {**self.calls.refused, **tracks}.items() if count}

    @property
    def failures(self) -> Mapping[str, int]:
        return self.room.failures.by_kind

    @property
    def lost(self) -> Mapping[str, float]:
        return {"sound_seconds": self.room.tracks.dropped, "captions": self.captions.lost}

    @property
    def not_kept(self) -> Mapping[str, int]:
        return self.keeping.lost if self.keeping else {}

    def replaced(self) -> None:
        self.leave()

    async def alone(self) -> bool:
        return await self.succession.alone()


def assemble(ctx: JobContext, settings: Settings, leave: Callable[[], None]) -> Parts:
    """The parts of one job's interpreter; `leave` is called when a newer one has taken over. Nothing runs yet."""
    job, claims = ctx.job, ctx.token_claims()
    epoch = int((claims.attributes or {}).get(Attribute.EPOCH, "0"))
    signer, clock, standing = Signer(epoch), RoomClock(begun(ctx)), Standing()
    glossary = glossary_of(job.metadata)

    def fell(part: str, error: Exception) -> None:
        room.failures.fell(part, error)

    outbound = ways_out(lambda: ctx.room.local_participant, signer, clock.now, fell, standing)
    telling = Telling(outbound.attributes.put, lambda: heartbeat.changed())
    keeping = agreed(ctx, settings, clock.zero, telling, lambda: guests)
    engines = Remote(settings, room=job.room.name)
    streaming = Streaming(PromptedRecognizer(engines.ear, glossary))
    listener = recognizer(settings, streaming, glossary)
    room = Room(
        Engines(
            listener,
            engines.translator,
            engines.voice,
            direct=engines.direct,
            previews=engines.previews,
            likeness=engines.voice,
            ear=engines.ear,
            gate=Silero,
            slow=streaming.slow,
        ),
        WaysOut(outbound.captions, outbound.voices),
        telling,
        RoomRules(
            settings.languages_limit,
            tuple(tag for tag in map(canonical, settings.always.split(",")) if tag),
            glossary,
            job.room.name,
        ),
        now=clock.now,
        keep=keeping.keep if keeping else None,
    )
    guests = Guests(room, telling, lambda: ctx.room.remote_participants)
    served = ServedStages(engines)
    succession = Succession(ctx.room, epoch, lambda: ctx.api)
    calls = Calls(
        room, signer, guests, now=clock.now, served=lambda: served.stages, alive=lambda nonce: heartbeat.answer(nonce)
    )
    sfu = Sfu(ctx.room, guests, calls.asked, outbound, clock.now, fell)
    vitals = Vitals(room, sfu, outbound.captions, telling, calls, succession, keeping, leave)
    who = InterpreterId(job.id, job.room.name, claims.identity, epoch, signer.public)
    heartbeat = Heartbeat(settings, who, vitals, standing)
    return Parts(
        clock,
        signer.public,
        engines,
        listener,
        room,
        sfu,
        outbound,
        telling,
        heartbeat,
        succession,
        served,
        keeping,
    )


def begun(ctx: JobContext) -> float:
    """When the job's room was made, in Unix seconds."""
    made = ctx.job.room
    return made.creation_time_ms / 1000 or float(made.creation_time) or time.time()


def recognizer(settings: Settings, service: Streaming, glossary: Glossary) -> Recognizer:
    """The engine service; where the settings name LiveKit plugins, those of them that stream, which then run here."""
    if settings.recognise != "livekit":
        return service
    prepare("recognise", "livekit", settings)
    from .engines.livekit.load import load_listener

    return load_listener(settings, service, Silero, glossary.heard)


def ways_out(
    ourselves: Callable[[], rtc.LocalParticipant],
    signer: Signer,
    now: Callable[[], float],
    fell: Callable[[str, Exception], None],
    standing: Standing,
) -> Outbound:
    """What leaves by our own participant; captions and voices only while we stand."""
    return Outbound(
        CaptionSender(ourselves, signer, now, fell, standing.hold),
        DubTracks(ourselves, signer, fell, standing.hold),
        OwnAttributes(ourselves, fell),
    )


def agreed(
    ctx: JobContext, settings: Settings, zero: float, telling: Telling, guests: Callable[[], Guests]
) -> Keeping | None:
    """What keeps this meeting, as we were told when we were called; None where nothing is kept."""
    keeps, room = keeps_of(ctx.job.metadata), ctx.job.room
    if keeps is None:
        return None
    if not settings.vault.get_secret_value():
        log.error("nothing of this room is kept: DRAGOMAN_VAULT_URL is not set")
        telling.tell_keeping(NOTHING, "away")
        return None
    meeting = Meeting(keeps.tenant, meeting_id(keeps.tenant, room.sid), room.name, keeps.policy)
    names = Names(
        of=lambda identity: guests().names.get(identity, ""),
        all=lambda: [name for name in guests().names.values() if name],
    )
    return Keeping(Agreement(meeting, keeps, zero), settings, names, telling.tell_keeping)
