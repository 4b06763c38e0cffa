"""What is kept as a file: JSON, WebVTT, SRT or plain text, piece by piece, so that a long meeting fits anywhere.

Whatever was said is text and nothing else in each of them: no tag, no time line, no second cue. JSON holds it as it
was kept; in the other three it is one line of readable characters.
"""

from __future__ import annotations

import html
import io
import json
import math
import unicodedata
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from webvtt import Caption, WebVTT, srt
from webvtt.models import Timestamp

from .reader import KeptLine, KeptMeeting, Speaker

MARKS = 8
"""Combining marks on one letter at most, outside JSON; no writing that is read aloud needs more."""
NAME = 64
"""Characters of a name at most, outside JSON; as many as a person may give at the door."""
SHORTEST = 0.001
"""Seconds that a cue lasts at least: formats of subtitles have no moment that is over when it begins."""
LONGEST = 3_600_000.0
"""Seconds on the room's clock that are believed: a thousand hours."""
UNKNOWN = "Unknown"
"""Who spoke where the name is forgotten."""
_FIRST = "1\n"
"""How a file of one SRT cue begins."""
_TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Characters that turn the direction of what stands around them."""


@dataclass(frozen=True, slots=True)
class Head:
    """What an export says of itself: which meeting, and in which language, if in one."""

    meeting: KeptMeeting
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its media type, the end of its name, and how lines become pieces of it."""

    media: str
    suffix: str
    write: Callable[[Head, AsyncIterable[KeptLine]], AsyncIterator[str]]


async def as_json(head: Head, lines: AsyncIterable[KeptLine]) -> AsyncIterator[str]:
    """One object: `meeting`, `lang`, and `lines`, each on a line of its own: `docs/reading.md` has every field."""
    yield f'{{"meeting":{_json(_meeting(head.meeting))},"lang":{_json(head.lang)},"lines":['
    before = "\n"
    async for line in lines:
        yield before + _json(_line(line))
        before = ",\n"
    yield "\n]}\n"


async def as_vtt(head: Head, lines: AsyncIterable[KeptLine]) -> AsyncIterator[str]:
    """W3C WebVTT: who speaks is the cue's voice; the language is said once, or where there are several for each cue."""
    yield f"WEBVTT\nKind: captions\nLanguage: {head.lang}\n\n" if head.lang else "WEBVTT\n\n"
    async for line, words in _readable_lines(lines):
        words = html.escape(words, quote=False)
        if head.lang is None:
            words = f"<lang {line.lang}>{words}</lang>"
        cue = Caption(text=f"<v {html.escape(who(line.speaker), quote=False)}>{words}", identifier=str(line.segment))
        cue.start_time, cue.end_time = map(Timestamp.from_seconds, _times(line))
        one = WebVTT()
        one.captions.append(cue)
        yield one.content.removeprefix("WEBVTT\n\n") + "\n"


async def as_srt(head: Head, lines: AsyncIterable[KeptLine]) -> AsyncIterator[str]:
    """SubRip: `Ada: Is this on?`. It can't write a bracket that no player takes for a tag: those become others."""
    number = 0
    async for line, words in _readable_lines(lines):
        number += 1
        cue = Caption(text=f"{who(line.speaker)}: {words}".translate(_BRACKETS))
        cue.start_time, cue.end_time = map(Timestamp.from_seconds, _times(line))
        srt.write(one := io.StringIO(), [cue])
        yield f"{number}\n{one.getvalue().removeprefix(_FIRST).rstrip()}\n\n"


async def as_txt(head: Head, lines: AsyncIterable[KeptLine]) -> AsyncIterator[str]:
    """A line for each clause: `[0:01:02] Ada: Is this on?`, with its language where there are several."""
    async for line, words in _readable_lines(lines):
        at = timedelta(seconds=int(_times(line)[0]))
        lang = "" if head.lang else f" ({line.lang})"
        yield f"[{at}] {who(line.speaker)}{lang}: {words}\n"


FORMATS = {
    "json": Format("application/json", "json", as_json),
    "vtt": Format("text/vtt", "vtt", as_vtt),
    "srt": Format("application/x-subrip", "srt", as_srt),
    "txt": Format("text/plain", "txt", as_txt),
}
_BRACKETS = str.maketrans("<>{}", "‹›()")


def who(speaker: Speaker) -> str:
    """A speaker's name in one readable line, with the voice where several share a microphone."""
    name = one_line(speaker.name or "")[:NAME].strip() or UNKNOWN
    voice = one_line(speaker.voice or "")[:NAME].strip()
    return f"{name} ({voice})" if voice else name


def one_line(words: str) -> str:
    """One line of readable characters: none that control or turn the direction of others, few marks a letter."""
    return " ".join("".join(_readable(words)).split())


def _readable(words: str) -> Iterator[str]:
    marks = 0
    for each in words:
        category = unicodedata.category(each)
        marks = marks + 1 if category[0] == "M" else 0
        if category in {"Cc", "Zl", "Zp"}:
            yield " "
        elif category == "Cs":
            yield "\ufffd"
        elif marks <= MARKS and ord(each) not in _TURNS:
            yield each


async def _readable_lines(lines: AsyncIterable[KeptLine]) -> AsyncIterator[tuple[KeptLine, str]]:
    """The lines in which something readable is left."""
    async for line in lines:
        if words := one_line(line.text):
            yield line, words


def _times(line: KeptLine) -> tuple[float, float]:
    """When a cue begins and ends: never before the clock began, and never at once."""
    start = _sane(line.starts)
    return start, max(_sane(line.ends), start + SHORTEST)


def _sane(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else 0.0


def _meeting(meeting: KeptMeeting) -> dict[str, Any]:
    return {
        "id": str(meeting.id),
        "room": meeting.room,
        "policy": meeting.policy,
        "started_at": meeting.started_at.isoformat(),
        "ended_at": meeting.ended_at and meeting.ended_at.isoformat(),
    }


def _line(line: KeptLine) -> dict[str, Any]:
    return {
        "id": str(line.segment),
        "rev": line.rev,
        "kind": line.kind,
        "lang": line.lang,
        "speaker": {"id": str(line.speaker.id), "name": line.speaker.name, "voice": line.speaker.voice},
        "said_at": line.said_at.isoformat(),
        "start": _sane(line.starts),
        "end": _sane(line.ends),
        "engine": line.engine,
        "tags": list(line.tags),
        "text": line.text,
    }


def _json(value: Any) -> str:
    """On one line and valid for every reader: half a surrogate pair, which none can take, becomes U+FFFD."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
