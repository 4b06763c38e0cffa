"""The people of a LiveKit room, as its interpreter meets them: who came, what they are called, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from livekit import rtc

from .calls import wants_of
from .nouns import Chunk
from .room import Room
from .telling import Telling
from .wire_names import Attribute

NAMES = 1_000
"""People whose names are remembered, those who have left too."""


class Guests:
    """Hands on to the room what LiveKit tells (`sfu.Listener`); `people` are those who are here, by identity."""

    def __init__(self, room: Room, telling: Telling, people: Callable[[], Mapping[str, rtc.RemoteParticipant]]) -> None:
        self.names: dict[str, str] = {}
        """What people are called, by identity."""
        self._room = room
        self._telling = telling
        self._people = people
        self.listen = room.listen
        self.left = room.left
        self.stopped = room.stopped
        self.unheard: Callable[[Sequence[str]], None] = telling.tell_unheard
        self.encrypted = telling.tell_encrypted

    def came(self, identity: str, name: str, attributes: Mapping[str, str]) -> None:
        self.names[identity] = name
        while len(self.names) > NAMES:
            del self.names[next(iter(self.names))]
        # Their token says what they want at first; after that they call. A call may even come before the news that
        # its caller is here.
        if self._room.people.knows(identity) is None:
            self._room.wants(identity, wants_of(attributes, "dragoman."))

    def hear(self, chunk: Chunk) -> None:
        if not self._telling.encrypted:  # no room is interpreted by half
            self._room.hear(chunk)

    def present(self) -> Container[str]:
        """The identities in the room."""
        return self._people()

    def hosts(self) -> set[str]:
        """Those in the room whose token says that they are hosts."""
        people = self._people().items()
        return {identity for identity, person in people if person.attributes.get(Attribute.HOST) == "true"}
