"""A body as a value of the right shape, or one clear error."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.errors import DragomanError


class Body(BaseModel):
    """What a client sends: no conversions, and fields that we don't know are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


B = TypeVar("B", bound=Body)


async def read(request: web.Request, shape: type[B]) -> B:
    """The body. Raises `bad_json`; aiohttp itself refuses to read more than the limit."""
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        # The names in it are ours: what was sent is in no message.
        wrong = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})
        where = f"Wrong or missing: {', '.join(wrong)}." if wrong else "The body is not JSON."
        raise DragomanError("bad_json", where) from None


def reply(value: BaseModel, status: int = 200) -> web.Response:
    """A value as JSON, under the names that clients know."""
    return web.Response(text=value.model_dump_json(by_alias=True), status=status, content_type="application/json")
