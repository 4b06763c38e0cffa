"""A body as a value of the right shape, or one clear error."""

from __future__ import annotations

from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import DragomanError

Counts = dict[str, Annotated[int, Field(ge=0, le=1_000_000)]]
"""What an agent counted since it last told, by code, kind or cause."""


class Body(BaseModel):
    """What a client sends: no conversions, and fields that we don't know are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class Asked(BaseModel):
    """What a client asks for in the address: text, turned into what it means; fields that we don't know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


B = TypeVar("B", bound=Body)
A = TypeVar("A", bound=Asked)


async def read(request: web.Request, shape: type[B]) -> B:
    """The body. Raises `bad_json`; aiohttp itself refuses to read more than the limit."""
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        wrong = _wrong(error)
        raise DragomanError("bad_json", f"Wrong or missing: {wrong}." if wrong else "The body is not JSON.") from None


def asked(request: web.Request, shape: type[A]) -> A:
    """What stands behind the question mark. Raises `bad_request`."""
    try:
        return shape.model_validate(dict(request.query))
    except ValidationError as error:
        raise DragomanError("bad_request", f"Wrong in the address: {_wrong(error)}.") from None


def _wrong(error: ValidationError) -> str:
    """Which fields. The names are ours: what was sent is in no message."""
    return ", ".join(sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]}))


def reply(value: BaseModel, status: int = 200) -> web.Response:
    """A value as JSON, under the names that clients know."""
    return web.Response(text=value.model_dump_json(by_alias=True), status=status, content_type="application/json")
