"""A LiveKit server's rooms, people and dispatches in memory, behind its own API; it checks our tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formatdate

import jwt
from aiohttp import web
from google.protobuf.message import Message
from livekit import api
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

KINDS = api.ParticipantInfo.Kind


@dataclass
class LiveRoom:
    """One live room."""

    limit: int = 0
    people: dict[str, api.ParticipantInfo] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    """Every agent that was ever called."""
    dispatches: dict[str, str] = field(default_factory=dict)
    """The calls that stand, by id."""
    told: list[str] = field(default_factory=list)
    """What each agent that was called was told."""
    taken: set[str] = field(default_factory=set)
    """The calls that a worker took."""

    def call(self, agent: str, told: str, taken: bool) -> None:
        self.called.append(agent)
        self.told.append(told)
        self.dispatches[id := f"AD_{len(self.called)}"] = agent
        if taken:
            self.taken.add(id)


@dataclass
class FakeLiveKit:
    """Answers as livekit-server v1.13.5 does for the calls that we make."""

    key: str
    secret: str
    away: bool = False
    ahead: float = 0.0
    """Seconds that its clock is ahead."""
    rooms: dict[str, LiveRoom] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    workers: bool = True
    """Whether somebody takes calls; a call that nobody took is never repeated."""
    answers: dict[str, Callable[[str], str]] = field(default_factory=dict)
    """What people in a room answer to calls, by identity; the others don't answer."""
    refused: set[str] = field(default_factory=set)
    """Methods that it answers with an error."""
    asked: list[str] = field(default_factory=list)
    """Who was called."""
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by a test, it makes the server hang in the middle of each answer."""

    def app(self) -> web.Application:
        app = web.Application()
        answers: dict[str, tuple[type[Message], Callable[[api.Claims, Message], Message]]] = {
            "RoomService/ListRooms": (api.ListRoomsRequest, self._list_rooms),
            "RoomService/CreateRoom": (api.CreateRoomRequest, self._create),
            "RoomService/ListParticipants": (api.ListParticipantsRequest, self._people),
            "RoomService/RemoveParticipant": (api.RoomParticipantIdentity, self._remove),
            "RoomService/PerformRpc": (PerformRpcRequest, self._ask),
            "AgentDispatchService/CreateDispatch": (api.CreateAgentDispatchRequest, self._dispatch),
            "AgentDispatchService/ListDispatch": (api.ListAgentDispatchRequest, self._dispatches),
            "AgentDispatchService/DeleteDispatch": (api.DeleteAgentDispatchRequest, self._take_back),
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
            if self.away or request.path.rpartition("/")[2] in self.refused:
                return web.json_response({"code": "unavailable", "msg": "away"}, status=503)
            async with self.busy:
                claims = self._verified(request.headers["Authorization"][7:])
            try:
                body = does(claims, shape.FromString(await request.read()))
            except KeyError:
                return web.json_response({"code": "not_found", "msg": "not there"}, status=404)
            except TimeoutError:
                return web.json_response({"code": "unavailable", "msg": "Response timeout"}, status=503)
            date = formatdate(time.time() + self.ahead, usegmt=True)
            return web.Response(
                body=body.SerializeToString(), content_type="application/protobuf", headers={"Date": date}
            )

        return answer

    def _verified(self, token: str) -> api.Claims:
        """As the server does by its own clock, with a minute's grace."""
        dates = jwt.decode(token, options={"verify_signature": False})
        now = time.time() + self.ahead
        assert dates.get("nbf", now) - 60 <= now <= dates["exp"] + 60
        return api.TokenVerifier(self.key, self.secret, leeway=timedelta(days=1)).verify(token)

    def _list_rooms(self, claims: api.Claims, asked: api.ListRoomsRequest) -> Message:
        assert claims.video
        assert claims.video.room_list
        names = [name for name in self.rooms if not asked.names or name in asked.names]
        return api.ListRoomsResponse(rooms=[api.Room(name=name) for name in names])

    def _create(self, claims: api.Claims, asked: api.CreateRoomRequest) -> Message:
        assert claims.video
        assert claims.video.room_create
        if asked.name not in self.rooms:
            room = self.rooms[asked.name] = LiveRoom(limit=asked.max_participants)
            for agent in asked.agents:
                room.call(agent.agent_name, agent.metadata, self.workers)
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

    def _ask(self, claims: api.Claims, asked: PerformRpcRequest) -> Message:
        assert claims.video
        assert claims.video.room == asked.room
        assert asked.method == "dragoman.alive"
        _ = self.rooms[asked.room].people[asked.destination_identity]
        self.asked.append(asked.destination_identity)
        if answer := self.answers.get(asked.destination_identity):
            return PerformRpcResponse(payload=answer(asked.payload))
        raise TimeoutError

    def _dispatch(self, claims: api.Claims, asked: api.CreateAgentDispatchRequest) -> Message:
        assert claims.video
        assert claims.video.room == asked.room
        self.rooms[asked.room].call(asked.agent_name, asked.metadata, self.workers)
        return api.AgentDispatch(agent_name=asked.agent_name, room=asked.room)

    def _dispatches(self, claims: api.Claims, asked: api.ListAgentDispatchRequest) -> Message:
        assert claims.video
        assert claims.video.room == asked.room
        room = self.rooms[asked.room]
        found = [
            api.AgentDispatch(id=id, agent_name=name, state={"jobs": [{"id": f"AJ_{id}"}] if id in room.taken else []})
            for id, name in room.dispatches.items()
        ]
        return api.ListAgentDispatchResponse(agent_dispatches=found)

    def _take_back(self, claims: api.Claims, asked: api.DeleteAgentDispatchRequest) -> Message:
        assert claims.video
        assert claims.video.room == asked.room
        return api.AgentDispatch(
            id=asked.dispatch_id, agent_name=self.rooms[asked.room].dispatches.pop(asked.dispatch_id)
        )
