"""What a policy keeps of a final: as it was said, masked, or with the kinds of personal data noted beside it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from ...nouns import Caption, Segment
from ..policy.effective_policy import Keeps
from ..redaction import Masked, Redactor, Thread

REMEMBERED = 1_000
"""Finals that may still have to be kept anew, since what was said later shows what they are part of."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that becomes a record. `said` tells whose it is, when it was said and which revision this is."""

    said: Segment | Caption
    kind: str
    lang: str
    text: str = field(repr=False)
    tags: tuple[str, ...] = ()


class Texts(Protocol):
    """Tells what is kept of a final, and what is kept anew because of it."""

    async def of(self, said: Segment | Caption) -> list[Text]: ...


def texts(keeps: Keeps, names: Callable[[], Collection[str]]) -> Texts:
    """What the policy asks for. `names` are those of the people who take part; they are masked too."""
    masks = keeps.redaction != "off" or "redacted" in keeps.terms
    return Redacted(keeps, names) if masks else Plain(keeps)


class Plain:
    """Keeps everything as it was said."""

    def __init__(self, keeps: Keeps) -> None:
        self._kept = keeps.terms

    async def of(self, said: Segment | Caption) -> list[Text]:
        kind = "translation" if isinstance(said, Caption) else "source"
        return [Text(said, kind, language_of(said), said.text)] if kind in self._kept else []


class Redacted:
    """Searches everything for personal data first, in a thread: a search may take longer than a caption may wait."""

    def __init__(self, keeps: Keeps, names: Callable[[], Collection[str]]) -> None:
        self._keeps = keeps
        self._names = names
        self._known: frozenset[str] = frozenset()
        self._thread = Thread(Redactor((), keeps.words))
        self._before: OrderedDict[tuple[str, str], Segment | Caption] = OrderedDict()

    async def of(self, said: Segment | Caption) -> list[Text]:
        if (names := frozenset(self._names())) != self._known:
            self._known = names
            self._thread.search_with(Redactor(sorted(names), self._keeps.words))
        return await asyncio.to_thread(lambda: list(self._of(said)))

    def _of(self, said: Segment | Caption) -> Iterator[Text]:
        self._remember(said)
        for masked in self._masked(said):
            if (meant := self._before.get((masked.id, masked.language))) is not None:
                yield from self._kept(replace(meant, rev=masked.rev), masked)

    def _masked(self, said: Segment | Caption) -> Iterable[Masked]:
        if isinstance(said, Caption):
            return [self._thread.translated(said.id, said.lang, said.text, said.rev)]
        settled = self._thread.settle(said)
        return [settled.newest, *settled.anew]

    def _kept(self, said: Segment | Caption, masked: Masked) -> Iterator[Text]:
        tags = tuple(dict.fromkeys(found.kind.value for found in masked.found))
        kind, mode = "translation" if isinstance(said, Caption) else "source", self._keeps.redaction
        if kind in self._keeps.terms:
            text = masked.text if mode == "mask" else said.text
            yield Text(said, kind, masked.language, text, () if mode == "off" else tags)
        if kind == "source" and "redacted" in self._keeps.terms:
            yield Text(said, "redacted", masked.language, masked.text, tags)

    def _remember(self, said: Segment | Caption) -> None:
        self._before[said.id, language_of(said)] = said
        while len(self._before) > REMEMBERED:
            self._before.popitem(last=False)


def language_of(said: Segment | Caption) -> str:
    """The language of its text."""
    return said.lang if isinstance(said, Caption) else said.language
