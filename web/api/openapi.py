"""The API described (OpenAPI 3.1), from the very list that the server routes by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp.typedefs import Handler
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ..errors import STATUS


@dataclass(frozen=True, slots=True)
class Route:
    """One address: what it takes, what it answers, what can go wrong, and who may ask."""

    method: str
    path: str
    handler: Handler
    says: str
    takes: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel] | str] = field(default_factory=dict)
    """By status: a shape, or a media type."""
    errors: tuple[str, ...] = ()
    bearer: str | None = None
    asks: type[BaseModel] | None = None
    """What may stand behind the question mark."""
    files: tuple[str, ...] = ()
    """Media types of a 200 beside JSON."""

    @property
    def address(self) -> str:
        """The path without the patterns inside its braces."""
        return re.sub(r"{(\w+):[^}]*}", r"{\1}", self.path)


class Failure(BaseModel):
    """A code for machines and a sentence for people."""

    code: str
    message: str


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole document."""
    takes: set[type[BaseModel]] = {route.takes for route in routes if route.takes}
    gives = {shape for route in routes for shape in route.answers.values() if not isinstance(shape, str)} | {Failure}
    shapes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((shape, "validation") for shape in sorted(takes, key=_name)),
        *((shape, "serialization") for shape in sorted(gives, key=_name)),
    ]
    _, schemas = models_json_schema(shapes, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.address, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dragoman", "version": "1", "summary": "Live interpreting for LiveKit rooms."},
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", route.address)
    operation: dict[str, Any] = {
        "summary": route.says,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names),
            *(_asked(route.asks) if route.asks else ()),
        ],
        "responses": {
            **{str(status): _answer(shape) for status, shape in route.answers.items()},
            **_failures((*route.errors, *(("bad_json", "too_large") if route.takes else ()))),
        },
    }
    for media in route.files:
        operation["responses"]["200"]["content"][media] = {}
    if route.takes:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(route.takes)}}}
    if route.bearer:
        operation["security"] = [{"bearer": []}]
        operation["description"] = f"Authorization: Bearer {route.bearer}."
    return operation


def _asked(shape: type[BaseModel]) -> Iterator[dict[str, Any]]:
    for name, schema in shape.model_json_schema()["properties"].items():
        schema.pop("title", None)
        says = {"description": schema.pop("description")} if "description" in schema else {}
        yield {"name": name, "in": "query", "required": False, "schema": schema, **says}


def _answer(shape: type[BaseModel] | str) -> dict[str, Any]:
    if isinstance(shape, str):
        return {"description": "Done."} if not shape else {"description": "A file.", "content": {shape: {}}}
    says = (shape.__doc__ or "").strip().splitlines()[0]
    return {"description": says, "content": {"application/json": {"schema": _ref(shape)}}}


def _failures(codes: Sequence[str]) -> dict[str, Any]:
    """Errors by status; one status may stand for several codes."""
    by: dict[int, list[str]] = {}
    for code in codes:
        by.setdefault(STATUS[code], []).append(code)
    return {
        str(status): {
            "description": " or ".join(f"`{code}`" for code in sorted(set(named))),
            "content": {"application/json": {"schema": _ref(Failure)}},
        }
        for status, named in sorted(by.items())
    }


def _name(shape: type[BaseModel]) -> str:
    return shape.__name__


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{_name(shape)}"}
