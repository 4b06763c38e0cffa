"""A LiveKit server's rooms, people and dispatches in memory, behind its own API; it checks our tokens."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from google.protobuf.message import Message
from livekit import api

KINDS = api.ParticipantInfo.Kind


@dataclass
class LiveRoom:
    """One live room."""

    limit: int = 0
    people: dict[str, api.ParticipantInfo] = field(default_factory=dict)
    dispatches: list[str] = field(default_factory=list)


@dataclass
class FakeLiveKit:
    """Answers as livekit-server v1.13.5 does for the five calls that we make."""

    key: str
    secret: str
    away: bool = False
    rooms: dict[str, LiveRoom] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        answers: dict[str, tuple[type[Message], Callable[[api.Claims, Message], Message]]] = {
            "RoomService/ListRooms": (api.ListRoomsRequest, self._list_rooms),
            "RoomService/CreateRoom": (api.CreateRoomRequest, self._create),
            "RoomService/ListParticipants": (api.ListParticipantsRequest, self._people),
            "RoomService/RemoveParticipant": (api.RoomParticipantIdentity, self._remove),
            "AgentDispatchService/CreateDispatch": (api.CreateAgentDispatchRequest, self._dispatch),
        }
        for name, (shape, does) in answers.items():
            app.router.add_post(f"/twirp/livekit.{name}", self._answering(shape, does))
        return app

    def enter(self, room: str, identity: str, kind: int = KINDS.STANDARD, joined_at: float | None = None) -> None:
        """Somebody joins; the room is made where it isn't live."""
        person = api.ParticipantInfo(identity=identity, kind=kind, state=api.ParticipantInfo.State.ACTIVE)
        person.joined_at_ms = int((joined_at or time.time()) * 1000)
        self.rooms.setdefault(room, LiveRoom()).people[identity] = person

    def enter_interpreter(self, room: str, job: str, joined_at: float | None = None) -> None:
        self.enter(room, f"interpreter-{job}", KINDS.AGENT, joined_at)

    def _answering(
        self, shape: type[Message], does: Callable[[api.Claims, Message], Message]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            if self.away:
                return web.json_response({"code": "unavailable", "msg": "away"}, status=503)
            claims = api.TokenVerifier(self.key, self.secret).verify(request.headers["Authorization"][7:])
            try:
                body = does(claims, shape.FromString(await request.read()))
            except KeyError:
                return web.json_response({"code": "not_found", "msg": "not there"}, status=404)
            return web.Response(body=body.SerializeToString(), content_type="application/protobuf")

        return answer

    def _list_rooms(self, claims: api.Claims, asked: api.ListRoomsRequest) -> Message:
        assert claims.video
        assert claims.video.room_list
        names = [name for name in self.rooms if not asked.names or name in asked.names]
        return api.ListRoomsResponse(rooms=[api.Room(name=name) for name in names])

    def _create(self, claims: api.Claims, asked: api.CreateRoomRequest) -> Message:
        assert claims.video
        assert claims.video.room_create
        if asked.name not in self.rooms:
            agents = [agent.agent_name for agent in asked.agents]
            self.rooms[asked.name] = LiveRoom(limit=asked.max_participants, dispatches=agents)
        return api.Room(name=asked.name)

    def _people(self, claims: api.Claims, asked: api.ListParticipantsRequest) -> Message:
        assert claims.video
        assert claims.video.room_admin
        people = self.rooms[asked.room].people.values() if asked.room in self.rooms else ()
        return api.ListParticipantsResponse(participants=people)

    def _remove(self, claims: api.Claims, asked: api.RoomParticipantIdentity) -> Message:
        assert claims.video
        assert claims.video.room == asked.room
        del self.rooms[asked.room].people[asked.identity]
        self.removed.append(asked.identity)
        return api.RemoveParticipantResponse()

    def _dispatch(self, claims: api.Claims, asked: api.CreateAgentDispatchRequest) -> Message:
        assert claims.video
        assert claims.video.room == asked.room
        self.rooms[asked.room].dispatches.append(asked.agent_name)
        return api.AgentDispatch(agent_name=asked.agent_name, room=asked.room)
