"""A clause in every wanted language, by one call that all of them share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .engines import Translation, Translator
from .errors import EngineError
from .languages import same_language
from .nouns import Hypothesis, Segment

Make = Callable[[Sequence[str]], Awaitable[Mapping[str, Translation]]]
"""A clause into these languages."""


class ClauseTranslator(Protocol):
    """Knows more ways for a settled clause than by its text."""

    async def translate(
        self, segment: Segment, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]: ...


class SharedTranslations:
    """Translates a clause once for all languages that are wanted, however many captioners ask.

    The first to ask makes the call for everybody; the others wait for it. A captioner that
    comes later with a language that was not in the call makes its own, and so does each where a call
    for several failed: it may have failed over one of them. `previews` is asked for
    what may be dropped where there is too much to do.
    """

    def __init__(
        self,
        translator: Translator,
        wanted: Callable[[], Sequence[str]],
        *,
        beside: ClauseTranslator | None = None,
        previews: Translator | None = None,
        remember: int = 64,
    ) -> None:
        self._translator = translator
        self._previews = previews or translator
        self._beside = beside
        self._wanted = wanted
        self._remember = remember
        self._calls: dict[tuple[str, str], _Call] = {}

    async def preview(self, said: Hypothesis, text: str, target: str) -> Translation | None:
        """The beginning of a clause in `target`, None where no translator serves the pair."""

        def make(targets: Sequence[str]) -> Awaitable[Mapping[str, Translation]]:
            return self._previews.translate(text, said.language, targets, ())

        return await self._once((said.id, text), said.language, target, make)

    async def translate(self, segment: Segment, target: str, context: Sequence[str] = ()) -> Translation | None:
        """A settled clause in `target`, None where no engine serves the pair."""

        def make(targets: Sequence[str]) -> Awaitable[Mapping[str, Translation]]:
            if self._beside:
                return self._beside.translate(segment, targets, context)
            return self._translator.translate(segment.text, segment.language, targets, context)

        try:
            return await self._once((segment.id, ""), segment.language, target, make)
        except Exception as error:
            theirs = isinstance(error, EngineError) and (error.passes or error.code == "not_served")
            if theirs or sum(not same_language(lang, segment.language) for lang in self._wanted()) < 2:
                raise
        return (await make([target])).get(target)

    async def _once(self, key: tuple[str, str], source: str, target: str, make: Make) -> Translation | None:
        call = self._calls.get(key)
        if call is None or target not in call.targets:
            call = self._call(key, source, target)
            await self._make(call, key, make)
        return (await asyncio.shield(call.answer)).get(target)

    def _call(self, key: tuple[str, str], source: str, target: str) -> _Call:
        others = [lang for lang in self._wanted() if not same_language(lang, source)]
        first = key not in self._calls
        targets = tuple(dict.fromkeys([target, *others] if first else [target]))
        call = _Call(targets, asyncio.get_running_loop().create_future())
        self._calls[key] = call
        while len(self._calls) > self._remember:
            del self._calls[next(iter(self._calls))]
        return call

    async def _make(self, call: _Call, key: tuple[str, str], make: Make) -> None:
        try:
            call.answer.set_result(await make(call.targets))
        except BaseException as error:
            # Whoever waits for this call asks again; it was ours that failed or was cancelled, not theirs.
            if self._calls.get(key) is call:
                del self._calls[key]
            again = EngineError("interrupted", "The translation was interrupted.", retryable=True)
            call.answer.set_exception(error if isinstance(error, EngineError) else again)
            call.answer.exception()
            raise


@dataclass(frozen=True, slots=True)
class _Call:
    targets: tuple[str, ...]
    answer: asyncio.Future[Mapping[str, Translation]]
