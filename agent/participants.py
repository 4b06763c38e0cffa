"""Who is in a room: what each speaks, reads and hears, and what they were found to speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .languages import same_language
from .quotas import PEOPLE


@dataclass(frozen=True, slots=True)
class Wants:
    """What one participant speaks (a tag, or `auto`), reads and hears (a tag, or empty)."""

    speaks: str = "auto"
    reads: str = ""
    hears: str = ""

    @property
    def languages(self) -> tuple[str, ...]:
        """What somebody has to make for this person."""
        return tuple(dict.fromkeys(tag for tag in (self.reads, self.hears) if tag))

    def without(self, refused: Sequence[str]) -> Wants:
        """The same, less what isn't made."""
        kept = (("" if tag in refused else tag) for tag in (self.reads, self.hears))
        return Wants(self.speaks, *kept)


class Participants:
    """What the people of a room want, at most `PEOPLE` of them. It starts nothing.

    `suggested` is told what people are asked about, whenever that changes.
    """

    def __init__(
        self, always: Sequence[str] = (), suggested: Callable[[Mapping[str, str]], None] = lambda suggested: None
    ) -> None:
        self._tell_suggested = suggested
        self._always = tuple(always)
        self._wants: dict[str, Wants] = {}
        self._detected: dict[str, str] = {}
        self._suggested: dict[str, str] = {}

    def __contains__(self, identity: object) -> bool:
        return identity in self._wants

    def has_room(self, identity: str) -> bool:
        """Whether somebody's wishes can be known."""
        return identity in self._wants or len(self._wants) < PEOPLE

    def knows(self, identity: str) -> Wants | None:
        """What somebody wants; None where they have not said it yet."""
        return self._wants.get(identity)

    def wants(self, identity: str) -> Wants:
        """What somebody wants, or what people want who said nothing."""
        return self._wants.get(identity, Wants())

    def note(self, identity: str, wants: Wants) -> bool:
        """What somebody wants from now on. Whether they speak something else than before."""
        before, self._wants[identity] = self.wants(identity), wants
        if before.speaks != wants.speaks:
            self._detected.pop(identity, None)
        return before.speaks != wants.speaks

    def forget(self, identity: str) -> None:
        """Somebody left."""
        self._wants.pop(identity, None)
        self._detected.pop(identity, None)

    def found(self, identity: str, language: str) -> bool:
        """What somebody was heard to speak. Whether that is news, of a person who is here."""
        if identity not in self._wants or self._detected.get(identity) == language:
            return False
        self._detected[identity] = language
        return True

    def suggest(self, identity: str, language: str) -> None:
        """What somebody seems to speak, against what they say; they are asked, and nothing else changes.

        One suggestion a person, and only for people who are here.
        """
        person = self._wants.get(identity)
        if person and not same_language(person.speaks, language) and self._suggested.get(identity) != language:
            self._suggested[identity] = language
            self._tell_suggested(dict(self._suggested))

    def withdraw(self, identity: str) -> None:
        """There is nothing to ask somebody any more."""
        if self._suggested.pop(identity, None) is not None:
            self._tell_suggested(dict(self._suggested))

    @property
    def read(self) -> list[str]:
        """Every language that has to be made for somebody, and those that always are."""
        wanted = [tag for person in self._wants.values() for tag in person.languages]
        return list(dict.fromkeys([*self._always, *wanted]))

    def read_by_others(self, identity: str) -> set[str]:
        """Languages that have to be made whatever this person wants."""
        others = (person.languages for who, person in self._wants.items() if who != identity)
        return {tag for languages in others for tag in languages} | set(self._always)

    @property
    def heard(self) -> set[str]:
        """Languages whose voice somebody hears."""
        return {person.hears for person in self._wants.values() if person.hears}

    @property
    def spoken(self) -> set[str]:
        """The languages that people say they speak, and those that were found out."""
        said = {person.speaks for person in self._wants.values() if person.speaks not in ("auto", "")}
        return said | set(self._detected.values())

    @property
    def speaks(self) -> dict[str, str]:
        """By identity, what people say they speak."""
        return {identity: person.speaks or "auto" for identity, person in self._wants.items()}

    @property
    def detected(self) -> dict[str, str]:
        """By identity, what people were heard to speak."""
        return dict(self._detected)
