"""A translator that keeps a room's terms."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from ..engines import Translation, Translator
from ..errors import EngineError
from .glossary import Found, Glossary


class TermEnforcer:
    """A `Translator` over another, in whose translations each term of a glossary stands as often as it was said.

    A clause is translated as it is, and where a term is missing from a translation, once more with a surname in its
    place: engines carry those over. Where that does not come back whole either, the engine's own word for the term is
    replaced, if it stands there as often as the term was said. Else the clause stays as the engine made it: no clause
    is lost for a term. Into languages where a term was once missing, both ways are taken at the same time.
    """

    def __init__(self, translator: Translator, glossary: Glossary) -> None:
        self._translator = translator
        self._glossary = glossary
        self._missed: set[tuple[str, str]] = set()
        """Terms and the languages into which they did not come through by themselves."""

    async def translate(
        self, text: str, source: str, targets: Sequence[str], context: Sequence[str] = ()
    ) -> Mapping[str, Translation]:
        """See `Translator`."""
        said = self._glossary.found(text, source)
        found = {target: here for target in targets if (here := said.into(target)).at}
        if not found:
            return await self._translator.translate(text, source, targets, context)
        clause = _Clause(self._translator, source, context, found)
        doubtful = [target for target, here in found.items() if self._missed & _keys(here, target)]
        made, shielded = await asyncio.gather(
            self._translator.translate(text, source, targets, context), clause.shielded(doubtful)
        )
        good = dict(shielded) | clause.right(made)
        missing = [target for target in found if target in made and target not in good]
        self._missed |= {key for target in missing for key in _keys(found[target], target)}
        good |= await clause.shielded([target for target in missing if target not in doubtful])
        good |= await clause.mended({target: made[target] for target in missing if target not in good})
        return {**made, **good}


class _Clause:
    """One clause, and the terms in it for each language."""

    def __init__(self, translator: Translator, source: str, context: Sequence[str], found: Mapping[str, Found]) -> None:
        self._translator = translator
        self._source = source
        self._context = context
        self._found = found

    def right(self, made: Mapping[str, Translation]) -> dict[str, Translation]:
        """Those translations in which every term stands."""
        return {
            target: Translation(found.spelled(made[target].text, target), made[target].engine)
            for target, found in self._found.items()
            if target in made and found.stands(made[target].text, target)
        }

    async def shielded(self, targets: Iterable[str]) -> dict[str, Translation]:
        """Translations with stand-ins, those that came back whole. Languages with the same terms share a call."""
        calls: dict[tuple[int, ...], list[str]] = {}
        for target in targets:
            calls.setdefault(tuple(start for start, _, _ in self._found[target].at), []).append(target)
        made = await asyncio.gather(*(self._shield(self._found[into[0]], into) for into in calls.values()))
        return {target: one for each in made for target, one in each.items()}

    async def _shield(self, found: Found, targets: Sequence[str]) -> dict[str, Translation]:
        shield = found.shielded()
        if shield is None:
            return {}
        whole = {}
        for target, one in (await self._asked(shield.text, targets, self._context)).items():
            if (text := shield.restored(one.text, target)) is not None:
                whole[target] = Translation(text, one.engine)
        return whole

    async def mended(self, made: Mapping[str, Translation]) -> dict[str, Translation]:
        """Translations with the engine's own words for the terms replaced, those in which every term then stands."""
        terms = {term.written for target in made for term in self._found[target].terms}
        words = {term: await self._asked(term, list(made), ()) for term in terms}
        mended = {}
        for target, one in made.items():
            theirs = {term: words[term][target].text for term in terms if target in words[term]}
            text = self._found[target].replaced(one.text, theirs, target)
            if self._found[target].stands(text, target):
                mended[target] = Translation(text, one.engine)
        return mended

    async def _asked(self, text: str, targets: Sequence[str], context: Sequence[str]) -> Mapping[str, Translation]:
        # What is asked beside the clause itself is worth no failure.
        try:
            return await self._translator.translate(text, self._source, targets, context) if targets else {}
        except EngineError:
            return {}


def _keys(found: Found, target: str) -> set[tuple[str, str]]:
    return {(term.written, target) for term in found.terms}
