"""The LiveKit server, asked about its rooms, or the honest answer that it is away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from livekit import api
from livekit.api.room_service import RoomService
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from agent.errors import DragomanError
from agent.settings import Settings
from agent.wire_names import INTERPRETER

log = logging.getLogger(__name__)

PATIENCE = aiohttp.ClientTimeout(total=4)
EMPTY = 300
"""Seconds that a room waits for its first person."""
SLACK = 1.0
"""Seconds more than somebody in a room may take to answer, for the LiveKit server to say that they did not."""
LEFT = 60
"""Seconds that a room stays after its last person: a reload must find it again."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a room; what they are called is not our business here."""

    identity: str
    human: bool
    interpreter: bool


class _Rooms(RoomService):
    """The one call that the server has and its client lacks as yet."""

    async def perform_rpc(self, asked: PerformRpcRequest, timeout: aiohttp.ClientTimeout) -> PerformRpcResponse:
        grants = api.VideoGrants(room_admin=True, room=asked.room)
        return await self._client.request(
            "RoomService", "PerformRpc", asked, self._auth_header(grants), PerformRpcResponse, timeout=timeout
        )


class Sfu:
    """What we ask of LiveKit. Every method raises `sfu_away`."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        given = (settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret.get_secret_value())
        self._api = api.LiveKitAPI(*given, session=session)
        self._rooms = _Rooms(session, *given)

    async def rooms(self, *names: str) -> list[str]:
        """The rooms that are live; of those named, or all."""
        with _answering():
            found = await self._api.room.list_rooms(api.ListRoomsRequest(names=names))
        return [room.name for room in found.rooms]

    async def people(self, room: str) -> list[Person]:
        """Who is in a room; nobody where it isn't live."""
        try:
            with _answering():
                found = await self._api.room.list_participants(api.ListParticipantsRequest(room=room))
        except _NotThere:
            return []
        return [_person(each) for each in found.participants if each.state != api.ParticipantInfo.State.DISCONNECTED]

    async def ask(self, room: str, identity: str, method: str, payload: str, within: float) -> str | None:
        """What somebody in a room answers to a call; None where they don't, or not within so many seconds."""
        asked = PerformRpcRequest(
            room=room,
            destination_identity=identity,
            method=method,
            payload=payload,
            response_timeout_ms=round(within * 1000),
        )
        try:
            with _connecting():
                # The server waits for the answer; we wait for the server, which may hang as well.
                answer = await self._rooms.perform_rpc(asked, aiohttp.ClientTimeout(total=within + SLACK))
        except api.ServerError:
            return None
        return answer.payload

    async def open(self, room: str, told: str = "") -> None:
        """Make a room live, with a call for an interpreter, who is `told` that. Of a live room nothing changes."""
        wish = api.CreateRoomRequest(
            name=room,
            empty_timeout=EMPTY,
            departure_timeout=LEFT,
            max_participants=self._settings.room_limit,
            agents=[api.RoomAgentDispatch(agent_name=self._settings.agent_name, metadata=told)],
        )
        with _answering():
            await self._api.room.create_room(wish)

    async def call(self, room: str, told: str = "") -> bool:
        """Call an interpreter into a live room, and tell it that. False where the room has just closed.

        Earlier calls are taken back first: LiveKit keeps those that nobody answered and
        those whose job was killed, and a job that answers one late would be one too many.
        """
        name = self._settings.agent_name
        try:
            with _answering():
                for earlier in await self._api.agent_dispatch.list_dispatch(room):
                    if earlier.agent_name == name:
                        await self._api.agent_dispatch.delete_dispatch(earlier.id, room)
                await self._api.agent_dispatch.create_dispatch(
                    api.CreateAgentDispatchRequest(room=room, agent_name=name, metadata=told)
                )
        except _NotThere:
            log.debug("already closed", extra={"room": room})
            return False
        return True

    async def taken(self, room: str) -> bool:
        """Whether a worker has taken a call of ours for this room; LiveKit repeats none that nobody took."""
        try:
            with _answering():
                calls = await self._api.agent_dispatch.list_dispatch(room)
        except _NotThere:
            return False
        return any(call.agent_name == self._settings.agent_name and call.state.jobs for call in calls)

    async def remove(self, room: str, identity: str) -> None:
        """Take somebody out of a room; nothing where they have left."""
        try:
            with _answering():
                await self._api.room.remove_participant(api.RoomParticipantIdentity(room=room, identity=identity))
        except _NotThere:
            log.debug("already gone", extra={"room": room})


def _person(given: api.ParticipantInfo) -> Person:
    kinds = api.ParticipantInfo.Kind
    agent = given.kind == kinds.AGENT
    return Person(
        identity=given.identity,
        human=given.kind not in {kinds.AGENT, kinds.EGRESS},
        interpreter=agent and given.identity.startswith(INTERPRETER),
    )


class _NotThere(Exception):
    """The room or the person is not (or no longer) there."""


@contextmanager
def _answering() -> Iterator[None]:
    with _connecting():
        try:
            yield
        except api.ServerError as error:
            if error.code == "not_found":
                raise _NotThere from None
            log.warning("the LiveKit server refuses", extra={"code": error.code})
            raise _away() from error


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _away() from error


def _away() -> DragomanError:
    return DragomanError("sfu_away", "The LiveKit server does not answer.")


SFU = web.AppKey("sfu", Sfu)
