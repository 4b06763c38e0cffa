"""What the engine service is asked: the fields of each request, their limits, and how a body is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import EngineError
from ...languages import LONGEST, PATTERN
from ...nouns import SAMPLE_BYTES, SAMPLE_RATE
from .. import Consent, Reference

BODY_LIMIT = 2_000_000
"""Bytes of a body; 30 s of sound are 960,000."""
TEXT_LIMIT = 2_000
"""Characters of a text."""
SOUND_LIMIT = 30.0
"""Seconds of sound, what `WindowRecognizer` takes."""

Tag = Field(pattern=f"^{PATTERN}$", max_length=LONGEST)
Text = Field(min_length=1, max_length=TEXT_LIMIT, repr=False)
Known = Field("", max_length=TEXT_LIMIT, repr=False)


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    room: str = Field("", max_length=200)
    worth: float = Field(60.0, ge=0.0, le=60.0)
    """For how many seconds it is of use to begin what is not final."""


M = TypeVar("M", bound=_Asked)


class Recognise(_Asked):
    """The first line of a recognition; the sound comes after it."""

    language: str | None = Field(None, pattern=f"^{PATTERN}$", max_length=LONGEST)
    prompt: str = Known
    prefix: str = Known
    final: bool = False


class Carry(_Asked):
    """The first line of speech to be carried into another language; the sound comes after it."""

    source: str = Tag
    target: str = Tag


class Translate(_Asked):
    """A text to be translated."""

    text: str = Text
    source: str = Tag
    targets: list[str] = Field(max_length=64)
    context: list[str] = Field([], max_length=16, repr=False)
    final: bool = True


class Speak(_Asked):
    """A text to be spoken."""

    text: str = Text
    language: str = Tag
    voice: str | None = Field(None, max_length=400)
    speed: float = Field(1.0, ge=1.0, le=1.25)


class SpeakAs(Speak):
    """The first line of speech in a voice like somebody's, with their consent's record; the sound comes after it."""

    identity: str = Field("", max_length=200)
    meeting: str = Field("", max_length=200)
    given: float = 0.0

    def reference(self, pcm: bytes) -> Reference:
        return Reference(pcm, Consent(self.identity, self.meeting, self.given))


@dataclass(frozen=True, slots=True)
class Hearing:
    """Sound and what is known of it."""

    about: Recognise
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Carrying:
    """Sound and the languages that it is carried between."""

    about: Carry
    pcm: bytes = field(repr=False)


def with_sound(model: type[M], body: bytes) -> tuple[M, bytes]:
    """A first line of JSON and the sound after it. Raises `EngineError`, `bad_request`."""
    line, _, pcm = body.partition(b"\n")
    about = parsed(model, line)
    if not pcm or len(pcm) % SAMPLE_BYTES or len(pcm) > SOUND_LIMIT * SAMPLE_RATE * SAMPLE_BYTES:
        raise EngineError("bad_request", "The sound is up to 30 s of int16 samples at 16 kHz.")
    return about, pcm


def parsed(model: type[M], body: bytes) -> M:
    """A body of JSON. Raises `EngineError`, `bad_request`, which names the wrong fields and repeats no input."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = sorted({str(one["loc"][0]) if one["loc"] else "the body" for one in error.errors(include_input=False)})
        raise EngineError("bad_request", f"Missing, malformed or too large: {', '.join(wrong)}.") from None
