"""Which interpreter of a room counts: the one of the highest epoch, as far as a claim can be believed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from livekit import api, rtc

from .tokens import CLOCKS_DIFFER
from .wire_names import INTERPRETER, Attribute

PATIENCE = 3.0
"""Seconds for the LiveKit server to say who is in the room."""

LiveKit = Callable[[], api.LiveKitAPI]


class Succession:
    """One interpreter among those that are, or were, in its room."""

    def __init__(self, room: rtc.Room, epoch: int, livekit: LiveKit) -> None:
        self._room = room
        self._epoch = epoch
        self._livekit = livekit

    async def take_over(self, told_to_leave: Callable[[], Awaitable[bool | None]]) -> bool:
        """Remove older interpreters. False where a newer one is here already.

        Anybody with the right to send agents may claim any epoch; whether one is newer the web server says
        (`told_to_leave`). Only where that is away is a claim believed.
        """
        others = {
            identity: epoch_claimed(participant.attributes)
            for identity, participant in self._room.remote_participants.items()
            if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT and identity.startswith(INTERPRETER)
        }
        newer = {identity for identity, epoch in others.items() if epoch > self._epoch}
        if newer and await told_to_leave() is not False:
            return False
        for identity in others.keys() - newer:
            with contextlib.suppress(api.TwirpError):  # it has left by itself
                await self._livekit().room.remove_participant(
                    api.RoomParticipantIdentity(room=self._room.name, identity=identity)
                )
        return True

    async def alone(self) -> bool:
        """Whether the LiveKit server shows us, and no newer interpreter."""
        asked = api.ListParticipantsRequest(room=self._room.name)
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._livekit().room.list_participants(asked)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError, OSError):
            return False
        here = {person.identity: epoch_claimed(person.attributes) for person in found.participants if is_ours(person)}
        return max(here, key=lambda identity: here[identity], default="") == self._room.local_participant.identity


def epoch_claimed(attributes: Mapping[str, str], wall: Callable[[], float] = time.time) -> int:
    """The epoch in an interpreter's attributes; 0 where there is none, or one that no clock can have given by now."""
    digits = attributes.get(Attribute.EPOCH, "")
    epoch = int(digits) if digits.isdecimal() and len(digits) <= 20 else 0
    return epoch if epoch <= (wall() + CLOCKS_DIFFER) * 1000 else 0


def is_ours(person: api.ParticipantInfo) -> bool:
    """Whether it is an interpreter."""
    return person.kind == api.ParticipantInfo.Kind.AGENT and person.identity.startswith(INTERPRETER)
