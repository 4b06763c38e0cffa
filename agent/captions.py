"""One language's captions."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from .aio import Feed, supervise
from .engines import Translation, Translator
from .errors import EngineError
from .nouns import Caption, Hypothesis, Segment

Said = Hypothesis | Segment
Make = Callable[[Sequence[str]], Awaitable[Mapping[str, Translation]]]
"""A clause into these languages."""


class Transcript(Protocol):
    """What a captioner asks of the transcript."""

    def listen(self) -> Feed[Said]: ...

    def leave(self, feed: Feed[Said]) -> None: ...

    def since(self, start: float) -> list[Segment]: ...


def same_language(one: str, other: str) -> bool:
    """Whether text in `one` can be read by who reads `other`: `pt` and `pt-BR`, but not `zh-Hans` and `zh-Hant`."""
    a, b = one.lower().split("-"), other.lower().split("-")
    scripts = {part for part in a[1:2] + b[1:2] if len(part) == 4}
    return a[0] == b[0] and (len(scripts) < 2)


class Beside(Protocol):
    """Knows more ways for a settled clause than by its text."""

    async def translate(
        self, segment: Segment, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]: ...


class Together:
    """Translates a clause once for all languages that are wanted, however many captioners ask.

    The first to ask makes the call for everybody; the others wait for it. A captioner that
    comes later with a language that was not in the call makes its own.
    """

    def __init__(
        self,
        translator: Translator,
        wanted: Callable[[], Sequence[str]],
        *,
        beside: Beside | None = None,
        remember: int = 64,
    ) -> None:
        self._translator = translator
        self._beside = beside
        self._wanted = wanted
        self._remember = remember
        self._calls: dict[tuple[str, str], _Call] = {}

    async def preview(self, said: Hypothesis, text: str, target: str) -> Translation | None:
        """The beginning of a clause in `target`, None where no translator serves the pair."""

        def make(targets: Sequence[str]) -> Awaitable[Mapping[str, Translation]]:
            return self._translator.translate(text, said.language, targets, ())

        return await self._once((said.id, text), said.language, target, make)

    async def translate(self, segment: Segment, target: str, context: Sequence[str] = ()) -> Translation | None:
        """A settled clause in `target`, None where no engine serves the pair."""

        def make(targets: Sequence[str]) -> Awaitable[Mapping[str, Translation]]:
            if self._beside:
                return self._beside.translate(segment, targets, context)
            return self._translator.translate(segment.text, segment.language, targets, context)

        return await self._once((segment.id, ""), segment.language, target, make)

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


class Captioner:
    """Turns what is said into captions of one language; finals are numbered from 1.

    Its doors: `show` takes every caption, `hand_on` the finals of what is said from now on
    (the voice's), `failed` an engine's failure, `took` the seconds of a translation.
    """

    CONTEXT = 2
    """Clauses of the same speaker that go along with a clause to be translated."""
    CATCH_UP = 180.0
    """Seconds: somebody who begins to read a language gets the last minutes in it."""

    def __init__(
        self,
        lang: str,
        together: Together,
        show: Callable[[Caption], None],
        hand_on: Callable[[Caption], None],
        *,
        now: Callable[[], float],
        previews: Callable[[], bool] = lambda: True,
        failed: Callable[[EngineError], None] = lambda error: None,
        took: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.lang = lang
        self._together = together
        self._show = show
        self._hand_on = hand_on
        self._now = now
        self._previews = previews
        self._failed = failed
        self._took = took
        self._seq = 0
        self._finals: deque[Caption] = deque(maxlen=500)
        self._done: deque[str] = deque(maxlen=1_000)
        self._before: defaultdict[tuple[str, str], deque[str]] = defaultdict(lambda: deque(maxlen=self.CONTEXT))

    async def run(self, transcript: Transcript) -> None:
        """Caption what was said in the last minutes, then what is said, until cancelled or left."""
        feed: Feed[Said] = transcript.listen()
        try:
            for segment in transcript.since(self._now() - self.CATCH_UP):
                if segment.id not in self._done:
                    await self._settle(segment)
            async for said in feed:
                if isinstance(said, Hypothesis):
                    await self._preview(said)
                elif caption := await self._settle(said):
                    self._hand_on(caption)
        finally:
            transcript.leave(feed)

    def after(self, seq: int, most: int = 50) -> tuple[list[Caption], bool]:
        """The finals numbered above `seq` that are remembered, oldest first, and whether there are more."""
        later = [caption for caption in self._finals if (caption.seq or 0) > seq]
        return later[:most], len(later) > most

    async def _settle(self, segment: Segment) -> Caption | None:
        # Marked before the wait: a captioner that is cancelled here and started again asks anew.
        made = await supervise(partial(self._in_our_language, segment), failed=self._failed)
        self._done.append(segment.id)
        self._before[segment.identity, segment.language].append(segment.text)
        if made is None:
            return None
        self._seq += 1
        caption = Caption(
            id=segment.id,
            rev=segment.rev,
            seq=self._seq,
            lang=self.lang,
            source=segment.language,
            identity=segment.identity,
            track=segment.track,
            speaker=segment.speaker,
            text=made.text,
            stable=len(made.text),
            final=True,
            start=segment.start,
            end=segment.end,
            engine=made.engine,
            speakable=segment.speakable,
        )
        self._finals.append(caption)
        self._show(caption)
        return caption

    async def _in_our_language(self, segment: Segment) -> Translation | None:
        if same_language(segment.language, self.lang):
            return Translation(segment.text, segment.engine)
        context = tuple(self._before[segment.identity, segment.language])
        asked = self._now()
        try:
            made = await self._together.translate(segment, self.lang, context)
        except EngineError as error:
            if error.code != "not_served":
                raise
            return None
        self._took(self._now() - asked)
        return made if made and made.text.strip() else None

    async def _preview(self, said: Hypothesis) -> None:
        if same_language(said.language, self.lang):
            if said.text.strip():
                self._show(self._interim(said, said.text, said.stable, said.engine))
        elif self._previews() and (stable := said.text[: said.stable].strip()).count(" ") >= 2:
            # A translated tail flickers, so only what will not change is translated before its time.
            try:
                made = await self._together.preview(said, stable, self.lang)
            except EngineError:
                return  # a preview is a courtesy; the final will tell of the failure
            if made and made.text.strip():
                self._show(self._interim(said, made.text, 0, made.engine))

    def _interim(self, said: Hypothesis, text: str, stable: int, engine: str) -> Caption:
        return Caption(
            id=said.id,
            rev=said.rev,
            seq=None,
            lang=self.lang,
            source=said.language,
            identity=said.identity,
            track=said.track,
            speaker=said.speaker,
            text=text,
            stable=stable,
            final=False,
            start=said.start,
            end=said.end,
            engine=engine,
        )
