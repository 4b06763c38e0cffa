"""Languages: which tags exist, and what the engines make of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

import langcodes
from pydantic import BaseModel, ConfigDict, Field

from agent.errors import DragomanError

Grade = Literal["good", "fair", "rough", "poor", "unmeasured"]
TAG_LIMIT = 35
"""Characters; what RFC 5646 asks everybody to accept, and what the wire takes."""
WER_GRADES: Mapping[Grade, float] = {"good": 0.12, "fair": 0.25, "rough": 0.40}
"""The highest word error rate that is still called so; above the last it is `poor`. Why: `words-of-quality.md`."""
CHRF_GRADES: Mapping[Grade, float] = {"good": 65.0, "fair": 55.0, "rough": 45.0}
"""The lowest chrF that is still called so; below the last it is `poor`."""
NOT_A_LANGUAGE = {"und", "mul", "zxx", "mis"}


class Stage(BaseModel):
    """What one stage of the engines serves, as the engine service tells it."""

    model_config = ConfigDict(frozen=True)

    stage: str
    engine: str
    why: str
    licence: str
    measure: str = ""
    languages: dict[str, float | None] = Field(default_factory=dict)
    route: dict[str, str] = Field(default_factory=dict)
    leaves: dict[str, str] = Field(default_factory=dict)


class Spoken(BaseModel):
    """How well a language is understood."""

    grade: Grade
    figure: float | None
    measure: str


class Pair(Spoken):
    """How well a language is translated from another, and by what."""

    route: str


class Readable(BaseModel):
    """From which spoken languages captions in this one come: itself, written as it is heard, and those translated."""

    from_: dict[str, Pair] = Field(serialization_alias="from", validation_alias="from_")


class Transcription(BaseModel):
    """Who says a language aloud."""

    grade: Grade
    engine: str


class Grades(BaseModel):
    """Which figures are called what: the highest word error rates, the lowest chrF; what misses them all is `poor`."""

    wer: Mapping[Grade, float] = WER_GRADES
    chrf: Mapping[Grade, float] = CHRF_GRADES


class Offer(BaseModel):
    """What may be expected of one language: null where nothing serves it."""

    tag: str
    speak: Spoken | None
    read: Readable
    hear: Transcription | None


def tag(given: str) -> str:
    """A BCP-47 tag in its canonical form. Raises `unknown_language`."""
    try:
        language = langcodes.Language.get(given)
    except ValueError:
        raise _unknown() from None
    canonical = language.to_tag()
    named = language.language or "und"
    if not language.is_valid() or named in NOT_A_LANGUAGE or named.startswith("x-") or len(canonical) > TAG_LIMIT:
        raise _unknown()
    return canonical


def offers(stages: Sequence[Stage], only: Sequence[str] = ()) -> list[Offer]:
    """Every language that some stage serves, or those named in `only`."""
    by = {stage.stage: _merged(stage) for stage in stages}
    recognise, translate, speak = by.get("recognise"), by.get("translate"), by.get("speak")
    pairs = _pairs(translate) if translate else {}
    if direct := by.get("direct"):
        pairs = _with_carried(pairs, direct)
    known = {*pairs, *(recognise.languages if recognise else ()), *(speak.languages if speak else ())}
    return [
        Offer(
            tag=each,
            speak=_spoken_grade(recognise, each),
            read=Readable(from_=_written(recognise, each) | (_nearest(pairs, each) or {})),
            hear=_heard(speak, each),
        )
        for each in ([*dict.fromkeys(map(_one, only))] or sorted(known))
    ]


def _merged(stage: Stage) -> Stage:
    """The same, each language under one tag; what goes by that tag already comes first."""
    keys = sorted(stage.languages, key=lambda key: _renamed(key) != key)
    languages, route = dict[str, float | None](), dict[str, str]()
    for key in keys:
        languages.setdefault(_renamed(key), stage.languages[key])
        if key in stage.route:
            route.setdefault(_renamed(key), stage.route[key])
    return stage.model_copy(update={"languages": languages, "route": route})


def _renamed(key: str) -> str:
    """`es` or `en>es`, each side under its one tag."""
    return ">".join(_one(each) for each in key.split(">"))


@lru_cache(4096)
def _one(given: str) -> str:
    """A language's one tag: Mandarin and Chinese are both called 中文, so both are `zh`."""
    try:
        return langcodes.standardize_tag(given, macro=True)
    except ValueError:
        return given


def _pairs(stage: Stage) -> dict[str, dict[str, Pair]]:
    """Target → source → pair, out of keys like `en>es`."""
    found: dict[str, dict[str, Pair]] = {}
    for key, figure in stage.languages.items():
        source, _, target = key.partition(">")
        route = stage.route.get(key, stage.engine)
        pair = Pair(grade=grade(stage.measure, figure), figure=figure, measure=stage.measure, route=route)
        found.setdefault(target, {})[source] = pair
    return found


def _with_carried(pairs: Mapping[str, Mapping[str, Pair]], direct: Stage) -> dict[str, dict[str, Pair]]:
    """Pairs with those that a direct engine adds: into the languages it speaks, and from there by text."""
    found = {target: dict(sources) for target, sources in pairs.items()}
    for key, figure in direct.languages.items():
        source, _, spoken = key.partition(">")
        route = f"direct:{direct.engine}"
        pair = Pair(grade=grade(direct.measure, figure), figure=figure, measure=direct.measure, route=route)
        found.setdefault(spoken, {})[source] = pair
        for target, sources in pairs.items():
            if spoken in sources and source != target and source not in sources:
                onward = f"{route}, {sources[spoken].route}"
                found[target][source] = Pair(grade="unmeasured", figure=None, measure=direct.measure, route=onward)
    return found


def _spoken_grade(stage: Stage | None, each: str) -> Spoken | None:
    if stage is None or (served := _serving(stage.languages, each)) is None:
        return None
    figure = stage.languages[served]
    return Spoken(grade=grade(stage.measure, figure), figure=figure, measure=stage.measure)


def _written(stage: Stage | None, each: str) -> dict[str, Pair]:
    """What is said in a language, read in that language: recognition alone, whatever is translated."""
    if stage is None or (served := _serving(stage.languages, each)) is None:
        return {}
    figure = stage.languages[served]
    word = grade(stage.measure, figure)
    return {served: Pair(grade=word, figure=figure, measure=stage.measure, route=stage.engine)}


def _heard(stage: Stage | None, each: str) -> Transcription | None:
    if stage is None or (served := _serving(stage.languages, each)) is None:
        return None
    engine = stage.route.get(served, stage.engine)
    by_engine: Grade = "rough" if "espeak" in engine else "good" if "piper" in engine else "unmeasured"
    return Transcription(grade=by_engine, engine=engine)


def _nearest(pairs: Mapping[str, dict[str, Pair]], each: str) -> dict[str, Pair] | None:
    served = _serving(pairs, each)
    return None if served is None else pairs[served]


def _serving(served: Mapping[str, object], each: str) -> str | None:
    """The tag under which a language is served: its own, or without region and script."""
    return next((name for name in (each, each.partition("-")[0]) if name in served), None)


def grade(measure: str, figure: float | None) -> Grade:
    """A measured figure as a word: word error rate, or chrF."""
    if figure is None or measure not in {"wer", "chrf"}:
        return "unmeasured"
    if measure == "wer":
        return next((word for word, highest in WER_GRADES.items() if figure <= highest), "poor")
    return next((word for word, lowest in CHRF_GRADES.items() if figure >= lowest), "poor")


def _unknown() -> DragomanError:
    return DragomanError("unknown_language", "One of the languages is not a BCP-47 tag that exists.")
