"""Speech carried straight into another language, beside the cascade, where no translator serves its text."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace

from .audio_history import AudioHistory
from .engines import Direct, Translation, Translator
from .errors import EngineError
from .languages import base
from .nouns import Segment

PIVOT = "en"
"""The language that direct engines speak, and from which translators carry on."""


class SpeechTranslation:
    """Clauses into languages: by text, or by a direct engine where that is what serves the pair.

    What the direct engine says in English is carried on from there by the translator. `named` is given what it made,
    what recognition made of the same clause, and the languages of both; it answers the first with its names right.
    """

    def __init__(
        self,
        direct: Direct,
        translator: Translator,
        sounds: AudioHistory,
        named: Callable[[str, str, str, str], str] = lambda made, said, source, language: made,
    ) -> None:
        self._direct = direct
        self._translator = translator
        self._sounds = sounds
        self._named = named

    async def translate(
        self, segment: Segment, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """Every target that is served. Raises `EngineError` where engines failed and nothing else served."""
        pcm = self._sounds.of(segment)
        pairs = await self._direct.pairs() if pcm else ()
        directly = [target for target in targets if _pair(segment.language, target) in pairs]
        by_text = [target for target in targets if target not in directly]
        made = dict(await self._text(segment.text, segment.language, by_text, context))
        if _pair(segment.language, PIVOT) in pairs:
            directly += [target for target in by_text if target not in made]
        if directly:
            try:
                made |= await self._carried(segment, pcm, directly, pairs)
            except EngineError:
                if not made:
                    raise
        return made

    async def _carried(
        self, segment: Segment, pcm: bytes, targets: Sequence[str], pairs: Container[str]
    ) -> Mapping[str, Translation]:
        source = segment.language
        ends = [target for target in targets if _pair(source, target) in pairs]
        onward = [target for target in targets if target not in ends]
        made: dict[str, Translation] = {}
        for language in dict.fromkeys([*map(base, ends), *([PIVOT] if onward else [])]):
            said = await self._direct.carry(pcm, source, language)
            if said is None:
                continue
            said = replace(said, text=self._named(said.text, segment.text, source, language))
            made |= {target: said for target in ends if base(target) == language}
            if language == PIVOT and onward:
                after = await self._text(said.text, PIVOT, onward, ())
                made |= {tag: Translation(one.text, f"{said.engine}+{one.engine}") for tag, one in after.items()}
        return made

    async def _text(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str]
    ) -> Mapping[str, Translation]:
        if not targets:
            return {}
        try:
            return await self._translator.translate(text, source, targets, context)
        except EngineError as error:
            if error.code != "not_served":
                raise
            return {}


def _pair(source: str, target: str) -> str:
    return f"{base(source)}>{base(target)}"
