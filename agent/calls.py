"""What participants ask of the interpreter by RPC."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from .engines import Served
from .errors import DragomanError
from .languages import base, canonical
from .room import Room, Wants
from .wire import Signer


class Calls:
    """Answers the calls of one room's participants.

    `present` are the identities in the room, `names` what people are called, `served` what the engines serve.
    """

    def __init__(
        self,
        room: Room,
        signer: Signer,
        *,
        present: Callable[[], Container[str]],
        names: Mapping[str, str],
        served: Callable[[], Mapping[str, Served]],
    ) -> None:
        self._room = room
        self._signer = signer
        self._present = present
        self._names = names
        self._served = served
        self.called: set[str] = set()
        """Who asked for languages by a call: it holds until their attributes say something new."""

    async def asked(self, method: str, identity: str, payload: str) -> str:
        """Answer a call. Raises `DragomanError` with the code that the caller gets."""
        asked = parsed(payload)
        if method == "dragoman.captions":
            return json.dumps(self._captions(asked))
        if method == "dragoman.speaks":
            return json.dumps(self._speaks(asked))
        return json.dumps(self._languages(identity, asked))

    def _captions(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        lang, after = asked.get("lang"), asked.get("after", 0)
        if not isinstance(lang, str) or not isinstance(after, int) or after < 0:
            raise DragomanError("bad_request", "lang is a tag and after a number from 0.")
        found = self._room.captions_after(lang, after)
        if found is None:
            raise DragomanError("not_served", "There are no captions in that language.")
        captions, more = found
        # Whoever asks may have come after those who spoke had left.
        names = {one.identity: self._names[one.identity] for one in captions if one.identity in self._names}
        return {
            "frames": [self._signer.caption(caption).decode() for caption in captions],
            "more": more,
            "names": names,
        }

    def _speaks(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        identity, language = asked.get("identity"), canonical(str(asked.get("language", "")))
        if not isinstance(identity, str) or identity not in self._present() or not language:
            raise DragomanError("bad_request", "identity is somebody in the room and language a tag.")
        self._room.correct(identity, language)
        return {"language": language}

    def _languages(self, identity: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: str(asked.get(name, "")) for name in ("speaks", "reads", "hears")}
        wants = wants_of(given, "")
        refused = {
            tag: "unknown_language"
            for tag in (given["reads"], given["hears"], given["speaks"])
            if tag not in ("", "auto") and not canonical(tag)
        }
        self.called.add(identity)
        refused |= self._room.wants(identity, wants)
        return {
            "speaks": wants.speaks,
            "reads": "" if wants.reads in refused else wants.reads,
            "hears": "" if wants.hears in refused else wants.hears,
            "refused": self._not_served(wants) | refused,
            "routes": self._routes(wants.reads or wants.hears),
            "voice": self._voice(wants.hears),
            "delays": self._room.delays(),
        }

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
        spoken = {base(language) for language in self._room.spoken}
        route = ", ".join([f"direct:{direct.engine}", *onward])
        return {language: route for language in spoken - {base(tag)} if f"{language}>en" in direct.languages}

    def _voice(self, tag: str) -> str | None:
        voices = self._served().get("speak")
        return voices.engine if voices and tag and base(tag) in {base(lang) for lang in voices.languages} else None


def wants_of(given: Mapping[str, str], prefix: str) -> Wants:
    """What somebody wants, of attributes or a payload whose names begin with `prefix`."""
    speaks = given.get(f"{prefix}speaks", "auto")
    reads, hears = (canonical(given.get(f"{prefix}{name}", "")) for name in ("reads", "hears"))
    return Wants(canonical(speaks) or "auto", reads, hears)


def parsed(payload: str) -> Mapping[str, Any]:
    """A payload of JSON. Raises `bad_json`."""
    try:
        asked = json.loads(payload)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise DragomanError("bad_json", "The payload is a JSON object.")
    return asked
