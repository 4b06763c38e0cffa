"""What participants ask of the interpreter by RPC: who may, how often, and what they are answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn, Protocol

from .engines import Served
from .errors import DragomanError
from .languages import base, canonical
from .participants import Wants
from .rate_limit import KNOWN, RateLimit, Spacing
from .room import Room
from .wire import Signer
from .wire_names import Method

PAYLOAD_LIMIT = 2_000
"""Characters of a call; the longest honest one has 400."""
NAME_LIMIT = 256
"""Characters of an identity or of what should be a tag."""
HIGHEST = 2**53
"""The largest `seq` that every reader of JSON reads alike."""
BETWEEN = 10.0
"""Seconds between two changes of the language that somebody speaks, and between two suggestions by somebody."""
TOO_MUCH = ("too_many_languages", "too_soon")
"""The refusals that count as abuse when there are many, beside those of `RateLimit` itself."""


class People(Protocol):
    """Who is in the room."""

    @property
    def names(self) -> Mapping[str, str]:
        """What they are called, by identity; of those who left too."""
        ...

    def present(self) -> Container[str]:
        """The identities in the room."""
        ...

    def hosts(self) -> Container[str]:
        """Those of them who may decide for others."""
        ...


class Calls:
    """Answers the calls of one room's participants.

    `served` is what the engines serve; `alive` signs that we live for a question's nonce. `refused` counts refusals by
    their code, of which there are as many as stand in this file and in `Room.wants`.
    """

    def __init__(
        self,
        room: Room,
        signer: Signer,
        people: People,
        *,
        now: Callable[[], float],
        served: Callable[[], Mapping[str, Served]],
        alive: Callable[[str], str],
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._room = room
        self._signer = signer
        self._people = people
        self._served = served
        self._alive = alive
        self._said: dict[str, str] = {}
        self._limit = RateLimit(now)
        self._changes = Spacing(BETWEEN, now)
        self._suggestions = Spacing(BETWEEN, now)

    async def asked(self, method: str, identity: str, payload: str) -> str:
        """Answer a call. Raises `DragomanError` with the code that the caller gets."""
        if method == Method.ALIVE and identity not in self._people.present():  # the LiveKit server, for the web server
            return self._alive(payload)
        try:
            self._limit.admit(identity)
            return json.dumps(self._answer(method, identity, payload))
        except DragomanError as error:
            self._count(identity, error.code)
            raise

    def _answer(self, method: str, identity: str, payload: str) -> dict[str, Any]:
        if len(payload) > PAYLOAD_LIMIT:
            raise DragomanError("bad_request", f"A payload has at most {PAYLOAD_LIMIT} characters.")
        if method == Method.ALIVE:
            raise DragomanError("not_allowed", "Only the LiveKit server asks that, for the web server.")
        asked = parsed(payload)
        if method == Method.CAPTIONS:
            return self._captions(asked)
        if method == Method.SPEAKS:
            return self._speaks(identity, asked)
        if method == Method.LEND:
            return self._lend(identity, asked)
        return self._languages(identity, asked)

    def _count(self, identity: str, code: str) -> None:
        self.refused[code] += 1
        if code in TOO_MUCH:
            self._limit.strike(identity)

    def _captions(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        lang, after = asked.get("lang"), asked.get("after", 0)
        # A bool is an int in Python, not in JSON.
        if not isinstance(lang, str) or type(after) is not int or not 0 <= after <= HIGHEST:
            raise DragomanError("bad_request", "lang is a tag and after a number from 0.")
        found = self._room.channels.after(lang, after)
        if found is None:
            raise DragomanError("not_served", "There are no captions in that language.")
        captions, more = found
        # Whoever asks may have come after those who spoke had left.
        known = self._people.names
        names = {one.identity: known[one.identity] for one in captions if one.identity in known}
        return {
            "frames": [self._signer.caption(caption).decode() for caption in captions],
            "more": more,
            "names": names,
        }

    def _speaks(self, caller: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        identity, language = asked.get("identity"), spoken_tag(_text(asked, "language"))
        if not isinstance(identity, str) or identity not in self._people.present() or not language:
            raise DragomanError("bad_request", "identity is somebody in the room and language a tag or auto.")
        if caller != identity and caller not in self._people.hosts():
            return self._suggest(caller, identity, language)
        held = (self._room.people.knows(identity) or Wants()).speaks
        if language != held:
            self._changes.take(f"{caller} {identity}")
            self._room.correct(identity, language)
        self._remember(identity, language if caller == identity else self._said.get(identity, held))
        return {"language": language}

    def _suggest(self, caller: str, identity: str, language: str) -> dict[str, Any]:
        if language == "auto":
            raise DragomanError("not_allowed", "Only they and a host may say so.")
        self._suggestions.take(caller)
        self._room.people.suggest(identity, language)
        return {"language": language, "suggested": True}

    def _lend(self, identity: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        given = asked.get("given")
        if not isinstance(given, bool):
            raise DragomanError("bad_request", "given is true or false.")
        return {"given": self._room.lend(identity, given)}

    def _languages(self, identity: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        held = self._room.people.knows(identity) or Wants()
        given = {name: _text(asked, name, getattr(held, name)) for name in ("speaks", "reads", "hears")}
        wants = wants_of(given, "")
        refused = {
            tag: "unknown_language"
            for tag in (given["reads"], given["hears"], given["speaks"])
            if tag not in ("", "auto") and not canonical(tag)
        }
        wants, late = self._spoken_language(identity, held, wants)
        not_made = self._room.wants(identity, wants)
        refused |= late | not_made
        for code in refused.values():
            self._count(identity, code)
        return {
            "speaks": wants.speaks,
            "reads": "" if wants.reads in not_made else wants.reads,
            "hears": "" if wants.hears in not_made else wants.hears,
            "refused": self._not_served(wants) | refused,
            "routes": self._routes(wants.reads or wants.hears),
            "voice": self._voice(wants.hears),
            "delays": self._room.condition.delays,
        }

    def _spoken_language(self, identity: str, held: Wants, wants: Wants) -> tuple[Wants, dict[str, str]]:
        """The wishes, without a change of the spoken language that is none, or comes too soon after another."""
        said = self._said.get(identity)
        self._remember(identity, wants.speaks)
        if self._room.people.knows(identity) is None or wants.speaks == held.speaks:
            return wants, {}
        if wants.speaks == said:  # a page says all its wishes each time; since it did, a host has said otherwise
            return replace(wants, speaks=held.speaks), {}
        try:
            self._changes.take(f"{identity} {identity}")
        except DragomanError as error:
            self._said.pop(identity, None)  # it was not heard: they may say it again
            return replace(wants, speaks=held.speaks), {wants.speaks: error.code}
        return wants, {}

    def _remember(self, identity: str, said: str) -> None:
        self._said.pop(identity, None)
        self._said[identity] = said
        while len(self._said) > KNOWN:
            del self._said[next(iter(self._said))]

    def _not_served(self, wants: Wants) -> dict[str, str]:
        """What nothing here gives. Who reads a language that is only understood reads those who speak it."""
        if not self._served():
            return {}
        made = {base(pair.split(">")[1]) for stage in ("translate", "direct") for pair in self._languages_of(stage)}
        understood = {base(tag) for tag in self._languages_of("recognise")}
        unreadable = [tag for tag in wants.languages if base(tag) not in made | understood]
        voiced = base(wants.hears) in made and self._voice(wants.hears) is not None
        mute = [wants.hears] if wants.hears and not voiced else []
        return {tag: "no_voice" for tag in mute} | {tag: "not_served" for tag in unreadable}

    def _languages_of(self, stage: str) -> Iterable[str]:
        served = self._served().get(stage)
        return served.languages if served else ()

    def _routes(self, tag: str) -> dict[str, str]:
        routes = self._served()["translate"].route if "translate" in self._served() else {}
        found = {pair.split(">")[0]: route for pair, route in routes.items() if pair.split(">")[1] == base(tag)}
        return self._carried(tag, found) | found

    def _carried(self, tag: str, found: Mapping[str, str]) -> dict[str, str]:
        """The same from those spoken languages that a direct engine carries."""
        direct = self._served().get("direct")
        onward = [found["en"]] if "en" in found else [] if base(tag) == "en" else None
        if direct is None or onward is None:
            return {}
        spoken = {base(language) for language in self._room.people.spoken}
        route = ", ".join([f"direct:{direct.engine}", *onward])
        return {language: route for language in spoken - {base(tag)} if f"{language}>en" in direct.languages}

    def _voice(self, tag: str) -> str | None:
        voices = self._served().get("speak")
        return voices.engine if voices and tag and base(tag) in {base(lang) for lang in voices.languages} else None


def _text(asked: Mapping[str, Any], name: str, absent: str = "") -> str:
    """A short text of a payload. Raises `bad_request`."""
    value = asked.get(name, absent)
    if not isinstance(value, str) or len(value) > NAME_LIMIT:
        raise DragomanError("bad_request", f"{name} is a text of at most {NAME_LIMIT} characters.")
    return value


def spoken_tag(given: str) -> str:
    """A language that somebody may say they speak: a tag or `auto`; empty where it is neither."""
    return "auto" if given == "auto" else canonical(given)


def wants_of(given: Mapping[str, str], prefix: str) -> Wants:
    """What somebody wants, of attributes or a payload whose names begin with `prefix`."""
    speaks = given.get(f"{prefix}speaks", "auto")
    reads, hears = (canonical(given.get(f"{prefix}{name}", "")) for name in ("reads", "hears"))
    return Wants(canonical(speaks) or "auto", reads, hears)


def parsed(payload: str) -> Mapping[str, Any]:
    """A payload of JSON. Raises `bad_json`."""
    try:
        asked = json.loads(payload, parse_constant=_no_number)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise DragomanError("bad_json", "The payload is a JSON object.")
    return asked


def _no_number(name: str) -> NoReturn:
    # Python's reader takes NaN and Infinity, which are no JSON.
    raise ValueError(name)
